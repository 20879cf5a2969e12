"""Queries whose SQL is made once for each shape and then only filled with values.

Django takes about a millisecond to turn a queryset of a page into SQL, several times what the database takes to answer.
Selectors that are asked on every request keep such a query as ``Prepared(build)``: ``build`` gets stand-ins in place
of the values, and its SQL is asked again with the values themselves. It must therefore be a pure function of its
arguments, pass integers, texts and times on to the database untouched, ask the database nothing, and decide by
nothing but what belongs to the shape: True, False, None, and how many there are of something.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import QuerySet
from django.db.models.sql.compiler import SQLCompiler

Row = TypeVar("Row")
Leaf = int | str | datetime
MOST_SHAPES: Final = 256
FIRST_INTEGER: Final = 2_147_400_000
"""Stand-ins are integers that fit every integer column, and that no key reaches."""
MARGIN: Final = 50_000
FIRST_MOMENT: Final = datetime(2999, 1, 1, tzinfo=UTC)


class Divisible(Protocol):
    """An argument that holds several values: what decides about the SQL, and what is only filled in."""

    def taken_apart(self) -> tuple[Hashable, Sequence[int | str]]: ...

    def put_together(self, leaves: Iterator[Any]) -> Self: ...


class Prepared(Generic[Row]):
    """Calls with the same shape share their SQL. The answer is a list: it cannot be filtered further."""

    def __init__(self, build: Callable[..., QuerySet[Any, Row]]) -> None:
        self._build = build
        self._known: dict[Hashable, _Statement[Row]] = {}

    def __call__(self, **given: Any) -> list[Row]:
        leaves: list[Leaf] = []
        shape = tuple((name, _shape(value, leaves)) for name, value in given.items())
        key = (connections[DEFAULT_DB_ALIAS].vendor, shape)
        statement = self._known.get(key)
        if statement is None:
            if len(self._known) >= MOST_SHAPES:
                self._known.clear()
            statement = self._known[key] = self._prepared(given, leaves)
        return statement.rows(leaves)

    def _prepared(self, given: dict[str, Any], leaves: Sequence[Leaf]) -> _Statement[Row]:
        stand_ins = [_stand_in(number, leaf) for number, leaf in enumerate(leaves)]
        left = iter(stand_ins)
        arguments = {name: _standing_in(value, left) for name, value in given.items()}
        return _Statement(self._build(**arguments), stand_ins)


class _Statement(Generic[Row]):
    """One SQL text with the places where values go. What can find nothing is not asked."""

    def __init__(self, queryset: QuerySet[Any, Row], stand_ins: Sequence[Leaf]) -> None:
        self._queryset = queryset
        self._compiler: SQLCompiler = queryset.query.get_compiler(using=queryset.db)
        try:
            self._sql, self._parameters = self._compiler.as_sql()
        except EmptyResultSet:
            self._sql, self._parameters = "", ()
            return
        adapted = [_adapted(one, queryset.db) for one in stand_ins]
        self._places = {at: adapted.index(one) for at, one in enumerate(self._parameters) if one in adapted}
        if any(_is_made_of_stand_ins(one) for at, one in enumerate(self._parameters) if at not in self._places):
            raise ValueError("A prepared query does not hand its values to the database as they are.")

    def rows(self, leaves: Sequence[Leaf]) -> list[Row]:
        if not self._sql:
            return []
        alias = self._queryset.db
        filled = list(self._parameters)
        for at, number in self._places.items():
            value, kind = _adapted(leaves[number], alias), type(filled[at])
            # Integers of the driver know the width of their column.
            filled[at] = value if type(value) is kind else kind(value)
        compiler = copy(self._compiler)
        compiler.connection = connections[alias]
        compiler.as_sql = lambda *args, **kwargs: (self._sql, tuple(filled))  # type: ignore[method-assign]
        asked = self._queryset._chain()  # type: ignore[attr-defined]
        asked.query.get_compiler = lambda *args, **kwargs: compiler
        return list(asked)


def _shape(value: Any, leaves: list[Leaf]) -> Hashable:
    """What of an argument decides about the SQL; its values are added to ``leaves``."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, str, datetime)):
        leaves.append(value)
        return next(kind.__name__ for kind in (int, str, datetime) if isinstance(value, kind))
    if isinstance(value, (list, tuple)):
        return tuple(_shape(one, leaves) for one in value)
    if not hasattr(value, "taken_apart"):
        raise TypeError(f"A prepared query takes no {type(value).__name__}.")
    divisible: Divisible = value
    shape, own = divisible.taken_apart()
    leaves.extend(own)
    return shape


def _standing_in(value: Any, left: Iterator[Leaf]) -> Any:
    """The argument with the next stand-ins in place of its values."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, str, datetime)):
        return next(left)
    if isinstance(value, (list, tuple)):
        return [_standing_in(one, left) for one in value]
    return value.put_together(left)


def _stand_in(number: int, leaf: Leaf) -> Leaf:
    if isinstance(leaf, int):
        return FIRST_INTEGER + number
    if isinstance(leaf, str):
        return f"⟦{number:05}⟧"
    return FIRST_MOMENT + timedelta(hours=number)


def _is_made_of_stand_ins(parameter: Any) -> bool:
    """Whether a parameter that is no stand-in was computed from one, as ``f"%{text}%"`` or ``number - 1``."""
    if isinstance(parameter, int):
        return abs(parameter - FIRST_INTEGER) < MARGIN
    return "⟦" in str(parameter) or str(FIRST_MOMENT.year) in str(parameter)


def _adapted(value: Leaf, alias: str) -> Any:
    """As the database's own parameters hold it: SQLite has no type for times."""
    return connections[alias].ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value

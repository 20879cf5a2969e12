"""Sums that are kept beside the rows they are made of, so that a page costs by what it shows, not by what exists.

A ``Tally`` is a table of differences: triggers of the database add one row for what a move of the summed rows takes
away, and one for what it brings, in the transaction that moves them, whoever writes. Nothing is ever updated, so nobody
waits for anybody, and no order of locks is added. Sums over the table are true in every transaction; ``fold`` puts
rows of one place together, so that there are few. Declared beside the models of their tables and listed with ``keep``.
This module must not know what is counted, nor when it is folded and checked: that is ``governance.services.tallies``.
"""

# ruff: noqa: S608 - the statements are made of the names that the code declares, never of what somebody types
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DecimalField, Func, Sum
from django.db.models.functions import Round

PLACES: Final = 3
"""Digits behind the point that a sum may have; SQLite, which adds in binary, is rounded to them."""


@dataclass(frozen=True, slots=True)
class Source:
    """A table of which the rows move a tally.

    ``values`` are SQL for the keys and amounts that one row brings, ``beside`` other tables that they are read from,
    ``counts`` the condition under which it brings them; ``{row}`` stands for the row as it is or was. ``watched`` are
    the columns that all this depends on, ``decides`` what of them an update must change to be a move.
    """

    table: str
    watched: tuple[str, ...]
    decides: tuple[str, ...]
    values: tuple[str, ...]
    counts: str
    beside: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """``truth`` is the query of what the sums must be: the keys, then the amounts, one row for each place."""

    table: str
    keys: tuple[str, ...]
    amounts: tuple[str, ...]
    sources: tuple[Source, ...]
    truth: str

    @property
    def columns(self) -> str:
        return ", ".join((*self.keys, *self.amounts))

    @property
    def sums(self) -> str:
        return ", ".join(f"ROUND(SUM({name}), {PLACES})" for name in self.amounts)

    @property
    def is_something(self) -> str:
        return " OR ".join(f"ROUND(SUM({name}), {PLACES}) <> 0" for name in self.amounts)

    @property
    def differences(self) -> str:
        """The query of what the truth has more than the tally; nothing when both agree."""
        minus = ", ".join(f"-{name}" for name in self.amounts)
        keys = ", ".join(self.keys)
        # The empty beginning names the columns.
        return (
            f"SELECT {keys}, {self.sums} FROM (SELECT {self.columns} FROM {self.table} WHERE 1 = 0 "
            f"UNION ALL {self.truth} UNION ALL SELECT {keys}, {minus} FROM {self.table}) AS both_sides "
            f"GROUP BY {keys} HAVING {self.is_something}"
        )


_kept: list[Tally] = []


def keep(tally: Tally) -> Tally:
    """Add to those that are installed, folded and checked; returns it."""
    _kept.append(tally)
    return tally


def kept() -> Sequence[Tally]:
    return tuple(_kept)


def total(name: str) -> Func:
    """The sum of an amount in a query of a tally's model, as exact as the column it was made of."""
    return Round(Sum(name), precision=PLACES, output_field=DecimalField(max_digits=20, decimal_places=PLACES))


def install(connection: BaseDatabaseWrapper) -> None:
    """Triggers of every tally whose tables are there, with sums made anew. Writers wait until the transaction ends."""
    with transaction.atomic(using=connection.alias):
        with connection.cursor() as cursor:
            for one in _there(connection):
                for statement in _statements(connection.vendor, one):
                    cursor.execute(statement)
        count_anew(connection)


def count_anew(connection: BaseDatabaseWrapper) -> None:
    """Make all sums from the rows, for when nothing else writes."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for one in _there(connection):
            cursor.execute(f"DELETE FROM {one.table}")
            cursor.execute(f"INSERT INTO {one.table} ({one.columns}) {one.truth}")


def _there(connection: BaseDatabaseWrapper) -> list[Tally]:
    tables = set(connection.introspection.table_names())
    return [one for one in _kept if {one.table, *(source.table for source in one.sources)} <= tables]


def follow(using: str, plan: Sequence[Any] | None = None, **_: Any) -> None:
    """After migrations: ``plan`` is what was migrated, None after a flush, of which SQLite's triggers count the end."""
    connection = connections[using]
    if plan:
        install(connection)
    elif plan is None and connection.vendor == "sqlite":
        count_anew(connection)


def let_go(using: str, plan: Sequence[Any], **_: Any) -> None:
    """Before migrations."""
    if plan:
        uninstall(connections[using])


def uninstall(connection: BaseDatabaseWrapper) -> None:
    """Take the triggers away: they would keep SQLite from rebuilding a table, and PostgreSQL from altering a column."""
    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for one in _kept:
            for source in one.sources:
                if connection.vendor != "postgresql":
                    for moment in _MOMENTS:
                        cursor.execute(f"DROP TRIGGER IF EXISTS {_name(one, source)}_{moment}")
                elif source.table in tables:
                    cursor.execute(f"DROP TRIGGER IF EXISTS {_name(one, source)} ON {source.table}")


def fold(tally: Tally) -> None:
    """Put the rows of each place together into one, and drop those of no amount.

    Rows that another process is folding are left to it. Readers see the same sums before, while and after.
    """
    keys, connection = ", ".join(tally.keys), connections["default"]
    several = f"SELECT {keys} FROM {tally.table} GROUP BY {keys} HAVING COUNT(*) > 1"
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            chosen = f"SELECT id FROM {tally.table} WHERE ({keys}) IN ({several}) FOR UPDATE SKIP LOCKED"
            cursor.execute(
                f"WITH gone AS (DELETE FROM {tally.table} WHERE id IN ({chosen}) RETURNING {tally.columns}) "
                f"INSERT INTO {tally.table} ({tally.columns}) SELECT {keys}, {tally.sums} FROM gone "
                f"GROUP BY {keys} HAVING {tally.is_something}"
            )
            return
        cursor.execute(f"SELECT MAX(id) FROM {tally.table} WHERE ({keys}) IN ({several})")
        last = cursor.fetchone()[0]
        if last is None:
            return
        cursor.execute(
            f"INSERT INTO {tally.table} ({tally.columns}) SELECT {keys}, {tally.sums} FROM {tally.table} "
            f"WHERE id <= %s GROUP BY {keys} HAVING {tally.is_something}",
            [last],
        )
        cursor.execute(f"DELETE FROM {tally.table} WHERE id <= %s", [last])


def differences(tally: Tally) -> list[dict[str, Any]]:
    """Where the rows say something else than the tally, and by how much. One query, true whoever writes beside it."""
    with connections["default"].cursor() as cursor:
        cursor.execute(tally.differences)
        return [dict(zip((*tally.keys, *tally.amounts), row, strict=True)) for row in cursor.fetchall()]


def correct(tally: Tally, found: Iterable[dict[str, Any]]) -> None:
    """Add ``differences`` to the tally."""
    names = (*tally.keys, *tally.amounts)
    marks = ", ".join(["%s"] * len(names))
    with connections["default"].cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {tally.table} ({tally.columns}) VALUES ({marks})",
            [[one[name] for name in names] for one in found],
        )


_MOMENTS: Final = {"insert": ("NEW",), "delete": ("OLD",), "update": ("OLD", "NEW")}
_SIGN: Final = {"OLD": "-", "NEW": ""}


def _name(tally: Tally, source: Source) -> str:
    return f"{tally.table}_of_{source.table}"


def _added(tally: Tally, source: Source, row: str) -> str:
    """What one row brings (``NEW``) or takes away (``OLD``)."""
    keys, amounts = source.values[: len(tally.keys)], source.values[len(tally.keys) :]
    values = ", ".join((*keys, *(f"{_SIGN[row]}({amount})" for amount in amounts))).format(row=row)
    beside = f"FROM {source.beside} " if source.beside else ""
    return f"INSERT INTO {tally.table} ({tally.columns}) SELECT {values} {beside}WHERE {source.counts.format(row=row)};"


def _was(text: str) -> str:
    return f"({text.format(row='OLD')})"


def _is(text: str) -> str:
    return f"({text.format(row='NEW')})"


def _statements(vendor: str, tally: Tally) -> Iterable[str]:
    for source in tally.sources:
        yield from (_for_postgresql if vendor == "postgresql" else _for_sqlite)(tally, source)


def _for_postgresql(tally: Tally, source: Source) -> Iterable[str]:
    name = _name(tally, source)
    same = " AND ".join(f"{_was(one)} IS NOT DISTINCT FROM {_is(one)}" for one in source.decides)
    yield f"""
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN IF {same} THEN RETURN NULL; END IF; END IF;
  IF TG_OP <> 'INSERT' THEN {_added(tally, source, "OLD")} END IF;
  IF TG_OP <> 'DELETE' THEN {_added(tally, source, "NEW")} END IF;
  RETURN NULL;
END $$"""
    yield f"DROP TRIGGER IF EXISTS {name} ON {source.table}"
    watched = ", ".join(source.watched)
    yield (
        f"CREATE TRIGGER {name} AFTER INSERT OR DELETE OR UPDATE OF {watched} ON {source.table} "
        f"FOR EACH ROW EXECUTE FUNCTION {name}()"
    )


def _for_sqlite(tally: Tally, source: Source) -> Iterable[str]:
    differs = " OR ".join(f"{_was(one)} IS NOT {_is(one)}" for one in source.decides)
    for moment, rows in _MOMENTS.items():
        name = f"{_name(tally, source)}_{moment}"
        what = f"UPDATE OF {', '.join(source.watched)}" if moment == "update" else moment.upper()
        when = f" WHEN {differs}" if moment == "update" else ""
        added = " ".join(_added(tally, source, row) for row in rows)
        yield f"DROP TRIGGER IF EXISTS {name}"
        yield f"CREATE TRIGGER {name} AFTER {what} ON {source.table} FOR EACH ROW{when} BEGIN {added} END"

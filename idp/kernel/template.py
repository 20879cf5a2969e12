"""Evaluates ``${…}`` inside plain values: the only templating in Slipway, and never of YAML text.

A string that is one whole ``${…}`` gives the value with its type; one embedded in text becomes text; ``$${`` is a
literal ``${``. Called by the domain through ``idp.kernel.cel``. Keys of maps are never evaluated.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from idp.kernel.cel_lexer import CelError, end_of_expression
from idp.kernel.cel_program import Facts, Program, compile
from idp.kernel.errors import FieldError


@dataclass(frozen=True, slots=True)
class Expression:
    """The CEL source between ``${`` and ``}``."""

    source: str


@lru_cache(maxsize=8192)
def parse(text: str) -> tuple[str | Expression, ...]:
    """``text`` as literal pieces and expressions, empty pieces left out; CelError when a ``${`` is not closed."""
    parts: list[str | Expression] = []
    literal = ""
    at = 0
    while (found := text.find("${", at)) >= 0:
        if found > at and text[found - 1] == "$":
            literal += text[at : found - 1] + "${"
            at = found + 2
            continue
        end = end_of_expression(text, found + 2)
        if end < 0:
            raise CelError(
                f"“{text[found : found + 60]}” begins an expression that is never closed; write $${{ for a literal ${{."
            )
        literal += text[at:found]
        parts += [literal] if literal else []
        parts.append(Expression(text[found + 2 : end].strip()))
        literal, at = "", end + 1
    literal += text[at:]
    return (*parts, literal) if literal else tuple(parts)


def whole(text: Any) -> str | None:
    """The source when ``text`` is one whole ``${…}``, else None."""
    if not isinstance(text, str) or "${" not in text:
        return None
    parts = parse(text)
    return parts[0].source if len(parts) == 1 and isinstance(parts[0], Expression) else None


def expressions(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Every expression in ``value`` as (dotted path, source); CelError naming the path when one is not closed."""
    return [
        (where, part.source) for where, parts in _parsed(value, path) for part in parts if isinstance(part, Expression)
    ]


def template(value: Any, facts: Mapping[str, Any] | Facts, *, path: str = "") -> Any:
    """A copy of ``value`` with every ``${…}`` evaluated on ``facts``; CelError naming the path of the first that fails.

    Only JSON types come back.
    """
    prepared = facts if isinstance(facts, Facts) else Facts(facts)
    return transform(value, lambda text, where: _filled(text, prepared, where), path)


def transform(value: Any, leaf: Callable[[str, str], Any], path: str = "") -> Any:
    """A copy of ``value`` in which every string is ``leaf(string, dotted path)``."""
    if isinstance(value, str):
        return leaf(value, path)
    if isinstance(value, Mapping):
        return {key: transform(item, leaf, _join(path, key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [transform(item, leaf, _join(path, index)) for index, item in enumerate(value)]
    return value


def compiled(value: Any, *, names: Iterable[str] | None = None, path: str = "") -> list[tuple[str, Program]]:
    """Every expression in ``value`` compiled, with its path; CelError naming the path of the first that is wrong."""
    found = expressions(value, path)
    return [(where, located(where)(partial(compile, source, names=names))) for where, source in found]


def located(path: str) -> Callable[[Callable[[], Any]], Any]:
    """Calls what it is given and names ``path`` on a CelError that has no place yet."""

    def call(evaluate: Callable[[], Any]) -> Any:
        try:
            return evaluate()
        except CelError as error:
            raise at(path, error) from None

    return call


def at(path: str, error: CelError) -> CelError:
    """``error`` with its place; one that has a place keeps it."""
    return error if error.errors else CelError(error.message, errors=[FieldError(path, error.message.rstrip("."))])


def _filled(text: str, facts: Facts, path: str) -> Any:
    if "${" not in text:
        return text
    return located(path)(lambda: _evaluated(parse(text), facts))


def _evaluated(parts: tuple[str | Expression, ...], facts: Facts) -> Any:
    if len(parts) == 1 and isinstance(parts[0], Expression):
        return _plain(compile(parts[0].source).evaluate(facts), parts[0].source)
    return "".join(part if isinstance(part, str) else _as_text(part.source, facts) for part in parts)


def _as_text(source: str, facts: Facts) -> str:
    value = _plain(compile(source).evaluate(facts), source)
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    kind = "a map" if isinstance(value, dict) else "a list" if isinstance(value, list) else "null"
    raise CelError(f"“{source}” is {kind} and cannot stand inside a text.")


def _plain(value: Any, source: str) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise CelError(f"“{source}” does not give a finite number.")
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, list):
        return [_plain(item, source) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise CelError(f"“{source}” gives a map whose keys are not texts.")
        # Sorted, as the library's maps come in an order that differs per process.
        return {key: _plain(value[key], source) for key in sorted(value)}
    raise CelError(f"“{source}” gives a value that JSON does not have; convert it with string().")


def _parsed(value: Any, path: str) -> Iterator[tuple[str, tuple[str | Expression, ...]]]:
    if isinstance(value, str) and "${" in value:
        yield path, located(path)(lambda: parse(value))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _parsed(item, _join(path, key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _parsed(item, _join(path, index))


def _join(path: str, step: object) -> str:
    return f"{path}.{step}" if path else str(step)

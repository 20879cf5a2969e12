"""The difference between two objects as lines that people read: a path, what stands there and what will.

Called by ``blast_radius``. Never shows what a Secret holds, nor text that stands where a secret may stand. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from provisioning.domain.compatibility_examples import HIDDEN, masked
from provisioning.domain.schema import Schema

LONGEST: Final = 200
_TELLING: Final = 4
"""Letters from which on a hidden text is looked for inside others: a shorter one stands everywhere."""

Raw = tuple[str, Any, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """``before`` and ``after`` are short text, None where there is nothing."""

    path: str
    before: str | None
    after: str | None


def differing(before: Any, after: Any, path: str = "") -> Iterator[Raw]:
    """Dotted path, old and new value of every leaf at which two plain values differ.

    Items of a list that have names are compared by name, as the API server merges most of them; other lists item by
    item when they are of one length, else as a whole. What was put in another order differs as a whole too.
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in {**before, **after}:
            yield from differing(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(before, after, path)
    elif before != after or (isinstance(before, bool) != isinstance(after, bool)):
        yield path, before, after


def _lists(before: list[Any], after: list[Any], path: str) -> Iterator[Raw]:
    old, new = _by_name(before), _by_name(after)
    if old is not None and new is not None:
        kept = [name for name in old if name in new]
        if kept != [name for name in new if name in old]:
            yield path, list(old), list(new)
        for name in {**old, **new}:
            yield from differing(old.get(name), new.get(name), f"{path}.{name}")
    elif len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differing(one, other, f"{path}.{index}")
    else:
        yield path, before, after


def _by_name(items: Sequence[Any]) -> dict[str, Any] | None:
    """The items by name; None when one has no name of its own."""
    named = {one["name"]: one for one in items if isinstance(one, Mapping) and isinstance(one.get("name"), str)}
    return named if len(named) == len(items) else None


def told(path: str, before: Any, after: Any, *, kind: str, hidden: frozenset[str]) -> Line:
    """The line for one difference of an object of ``kind``; texts of ``hidden`` are not shown."""
    secret = kind == "Secret" and path.partition(".")[0] in ("data", "stringData", "binaryData")
    return Line(path, _short(before, hidden, secret), _short(after, hidden, secret))


def hidden_texts(*inputs: tuple[Mapping[str, Any], Schema]) -> frozenset[str]:
    """Plain text in the inputs that stands where their schema takes a secret."""
    return frozenset(text for values, schema in inputs for text in _masked_away(values, masked(values, schema)))


def _masked_away(value: Any, shown: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value != shown and value:
            yield value
    elif isinstance(value, Mapping):
        for key in value:
            yield from _masked_away(value[key], shown[key])
    elif isinstance(value, list):
        for one, other in zip(value, shown, strict=True):
            yield from _masked_away(one, other)


def _short(value: Any, hidden: frozenset[str], secret: bool) -> str | None:
    if value is None:
        return None
    if secret:
        return HIDDEN
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if any(one == text or (len(one) >= _TELLING and one in text) for one in hidden):
        return HIDDEN
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"

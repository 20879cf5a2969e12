"""Rows of a draft's lists and maps: add one, take one away, move one up or down.

Called by ``draft_edits`` for the buttons beside rows. Pure; an order that fits nothing changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from portal.forms.environment_draft import Draft, DraftResource
from portal.forms.schema_kinds import Schema, kind_of
from portal.forms.schema_values import defaults
from provisioning.domain.schema import at

Change = Callable[[Any], Any]


def with_row(draft: Draft, key: str, path: str, schema: Schema) -> tuple[Draft, int]:
    """The draft with a row at the end of the list or map at ``path`` (``inputs.env``), and which row that is."""
    steps = tuple(path.split(".")[1:])
    one = draft.resource(key)
    found = at(schema, steps, one.inputs if one else {}) if steps else None
    if found is None or one is None:
        return draft, -1
    items: Schema = found.get("items") or {}
    new = defaults(items) if kind_of(items, 1) in ("group", "choice") else None
    is_list = found.get("type") == "array"

    def longer(rows: Any) -> Any:
        if is_list:
            return [*_list(rows, found), new]
        return {**_map(rows, found), "": ""}

    changed = _with(draft, one, steps, longer)
    present = value_at(changed.resource(key), steps)
    return changed, len(present) - 1 if isinstance(present, (list, Mapping)) else -1


def without_row(draft: Draft, key: str, path: str, place: int) -> Draft:
    """The draft without row number ``place``; a number that is no row changes nothing."""

    def shorter(rows: Any) -> Any:
        if isinstance(rows, list):
            return [row for number, row in enumerate(rows) if number != place]
        if isinstance(rows, Mapping):
            return {name: rows[name] for number, name in enumerate(rows) if number != place}
        return rows

    return _edited(draft, key, path, shorter)


def with_row_moved(draft: Draft, key: str, path: str, place: int, by: int) -> Draft:
    """The draft with row ``place`` of a list one further up (``by`` -1) or down (1)."""

    def moved(rows: Any) -> Any:
        other = place + by
        if not isinstance(rows, list) or not (0 <= place < len(rows) and 0 <= other < len(rows)):
            return rows
        swapped = list(rows)
        swapped[place], swapped[other] = swapped[other], swapped[place]
        return swapped

    return _edited(draft, key, path, moved)


def value_at(one: DraftResource | None, steps: tuple[str, ...]) -> Any:
    value: Any = one.inputs if one else None
    for step in steps:
        value = _inside(value, step)
    return value


def _list(rows: Any, schema: Schema) -> list[Any]:
    return list(rows) if isinstance(rows, list) else list(schema.get("default") or []) if rows is None else []


def _map(rows: Any, schema: Schema) -> dict[str, Any]:
    return dict(rows) if isinstance(rows, Mapping) else dict(schema.get("default") or {}) if rows is None else {}


def _edited(draft: Draft, key: str, path: str, change: Change) -> Draft:
    steps, one = tuple(path.split(".")[1:]), draft.resource(key)
    return _with(draft, one, steps, change) if one is not None and steps else draft


def _with(draft: Draft, one: DraftResource, steps: tuple[str, ...], change: Change) -> Draft:
    inputs = _changed(one.inputs, steps, change)
    return replace(
        draft, resources=tuple(replace(each, inputs=inputs) if each is one else each for each in draft.resources)
    )


def _changed(value: Any, steps: tuple[str, ...], change: Change) -> Any:
    if not steps:
        return change(value)
    if isinstance(value, list):
        number = int(steps[0]) if steps[0].isdecimal() and len(steps[0]) < 6 else -1
        return [_changed(item, steps[1:], change) if at == number else item for at, item in enumerate(value)]
    inner = _inside(value, steps[0])
    changed = _changed(inner, steps[1:], change)
    return {**(value if isinstance(value, Mapping) else {}), steps[0]: changed} if changed is not None else value


def _inside(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list) and step.isdecimal() and len(step) < 6 and int(step) < len(value):
        return value[int(step)]
    return None

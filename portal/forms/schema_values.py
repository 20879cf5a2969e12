"""Posted fields become the inputs that they stand for, as far as they are values at all.

Called by ``environment_draft`` for each resource of a draft. Pure, and no judgement: what does not fit is kept as it
was typed (``"abc"`` stays a text in an integer's place), because the contract says what is wrong and the field shows
both. An empty field is no value. The names of fields are those that ``schema_form`` draws:

``<path>`` a value · ``<path>.row`` which rows of a list there are · ``<path>.key``, ``.value`` rows of a map ·
``<path>.rows`` a map or list of ticks is there · ``<path>.seen`` a tick is there · ``<path>.blank`` an empty text is
meant · ``<path>.~unset`` an object that was not there · ``<path>.~drawn`` the choice that the fields belong to ·
``<path>.~aside`` what was typed for others · ``<path>.~rest`` what has no field, as YAML
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from portal.forms.schema_kinds import (
    ASIDE,
    Schema,
    choices_of,
    first_type,
    is_a_line,
    is_blank,
    kind_of,
    ordered,
    text_of,
)
from portal.forms.yaml_text import typed_yaml
from provisioning.domain.schema import apply_defaults
from provisioning.domain.schema_conditions import CONDITIONS, applied, discriminator

WHOLE_NUMBER: Final = re.compile(r"[+-]?\d{1,18}\Z")
DECIMAL_NUMBER: Final = re.compile(r"[+-]?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})([eE][+-]?\d{1,3})?\Z")
ROW: Final = re.compile(r"(?P<new>\+?)(?P<at>\d{1,4})\Z")
MOST_ROWS: Final = 500
MOST_ASIDE: Final = 100_000


class Posted(Protocol):
    """What a QueryDict and the tests' stand-in have in common."""

    def get(self, name: str, default: Any = None) -> Any: ...

    def getlist(self, name: str) -> list[Any]: ...


def values(schema: Schema, posted: Posted, prefix: str, *, depth: int = 0) -> dict[str, Any]:
    """The inputs that were posted under ``prefix`` (``r.db.inputs``)."""
    required = frozenset(schema.get("required", ()))
    found: dict[str, Any] = {}
    for name, part in ordered(schema):
        value = _value(part, posted, f"{prefix}.{name}", depth, name in required)
        if value is not None:
            found[name] = value
    return _with_rest(_by_case(schema, found, _aside(posted, prefix)), _whole(posted, f"{prefix}.~rest"))


def typed(schema: Schema, text: str) -> Any:
    """The value of a whole input that is typed into one field; what has parts is written as YAML."""
    kind = kind_of(schema)
    if kind == "checkbox":
        return _boolean(text)
    return typed_yaml(text) if kind in _STRUCTURES else _READ[kind](schema, text)


def _with_rest(found: dict[str, Any], text: str | None) -> dict[str, Any]:
    rest = typed_yaml(text) if text else {}
    if isinstance(rest, Mapping):
        return {**{str(key): value for key, value in rest.items()}, **found}
    return {**found, "~": rest}  # no input has this name, so the contract says that it is not known


def _by_case(schema: Schema, found: dict[str, Any], aside: dict[str, Any]) -> dict[str, Any]:
    """What the present case of a condition refuses is put aside, and what it takes again comes back."""
    if not CONDITIONS & schema.keys():
        return found
    allowed = applied(schema, found).get("properties") or {}
    refused = {name: found.pop(name) for name in [*found] if name not in allowed}
    kept = {**aside, **refused}
    back = {name: kept.pop(name) for name in [*kept] if name in allowed and name not in found}
    return {**found, **back, **({ASIDE: kept} if kept else {})}


def _aside(posted: Posted, prefix: str) -> dict[str, Any]:
    text = str(posted.get(f"{prefix}.~aside") or "")
    if not text or len(text) > MOST_ASIDE:
        return {}
    try:
        kept = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _value(schema: Schema, posted: Posted, name: str, depth: int, required: bool) -> Any:
    kind = kind_of(schema, depth)
    whole = _whole(posted, name)
    if kind in _STRUCTURES:
        if whole is not None and kind not in ("choice", "checks"):
            return typed_yaml(whole)
        return _STRUCTURES[kind](schema, posted, name, depth, required)
    if kind == "checkbox":
        return _flag(schema, posted, name, required)
    if whole is None:
        return "" if posted.get(f"{name}.blank") and posted.get(name) is not None else None
    return _READ[kind](schema, whole)


def _whole(posted: Posted, name: str) -> str | None:
    """What was typed, None for blanks only. Around one line blanks mean nothing; several lines stay as they are."""
    text = str(posted.get(name) or "").replace("\r\n", "\n")
    stripped = text.strip()
    return (text if "\n" in stripped or text.endswith("\n") else stripped) if stripped else None


def _group(schema: Schema, posted: Posted, name: str, depth: int, required: bool) -> Any:
    """One that was not there stays away while its fields only show what would be filled in."""
    if posted.get(name) is not None:
        return None  # drawn as one field, and left empty
    found = values(schema, posted, name, depth=depth + 1)
    if posted.get(f"{name}.~unset") is not None:
        absent, drawn = apply_defaults({}, schema), apply_defaults(_groups(found), schema)
        if all(any(_untouched(one, shown.get(key, False)) for shown in (absent, drawn)) for key, one in found.items()):
            return None
    return found or ({} if required else None)


def _groups(value: Mapping[str, Any]) -> dict[str, Any]:
    """``value`` without what stands in its groups, into which defaults are filled as the form shows them."""
    return {key: _groups(part) for key, part in value.items() if isinstance(part, Mapping)}


def _untouched(value: Any, filled: Any) -> bool:
    """Whether it is what would be filled in (False for nothing), or the empty parts of a group that must be there."""
    if isinstance(value, Mapping) and (filled is False or isinstance(filled, Mapping)):
        inside = filled or {}
        return value.keys() >= inside.keys() and all(
            _untouched(one, inside.get(key, False)) for key, one in value.items()
        )
    return bool(value == filled) or (filled is False and value == [])


def _choice(schema: Schema, posted: Posted, name: str, depth: int, required: bool) -> Any:
    """The fields belong to the choice that was drawn; another one takes over what has the same name in it."""
    key = discriminator(schema)
    branches = {text_of(one["properties"][key]["const"]): one for one in schema["oneOf"]}
    whole = _whole(posted, name)
    if whole is not None:
        return typed_yaml(whole)
    chosen, drawn = str(posted.get(f"{name}.{key}") or ""), str(posted.get(f"{name}.~drawn") or "")
    drawn = drawn if drawn in branches else chosen
    typed = values(_without(branches[drawn], key), posted, name, depth=depth + 1) if drawn in branches else {}
    kept = _aside(posted, name)
    found = typed
    if chosen != drawn and (not chosen or chosen in branches):
        found = {**_shared(typed, branches.get(chosen, {})), **_mapping(kept.pop(chosen, {}))}
        if typed:
            kept[drawn] = typed
    aside = {ASIDE: kept} if kept else {}
    if not chosen:
        return {**found, **aside} or None
    constant = branches[chosen]["properties"][key]["const"] if chosen in branches else chosen
    return {key: constant, **found, **aside}


def _shared(typed: Mapping[str, Any], branch: Schema) -> dict[str, Any]:
    return {name: value for name, value in typed.items() if name in (branch.get("properties") or {})}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _without(schema: Schema, key: str) -> Schema:
    properties = {name: part for name, part in (schema.get("properties") or {}).items() if name != key}
    return {**schema, "properties": properties}


def _map(schema: Schema, posted: Posted, name: str, depth: int, required: bool) -> Any:
    """Rows come as two parallel lists. A key given twice keeps both rows by a marked key, which no contract takes."""
    extra = schema.get("additionalProperties")
    part: Schema = extra if isinstance(extra, Mapping) else {}
    found: dict[str, Any] = {}
    for given, text in zip(posted.getlist(f"{name}.key"), posted.getlist(f"{name}.value"), strict=False):
        key = str(given).strip()
        if not key and not str(text).strip():
            continue
        while key in found:
            key += " (again)"
        found[key] = _scalar(part, str(text).replace("\r\n", "\n"))
    return found or _empty(schema, posted, f"{name}.rows", required, {})


def _empty(schema: Schema, posted: Posted, marker: str, required: bool, empty: Any) -> Any:
    """Nothing in a list or map that is there: only said where leaving it out would say something else."""
    if posted.get(marker) is None:
        return None
    return empty if required or not is_blank(schema.get("default")) else None


def _rows(posted: Posted, name: str) -> list[tuple[str, bool]]:
    """The rows of a list in their order: where their fields are, and whether they were only just added."""
    found = [match for given in posted.getlist(f"{name}.row")[:MOST_ROWS] if (match := ROW.match(str(given)))]
    return [(match["at"], bool(match["new"])) for match in found]


def _items(schema: Schema, posted: Posted, name: str, depth: int, required: bool) -> Any:
    """A row that was only just added and is still empty is None: nothing that anybody asks for yet."""
    items: Schema = schema.get("items", {})
    found: list[Any] = []
    for at, new in _rows(posted, name):
        text = str(posted.get(f"{name}.{at}") or "").replace("\r\n", "\n")
        text = text if "\n" in text.strip() or text.endswith("\n") else text.strip()
        found.append(None if new and not text else _scalar(items, text))
    return found or _empty(schema, posted, f"{name}.row", required, [])


def _objects(schema: Schema, posted: Posted, name: str, depth: int, required: bool) -> Any:
    items: Schema = schema.get("items", {})
    found = [_one_object(items, posted, f"{name}.{at}", depth + 1) for at, _ in _rows(posted, name)]
    return found or _empty(schema, posted, f"{name}.row", required, [])


def _one_object(items: Schema, posted: Posted, name: str, depth: int) -> Any:
    whole = _whole(posted, name)
    if whole is not None:
        return typed_yaml(whole)
    read = _choice if items.get("oneOf") else _group
    found = read(items, posted, name, depth, True)
    return {} if found is None else found


def _checks(schema: Schema, posted: Posted, name: str, depth: int, required: bool) -> Any:
    known = {text_of(one): one for one in choices_of(schema.get("items", {}))}
    found = [known.get(str(text), str(text)) for text in posted.getlist(name)]
    if len(found) == 1 and isinstance(found[0], str) and found[0] not in known:
        return typed_yaml(found[0])
    return found or _empty(schema, posted, f"{name}.rows", required, [])


def _lines(schema: Schema, text: str) -> Any:
    if text.startswith(("${", "{")):
        return typed_yaml(text)
    if text.startswith(("- ", "[")):
        written = typed_yaml(text)  # as a list is shown that has what no line can say
        if isinstance(written, list) and not all(isinstance(one, str) and is_a_line(one) for one in written):
            return written
    items: Schema = schema.get("items", {})
    return [_scalar(items, line.strip()) for line in text.split("\n") if line.strip()]


def _flag(schema: Schema, posted: Posted, name: str, required: bool) -> Any:
    text = posted.get(name)
    if text is None:
        seen = posted.get(f"{name}.seen")  # “no” where it said no before, which is more than to say nothing
        return False if seen == "no" or (seen and (required or schema.get("default") is True)) else None
    if not str(text):
        return False if required else None  # a text that was shown for mending, and emptied: no tick
    value = _boolean(str(text))
    return typed_yaml(value) if isinstance(value, str) and "\n" in value else value  # shown as data, so read as such


def _boolean(text: str) -> Any:
    return True if text in ("on", "true", "True", "1") else (False if text in ("false", "False", "0") else text)


def _scalar(schema: Schema, text: str) -> Any:
    if choices := choices_of(schema):
        return next((choice for choice in choices if text_of(choice) == text), text)
    kind = first_type(schema)
    if kind in ("integer", "number"):
        return _number(schema, text.strip())
    return _boolean(text.strip()) if kind == "boolean" else text


def _number(schema: Schema, text: str) -> Any:
    if WHOLE_NUMBER.match(text):
        return int(text)
    number = float(text) if DECIMAL_NUMBER.match(text) else math.inf
    return number if math.isfinite(number) else text


_READ: Final[Mapping[str, Callable[[Schema, str], Any]]] = {
    "text": lambda schema, text: text,
    "textarea": lambda schema, text: text,
    "number": _number,
    "select": _scalar,
    "choices": _scalar,
    "lines": _lines,
    "reference": lambda schema, text: typed_yaml(text),
    "data": lambda schema, text: typed_yaml(text),
}
_STRUCTURES: Final[Mapping[str, Callable[[Schema, Posted, str, int, bool], Any]]] = {
    "group": _group,
    "choice": _choice,
    "map": _map,
    "items": _items,
    "objects": _objects,
    "checks": _checks,
}


def defaults(schema: Schema) -> dict[str, Any]:
    """What the schema fills in by itself; a new resource's form begins with it."""
    found: dict[str, Any] = {}
    for name, part in (schema.get("properties") or {}).items():
        if part.get("properties") and all(
            "default" in part["properties"].get(key, {}) for key in part.get("required", ())
        ):
            inner = {**defaults(part), **part.get("default", {})}
            if inner:
                found[name] = inner
        elif "default" in part:
            found[name] = part["default"]
    return found


def asked_for(value: Any) -> Any:
    """``value`` without what only the form knows: rows that are still empty, and what is kept aside."""
    if isinstance(value, Mapping):
        return {key: asked_for(part) for key, part in value.items() if not _is_form_s(key, part)}
    return [asked_for(part) for part in value if part is not None] if isinstance(value, list) else value


def _is_form_s(key: str, part: Any) -> bool:
    if key == ASIDE or (not key and part in ("", None)):
        return True
    return isinstance(part, Mapping) and part.keys() == {ASIDE}

"""Which kind of field an input of a contract is, from its schema alone. Reading and drawing ask here, so they agree.

Called by ``schema_form`` (drawing) and ``schema_values`` (reading). Pure: no Django, no queries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from provisioning.domain.form_hints import hint_of
from provisioning.domain.schema_conditions import discriminator

Schema = Mapping[str, Any]

SCALARS: Final = frozenset({"string", "integer", "number", "boolean"})
NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,79}\Z")
"""What can stand in the name of a field; an input with another name is written as YAML."""
ASIDE: Final = "~aside"
"""Key under which an object of a draft keeps what was typed for a choice or case that is not the present one."""
WIDE_TEXT: Final = 100
LONG_TEXT: Final = 1_000
FILE_TEXT: Final = 20_000
DEEPEST: Final = 3
"""Objects within objects are drawn this deep; what lies deeper is written as YAML."""


def first_type(schema: Schema) -> str:
    given = schema.get("type", "")
    kinds = [given] if isinstance(given, str) else [str(kind) for kind in given if kind != "null"]
    return "string" if "string" in kinds and len(kinds) > 1 else (kinds[0] if kinds else "")


def choices_of(schema: Schema) -> list[Any]:
    """The only values that it takes, where it lists them; a constant is a list of one."""
    if schema.get("enum"):
        return list(schema["enum"])
    return [schema["const"]] if "const" in schema else []


def _is_plain(value: Any) -> bool:
    return not isinstance(value, (Mapping, list))


def kind_of(schema: Schema, depth: int = 0) -> str:
    """text, textarea, number, select, choices, checkbox, map, items, lines, checks, objects, group, choice, reference,
    or data: anything else, as YAML. ``depth`` counts the objects around it."""
    widget = hint_of(schema).widget
    if widget == "yaml":
        return "data"
    if choices := choices_of(schema):
        if not all(_is_plain(one) for one in choices):
            return "data"
        return "choices" if widget == "choices" else "select"
    kind = first_type(schema)
    if kind == "object":
        return _object_kind(schema, depth)
    if kind == "array":
        return _array_kind(schema, widget, depth)
    if kind == "string":
        return "textarea" if is_long(schema) else "text"
    return {"integer": "number", "number": "number", "boolean": "checkbox"}.get(kind, "data")


def is_long(schema: Schema) -> bool:
    """Whether a text is likely to have several lines."""
    widget = hint_of(schema).widget
    if widget == "text":
        return False
    return bool(widget in ("textarea", "code") or schema.get("x-multiline") or schema.get("maxLength", 0) > LONG_TEXT)


def holds_files(schema: Any) -> bool:
    """Whether values of a map are texts of several lines: only where the schema says so, or allows whole files."""
    if not isinstance(schema, Mapping):
        return False
    widget = hint_of(schema).widget
    return bool(widget in ("textarea", "code") or schema.get("x-multiline") or schema.get("maxLength", 0) >= FILE_TEXT)


def _object_kind(schema: Schema, depth: int) -> str:
    if schema.get("oneOf"):
        return "choice" if depth < DEEPEST and NAME.match(discriminator(schema)) else "data"
    if schema.get("properties"):
        return "group" if depth < DEEPEST else "data"
    extra = schema.get("additionalProperties")
    if isinstance(extra, Mapping):
        return "map" if (first_type(extra) in SCALARS or not extra) else "data"
    return "reference"


def _array_kind(schema: Schema, widget: str, depth: int) -> str:
    items = schema.get("items")
    if not isinstance(items, Mapping):
        return "data"
    if choices_of(items):
        each = all(isinstance(one, (str, int)) for one in choices_of(items))
        return "checks" if each and (schema.get("uniqueItems") or widget == "choices") else "items" if each else "data"
    inner = kind_of(items, depth + 1)
    if inner in ("group", "choice"):
        return "objects"
    if first_type(items) in SCALARS:
        return "lines" if widget == "lines" else "items"
    return "data"


def ordered(schema: Schema) -> list[tuple[str, Schema]]:
    """The properties that have fields, in the order that their author chose (``order``), else as written."""
    properties: Mapping[str, Schema] = schema.get("properties") or {}

    def place(item: tuple[str, Schema]) -> int:
        order = hint_of(item[1]).order
        return len(properties) if order is None else order

    return sorted(((name, part) for name, part in properties.items() if NAME.match(name)), key=place)


def is_open(schema: Schema) -> bool:
    """Whether an object is meant to hold what has no field of its own."""
    properties = schema.get("properties") or {}
    return schema.get("additionalProperties", False) is not False or any(not NAME.match(name) for name in properties)


def is_a_line(text: str) -> bool:
    """Whether ``text`` can stand on one line of a list that is typed line by line."""
    return bool(text) and text == text.strip() and "\n" not in text


def is_blank(value: Any) -> bool:
    return value in (None, "", {}, [])


def text_of(value: Any) -> str:
    """A value as it stands in a text field."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)

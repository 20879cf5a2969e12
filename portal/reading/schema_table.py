"""A contract's input schema as rows of documentation: field, type, default, limits, scope. Pure.

Read by the capability page. Nested objects, entries of lists and the
several forms of an object become rows with dotted names; nothing is resolved over the network,
because contracts carry no remote references.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Schema = Mapping[str, Any]
DEEP: Final = 4
NO_DEFAULT: Final = object()


@dataclass(frozen=True, slots=True)
class Row:
    """``stays`` marks what the environment keeps on promotion; ``default`` is JSON, empty when there is none.

    ``notes`` say when it is there at all and what cannot be changed later.
    """

    name: str
    type: str
    default: str
    meaning: str
    required: bool
    stays: bool
    notes: tuple[str, ...] = ()


def rows(schema: Schema) -> list[Row]:
    """Every property in the order of the form: by ``x-order``, rarely needed ones last."""
    return list(_rows(schema, "", schema, 0))


def _rows(schema: Schema, prefix: str, root: Schema, depth: int, only: tuple[str, ...] = ()) -> Iterator[Row]:
    """``only`` says when these fields are there at all: in one of several forms, or under a condition."""
    required = set(schema.get("required", ()))
    properties = {name: _resolve(raw, root) for name, raw in schema.get("properties", {}).items()}
    for name, one in sorted(properties.items(), key=lambda item: _place(item[1])):
        if only and "const" in one:
            continue
        yield Row(
            name=f"{prefix}{name}",
            type=type_text(one, root),
            default=_default(one),
            meaning=_meaning(one),
            required=name in required and "default" not in one and not only,
            stays=one.get("x-scope") == "environment",
            notes=(*only, *_notes(one)),
        )
        if depth < DEEP:
            yield from _inside(one, f"{prefix}{name}", root, depth + 1)
    for words, form in _forms(schema, root):
        yield from _rows(form, prefix, root, depth + 1, (*only, words)) if depth < DEEP else ()


def _inside(schema: Schema, name: str, root: Schema, depth: int) -> Iterator[Row]:
    """What an object holds, each entry of a list (``[]``) and each value of a map (``.*``)."""
    yield from _rows(schema, f"{name}.", root, depth)
    for key, mark in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(schema.get(key), Mapping):
            yield from _inside(_resolve(schema[key], root), f"{name}{mark}", root, depth) if depth < DEEP else ()


def _forms(schema: Schema, root: Schema) -> Iterator[tuple[str, Schema]]:
    """The several forms that an object may have, each with when: by a constant in it, or by a condition."""
    for key in ("oneOf", "anyOf"):
        for one in schema.get(key) or ():
            form = _resolve(one, root)
            yield _held(form, root) or "In one of its forms", form
    for rule in (schema, *(schema.get("allOf") or ())):
        condition = _resolve(rule.get("if"), root)
        held = _held(condition, root)
        for key, when in (("then", held), ("else", held and held.replace("Only when", "Unless", 1))):
            if isinstance(rule.get(key), Mapping):
                yield when or "Under a condition", _resolve(rule[key], root)


def _held(condition: Schema, root: Schema) -> str:
    """``Only when kind is git`` for what must hold; empty when it cannot be said so."""
    parts = []
    for name, raw in condition.get("properties", {}).items():
        one = _resolve(raw, root)
        if "const" in one:
            parts.append(f"{name} is {_value(one['const'])}")
        elif one.get("enum"):
            parts.append(f"{name} is {_either([_value(each) for each in one['enum']])}")
    return f"Only when {' and '.join(parts)}" if parts else ""


def _place(schema: Schema) -> tuple[bool, float]:
    order = schema.get("x-order")
    return bool(schema.get("x-advanced")), order if isinstance(order, int | float) else 1_000


def _notes(schema: Schema) -> tuple[str, ...]:
    marks = (("x-immutable", "Stays as chosen"), ("x-grows-only", "Only grows"), ("x-secret", "Takes secrets"))
    return tuple(words for key, words in marks if schema.get(key))


def _resolve(schema: Any, root: Schema) -> Schema:
    """A local reference's target with what stands beside it; anything else as it is."""
    if not isinstance(schema, Mapping):
        return {}
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return schema
    found: Any = root
    for part in reference[2:].split("/"):
        found = found.get(part, {}) if isinstance(found, Mapping) else {}
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    return {**found, **beside} if isinstance(found, Mapping) else beside


def type_text(schema: Schema, root: Schema | None = None) -> str:
    """What may stand there, in words: "integer, 1 to 500", "“16” or “17”", "list of text", "map of text to text"."""
    root = root or {}
    schema = _resolve(schema, root)
    if "const" in schema:
        return f"always {_value(schema['const'])}"
    if "enum" in schema:
        labels = schema.get("x-labels") or {}
        return _either([f"{_value(one)} ({labels[one]})" if labels.get(one) else _value(one) for one in schema["enum"]])
    for key in ("oneOf", "anyOf"):
        if schema.get(key):
            return _either(list(dict.fromkeys(type_text(one, root) for one in schema[key])))
    kind = schema.get("type")
    if isinstance(kind, list):
        return _either([_typed({**schema, "type": one}, one, root) for one in kind])
    return _typed(schema, kind, root)


def _typed(schema: Schema, kind: Any, root: Schema) -> str:
    if kind in ("integer", "number"):
        unit = f" {schema['x-unit']}" if schema.get("x-unit") else ""
        return str(kind) + _range(schema, "minimum", "maximum", unit)
    if kind == "string":
        return (schema.get("format") or "text") + _range(schema, "minLength", "maxLength", " characters")
    if kind == "boolean":
        return "yes or no"
    if kind == "array":
        items = schema.get("items")
        of = f" of {type_text(items, root)}" if items else ""
        return f"list{of}" + _range(schema, "minItems", "maxItems", " entries")
    if kind == "object":
        more = schema.get("additionalProperties")
        if isinstance(more, Mapping) and not schema.get("properties"):
            return f"map of names to {type_text(more, root)}"
        return "object"
    return "nothing" if kind == "null" else "any value"


def _range(schema: Schema, least: str, most: str, unit: str) -> str:
    low, high = schema.get(least), schema.get(most)
    if low is not None and high is not None:
        return f", {low:,} to {high:,}{unit}" if low != high else f", exactly {low:,}{unit}"
    if low is not None and low > 0:
        return f", at least {low:,}{unit}"
    return f", at most {high:,}{unit}" if high is not None else ""


def _either(parts: list[str]) -> str:
    if len(parts) > 6:
        return f"{', '.join(parts[:6])} and {len(parts) - 6} more"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"


def _value(value: Any) -> str:
    return value if isinstance(value, str) and value and not value.isdigit() else json.dumps(value)


def _default(schema: Schema) -> str:
    value = schema.get("default", NO_DEFAULT)
    if value is NO_DEFAULT:
        return ""
    return _value(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _meaning(schema: Schema) -> str:
    title, text = str(schema.get("title", "")), str(schema.get("description", ""))
    if title and text:
        return f"{title}. {text}" if not text.startswith(title) else text
    return title or text

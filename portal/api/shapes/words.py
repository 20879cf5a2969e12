"""A few words to write JSON Schema with, and the register of named shapes. Knows no area of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Schema = dict[str, Any]
SHAPES: Final[dict[str, Schema]] = {}
"""Name of a component in the OpenAPI document -> its schema."""

LARGEST: Final = 2**63 - 1
"""Of the whole numbers that databases keep."""
SLUG_PATTERN: Final = r"^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$"


def text(
    about: str = "",
    *,
    least: int | None = None,
    most: int | None = None,
    pattern: str = "",
    one_of: tuple[str, ...] = (),
    form: str = "",
    example: str | None = None,
) -> Schema:
    """A string. ``form`` is a JSON Schema format, shown and, in requests, checked."""
    return _noted(
        {
            "type": "string",
            "minLength": least,
            "maxLength": most,
            "pattern": pattern or None,
            "enum": list(one_of) or None,
            "format": form or None,
        },
        about,
        example,
    )


def slug(about: str, example: str | None = None) -> Schema:
    """A name as systems, teams, stages and environments have it."""
    return text(about, pattern=SLUG_PATTERN, most=30, example=example)


def moment(about: str = "") -> Schema:
    return text(about, form="date-time", example="2026-11-22T09:30:00Z")


def link(about: str = "") -> Schema:
    """A path within this API, absolute from the host."""
    return text(about, form="uri-reference")


def whole(about: str = "", *, least: int = -LARGEST - 1, most: int = LARGEST, example: int | None = None) -> Schema:
    return _noted({"type": "integer", "minimum": least, "maximum": most}, about, example)


def number(
    about: str = "", *, least: float | None = None, most: float | None = None, example: float | None = None
) -> Schema:
    return _noted({"type": "number", "minimum": least, "maximum": most}, about, example)


def flag(about: str = "") -> Schema:
    return _noted({"type": "boolean"}, about, None)


def listed(item: Schema, about: str = "", *, most: int | None = None, least: int | None = None) -> Schema:
    return _noted({"type": "array", "items": item, "maxItems": most, "minItems": least}, about, None)


def mapped(value: Schema, about: str = "") -> Schema:
    """An object whose keys are names."""
    return _noted({"type": "object", "additionalProperties": value}, about, None)


def anything(about: str) -> Schema:
    """An object whose form is set elsewhere (a contract's inputs, an audit entry's data)."""
    return {"type": "object", "description": about}


def maybe(schema: Schema) -> Schema:
    """``schema`` or null."""
    if "$ref" in schema:
        return {"oneOf": [schema, {"type": "null"}]}
    kept = {**schema, "type": [schema["type"], "null"]}
    if "enum" in kept:
        kept["enum"] = [*kept["enum"], None]
    return kept


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def record(
    required: Mapping[str, Schema],
    optional: Mapping[str, Schema] | None = None,
    *,
    about: str = "",
    closed: bool = False,
    examples: tuple[Any, ...] = (),
) -> Schema:
    """An object. ``closed`` refuses members that are not named; requests are, answers may grow."""
    schema: Schema = {"type": "object", "properties": {**required, **(optional or {})}}
    if about:
        schema["description"] = about
    if required:
        schema["required"] = list(required)
    if closed:
        schema["additionalProperties"] = False
    if examples:
        schema["examples"] = list(examples)
    return schema


def shape(name: str, schema: Schema) -> str:
    """Register ``schema`` and give its name back."""
    if name in SHAPES:
        raise ValueError(f"The shape {name} exists twice.")
    SHAPES[name] = schema
    return name


def page_of(name: str) -> str:
    """Register and name the keyset page of ``name``."""
    return shape(
        f"{name}Page",
        record(
            {
                "items": listed(ref(name)),
                "next": maybe(link("The next page, or null on the last one. Follow it as it stands.")),
            },
            about=f"One page of {name}.",
        ),
    )


def _noted(schema: Schema, about: str, example: Any) -> Schema:
    kept = {key: value for key, value in schema.items() if value is not None}
    if about:
        kept["description"] = about
    if example is not None:
        kept["examples"] = [example]
    return kept

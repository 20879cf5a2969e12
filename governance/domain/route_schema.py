"""The published JSON Schema of approval routes, and its faults in words. Pure; called by ``route`` and the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from idp.kernel.errors import FieldError

_SLUG = "[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?"
_PERSON = "[A-Za-z0-9.@+_-]{1,150}"
_GROUP = "group:[a-z][a-z0-9-]{0,60}"
_TEAM = f"team:{_SLUG}:maintainer"
MOST_STAGES = 6
MOST_APPROVERS = 5
MOST_PEOPLE = 10
MOST_HOURS = 24 * 90

NAME = {
    "type": "string",
    "pattern": f"^{_SLUG}$",
    "description": "1 to 30 lower-case letters, digits and dashes, beginning with a letter",
}
FROM = {
    "type": "string",
    "maxLength": 380,
    "pattern": (
        f"^(team:maintainer|{_TEAM}|{_GROUP}|people:{_PERSON}(,{_PERSON}){{0,{MOST_PEOPLE - 1}}}"
        "|capability:[a-z][a-z0-9-]{0,39}|capabilities|dependencies)$"
    ),
    "description": (
        "team:maintainer, team:<team>:maintainer, group:<name>, people:<name>,<name>, capability:<name>, "
        "capabilities or dependencies"
    ),
}
STAGE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "approvers"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 60},
        "approvers": {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_APPROVERS,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["from"],
                "properties": {
                    "from": FROM,
                    "count": {"type": "integer", "minimum": 1, "maximum": 5, "default": 1},
                },
            },
        },
        "skip": {
            "type": "object",
            "additionalProperties": False,
            "required": ["when"],
            "properties": {
                "when": {"type": "string", "minLength": 1, "maxLength": 2000},
                "sample": {"type": "integer", "minimum": 0, "maximum": 100, "default": 0},
            },
        },
        "escalate": {
            "type": "object",
            "additionalProperties": False,
            "required": ["after", "to"],
            "properties": {
                "after": {"type": "number", "minimum": 0.25, "maximum": MOST_HOURS},
                "to": {
                    "type": "string",
                    "pattern": f"^({_TEAM}|{_GROUP})$",
                    "description": "team:<team>:maintainer or group:<name>",
                },
            },
        },
    },
}
ROUTE_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "ApprovalRoute",
    "description": "The stages of people who must agree to a change. A policy asks for it with from: route:<name>.",
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "slipway.dev/v1"},
        "kind": {"const": "ApprovalRoute"},
        "metadata": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name"],
            "properties": {"name": NAME},
        },
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": ["title", "stages"],
            "properties": {
                "title": {"type": "string", "minLength": 1, "maxLength": 160},
                "order": {"enum": ["in-order", "side-by-side"], "default": "in-order"},
                "stages": {"type": "array", "minItems": 1, "maxItems": MOST_STAGES, "items": STAGE},
                "expires": {"type": "number", "minimum": 0.25, "maximum": MOST_HOURS},
            },
        },
    },
}

_VALIDATOR = Draft202012Validator(ROUTE_SCHEMA)
_KINDS = {"object": "a map", "array": "a list", "string": "text", "integer": "a whole number", "number": "a number"}


def schema_errors(document: Any) -> list[FieldError]:
    """Every place where ``document`` is no approval route, in the document's order."""
    found = sorted(_VALIDATOR.iter_errors(document), key=lambda error: [str(part) for part in error.absolute_path])
    return [error for fault in found for error in _in_words(fault)]


def _in_words(fault: ValidationError) -> list[FieldError]:
    path = ".".join(str(part) for part in fault.absolute_path)
    rule, value = str(fault.validator), fault.validator_value
    instance: Any = fault.instance
    schema: Mapping[str, Any] = fault.schema if isinstance(fault.schema, Mapping) else {}
    if rule == "required":
        return [FieldError(_under(path, str(name)), f"“{name}” is required.") for name in _missing(value, instance)]
    if rule == "additionalProperties":
        known = list(schema["properties"])
        extra = [name for name in instance if name not in known]
        return [FieldError(_under(path, name), f"There is no such field; use {', '.join(known)}.") for name in extra]
    return [FieldError(path, _sentence(rule, value, schema))]


def _missing(wanted: Any, instance: Any) -> list[str]:
    return [name for name in wanted if name not in instance]


def _sentence(rule: str, value: Any, schema: Mapping[str, Any]) -> str:
    words = {
        "const": f"Write {value}.",
        "enum": f"Write one of {', '.join(map(str, value))}." if rule == "enum" else "",
        "type": f"This is {_KINDS.get(str(value), str(value))}.",
        "pattern": f"Write {schema.get('description', 'it in the right form')}.",
        "minLength": "This must not be empty.",
        "minItems": "This must not be empty.",
        "maxLength": f"This has at most {value} characters.",
        "maxItems": f"This has at most {value} items.",
        "minimum": f"This is at least {value}.",
        "maximum": f"This is at most {value}.",
    }
    return words.get(rule, "This is not as it must be.")


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name

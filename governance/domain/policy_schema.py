"""The published JSON Schema of policy documents, and its faults in words. Pure; called by ``policy`` and the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from idp.kernel.errors import FieldError

_SLUG = "[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?"
_NAMES: dict[str, Any] = {
    "type": "array",
    "minItems": 1,
    "maxItems": 50,
    "items": {
        "type": "string",
        "pattern": "^[a-z][a-z0-9-]{0,38}$",
        "description": "a name: lower-case letters, digits and dashes",
    },
}

_PERSON = "[A-Za-z0-9.@+_-]{1,30}"
_FROM = (
    f"^(team:maintainer|team:{_SLUG}:maintainer|group:[a-z][a-z0-9-]{{0,60}}|route:{_SLUG}"
    f"|people:{_PERSON}(,{_PERSON}){{0,9}})$"
)

POLICY_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Policy",
    "description": "A CEL rule over a change: when it is true, the change is denied, warned about or must be approved.",
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "slipway.dev/v1"},
        "kind": {"const": "Policy"},
        "metadata": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name"],
            "properties": {
                "name": {
                    "type": "string",
                    "pattern": f"^{_SLUG}$",
                    "description": "1 to 30 lower-case letters, digits and dashes, beginning with a letter",
                }
            },
        },
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": ["title", "when", "effect", "message"],
            "properties": {
                "title": {"type": "string", "minLength": 1, "maxLength": 160},
                "mode": {"enum": ["enforce", "observe"], "default": "enforce"},
                "scope": {
                    "type": "object",
                    "additionalProperties": False,
                    "minProperties": 1,
                    "description": "Whom it speaks for; all that are given must fit. Left out: every change.",
                    "properties": {
                        "teams": {**_NAMES, "description": "Owning teams."},
                        "systems": {**_NAMES, "description": "Systems."},
                        "stages": {**_NAMES, "description": "Stages."},
                        "capabilities": {**_NAMES, "description": "What the change adds, updates or removes."},
                    },
                },
                "when": {"type": "string", "minLength": 1, "maxLength": 2000},
                "effect": {"enum": ["deny", "warn", "require-approval"]},
                "approvals": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 5,
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["from"],
                        "properties": {
                            "from": {
                                "type": "string",
                                "pattern": _FROM,
                                "description": (
                                    "team:maintainer, team:<team>:maintainer, group:<name>, people:<name>,<name> or "
                                    "route:<name>"
                                ),
                            },
                            "count": {"type": "integer", "minimum": 1, "maximum": 5, "default": 1},
                        },
                    },
                },
                "message": {"type": "string", "minLength": 1, "maxLength": 400},
                "remedy": {"type": "string", "maxLength": 400},
                "tests": {
                    "type": "array",
                    "maxItems": 50,
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["name", "facts", "expect"],
                        "properties": {
                            "name": {"type": "string", "minLength": 1, "maxLength": 120},
                            "facts": {"type": "object"},
                            "expect": {"enum": ["pass", "deny", "warn", "ask"]},
                        },
                    },
                },
            },
            "if": {"properties": {"effect": {"const": "require-approval"}}, "required": ["effect"]},
            "then": {"required": ["approvals"]},
            "else": {"properties": {"approvals": False}},
        },
    },
}

_VALIDATOR = Draft202012Validator(POLICY_SCHEMA)
_KINDS = {"object": "a map", "array": "a list", "string": "text", "integer": "a whole number"}


def schema_errors(document: Any) -> list[FieldError]:
    """Every place where ``document`` is not a policy document, in the document's order."""
    found = sorted(_VALIDATOR.iter_errors(document), key=lambda error: [str(part) for part in error.absolute_path])
    return [error for fault in found for error in _in_words(fault)]


def _in_words(fault: ValidationError) -> list[FieldError]:
    path = ".".join(str(part) for part in fault.absolute_path)
    rule = str(fault.validator)
    value: Any = fault.validator_value
    schema: Any = fault.schema
    instance: Any = fault.instance
    if rule == "required":
        missing = [name for name in value if name not in instance]
        return [FieldError(_under(path, name), f"“{name}” is required.") for name in missing]
    if rule == "additionalProperties":
        known = list(schema["properties"])
        extra = [name for name in instance if name not in known]
        return [FieldError(_under(path, name), f"There is no such field; use {', '.join(known)}.") for name in extra]
    return [FieldError(path, _sentence(rule, value, schema))]


def _sentence(rule: str, value: Any, schema: Mapping[str, Any] | bool) -> str:
    if isinstance(schema, bool):
        return "Only a policy with the effect require-approval has approvals."
    words = {
        "const": f"Write {value}.",
        "enum": f"Write one of {', '.join(map(str, value))}." if rule == "enum" else "",
        "type": f"This is {_KINDS.get(str(value), str(value))}.",
        "pattern": f"Write {schema.get('description', 'it in the right form')}.",
        "minLength": "This must not be empty.",
        "minItems": "This must not be empty.",
        "minProperties": "This must not be empty; leave it out.",
        "maxLength": f"This has at most {value} characters.",
        "maxItems": f"This has at most {value} items.",
        "minimum": f"This is at least {value}.",
        "maximum": f"This is at most {value}.",
    }
    return words.get(rule, "This is not as it must be.")


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name

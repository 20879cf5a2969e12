"""Holds queries and bodies against their shapes, and says in words what is right where they do not fit.

The shapes are those of the OpenAPI document. What a service finds wrong later uses the same form of answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, cast

from django.http import QueryDict
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError

from idp.kernel.errors import FieldError, InvalidInput
from portal.api.faults import BadRequest
from portal.api.operation import Query
from portal.api.shapes import SHAPES, Schema

MAX_ERRORS = 50
MAX_QUERY_TEXT = 200
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}


def read_query(given: QueryDict, declared: Iterable[Query]) -> dict[str, Any]:
    """The query as typed values, only what was sent. BadRequest names each parameter that is not as declared."""
    known = {one.name: one.schema for one in declared}
    errors: list[FieldError] = []
    values: dict[str, Any] = {}
    for name, texts in given.lists():
        if name not in known:
            errors.append(FieldError(name[:80], _unknown_parameter(known)))
        elif len(texts) > 1:
            errors.append(FieldError(name, "Send it once."))
        else:
            try:
                values[name] = _query_value(texts[0], known[name])
            except ValueError as error:
                errors.append(FieldError(name, str(error)))
    if errors:
        raise BadRequest("The query of the address is not right.", code="bad-query", errors=errors[:MAX_ERRORS])
    return values


def check_body(value: Any, shape: str) -> None:
    """InvalidInput with every place where ``value`` does not fit the shape."""
    found = sorted(_validator(shape).iter_errors(value), key=lambda error: [str(part) for part in error.absolute_path])
    if not found:
        return
    errors = [one for error in found[:MAX_ERRORS] for one in _in_words(error)]
    raise InvalidInput("The body is not as it must be.", errors=errors[:MAX_ERRORS])


def _pattern(validator: Any, pattern: str, instance: Any, schema: Schema) -> Iterator[ValidationError]:
    """As JSON Schema has it: Python's ``$`` also matches before a last line break."""
    if isinstance(instance, str) and (instance.endswith("\n") or not re.search(pattern, instance)):
        yield ValidationError(f"does not match {pattern}")


_extend: Any = validators.extend  # has no types of its own
_Validator: Any = _extend(Draft202012Validator, {"pattern": _pattern})


@lru_cache(maxsize=128)
def _validator(shape: str) -> Any:
    return _Validator({"$ref": f"#/components/schemas/{shape}", "components": {"schemas": SHAPES}})


def _in_words(error: ValidationError) -> Iterator[FieldError]:
    path = ".".join(str(part) for part in error.absolute_path)
    keyword, rule = str(error.validator), cast(Any, error.validator_value)
    schema, sent = cast(Any, error.schema), cast(Any, error.instance)
    if keyword == "required":
        for name in rule:
            if name not in sent:
                yield FieldError(_join(path, name), "Add it; it is required.")
    elif keyword == "additionalProperties":
        known = sorted(schema.get("properties", {}))
        allowed = f"Known here: {', '.join(known)}." if known else "Nothing may stand here."
        for name in sorted(set(sent) - set(known))[:5]:
            yield FieldError(_join(path, name[:80]), f"Remove it. {allowed}")
    else:
        yield FieldError(path, _rule(keyword, rule))


def _rule(keyword: str, value: Any) -> str:
    """The rule that was not kept, as an instruction."""
    match keyword:
        case "type":
            names = [value] if isinstance(value, str) else value
            return f"Use {' or '.join(_TYPES[name] for name in names)}."
        case "enum":
            return f"Use one of: {', '.join('null' if one is None else str(one) for one in value)}."
        case "minLength":
            return "Write something here." if value == 1 else f"Use at least {value} characters."
        case "maxLength":
            return f"Use at most {value} characters."
        case "minimum":
            return f"Use a number of at least {value}."
        case "maximum":
            return f"Use a number of at most {value}."
        case "maxItems":
            return f"List at most {value}."
        case "pattern":
            return _PATTERNS.get(value, f"It must match {value}.")
        case _:
            return "This is not as it must be; the OpenAPI document shows its form."


_PATTERNS = {
    r"^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$": "Use 1 to 30 lower-case letters, digits and dashes; begin with a letter "
    "and do not end with a dash.",
    "^[0-9a-f]{64}$": "Use the plan_digest of the change as you read it: 64 hexadecimal digits.",
    "^https?://": "Use an address that begins with https:// or http://.",
}


def _query_value(text: str, schema: Schema) -> Any:
    if schema["type"] == "integer":
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise ValueError("Use a whole number.")
        return _within(int(text), schema)
    if schema["type"] == "boolean":
        if text not in ("true", "false"):
            raise ValueError("Use true or false.")
        return text == "true"
    if "enum" in schema and text not in schema["enum"]:
        raise ValueError(f"Use one of: {', '.join(schema['enum'])}.")
    if schema.get("format") == "date-time" and not _MOMENT.fullmatch(text):
        raise ValueError("Use a moment such as 2026-11-22T09:30:00Z; write + as %2B.")
    most = schema.get("maxLength", MAX_QUERY_TEXT)
    if len(text) > most or "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError(f"Use plain text of at most {most} characters.")
    return text


def _within(value: int, schema: Schema) -> int:
    least, most = schema.get("minimum", 0), schema.get("maximum", 2**31 - 1)
    if not least <= value <= most:
        raise ValueError(f"Use a whole number from {least} to {most}.")
    return value


def _unknown_parameter(known: dict[str, Schema]) -> str:
    return f"There is no such parameter; allowed here: {', '.join(sorted(known))}." if known else "No parameters here."


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name

"""The part of JSON Schema (2020-12) that contracts may use, and what is said when a value does not fit it.

Called by contracts (their inputs, outputs and their own document), revisions and forms. Messages say what is
right, for people. A value that is a reference (``${resources.db.outputs.host}``) is not judged here when it stands
alone: ``graph`` knows its type; inside a longer text it counts as text. Never reads a file or the network: a
``$ref`` may only point into the same schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import count, islice
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import SchemaError, ValidationError

from idp.kernel.cel import CelError, did_you_mean, whole
from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.patterns import TooComplex, require_quick
from provisioning.domain.schema_conditions import CONDITIONS, applied, branch_of, condition_problems, discriminator

Schema = Mapping[str, Any]

TYPES = frozenset({"string", "integer", "number", "boolean", "object", "array"})
_ANNOTATIONS = frozenset({"title", "description", "default", "examples", "deprecated", "format", "$comment", "secret"})
_ASSERTIONS = (
    frozenset(
        """type enum const minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern
    items minItems maxItems uniqueItems properties required additionalProperties propertyNames minProperties
    maxProperties $defs $ref""".split()  # noqa: SIM905 - two dozen keywords read better as words
    )
    | CONDITIONS
)
_TYPE_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a map",
    "array": "a list",
    "null": "empty",
}
_NOT_FOR_EMBEDDED = frozenset({"pattern", "enum", "const", "maxLength", "minLength", "format"})
MAX_SCHEMA_DEPTH = 12
MAX_SCHEMAS = 1_000
"""Schemas within one schema, each ``$ref`` counted with all that it brings: no form of more could be read."""


def validate(value: Any, schema: Schema, path: str = "") -> list[FieldError]:
    """What in ``value`` does not fit ``schema``, one thing per place; paths begin with ``path``."""
    found = [error for error in _validator(schema).iter_errors(value) if not _is_reference(error)]
    found.sort(key=lambda error: [str(step) for step in error.absolute_path])
    first: dict[str, FieldError] = {}
    for item in (item for error in found for item in _field_errors(error, path)):
        first.setdefault(item.path, item)
    return list(first.values())


def apply_defaults(value: Any, schema: Schema) -> Any:
    """A copy of ``value`` with every default filled in, and whole numbers written as such (``2.0`` as ``2``)."""
    if isinstance(value, float) and schema.get("type") == "integer" and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return _object_defaults(value, schema)
    if isinstance(value, list):
        return [apply_defaults(item, schema.get("items") or {}) for item in value]
    return value


def numbers_as_floats(value: Any, schema: Schema) -> Any:
    """A copy in which what the schema calls ``number`` is a float, so that CEL sees one type whatever was written."""
    if schema.get("type") == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, Mapping):
        here = applied(schema, value)
        return {key: numbers_as_floats(item, _property(here, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [numbers_as_floats(item, schema.get("items") or {}) for item in value]
    return value


def check_schema(schema: Any, path: str = "") -> list[FieldError]:
    """What makes ``schema`` unusable: not JSON Schema, outside the subset, a foreign ``$ref``, a wrong default."""
    if not isinstance(schema, Mapping):
        return [FieldError(path, "must be a JSON Schema, which is a map")]
    if next(islice(_all_within(schema, 0), MAX_SCHEMAS, None), None) is not None:
        return [FieldError(path, _TOO_MANY)]
    found = list(_outside_subset(schema, path, 0))
    if found:
        return found
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        where = _dotted(path, error.absolute_path)
        return [FieldError(where, f"is not valid JSON Schema: {error.message}")]
    try:
        inlined = inline(schema, path)
    except InvalidInput as error:
        return list(error.errors)
    return list(_wrong_conditions(inlined, path)) or list(_wrong_defaults(inlined, path))


def inline(schema: Schema, path: str = "") -> dict[str, Any]:
    """``schema`` without ``$ref`` and ``$defs``; InvalidInput when one is foreign, dangling or goes in a circle."""
    inlined: dict[str, Any] = _inlined(schema, schema, (), path, count())
    return inlined


def fits(given: Schema, wanted: Schema) -> str | None:
    """Why a value of schema ``given`` does not fit where ``wanted`` is asked, or None when it does."""
    have, want = given.get("type"), wanted.get("type")
    if have is None or want is None or have == want == "string" or (have, want) == ("integer", "number"):
        return None
    if have != want:
        return f"it is {type_words(given)}, and this takes {type_words(wanted)}"
    if want == "array":
        return fits(given.get("items") or {}, wanted.get("items") or {})
    if want != "object":
        return None
    offered = given.get("properties") or {}
    for key in wanted.get("required", []):
        if key not in offered:
            return f"it has no “{key}”, which this needs"
    for key in wanted.get("properties") or {}:
        if key in offered and (reason := fits(offered[key], wanted["properties"][key])) is not None:
            return f"in “{key}” {reason}"
    return None


def is_text_of(given: Schema, wanted: Schema) -> bool:
    """Whether a number, or true or false, is taken as text where ``wanted`` asks for text: a port in a variable."""
    return given.get("type") in ("integer", "number", "boolean") and wanted.get("type") == "string"


def type_words(schema: Schema) -> str:
    """The type in words, ``a whole number``; ``any value`` when the schema does not say."""
    kind = schema.get("type")
    names = kind if isinstance(kind, list) else [kind]
    return " or ".join(_TYPE_WORDS.get(str(name), "any value") for name in names)


def at(schema: Schema, steps: tuple[str, ...], value: Any = None) -> Schema | None:
    """The schema of what lies at ``steps`` inside, ``{}`` where it is open, None where there is nothing.

    ``value`` decides which branches apply; without one, what any branch has is there.
    """
    for step in steps:
        if CONDITIONS & schema.keys():
            schema = applied(schema, value) if isinstance(value, Mapping) else _with_all_branches(schema)
        schema, found = _step_into(schema, step)
        if not found:
            return None
        value = _value_in(value, step)
    return schema


def _step_into(schema: Schema, step: str) -> tuple[Schema, bool]:
    if step in (schema.get("properties") or {}):
        return schema["properties"][step], True
    if isinstance(schema.get("additionalProperties"), Mapping):
        return schema["additionalProperties"], True
    if schema.get("type") == "array" and step.isdigit():
        return schema.get("items") or {}, True
    return {}, not (schema.get("properties") or schema.get("type") not in (None, "object"))


def _value_in(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list) and step.isdecimal() and len(step) < 9 and int(step) < len(value):
        return value[int(step)]
    return None


def _with_all_branches(schema: Schema) -> Schema:
    properties = dict(schema.get("properties") or {})
    for branch in schema.get("oneOf", ()):
        for key, child in branch["properties"].items():
            properties[key] = child if properties.get(key, child) == child else {}
    return {**schema, "properties": properties}


def _object_defaults(value: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    branch = branch_of(schema, value)
    if branch is not None:
        schema = branch
    filled = {key: apply_defaults(item, _property(schema, key)) for key, item in value.items()}
    for key, child in (schema.get("properties") or {}).items():
        if key not in filled and "default" in child:
            filled[key] = apply_defaults(child["default"], child)
    return filled


def _property(schema: Schema, key: str) -> Schema:
    child = (schema.get("properties") or {}).get(key, schema.get("additionalProperties"))
    return child if isinstance(child, Mapping) else {}


def _pattern(validator: Any, pattern: str, instance: Any, schema: Schema) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _regex(pattern).search(instance):
        yield ValidationError(f"does not match {pattern}")


def _properties(validator: Any, properties: Schema, instance: Any, schema: Schema) -> Iterator[ValidationError]:
    """As the library does, but that what a condition refuses is named where it stands."""
    if not validator.is_type(instance, "object"):
        return
    for key, child in properties.items():
        if key in instance and child is False:
            yield ValidationError("", validator="absent", validator_value=False, instance={}, path=[key])
        elif key in instance:
            yield from validator.descend(instance[key], child, path=key, schema_path=key)


def _one_of(validator: Any, branches: list[Any], instance: Any, schema: Schema) -> Iterator[ValidationError]:
    """What is wrong with the branch that the constant chooses; the library would only say that no branch fits."""
    name = discriminator(schema)
    if not validator.is_type(instance, "object") or not name:
        return
    branch = branch_of(schema, instance)
    if branch is not None:
        yield from validator.descend(instance, branch)
    elif name in instance:
        # Judged here even where it is a reference: what else is asked for must be known while it is written.
        constants = [one["properties"][name]["const"] for one in branches]
        yield ValidationError("", validator="choice", validator_value=constants, instance=instance, path=[name])
    else:
        yield from validator.descend(instance, {"required": [name]})


@lru_cache(maxsize=512)
def _regex(pattern: str) -> re.Pattern[str]:
    """Python's ``$`` also matches before a last line break, JSON Schema's does not."""
    return re.compile(re.sub(r"(?<!\\)\$(?=$|\||\))", r"\\Z", pattern))


_extend: Any = validators.extend  # has no types of its own
_Validator: Any = _extend(Draft202012Validator, {"pattern": _pattern, "oneOf": _one_of, "properties": _properties})


def _validator(schema: Schema) -> Any:
    return _Validator(schema)


def _is_reference(error: ValidationError) -> bool:
    """Whether what is wrong is a reference that cannot be judged by its text, or a secret that took its place."""
    schema: Any = error.schema
    if schema is False:
        return False
    if isinstance(error.instance, Mapping) and set(error.instance) == {"valueFrom"} and schema.get("x-secret"):
        return True
    if not isinstance(error.instance, str) or "${" not in error.instance:
        return False
    try:
        return whole(error.instance) is not None or error.validator in _NOT_FOR_EMBEDDED
    except CelError:
        return False


def _dotted(path: str, steps: Any) -> str:
    return ".".join([*([path] if path else []), *(str(step) for step in steps)])


def _field_errors(error: ValidationError, path: str) -> list[FieldError]:
    where = _dotted(path, error.absolute_path)
    schema: Any = error.schema if isinstance(error.schema, Mapping) else {}
    instance: Any = error.instance
    wanted: Any = error.validator_value
    if error.validator == "required":
        missing = [key for key in wanted if key not in instance]
        # The library yields one error per missing key; the key itself is only in its text.
        key = next((key for key in missing if error.message.startswith(repr(key))), missing[0])
        title = _property(schema, key).get("title")
        return [FieldError(_dotted(where, [key]), f"is required: {title}" if title else "is required")]
    if error.validator == "dependentRequired":
        return [
            FieldError(_dotted(where, [key]), f"is required with “{name}”")
            for name, needed in wanted.items()
            for key in needed
            if name in instance and key not in instance
        ]
    if error.validator == "additionalProperties":
        known = schema.get("properties") or {}
        extra = [key for key in instance if key not in known]
        return [FieldError(_dotted(where, [key]), f"is not known here{did_you_mean(key, known)}") for key in extra]
    if error.validator == "propertyNames" or "propertyNames" in error.absolute_schema_path:
        return [FieldError(_dotted(where, [instance]), f"as a name {_message(error, schema)}")]
    return [FieldError(where, _message(error, schema))]


def _message(error: ValidationError, schema: Schema) -> str:
    if error.schema is False:  # a boolean is a schema as well
        return "must be left out with what is chosen beside it"
    if error.validator in ("pattern", "format", "minLength") and isinstance(error.instance, str):
        for rule in schema.get("x-messages", []):
            if re.search(rule["found"], error.instance):
                return str(rule["say"])
        if "x-message" in schema and not (error.validator == "minLength" and error.instance == ""):
            return str(schema["x-message"])
    say = _MESSAGES.get(str(error.validator))
    return say(error.validator_value, error.instance, schema) if say else f"does not fit: {error.message}"


def _with_unit(number: Any, schema: Schema) -> str:
    unit = schema.get("x-unit") or (schema.get("x-ui") or {}).get("unit")
    return f"{number} {unit}" if unit else str(number)


def _wrong_type(kind: Any, value: Any, schema: Schema) -> str:
    words = type_words(schema)
    if isinstance(value, str) and kind in ("integer", "number") and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return f"must be {words}, written without quotes"
    if not isinstance(value, (str, type(None))) and kind == "string":
        return "must be text; put it in quotes"
    return f"must be {words}"


_MESSAGES: Mapping[str, Callable[[Any, Any, Schema], str]] = {
    "type": _wrong_type,
    "enum": lambda allowed, _, __: f"must be one of {', '.join(str(item) for item in allowed)}",
    "absent": lambda _, __, ___: "must be left out with what is chosen beside it",
    "choice": lambda allowed, _, __: f"must be one of {', '.join(str(item) for item in allowed)}",
    "const": lambda wanted, _, __: f"must be {wanted}",
    "minimum": lambda bound, _, schema: f"must be at least {_with_unit(bound, schema)}",
    "maximum": lambda bound, _, schema: f"must be at most {_with_unit(bound, schema)}",
    "exclusiveMinimum": lambda bound, _, schema: f"must be more than {_with_unit(bound, schema)}",
    "exclusiveMaximum": lambda bound, _, schema: f"must be less than {_with_unit(bound, schema)}",
    "multipleOf": lambda step, _, schema: f"must be a multiple of {_with_unit(step, schema)}",
    "minLength": lambda size, _, __: "must not be empty" if size == 1 else f"must have at least {size} characters",
    "maxLength": lambda size, value, __: f"must have at most {size} characters; it has {len(value)}",
    "minItems": lambda size, _, __: "must not be empty" if size == 1 else f"must have at least {size} items",
    "maxItems": lambda size, value, __: f"must have at most {size} items; it has {len(value)}",
    "minProperties": lambda size, _, __: "must not be empty" if size == 1 else f"must have at least {size} entries",
    "maxProperties": lambda size, value, __: f"must have at most {size} entries; it has {len(value)}",
    "uniqueItems": lambda _, __, ___: "must not hold the same item twice",
    "pattern": lambda pattern, _, __: f"must match the pattern {pattern}",
    "additionalProperties": lambda _, __, ___: "holds what is not known here",
}


def children(schema: Schema) -> Iterator[tuple[str, Any]]:
    """The schemas inside ``schema`` with their place."""
    for keyword in ("properties", "$defs"):
        inner = schema.get(keyword)
        if isinstance(inner, Mapping):
            yield from ((f"{keyword}.{key}", child) for key, child in inner.items())
    for keyword in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(keyword), Mapping):
            yield keyword, schema[keyword]
    yield from _children_of_conditions(schema)


def _children_of_conditions(schema: Schema) -> Iterator[tuple[str, Any]]:
    if isinstance(schema.get("oneOf"), list):
        yield from ((f"oneOf.{index}", branch) for index, branch in enumerate(schema["oneOf"]))
    parts = {keyword: schema.get(keyword) for keyword in ("then", "else")}
    dependents = schema.get("dependentSchemas")
    if isinstance(dependents, Mapping):
        parts |= {f"dependentSchemas.{name}": part for name, part in dependents.items()}
    for place, part in parts.items():
        inner = part.get("properties") if isinstance(part, Mapping) else None
        for key, child in inner.items() if isinstance(inner, Mapping) else ():
            if isinstance(child, Mapping):
                yield f"{place}.properties.{key}", child


def _outside_subset(schema: Any, path: str, depth: int) -> Iterator[FieldError]:
    if not isinstance(schema, Mapping):
        yield FieldError(path, "must be a JSON Schema, which is a map")
        return
    if depth > MAX_SCHEMA_DEPTH:
        yield FieldError(path, f"is nested deeper than {MAX_SCHEMA_DEPTH} levels")
        return
    for keyword, value in schema.items():
        if keyword == "$ref" and not (isinstance(value, str) and value.startswith("#")):
            yield FieldError(_dotted(path, [keyword]), "must begin with “#”: a schema may only refer to itself")
        elif not (keyword in _ASSERTIONS or keyword in _ANNOTATIONS or str(keyword).startswith("x-")):
            options = _ASSERTIONS | _ANNOTATIONS
            hint = did_you_mean(str(keyword), options)
            yield FieldError(_dotted(path, [keyword]), f"is not a keyword that contracts may use{hint}")
        elif keyword == "items" and not isinstance(value, Mapping):
            yield FieldError(_dotted(path, [keyword]), "must be a JSON Schema, which is a map")
        elif keyword == "type" and not (isinstance(value, str) and value in TYPES):
            yield FieldError(_dotted(path, [keyword]), f"must be one of {', '.join(sorted(TYPES))}")
        elif keyword == "pattern" and (reason := _bad_pattern(value)):
            yield FieldError(_dotted(path, [keyword]), reason)
        elif keyword == "x-messages" and not _are_messages(value):
            yield FieldError(
                _dotted(path, [keyword]), "must be a list of {found: a regular expression, say: a sentence}"
            )
    for place, child in children(schema):
        yield from _outside_subset(child, _dotted(path, [place]), depth + 1)


def _are_messages(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, Mapping) and isinstance(one.get("say"), str) and _bad_pattern(one.get("found")) is None
        for one in value
    )


def _bad_pattern(value: Any) -> str | None:
    if not isinstance(value, str) or len(value) > 500:
        return "must be a regular expression of at most 500 characters"
    try:
        _regex(value)
        require_quick(value)
    except re.error as error:
        return f"is not a regular expression: {error.msg}"
    except TooComplex as error:
        return str(error)
    except (OverflowError, RecursionError):
        return "is nested too deep, or repeats too often"
    return None


_TOO_MANY = f"holds more than {MAX_SCHEMAS:,} inputs and parts of inputs; split the capability"


def _all_within(schema: Any, depth: int) -> Iterator[Any]:
    """``schema`` and all schemas in it, as far as they may be nested."""
    if isinstance(schema, Mapping) and depth <= MAX_SCHEMA_DEPTH:
        yield schema
        for _, child in children(schema):
            yield from _all_within(child, depth + 1)


def _inlined(node: Any, root: Schema, trail: tuple[str, ...], path: str, counted: count[int]) -> Any:
    """``counted`` stops references that multiply: each may bring many that bring many."""
    if isinstance(node, list):
        return [_inlined(item, root, trail, _dotted(path, [index]), counted) for index, item in enumerate(node)]
    if not isinstance(node, Mapping):
        return node
    here = node.get("$ref")
    if isinstance(here, str):
        if here in trail or len(trail) > MAX_SCHEMA_DEPTH:
            raise _broken_ref(path, f"“{here}” refers to itself")
        if next(counted) > MAX_SCHEMAS:
            raise _broken_ref(path, _TOO_MANY)
        target = _inlined(_target(root, here, path), root, (*trail, here), path, counted)
        rest = {key: item for key, item in node.items() if key != "$ref"}
        return {**target, **_inlined(rest, root, trail, path, counted)}
    kept = {key: item for key, item in node.items() if key != "$defs"}
    return {key: _inlined(item, root, trail, _dotted(path, [key]), counted) for key, item in kept.items()}


def _target(root: Schema, ref: str, path: str) -> Any:
    if not ref.startswith("#"):
        raise _broken_ref(path, "must begin with “#”: a schema may only refer to itself")
    node: Any = root
    steps = ref[1:].strip("/").split("/") if ref not in ("#", "#/") else []
    for step in (each.replace("~1", "/").replace("~0", "~") for each in steps):
        if not isinstance(node, Mapping) or step not in node:
            raise _broken_ref(path, f"“{ref}” points at nothing")
        node = node[step]
    if not isinstance(node, Mapping):
        raise _broken_ref(path, f"“{ref}” does not point at a schema")
    return node


def _broken_ref(path: str, message: str) -> InvalidInput:
    return InvalidInput(f"{path}: {message}", errors=[FieldError(_dotted(path, ["$ref"]), message)])


def _wrong_conditions(schema: Schema, path: str) -> Iterator[FieldError]:
    yield from condition_problems(schema, path)
    for place, child in children(schema):
        yield from _wrong_conditions(child, _dotted(path, [place]))


def _wrong_defaults(schema: Schema, path: str) -> Iterator[FieldError]:
    if "default" in schema:
        for error in validate(schema["default"], schema, _dotted(path, ["default"])):
            yield FieldError(error.path, f"the default does not fit the schema: {error.message}")
    for place, child in children(schema):
        yield from _wrong_defaults(child, _dotted(path, [place]))

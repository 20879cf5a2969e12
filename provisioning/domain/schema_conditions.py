"""Which part of an object's schema applies to a value: the branch of ``oneOf``, ``if``/``then``/``else``, dependents.

Called by ``schema`` (defaults, what lies where), compatibility and forms. Contracts may use these keywords only in the
shapes that ``condition_problems`` admits: a constant chooses, so that a form knows without asking a server which fields
there are, and two versions can be compared. Works on schemas without ``$ref``. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from idp.kernel.errors import FieldError

Schema = Mapping[str, Any]

CONDITIONS: Final = frozenset({"oneOf", "if", "then", "else", "dependentRequired", "dependentSchemas"})
_BRANCH_KEYWORDS: Final = frozenset({"required", "properties", "title", "description", "$comment"})


def discriminator(schema: Schema) -> str:
    """The property whose constant tells the branches of ``oneOf`` apart; ``""`` where there is none."""
    branches = schema.get("oneOf")
    if not isinstance(branches, list) or not branches:
        return ""
    shared: set[str] | None = None
    for branch in branches:
        own = _constants(branch)
        shared = own if shared is None else shared & own
    for name in sorted(shared or ()):
        values = [branch["properties"][name]["const"] for branch in branches]
        if len({(type(value), value) for value in values}) == len(values):
            return name
    return ""


def _constants(branch: Any) -> set[str]:
    """Properties that a branch requires to be one constant."""
    if not isinstance(branch, Mapping) or not isinstance(branch.get("properties"), Mapping):
        return set()
    return {
        name
        for name, child in branch["properties"].items()
        if isinstance(child, Mapping) and isinstance(child.get("const"), (str, int)) and name in _required(branch)
    }


def _required(schema: Schema) -> frozenset[str]:
    return frozenset(schema.get("required") or ())


def branch_of(schema: Schema, value: Any) -> Schema | None:
    """The branch of ``oneOf`` that the constant in ``value`` chooses, None where it chooses none."""
    name = discriminator(schema)
    if not name or not isinstance(value, Mapping) or name not in value:
        return None
    given = value[name]
    for branch in schema["oneOf"]:
        constant = branch["properties"][name]["const"]
        if type(constant) is type(given) and constant == given:
            return dict(branch)
    return None


def applied(schema: Schema, value: Any) -> Schema:
    """``schema`` with what its conditions add for ``value`` in its ``properties`` and ``required``.

    A property that may not be there is left out. Without conditions it is the schema itself.
    """
    if not CONDITIONS & schema.keys() or not isinstance(value, Mapping):
        return schema
    merged = {key: part for key, part in schema.items() if key not in CONDITIONS}
    for part in _active(schema, value):
        merged = _merged(merged, part)
    return merged


def _active(schema: Schema, value: Mapping[str, Any]) -> Iterator[Schema]:
    declared = schema.get("properties") or {}
    filled = {name: declared[name]["default"] for name in deciding(schema) if "default" in declared.get(name, {})}
    value = {**filled, **value}
    if (branch := branch_of(schema, value)) is not None:
        yield branch
    if "if" in schema:
        yield schema.get("then" if holds(schema["if"], value) else "else") or {}
    for name, needed in (schema.get("dependentRequired") or {}).items():
        if name in value:
            yield {"required": needed}
    for name, part in (schema.get("dependentSchemas") or {}).items():
        if name in value:
            yield part


def holds(condition: Schema, value: Mapping[str, Any]) -> bool:
    """Whether ``value`` meets an ``if`` of the admitted shape."""
    if any(name not in value for name in condition.get("required", ())):
        return False
    for name, wanted in condition.get("properties", {}).items():
        allowed = [wanted["const"]] if "const" in wanted else wanted["enum"]
        if name in value and not any(_same(value[name], one) for one in allowed):
            return False
    return True


def _same(given: Any, constant: Any) -> bool:
    """As JSON compares: true is no number."""
    return isinstance(given, bool) is isinstance(constant, bool) and bool(given == constant)


def _merged(base: Mapping[str, Any], part: Schema) -> dict[str, Any]:
    properties = dict(base.get("properties") or {})
    for name, child in (part.get("properties") or {}).items():
        if child is False:
            properties.pop(name, None)
        elif isinstance(child, Mapping):
            properties[name] = {**(properties.get(name) or {}), **child}
    required = dict.fromkeys([*base.get("required", ()), *part.get("required", ())])
    merged = {**base, "properties": properties, "required": list(required)}
    if "additionalProperties" in part:
        merged["additionalProperties"] = part["additionalProperties"]
    return merged


def conditional(schema: Schema) -> frozenset[str]:
    """Properties that conditions speak of: those that may appear, be needed or be refused."""
    found: set[str] = set()
    for part in (schema.get("then"), schema.get("else"), *(schema.get("dependentSchemas") or {}).values()):
        if isinstance(part, Mapping):
            found |= {*part.get("required", ()), *(part.get("properties") or {})}
    for needed in (schema.get("dependentRequired") or {}).values():
        found |= {*needed}
    return frozenset(found)


def deciding(schema: Schema) -> frozenset[str]:
    """Properties on whose value something depends."""
    tested = (schema.get("if") or {}).get("properties") or {}
    dependents = (*(schema.get("dependentRequired") or {}), *(schema.get("dependentSchemas") or {}))
    return frozenset({*tested, *dependents})


def shown(schema: Schema, value: Mapping[str, Any]) -> Schema:
    """What a form shows of ``schema`` for ``value``: ``applied`` without what only another case speaks of.

    A field that holds a value is always shown.
    """
    here = applied(schema, value)
    spoken = conditional(schema)
    if not spoken:
        return here
    wanted: set[str] = set()
    for part in _active(schema, value):
        wanted |= {*part.get("required", ()), *(part.get("properties") or {})}
    always = {*schema.get("required", ()), *deciding(schema)}
    properties = {
        name: child
        for name, child in (here.get("properties") or {}).items()
        if name not in spoken or name in wanted or name in always or name in value
    }
    return {**here, "properties": properties}


# --- what contracts may write ---------------------------------------------------------------------------------------


def condition_problems(schema: Schema, path: str) -> Iterator[FieldError]:
    """What in the conditions of ``schema`` (one level) is not of the shape that forms can draw."""
    if "oneOf" in schema:
        yield from _one_of_problems(schema, path)
    if "if" in schema:
        yield from _if_problems(schema, f"{path}.if")
    elif "then" in schema or "else" in schema:
        yield FieldError(path, "has then or else and no if")
    parts = {key: schema[key] for key in ("then", "else") if key in schema}
    parts |= {f"dependentSchemas.{name}": part for name, part in (schema.get("dependentSchemas") or {}).items()}
    for place, part in parts.items():
        yield from _part_problems(schema, part, f"{path}.{place}")
    known = schema.get("properties") or {}
    for name, needed in (schema.get("dependentRequired") or {}).items():
        for one in (name, *needed):
            if one not in known:
                yield FieldError(f"{path}.dependentRequired.{name}", f"names “{one}”, which is not under properties")


def _one_of_problems(schema: Schema, path: str) -> Iterator[FieldError]:
    place = f"{path}.oneOf"
    if schema.get("type") != "object" or schema.get("properties"):
        yield FieldError(place, "stands in an input of type object that has no properties of its own: each choice does")
    elif not discriminator(schema):
        yield FieldError(
            place,
            "needs one property that every choice requires and gives another const, such as kind: {const: git}",
        )
    for index, branch in enumerate(schema["oneOf"]):
        if isinstance(branch, Mapping) and CONDITIONS & branch.keys():
            yield FieldError(f"{place}.{index}", "must not hold conditions of its own; put them into an input in it")
        if isinstance(branch, Mapping) and branch.get("additionalProperties") is not False:
            yield FieldError(
                f"{place}.{index}.additionalProperties", "must be false, so that a mistyped input is refused"
            )


def _if_problems(schema: Schema, path: str) -> Iterator[FieldError]:
    condition = schema["if"]
    tested = condition.get("properties") if isinstance(condition, Mapping) else None
    if not tested or not {*condition} <= {"properties", "required"}:
        yield FieldError(path, "must test constants, such as {properties: {mode: {const: batch}}, required: [mode]}")
        return
    known = schema.get("properties") or {}
    for name, wanted in tested.items():
        if not isinstance(wanted, Mapping) or {*wanted} not in ({"const"}, {"enum"}):
            yield FieldError(f"{path}.properties.{name}", "must be {const: value} or {enum: [values]}")
        if name not in known:
            yield FieldError(f"{path}.properties.{name}", "is not under properties")
        elif name not in condition.get("required", ()) and "default" not in known[name]:
            yield FieldError(
                f"{path}.required", f"must name “{name}”; without it the condition holds where it is left out"
            )


def _part_problems(schema: Schema, part: Any, path: str) -> Iterator[FieldError]:
    if not isinstance(part, Mapping) or not {*part} <= _BRANCH_KEYWORDS:
        yield FieldError(path, "may hold required and properties only")
        return
    known = schema.get("properties") or {}
    for name in (*part.get("required", ()), *(part.get("properties") or {})):
        if name not in known:
            yield FieldError(path, f"names “{name}”, which is not under properties")
    for name, child in (part.get("properties") or {}).items():
        if child is False and "default" in known.get(name, {}):
            yield FieldError(f"{path}.properties.{name}", "has a default, which would be filled in where it may not be")
        elif child is not False and not isinstance(child, Mapping):
            yield FieldError(f"{path}.properties.{name}", "must be false or a JSON Schema, which is a map")
        elif isinstance(child, Mapping) and "default" in child:
            yield FieldError(f"{path}.properties.{name}.default", "belongs under properties, where it always holds")

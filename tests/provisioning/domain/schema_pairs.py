"""Hypothesis strategies: a schema of the subset, a later version of it, and values that sit on its edges."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from provisioning.domain.schema import validate

NAMES = ("a", "b", "c", "dd")
PATTERNS = ("^[a-z]+$", "^[a-z0-9-]*$", "^[A-Z_]+$", "b", "^a")
TEXTS = ("", "a", "b", "ab", "a-1", "A_B", "aaaaaa", "0", "é", "x y", "${resources.db.outputs.host}", "z${stage.name}")
NUMBERS = (-3, -1, 0, 1, 2, 3, 4, 5, 6, 10, 2.0, 0.5, 2.5, 9.5)

Plain = dict[str, Any]


@st.composite
def scalars(draw: st.DrawFn) -> Plain:
    kind = draw(st.sampled_from(("string", "integer", "number", "boolean", "any")))
    schema: Plain = {} if kind == "any" else {"type": kind}
    if draw(st.integers(0, 4)) == 0:
        schema["enum"] = draw(st.lists(st.sampled_from(["a", "b", 1, 2, 5, True]), min_size=1, max_size=3, unique=True))
        return schema
    if kind in ("integer", "number", "any"):
        for keyword in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"):
            if draw(st.integers(0, 3)) == 0:
                schema[keyword] = draw(st.sampled_from((-2, 0, 1, 3, 5, 2.5)))
        if draw(st.integers(0, 5)) == 0:
            schema["multipleOf"] = draw(st.sampled_from((1, 2, 4, 0.5)))
    if kind in ("string", "any"):
        for keyword in ("minLength", "maxLength"):
            if draw(st.integers(0, 3)) == 0:
                schema[keyword] = draw(st.integers(0, 4))
        if draw(st.integers(0, 3)) == 0:
            schema["pattern"] = draw(st.sampled_from(PATTERNS))
        if draw(st.integers(0, 5)) == 0:
            schema["x-secret"] = True
    return schema


@st.composite
def maps(draw: st.DrawFn, inner: st.SearchStrategy[Plain]) -> Plain:
    properties = draw(st.dictionaries(st.sampled_from(NAMES), inner, max_size=3))
    schema: Plain = {"type": "object", "properties": properties}
    required = [key for key in properties if draw(st.integers(0, 3)) == 0]
    if required:
        schema["required"] = required
    match draw(st.integers(0, 3)):
        case 0:
            schema["additionalProperties"] = draw(inner)
        case 1 | 2:
            schema["additionalProperties"] = False
    if draw(st.integers(0, 5)) == 0:
        schema["propertyNames"] = draw(st.sampled_from(({"pattern": "^[a-d]+$"}, {"maxLength": 1}, {"minLength": 1})))
    for keyword in ("minProperties", "maxProperties"):
        if draw(st.integers(0, 5)) == 0:
            schema[keyword] = draw(st.integers(0, 3))
    return _with_defaults(draw, schema)


@st.composite
def lists(draw: st.DrawFn, inner: st.SearchStrategy[Plain]) -> Plain:
    schema: Plain = {"type": "array"}
    if draw(st.integers(0, 3)):
        schema["items"] = draw(inner)
    for keyword in ("minItems", "maxItems"):
        if draw(st.integers(0, 3)) == 0:
            schema[keyword] = draw(st.integers(0, 3))
    if draw(st.integers(0, 2)) == 0:
        schema["uniqueItems"] = True
    return schema


def repaired(schema: Plain) -> Plain:
    """``schema`` without the defaults that do not fit it, which nobody could publish."""
    for node in list(_nodes(schema)):
        default = node.get("default")
        if "default" in node and ("${" in repr(default) or validate(default, node)):
            del node["default"]
    return schema


def _with_defaults(draw: st.DrawFn, schema: Plain) -> Plain:
    for child in schema["properties"].values():
        if draw(st.integers(0, 2)) == 0:
            child["default"] = draw(values(child))
    return schema


SCHEMAS = st.recursive(scalars(), lambda inner: st.one_of(maps(inner), lists(inner)), max_leaves=4)


@st.composite
def roots(draw: st.DrawFn) -> Plain:
    """The inputs of a contract: a closed map."""
    properties = draw(st.dictionaries(st.sampled_from(NAMES), SCHEMAS, min_size=1, max_size=4))
    schema = {"type": "object", "additionalProperties": False, "properties": properties}
    required = [key for key in properties if draw(st.integers(0, 3)) == 0]
    return repaired(_with_defaults(draw, {**schema, **({"required": required} if required else {})}))


@st.composite
def later(draw: st.DrawFn, schema: Plain) -> Plain:
    """``schema`` after one to three edits, of which most widen it: what a next version looks like."""
    changed = copy.deepcopy(schema)
    for _ in range(draw(st.integers(1, 3))):
        _edit(draw, changed)
    return repaired(changed)


def _edit(draw: st.DrawFn, root: Plain) -> None:
    node = draw(st.sampled_from(list(_nodes(root))))
    match draw(st.integers(0, 7)):
        case 0 | 1 if len(node) > 1:
            _drop(draw, root, node)
        case 2 | 3:
            _move(draw, node)
        case 4 if "properties" in node:
            node["properties"].setdefault(draw(st.sampled_from(NAMES)), draw(SCHEMAS))
        case 5 if "properties" in node:
            _with_defaults(draw, node)
        case 6 if node is not root:
            fresh = draw(SCHEMAS)
            node.clear()
            node.update(fresh)
        case _:
            if node.get("type") == "integer":
                node["type"] = "number"
            elif "enum" in node:
                node["enum"] = [*node["enum"], draw(st.sampled_from(("c", 7, False)))]


def _drop(draw: st.DrawFn, root: Plain, node: Plain) -> None:
    """Take one keyword away, or one property."""
    keep = {"type", "additionalProperties", "properties"} if node is root else {"properties"}
    options = sorted(set(node) - keep)
    if options and draw(st.booleans()):
        del node[draw(st.sampled_from(options))]
    elif node.get("properties"):
        del node["properties"][draw(st.sampled_from(sorted(node["properties"])))]


def _move(draw: st.DrawFn, node: Plain) -> None:
    """Make a number of the schema larger or smaller, mostly in the direction that takes more."""
    numbers = [key for key, value in node.items() if key != "default" and type(value) in (int, float)]
    if numbers:
        keyword = draw(st.sampled_from(numbers))
        up = keyword.startswith(("max", "exclusiveMax"))
        by = draw(st.sampled_from((1, 2, 2, 3, -1)))
        moved = node[keyword] + (by if up else -by)
        node[keyword] = max(moved, 1 if keyword == "multipleOf" else 0) if "imum" not in keyword.lower() else moved


def _nodes(schema: Any) -> Any:
    if isinstance(schema, Mapping):
        yield schema
        for child in (schema.get("properties") or {}).values():
            yield from _nodes(child)
        for keyword in ("items", "additionalProperties"):
            yield from _nodes(schema.get(keyword))


def values(schema: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that often fit ``schema``, and sit on its bounds. Whoever uses one asks whether it fits."""
    if not isinstance(schema, Mapping) or depth > 4:
        return st.sampled_from(("a", 1))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    edges = [value for key, value in schema.items() if "imum" in key.lower()]
    near = sorted({value + step for value in edges for step in (-1, -0.5, 0, 0.5, 1)})
    match kind:
        case "string":
            return st.sampled_from(TEXTS)
        case "boolean":
            return st.booleans()
        case "integer":
            return st.sampled_from([one for one in (*near, *NUMBERS) if float(one).is_integer()])
        case "number":
            return st.sampled_from((*near, *NUMBERS))
        case "array":
            return st.lists(values(schema.get("items"), depth + 1), max_size=4)
        case "object":
            return objects(schema, depth)
        case _:
            return st.sampled_from((*near, *NUMBERS, *TEXTS, True))


@st.composite
def objects(draw: st.DrawFn, schema: Plain, depth: int = 0) -> Plain:
    """Some of the known keys, mostly those that are required, and now and then an unknown one."""
    made: Plain = {}
    for key, child in (schema.get("properties") or {}).items():
        if draw(st.integers(0, 5)) < (5 if key in schema.get("required", ()) else 3):
            made[key] = draw(values(child, depth + 1))
    extra = schema.get("additionalProperties", True)
    if extra is not False and draw(st.booleans()):
        made[draw(st.sampled_from((*NAMES, "other")))] = draw(values(extra if extra is not True else {}, depth + 1))
    return made

"""Schemas that contracts may have, values for them, and a browser that posts back what a form shows."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from hypothesis import strategies as st

from portal.forms.schema_inputs import Input, Row

NAMES = ("a", "mode", "storageGiB", "max_size", "x-y", "dotted.name", "kind2")
TEXTS = st.text(alphabet="ab1 :{}[]\"'#~-_.é\n$%&*!|>", max_size=12)
PLAIN = st.sampled_from(
    ["", "a", "5", "1e3", "0o17", "true", "null", "~", "a: b", "x\ny", "${resources.db.outputs.host}", "no"]
)

strings = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={
        "minLength": st.integers(0, 2),
        "maxLength": st.sampled_from([3, 200, 5_000]),
        "default": st.sampled_from(["", "a", "abc"]),
        "pattern": st.just("^[a-z]*$"),
        "x-ui": st.fixed_dictionaries({"widget": st.sampled_from(["text", "textarea", "code"])}),
        "x-secret": st.just(True),
    },
)
numbers = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={"minimum": st.integers(-3, 1), "maximum": st.integers(2, 9), "default": st.integers(1, 2)},
)
booleans = st.fixed_dictionaries({"type": st.just("boolean")}, optional={"default": st.booleans()})
enums = st.fixed_dictionaries(
    {"enum": st.lists(st.sampled_from(["a", "b", 1, 2, True]), min_size=1, max_size=3, unique_by=lambda one: str(one))},
    optional={"x-ui": st.fixed_dictionaries({"widget": st.sampled_from(["select", "choices"])})},
)
anything = st.just({})
scalars = st.one_of(strings, numbers, booleans, enums)


def objects(children: st.SearchStrategy[dict[str, Any]], *, closed: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    def made(properties: dict[str, Any], needed: list[str], extra: Any) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        schema["required"] = [name for name in needed if name in properties]
        if extra is not None:
            schema["additionalProperties"] = extra
        return schema

    extras = st.just(False) if closed else st.sampled_from([False, None, {"type": "string"}, True])
    return st.builds(
        made,
        st.dictionaries(st.sampled_from(NAMES), children, min_size=1, max_size=4),
        st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
        extras,
    )


def _choice(branches: list[dict[str, Any]]) -> dict[str, Any]:
    made = []
    for number, properties in enumerate(branches):
        inner = {"kind": {"const": f"k{number}"}, **properties}
        made.append({"type": "object", "required": ["kind"], "additionalProperties": False, "properties": inner})
    return {"type": "object", "oneOf": made}


def choices(children: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    inner = st.dictionaries(st.sampled_from(("a", "url", "ref")), children, max_size=2)
    return st.lists(inner, min_size=1, max_size=3).map(_choice)


def _conditional(extra: dict[str, Any], forbidden: bool) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"mode": {"enum": ["one", "two"], "default": "one"}, "target": extra, "cert": {"type": "string"},
                       "key": {"type": "string"}},
        "if": {"properties": {"mode": {"const": "two"}}},
        "then": {"required": ["target"]},
        "dependentRequired": {"cert": ["key"]},
    }  # fmt: skip
    if forbidden:
        schema["else"] = {"properties": {"target": False}}
    return schema


def _without_default(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: part for key, part in schema.items() if key != "default"}


def lists(children: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"type": st.just("array"), "items": children},
        optional={
            "minItems": st.integers(0, 2),
            "uniqueItems": st.booleans(),
            "x-ui": st.fixed_dictionaries({"widget": st.sampled_from(["lines", "choices", "yaml"])}),
        },
    )


def maps(children: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"type": st.just("object"), "additionalProperties": children}, optional={"maxProperties": st.integers(1, 3)}
    )


def _deeper(children: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    conditional = st.builds(_conditional, scalars.map(_without_default), st.booleans())
    return st.one_of(objects(children), choices(children), lists(children), maps(children), conditional)


parts = st.recursive(st.one_of(scalars, anything), _deeper, max_leaves=8)
schemas = objects(parts, closed=True)

free_values = st.recursive(
    st.one_of(PLAIN, st.integers(-5, 12), st.booleans(), st.sampled_from([0.5, 2.0, -1.25])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(PLAIN.filter(bool), inner, max_size=3)),
    max_leaves=6,
)


def values_of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that mostly have the shape of ``schema``, and now and then none of it."""
    return st.one_of(_shaped(schema), _shaped(schema), _shaped(schema), free_values)


def _shaped(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if schema.get("enum"):
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    if schema.get("oneOf"):
        return st.one_of(*[inputs_of(branch) for branch in schema["oneOf"]])
    kind = schema.get("type")
    if kind == "object":
        return inputs_of(schema)
    if kind == "array":
        return st.lists(values_of(schema["items"]), max_size=3)
    known = {"string": st.one_of(PLAIN, TEXTS), "integer": st.integers(-5, 12), "boolean": st.booleans()}
    return known.get(str(kind), free_values)


def inputs_of(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    properties = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    known = st.fixed_dictionaries({}, optional={name: values_of(part) for name, part in properties.items()})
    if not isinstance(extra, dict):
        return known
    more = st.dictionaries(st.sampled_from(["X", "Y Z", "p.q"]), values_of(extra), max_size=2)
    return st.builds(lambda one, other: {**other, **one}, known, more)


def post(inputs: tuple[Input, ...]) -> QueryDict:
    """What a browser posts of a form that nobody touched, as the templates draw it."""
    posted = QueryDict(mutable=True)
    for one in inputs:
        _posted(one, posted)
    return posted


def _posted(one: Input, posted: QueryDict) -> None:
    match one.kind:
        case "map":
            posted.appendlist(f"{one.name}.rows", "1")
            for entry in one.entries:
                posted.appendlist(f"{one.name}.key", entry.key)
                posted.appendlist(f"{one.name}.value", _typed(entry.value, several=entry.long))
        case "items" | "objects":
            posted.appendlist(f"{one.name}.row", "")
            for row in one.rows:
                _posted_row(one, row, posted)
        case "group" | "choice":
            for inner in one.inputs:
                _posted(inner, posted)
        case "checks":
            posted.appendlist(f"{one.name}.rows", "1")
            for option in one.options:
                if option.selected:
                    posted.appendlist(one.name, option.value)
        case "checkbox":
            posted.appendlist(f"{one.name}.seen", one.value)
            if one.checked:
                posted.appendlist(one.name, "true")
        case "select" | "choices" | "reference":
            chosen = [option.value for option in one.options if option.selected]
            if chosen or (one.kind != "choices" and one.options):
                posted.appendlist(one.name, (chosen or [one.options[0].value])[-1])
        case _:
            posted.appendlist(one.name, _typed(one.value, several=one.kind in ("textarea", "lines", "data")))
            if one.blank:
                posted.appendlist(f"{one.name}.blank", "1")


def _posted_row(one: Input, row: Row, posted: QueryDict) -> None:
    posted.appendlist(f"{one.name}.row", row.marker)
    if one.kind == "objects" and not row.data:
        for inner in row.inputs:
            _posted(inner, posted)
    elif row.options:
        posted.appendlist(row.name, next((option.value for option in row.options if option.selected), ""))
    else:
        posted.appendlist(row.name, _typed(row.value, several=row.long or row.data))


def _typed(text: str, *, several: bool) -> str:
    """As HTML has it: a text area posts CRLF, and a field of one line drops line breaks."""
    return text.replace("\n", "\r\n") if several else text.replace("\n", "")

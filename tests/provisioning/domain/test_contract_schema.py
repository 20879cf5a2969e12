"""The part of JSON Schema that contracts may use: what fits, what is said, and what is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest

from provisioning.domain.schema import apply_defaults, at, check_schema, fits, numbers_as_floats, validate

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["image"],
    "properties": {
        "image": {
            "type": "string",
            "minLength": 1,
            "title": "Image",
            "pattern": "^[a-z0-9./:-]+$",
            "x-messages": [{"found": "\\s", "say": "has a space; an image name has none"}],
            "x-message": "must be an image name such as registry.example/name:1.0",
        },
        "storageGiB": {"type": "integer", "minimum": 1, "maximum": 500, "default": 10, "x-unit": "GiB"},
        "major": {"type": "string", "enum": ["16", "17"], "default": "17"},
        "tls": {"type": "boolean"},
        "ratio": {"type": "number", "exclusiveMinimum": 0},
        "step": {"type": "integer", "multipleOf": 5},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 2, "uniqueItems": True},
        "env": {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Z_]+$", "x-message": "must be capital letters"},
            "additionalProperties": {"type": "string"},
            "maxProperties": 2,
        },
        "health": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"path": {"type": "string", "default": "/"}, "seconds": {"type": "integer"}},
            "default": {},
        },
    },
}


@pytest.mark.parametrize(
    ("inputs", "path", "message"),
    [
        pytest.param({}, "inputs.image", "is required: Image", id="missing"),
        pytest.param({"image": "a b"}, "inputs.image", "has a space; an image name has none", id="space"),
        pytest.param(
            {"image": "A"}, "inputs.image", "must be an image name such as registry.example/name:1.0", id="pattern"
        ),
        pytest.param({"image": "a\n"}, "inputs.image", "has a space; an image name has none", id="line-break-at-end"),
        pytest.param({"image": 5}, "inputs.image", "must be text; put it in quotes", id="number-for-text"),
        pytest.param({"storageGiB": 0}, "inputs.storageGiB", "must be at least 1 GiB", id="minimum"),
        pytest.param({"storageGiB": 501}, "inputs.storageGiB", "must be at most 500 GiB", id="maximum"),
        pytest.param(
            {"storageGiB": "5"}, "inputs.storageGiB", "must be a whole number, written without quotes", id="quoted"
        ),
        pytest.param({"storageGiB": 1.5}, "inputs.storageGiB", "must be a whole number", id="fraction"),
        pytest.param({"storageGiB": True}, "inputs.storageGiB", "must be a whole number", id="boolean-for-number"),
        pytest.param({"major": "15"}, "inputs.major", "must be one of 16, 17", id="enum"),
        pytest.param({"tls": "yes"}, "inputs.tls", "must be true or false", id="text-for-boolean"),
        pytest.param({"ratio": 0}, "inputs.ratio", "must be more than 0", id="exclusive-minimum"),
        pytest.param({"step": 7}, "inputs.step", "must be a multiple of 5", id="multiple"),
        pytest.param({"tags": ["a", "b", "c"]}, "inputs.tags", "must have at most 2 items; it has 3", id="too-many"),
        pytest.param({"tags": ["a", "a"]}, "inputs.tags", "must not hold the same item twice", id="twice"),
        pytest.param(
            {"tags": ["a", "toolong"]}, "inputs.tags.1", "must have at most 5 characters; it has 7", id="item"
        ),
        pytest.param({"tags": "a"}, "inputs.tags", "must be a list", id="text-for-list"),
        pytest.param({"env": {"a b": "1"}}, "inputs.env.a b", "as a name must be capital letters", id="name-of-key"),
        pytest.param({"env": {"A": 1}}, "inputs.env.A", "must be text; put it in quotes", id="value-of-key"),
        pytest.param(
            {"health": {"pat": "/"}}, "inputs.health.pat", "is not known here; did you mean “path”", id="typo"
        ),
        pytest.param(
            {"storage": 5}, "inputs.storage", "is not known here; did you mean “storageGiB”", id="unknown-input"
        ),
    ],
)
def test_it_says_what_is_right(inputs: dict[str, Any], path: str, message: str) -> None:
    given = {"image": "a", **inputs} if inputs else inputs
    assert [(error.path, error.message) for error in validate(given, SCHEMA, "inputs")] == [(path, message)]


def test_it_names_every_place_that_is_wrong() -> None:
    wrong = validate({"storageGiB": 0, "major": "1", "x": 1, "y": 2}, SCHEMA)
    assert {error.path for error in wrong} == {"image", "storageGiB", "major", "x", "y"}


@pytest.mark.parametrize(
    ("inputs", "wrong"),
    [
        pytest.param({"image": "${resources.a.outputs.b}"}, 0, id="whole-for-pattern"),
        pytest.param({"image": "a", "storageGiB": "${resources.a.outputs.b}"}, 0, id="whole-for-integer"),
        pytest.param({"image": "a", "health": "${resources.a.outputs.b}"}, 0, id="whole-for-map"),
        pytest.param({"image": "a:${resources.a.outputs.b}"}, 0, id="embedded-is-text"),
        pytest.param({"image": "a", "storageGiB": "1${resources.a.outputs.b}"}, 1, id="embedded-is-no-number"),
        pytest.param({"image": "a", "${resources.a.outputs.b}": 1}, 1, id="as-a-key"),
        pytest.param({"image": "$${A}"}, 0, id="escaped-is-judged-once-filled"),
        pytest.param({"image": "${resources"}, 1, id="not-closed"),
    ],
)
def test_it_leaves_references_to_the_graph(inputs: dict[str, Any], wrong: int) -> None:
    assert len(validate(inputs, SCHEMA)) == wrong


def test_it_fills_defaults_at_every_depth_and_keeps_what_is_given() -> None:
    filled = apply_defaults({"image": "a", "storageGiB": 2.0}, SCHEMA)
    assert filled == {"image": "a", "storageGiB": 2, "major": "17", "health": {"path": "/"}}
    assert type(filled["storageGiB"]) is int


def test_it_does_not_share_defaults_between_values() -> None:
    apply_defaults({"image": "a"}, SCHEMA)["health"]["path"] = "/changed"
    assert apply_defaults({"image": "a"}, SCHEMA)["health"] == {"path": "/"}


def test_it_shows_numbers_to_expressions_as_one_type() -> None:
    shown = numbers_as_floats({"ratio": 1, "storageGiB": 1}, SCHEMA)
    assert (type(shown["ratio"]), type(shown["storageGiB"])) == (float, int)


@pytest.mark.parametrize(
    ("schema", "path", "words"),
    [
        pytest.param([], "s", "must be a JSON Schema", id="list"),
        pytest.param({"$ref": "file:///etc/passwd"}, "s.$ref", "must begin with “#”", id="ref-to-a-file"),
        pytest.param(
            {"properties": {"a": {"$ref": "https://example.test/x"}}}, "s.properties.a.$ref", "begin with “#”", id="url"
        ),
        pytest.param({"$ref": "#/$defs/gone"}, "s.$ref", "points at nothing", id="dangling-ref"),
        pytest.param({"$ref": "#"}, "s.$ref", "refers to itself", id="ref-to-itself"),
        pytest.param({"anyOf": []}, "s.anyOf", "not a keyword that contracts may use", id="outside-the-subset"),
        pytest.param({"propertys": {}}, "s.propertys", "did you mean “properties”", id="mistyped-keyword"),
        pytest.param({"type": ["string", "null"]}, "s.type", "must be one of array, boolean", id="two-types"),
        pytest.param({"type": "text"}, "s.type", "must be one of array, boolean", id="unknown-type"),
        pytest.param({"type": "integer", "minimum": "1"}, "s.minimum", "not valid JSON Schema", id="wrong-keyword"),
        pytest.param({"type": "string", "pattern": "("}, "s.pattern", "not a regular expression", id="bad-pattern"),
        pytest.param(
            {"type": "string", "pattern": "^([a-z]+)*$"}, "s.pattern", "repeats a repetition", id="backtracks"
        ),
        pytest.param(
            {"type": "integer", "minimum": 5, "default": 1}, "s.default", "the default does not fit", id="bad-default"
        ),
    ],
)
def test_it_refuses_schemas(schema: Any, path: str, words: str) -> None:
    found = check_schema(schema, "s")
    assert path in [error.path for error in found]
    assert words in found[0].message


def test_it_refuses_a_schema_nested_without_end() -> None:
    schema: dict[str, Any] = {}
    for _ in range(30):
        schema = {"type": "array", "items": schema}
    assert "deeper than" in check_schema(schema)[0].message


@pytest.mark.parametrize(
    ("given", "wanted", "reason"),
    [
        pytest.param({"type": "string"}, {"type": "string"}, None, id="same"),
        pytest.param({"type": "integer"}, {"type": "number"}, None, id="integer-is-a-number"),
        pytest.param({"type": "number"}, {"type": "integer"}, "it is a number, and this takes a whole number", id="no"),
        pytest.param({"type": "string"}, {"type": "object"}, "it is text, and this takes a map", id="text-for-map"),
        pytest.param({}, {"type": "object"}, None, id="open"),
        pytest.param(
            {"type": "object", "properties": {"a": {"type": "string"}}},
            {"type": "object", "required": ["b"]},
            "it has no “b”, which this needs",
            id="missing-key",
        ),
        pytest.param(
            {"type": "object", "properties": {"a": {"type": "string"}}},
            {"type": "object", "properties": {"a": {"type": "integer"}}},
            "in “a” it is text, and this takes a whole number",
            id="wrong-key",
        ),
        pytest.param(
            {"type": "array", "items": {"type": "string"}},
            {"type": "array", "items": {"type": "integer"}},
            "it is text, and this takes a whole number",
            id="items",
        ),
    ],
)
def test_it_knows_which_types_fit(given: dict[str, Any], wanted: dict[str, Any], reason: str | None) -> None:
    assert fits(given, wanted) == reason


def test_it_finds_the_schema_of_what_lies_inside() -> None:
    assert at(SCHEMA, ("health", "path")) == {"type": "string", "default": "/"}
    assert at(SCHEMA, ("env", "ANY")) == {"type": "string"}
    assert at(SCHEMA, ("tags", "0")) == {"type": "string", "maxLength": 5}
    assert at(SCHEMA, ("gone",)) is None


def test_it_judges_a_hostile_text_quickly() -> None:
    started = time.thread_time()
    assert validate({"image": "a" * 60_000 + "!"}, SCHEMA)
    assert time.thread_time() - started < 1

"""Choices by a constant and conditions: what is admitted, what applies to a value, what a next version may change."""

from __future__ import annotations

import pytest

from provisioning.domain.compatibility_schema import narrowings, not_proven
from provisioning.domain.form_hints import hint_problems
from provisioning.domain.schema import apply_defaults, check_schema, validate


def branch(kind, **properties):
    inner = {"kind": {"const": kind}, **properties}
    return {"type": "object", "additionalProperties": False, "required": ["kind"], "properties": inner}


GIT, BUCKET = branch("git", depth={"type": "integer", "default": 1}), branch("bucket", name={"type": "string"})
SOURCE = {"type": "object", "oneOf": [GIT, BUCKET]}
MODE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"mode": {"enum": ["a", "b"], "default": "a"}, "at": {"type": "string"}},
    "if": {"properties": {"mode": {"const": "b"}}},
    "then": {"required": ["at"]},
    "else": {"properties": {"at": False}},
}


@pytest.mark.parametrize(
    ("schema", "value", "paths"),
    [
        (SOURCE, {"kind": "git"}, []),
        (SOURCE, {"kind": "git", "name": "x"}, ["name"]),
        (SOURCE, {"kind": "ftp"}, ["kind"]),
        (SOURCE, {"kind": "${resources.a.outputs.b}"}, ["kind"]),
        (SOURCE, {}, ["kind"]),
        (MODE, {}, []),
        (MODE, {"mode": "b"}, ["at"]),
        (MODE, {"at": "x"}, ["at"]),
        (MODE, {"mode": "b", "at": "x"}, []),
    ],
)
def test_it_names_the_place_of_what_does_not_fit(schema, value, paths):
    assert check_schema(schema) == []
    assert [one.path for one in validate(apply_defaults(value, schema), schema)] == paths


def test_it_fills_in_the_defaults_of_what_is_chosen():
    assert apply_defaults({"kind": "git"}, SOURCE) == {"kind": "git", "depth": 1}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "oneOf": [{"type": "object"}]},
        {"type": "object", "oneOf": [GIT, GIT]},
        {**MODE, "if": {"properties": {"at": {"const": "b"}}}},
        {**MODE, "then": {"minProperties": 1}},
        {**MODE, "then": {"required": ["elsewhere"]}},
    ],
    ids=["no constant", "the same constant", "holds where it is left out", "another keyword", "an unknown input"],
)
def test_it_refuses_what_no_form_can_draw(schema):
    assert check_schema(schema, "s")


@pytest.mark.parametrize(
    ("old", "new", "wide"),
    [
        ({"type": "object", "oneOf": [GIT]}, SOURCE, True),
        (SOURCE, {"type": "object", "oneOf": [GIT]}, False),
        (MODE, {**MODE, "then": {"required": ["at", "mode"]}}, False),
        (MODE, {key: part for key, part in MODE.items() if key not in ("if", "then", "else")}, True),
    ],
    ids=["a choice more", "a choice less", "another condition", "no condition"],
)
def test_it_judges_what_a_next_version_takes(old, new, wide):
    assert (not narrowings(old, new)) is wide
    if old == new:
        assert not not_proven(old, new)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "x-ui": {"widget": "dial"}},
        {"type": "string", "x-ui": {"colour": "red"}},
        {"type": "boolean", "x-ui": {"widget": "textarea"}},
        {"type": "string", "x-options": {"from": "web"}},
        {"type": "string", "x-options": {"from": "api", "path": "https://elsewhere.example/"}},
        {"type": "integer", "x-options": {"from": "images"}},
    ],
)
def test_it_refuses_hints_that_mean_nothing(schema):
    assert list(hint_problems(schema, "s"))

"""A contract's schema is documented in words, in the order of the form."""

from __future__ import annotations

import pytest

from portal.reading.schema_table import rows, type_text

TYPES = {
    "a range": ({"type": "integer", "minimum": 1, "maximum": 500}, "integer, 1 to 500"),
    "a range with its unit": (
        {"type": "integer", "minimum": 1, "maximum": 5, "x-unit": "GiB"},
        "integer, 1 to 5 GiB",
    ),
    "only a least": ({"type": "number", "minimum": 2}, "number, at least 2"),
    "only a most": ({"type": "integer", "maximum": 9}, "integer, at most 9"),
    "a least of zero says nothing": ({"type": "integer", "minimum": 0}, "integer"),
    "text": ({"type": "string"}, "text"),
    "a format": ({"type": "string", "format": "hostname"}, "hostname"),
    "a length": ({"type": "string", "minLength": 2, "maxLength": 4}, "text, 2 to 4 characters"),
    "a choice of words": ({"enum": ["small", "large"]}, "small or large"),
    "a choice of digits keeps its quotes": ({"enum": ["16", "17"]}, '"16" or "17"'),
    "a choice with labels": ({"enum": ["small"], "x-labels": {"small": "1 CPU"}}, "small (1 CPU)"),
    "a long choice is cut": ({"enum": list("abcdefgh")}, "a, b, c, d, e, f and 2 more"),
    "yes or no": ({"type": "boolean"}, "yes or no"),
    "a list": ({"type": "array", "items": {"type": "string"}, "maxItems": 3}, "list of text, at most 3 entries"),
    "a map": ({"type": "object", "additionalProperties": {"type": "string"}}, "map of names to text"),
    "a constant": ({"const": 5}, "always 5"),
    "two types": ({"type": ["string", "null"]}, "text or nothing"),
    "any of": ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "integer or text"),
    "no type": ({}, "any value"),
}


@pytest.mark.parametrize(("schema", "words"), TYPES.values(), ids=TYPES.keys())
def test_it_says_the_type(schema, words):
    assert type_text(schema) == words


SCHEMA = {
    "type": "object",
    "required": ["image", "size"],
    "properties": {
        "args": {"type": "array", "x-advanced": True, "x-order": 1},
        "size": {"enum": ["small"], "default": "small", "x-order": 2, "x-scope": "environment", "x-immutable": True},
        "image": {"type": "string", "title": "Image", "description": "Its name.", "x-order": 1},
        "probe": {
            "type": "object",
            "x-order": 3,
            "properties": {"path": {"$ref": "#/$defs/path"}},
        },
    },
    "$defs": {"path": {"type": "string", "default": "/"}},
}


def test_it_orders_as_the_form_and_goes_into_objects():
    assert [row.name for row in rows(SCHEMA)] == ["image", "size", "probe", "probe.path", "args"]


def test_it_says_what_is_required_kept_and_fixed():
    found = {row.name: row for row in rows(SCHEMA)}
    assert (found["image"].required, found["size"].required) == (True, False)
    assert (found["size"].stays, found["image"].stays) == (True, False)
    assert found["size"].notes == ("Stays as chosen",)
    assert (found["size"].default, found["image"].default, found["probe.path"].default) == ("small", "", "/")
    assert found["image"].meaning == "Image. Its name."


def test_it_ends_with_a_schema_that_refers_to_itself():
    schema = {"properties": {"a": {"$ref": "#"}}}
    assert 1 <= len(rows(schema)) <= 6


def test_it_documents_entries_of_lists_and_the_forms_of_an_object():
    path = {"type": "string"}
    git = {
        "properties": {"kind": {"const": "git"}, "url": {"type": "string", "x-immutable": True}},
        "required": ["url"],
    }
    schema = {
        "type": "object",
        "properties": {
            "mounts": {
                "type": "array",
                "items": {"type": "object", "required": ["path"], "properties": {"path": path}},
            },
            "hosts": {"type": "object", "additionalProperties": {"type": "object", "properties": {"port": path}}},
            "source": {"type": "object", "properties": {"kind": path}, "oneOf": [{"$ref": "#/$defs/git"}, {}]},
            "mode": {"enum": ["always", "by-schedule"]},
        },
        "allOf": [
            {
                "if": {"properties": {"mode": {"const": "by-schedule"}}},
                "then": {"properties": {"schedule": path}, "required": ["schedule"]},
                "else": {"properties": {"grace": path}},
            }
        ],
        "$defs": {"git": git},
    }
    told = {row.name: (row.required, row.notes) for row in rows(schema)}
    assert told == {
        "mounts": (False, ()),
        "mounts[].path": (True, ()),
        "hosts": (False, ()),
        "hosts.*.port": (False, ()),
        "source": (False, ()),
        "source.kind": (False, ()),
        "source.url": (False, ("Only when kind is git", "Stays as chosen")),
        "mode": (False, ()),
        "schedule": (False, ("Only when mode is by-schedule",)),
        "grace": (False, ("Unless mode is by-schedule",)),
    }


def test_it_ends_on_a_schema_that_holds_itself():
    schema = {"properties": {"tree": {"$ref": "#/$defs/tree"}}}
    schema["$defs"] = {
        "tree": {"properties": {"left": {"$ref": "#/$defs/tree"}, "all": {"items": {"$ref": "#/$defs/tree"}}}}
    }
    assert 4 < len(rows(schema)) < 100

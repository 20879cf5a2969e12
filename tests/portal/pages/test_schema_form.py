"""Contracts' schemas become fields, and posted fields become values, with nothing lost on the way."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict

from portal.forms.schema_form import fields
from portal.forms.schema_inputs import Drawing, Output, every
from portal.forms.schema_kinds import kind_of
from portal.forms.schema_values import defaults, values

HOST = Output("${resources.db.outputs.host}", "db.host", "string")
PORT = Output("${resources.db.outputs.port}", "db.port", "integer")
PASSWORD = Output("${resources.db.outputs.credentials.password}", "db.credentials.password", "string", secret=True)
TARGET = {
    "type": "object",
    "required": ["name", "port"],
    "properties": {"name": {"type": "string"}, "port": {"type": "integer"}},
}
SERVICE = Output("${resources.api.outputs.service}", "api.service", "object", schema=TARGET)
LINES = {"type": "array", "items": {"type": "string"}, "x-ui": {"widget": "lines"}}
OFFERS = (HOST, PORT, PASSWORD, SERVICE)


def one(schema: dict[str, Any], value: Any = None, *, required: bool = False, errors: dict[str, str] | None = None):
    whole = {"type": "object", "properties": {"it": schema}, "required": ["it"] if required else []}
    given = {} if value is None else {"it": value}
    return fields(whole, given, Drawing("r.db", errors or {}, OFFERS))[0]


def read(schema: dict[str, Any], posted: str, *, required: bool = False) -> dict[str, Any]:
    whole = {"type": "object", "properties": {"it": schema}, "required": ["it"] if required else []}
    return values(whole, QueryDict(posted), "r.db.inputs")


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        pytest.param({"type": "string"}, "text", id="string"),
        pytest.param({"type": "string", "x-multiline": True}, "textarea", id="long string"),
        pytest.param({"type": "integer"}, "number", id="integer"),
        pytest.param({"type": "number"}, "number", id="number"),
        pytest.param({"type": "boolean"}, "checkbox", id="boolean"),
        pytest.param({"type": "string", "enum": ["a"]}, "select", id="enum"),
        pytest.param({"enum": [1, 2]}, "select", id="enum without type"),
        pytest.param({"type": "object", "additionalProperties": {"type": "string"}}, "map", id="map of strings"),
        pytest.param({"type": "object", "properties": {"a": {"type": "string"}}}, "group", id="nested object"),
        pytest.param({"type": "object"}, "reference", id="open object"),
        pytest.param({"type": "array", "items": {"type": "string"}}, "items", id="array of strings"),
        pytest.param(
            {"type": "array", "items": {"type": "string"}, "x-ui": {"widget": "lines"}}, "lines", id="array as lines"
        ),
        pytest.param(
            {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True}, "checks", id="array of choices"
        ),
        pytest.param({"type": "array", "items": {"type": "object"}}, "data", id="array of open objects"),
        pytest.param(
            {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}}, "objects",
            id="array of objects",
        ),
        pytest.param({"type": "array", "items": {"type": "array", "items": {}}}, "data", id="array of arrays"),
        pytest.param({"type": "object", "additionalProperties": {"type": "object"}}, "data", id="map of objects"),
        pytest.param({"const": "a"}, "select", id="constant"),
        pytest.param({"type": "string", "x-ui": {"widget": "code"}}, "textarea", id="code"),
        pytest.param({"enum": ["a"], "x-ui": {"widget": "choices"}}, "choices", id="enum as choices"),
        pytest.param(
            {"type": "object", "properties": {"a": {}}, "x-ui": {"widget": "yaml"}}, "data", id="object as yaml"
        ),
        pytest.param({"type": ["string", "integer"]}, "text", id="string or integer"),
        pytest.param({}, "data", id="anything"),
    ],
)  # fmt: skip
def test_it_chooses_a_field_for_each_type(schema, kind):
    assert kind_of(schema) == kind
    assert one(schema).kind == kind


@pytest.mark.parametrize(
    ("schema", "posted", "expected"),
    [
        pytest.param({"type": "integer"}, "50", 50, id="integer"),
        pytest.param({"type": "integer"}, " 50 ", 50, id="integer with blanks"),
        pytest.param({"type": "integer"}, "fifty", "fifty", id="text in an integer's place is kept"),
        pytest.param({"type": "integer"}, "2.5", 2.5, id="fraction in an integer's place is kept"),
        pytest.param({"type": "integer"}, "1_000", "1_000", id="python's own digits are not numbers"),
        pytest.param({"type": "integer"}, "9" * 40, "9" * 40, id="a number too long to be one is text"),
        pytest.param({"type": "number"}, "0.25", 0.25, id="number"),
        pytest.param({"type": "number"}, "nan", "nan", id="nan is text"),
        pytest.param(
            {"type": "integer"}, "${resources.db.outputs.port}", "${resources.db.outputs.port}", id="reference"
        ),
        pytest.param({"type": "string"}, "8080", "8080", id="digits in a string stay a string"),
        pytest.param({"type": "string", "enum": ["16", "17"]}, "17", "17", id="enum of strings"),
        pytest.param({"enum": [16, 17]}, "17", 17, id="enum of integers"),
        pytest.param({"enum": [16, 17]}, "18", "18", id="a choice that is none is kept"),
        pytest.param({"type": "boolean"}, "on", True, id="ticked"),
        pytest.param(LINES, "a\r\n\r\nb ", ["a", "b"], id="lines"),
        pytest.param({**LINES, "items": {"type": "integer"}}, "1\nx", [1, "x"], id="lines of integers"),
        pytest.param({"type": "object"}, "${resources.api.outputs.service}", SERVICE.expression, id="object reference"),
        pytest.param({}, '{"a": [1]}', {"a": [1]}, id="data"),
        pytest.param({}, '{"a": ', '{"a":', id="data that is no JSON is kept"),
    ],
)
def test_it_reads_what_was_posted(schema, posted, expected):
    query = QueryDict(mutable=True)
    query["r.db.inputs.it"] = posted
    found = values({"type": "object", "properties": {"it": schema}}, query, "r.db.inputs")
    assert found == {"it": expected}
    assert type(found["it"]) is type(expected)


@pytest.mark.parametrize(
    ("schema", "required", "expected"),
    [
        pytest.param({"type": "string"}, False, {}, id="empty text is no value"),
        pytest.param({"type": "string"}, True, {}, id="also when it is required, so that the contract says so"),
        pytest.param({"type": "boolean"}, False, {}, id="unticked is no value"),
        pytest.param({"type": "boolean", "default": True}, False, {"it": False}, id="unticked against its default"),
        pytest.param({"type": "boolean"}, True, {"it": False}, id="unticked and required"),
        pytest.param({"type": "object", "additionalProperties": {"type": "string"}}, False, {}, id="no rows"),
        pytest.param({"type": "object", "properties": {"a": {"type": "string"}}}, False, {}, id="empty group"),
    ],
)
def test_it_reads_an_empty_field_as_no_value(schema, required, expected):
    posted = "r.db.inputs.it.seen=1" if schema["type"] == "boolean" else "r.db.inputs.it="
    assert read(schema, posted, required=required) == expected


def test_it_reads_maps_row_by_row_and_keeps_a_key_given_twice():
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    posted = "&".join(
        f"r.db.inputs.it.key={key}&r.db.inputs.it.value={value}"
        for key, value in [("HOST", "a"), ("", ""), ("PORT", "5432"), ("HOST", "b"), ("EMPTY", "")]
    )
    assert read(schema, posted) == {"it": {"HOST": "a", "PORT": "5432", "HOST (again)": "b", "EMPTY": ""}}


def test_it_reads_and_draws_a_nested_object():
    schema = {
        "type": "object",
        "required": ["path"],
        "properties": {"path": {"type": "string"}, "seconds": {"type": "integer", "default": 10}},
    }
    assert read(schema, "r.db.inputs.it.path=/healthz&r.db.inputs.it.seconds=5") == {
        "it": {"path": "/healthz", "seconds": 5}
    }
    drawn = one(schema, {"path": "/healthz"}, errors={"inputs.it.path": "Begin with a slash."})
    assert [part.name for part in drawn.inputs] == ["r.db.inputs.it.path", "r.db.inputs.it.seconds"]
    assert drawn.inputs[0].error == "Begin with a slash."
    assert drawn.inputs[1].placeholder == "10"


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        pytest.param({"type": "integer"}, "fifty", id="text in an integer's place"),
        pytest.param({"type": "string"}, 'a <b> & "c"', id="text"),
        pytest.param({"type": "boolean"}, "${resources.db.outputs.on}", id="reference in a boolean's place"),
        pytest.param({"type": "string", "enum": ["a"]}, "z", id="a choice that is none"),
        pytest.param({"type": "object", "additionalProperties": {"type": "string"}}, "${x}", id="reference for a map"),
        pytest.param({"type": "array", "items": {"type": "string"}}, {"no": "list"}, id="object in a list's place"),
        pytest.param({"type": "array", "items": {"type": "object"}}, [{"a": 1}], id="data"),
    ],
)
def test_it_loses_nothing_between_drawing_and_reading(schema, value):
    drawn = one(schema, value)
    query = QueryDict(mutable=True)
    query[drawn.name] = drawn.value
    found = values({"type": "object", "properties": {"it": schema}}, query, "r.db.inputs")
    assert found["it"] == value


@pytest.mark.parametrize(
    ("schema", "label", "unit", "hint"),
    [
        pytest.param(
            {"type": "integer", "title": "Storage (GiB)", "minimum": 1, "maximum": 500},
            *("Storage", "GiB", "1 to 500"),
            id="unit and limits",
        ),
        pytest.param(
            {"type": "integer", "minimum": 1, "description": "Only grows."},
            *("It", "", "1 or more. Only grows."),
            id="limits before words",
        ),
        pytest.param(
            {"type": "integer", "minimum": 1, "maximum": 5, "description": "From 1 to 5."},
            *("It", "", "From 1 to 5."),
            id="limits said already",
        ),
        pytest.param({"type": "boolean", "title": "Backups (daily)"}, "Backups", "", "", id="no unit on a tick"),
    ],
)
def test_it_takes_words_from_the_schema(schema, label, unit, hint):
    drawn = one(schema)
    assert (drawn.label, drawn.unit, drawn.hint) == (label, unit, hint)


@pytest.mark.parametrize(
    ("schema", "offered"),
    [
        pytest.param({"type": "string"}, [HOST, PORT], id="text takes plain values"),
        pytest.param({"type": "integer"}, [PORT], id="numbers take numbers"),
        pytest.param(
            {"type": "object", "additionalProperties": {"type": "string", "x-secret": True}},
            [HOST, PORT, PASSWORD],
            id="maps that take secrets",
        ),
        pytest.param(
            {"type": "object", "additionalProperties": {"type": "string"}}, [HOST, PORT], id="maps that take none"
        ),
    ],
)
def test_it_suggests_outputs_that_fit(schema, offered):
    assert list(one(schema).suggestions) == offered


@pytest.mark.parametrize(
    ("schema", "value", "required", "kind"),
    [
        pytest.param(TARGET, None, True, "reference", id="required and empty"),
        pytest.param(TARGET, None, False, "reference", id="an output fits"),
        pytest.param(TARGET, SERVICE.expression, False, "reference", id="a reference"),
        pytest.param(TARGET, {"name": "api", "port": 80}, True, "group", id="written out"),
        pytest.param(
            {"type": "object", "required": ["min"], "properties": {"min": {"type": "integer"}}}, None, False, "group",
            id="no output fits",
        ),
        pytest.param(
            {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "default": "b"}}}, None, True,
            "group", id="filled by defaults",
        ),
    ],
)  # fmt: skip
def test_it_picks_an_output_for_an_object_that_is_meant_to_be_one(schema, value, required, kind):
    assert one(schema, value, required=required).kind == kind


def test_it_reads_an_object_as_reference_or_written_out():
    assert read(TARGET, "r.db.inputs.it=${resources.api.outputs.service}") == {"it": SERVICE.expression}
    assert read(TARGET, "r.db.inputs.it.name=api&r.db.inputs.it.port=80") == {"it": {"name": "api", "port": 80}}


def test_it_keeps_the_author_s_order_and_folds_what_few_need():
    schema = {
        "type": "object",
        "properties": {
            "last": {"type": "string", "x-order": 3, "x-advanced": True},
            "first": {"type": "string", "x-order": 1},
            "second": {"type": "string", "x-order": 2, "x-advanced": True},
        },
    }
    drawn = fields(schema, {"last": "set"}, Drawing("r.db"))
    assert [(part.label, part.advanced) for part in drawn] == [("First", False), ("Second", True), ("Last", False)]


def test_it_offers_objects_to_a_reference_and_keeps_one_that_is_gone():
    options = one(TARGET, "${resources.old.outputs.service}", required=True).options
    assert [(option.value, option.label, option.selected) for option in options] == [
        (SERVICE.expression, "api.service", False),
        ("${resources.old.outputs.service}", "old.service", True),
    ]


def test_it_puts_errors_at_the_row_of_a_map():
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    drawn = one(schema, {"GOOD": "1", "bad key": "2"}, errors={"inputs.it.bad key": "Use letters, digits and _."})
    assert [entry.error for entry in drawn.entries] == ["", "Use letters, digits and _."]


@pytest.mark.parametrize(
    ("schema", "value", "required", "options", "selected"),
    [
        pytest.param({"enum": ["16", "17"], "default": "17"}, None, False, ["16", "17"], "17", id="the default"),
        pytest.param({"enum": ["16", "17"], "default": "17"}, "16", False, ["16", "17"], "16", id="what was chosen"),
        pytest.param(
            {"enum": [16, 17], "default": 17}, None, False, ["16", "17"], "17", id="a default that is no text"
        ),
        pytest.param({"enum": ["a"]}, None, False, ["", "a"], "", id="nothing, and nothing is needed"),
        pytest.param({"enum": ["a"]}, None, True, ["", "a"], "", id="nothing yet"),
        pytest.param({"enum": ["a"]}, "a", True, ["a"], "a", id="a required one cannot be unset"),
        pytest.param({"enum": ["a"]}, "b", True, ["a", "b"], "b", id="a choice that is none stays to be seen"),
    ],
)
def test_it_selects_exactly_what_would_be_asked_for(schema, value, required, options, selected):
    drawn = one(schema, value, required=required)
    assert [option.value for option in drawn.options] == options
    assert [option.value for option in drawn.options if option.selected] == [selected]


def test_it_marks_what_is_missing_without_calling_it_wrong():
    assert one({"type": "string"}, required=True).missing
    assert not one({"type": "string"}, "x", required=True).missing
    assert not one({"type": "string"}).missing
    assert not one({"type": "string", "default": "x"}, required=True).missing


def test_it_gives_every_field_its_own_id():
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "string"},
            "g": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}},
        },
    }
    ids = [part.id for part in every(fields(schema, {}, Drawing("r.db"))) if part.kind != "hidden"]
    assert len(ids) == len(set(ids)) == 4
    assert all("." not in name for name in ids)


def test_it_begins_a_resource_with_the_schema_s_defaults():
    schema = {
        "type": "object",
        "properties": {
            "size": {"type": "string", "default": "small"},
            "image": {"type": "string"},
            "health": {"type": "object", "default": {}, "properties": {"path": {"type": "string", "default": "/"}}},
            "autoscale": {
                "type": "object",
                "required": ["max"],
                "properties": {"max": {"type": "integer"}, "percent": {"type": "integer", "default": 70}},
            },
        },
    }
    assert defaults(schema) == {"size": "small", "health": {"path": "/"}}

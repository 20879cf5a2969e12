"""Whatever a contract may ask for: its form shows every value so that posting it back loses nothing, and says what is
wrong exactly when the contract does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from portal.forms.environment_draft import Draft, DraftResource, from_post
from portal.forms.request_form import Shown, resource_forms
from portal.forms.schema_form import fields
from portal.forms.schema_inputs import Drawing, every
from portal.forms.schema_values import asked_for, values
from portal.forms.yaml_text import why_not
from provisioning.domain.schema import apply_defaults, check_schema, validate
from tests.portal.pages.form_schemas import free_values, inputs_of, post, schemas
from tests.portal.pages.test_environment_draft import StandIn

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")


@st.composite
def drafts(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    schema = draw(schemas)
    assume(not check_schema(schema, "inputs"))
    return schema, draw(inputs_of(schema))


def read(schema: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs after one look at the form and a click."""
    return values(schema, post(fields(schema, inputs, Drawing("r.it"))), "r.it.inputs")


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(drafts())
def test_it_keeps_a_document_through_any_number_of_forms(draft):
    schema, inputs = draft
    once = read(schema, inputs)
    again = read(schema, asked_for(once))
    assert apply_defaults(asked_for(again), schema) == apply_defaults(asked_for(once), schema)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(drafts())
def test_it_asks_for_what_the_document_asked_for(draft):
    """Empty lists, maps and objects that mean nothing may go; no value does."""
    schema, inputs = draft
    assume(not validate(apply_defaults(inputs, schema), schema))
    after = apply_defaults(read(schema, inputs), schema)
    assert not validate(after, schema) or _has_blanks(inputs)
    assert _filled(after) == _filled(apply_defaults(inputs, schema)) or _has_blanks(inputs)


def _has_blanks(value: Any) -> bool:
    """Blanks around one line and empty containers are what forms cannot tell from nothing."""
    if isinstance(value, dict):
        return not value or any(_has_blanks(part) for part in value.values())
    if isinstance(value, list):
        return not value or any(_has_blanks(part) for part in value)
    return isinstance(value, str) and (value != value.strip() or bool(why_not(value)))


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _filled(part) for key, part in value.items()}
    return value


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(drafts())
def test_it_says_that_something_is_wrong_when_and_only_when_the_contract_does(draft):
    schema, inputs = draft
    contract = StandIn("it", inputs=schema)
    shown = Draft(system="s", resources=(DraftResource("it", "it", "it", inputs=inputs, kept=True),))
    posted = post(resource_forms(shown, lambda name: contract, Shown())[0].inputs)
    posted.appendlist("r", "it")
    posted.appendlist("r.it.capability", "it")
    again = from_post(posted, lambda name: contract, system="s", kept=frozenset({"it"}))
    asked = again.spec()["resources"]["it"]["inputs"]
    problems = validate(apply_defaults(asked, schema), schema, "spec.resources.it.inputs")
    form = resource_forms(again, lambda name: contract, Shown(problems=problems, strict=True))[0]
    said = [message for _, message in form.slots if message]
    unread = any(why_not(one.value) for one in every(form.inputs) if one.kind == "data")
    assert bool(said) == bool(problems) or unread, (problems, form.slots)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(schemas, free_values)
def test_it_draws_whatever_stands_there(schema, value):
    assume(not check_schema(schema, "inputs"))
    given_values = value if isinstance(value, dict) else {"a": value, "mode": value}
    for one in every(fields(schema, given_values, Drawing("r.it"))):
        assert one.name.startswith("r.it.inputs.")
    ids = [one.id for one in every(fields(schema, given_values, Drawing("r.it")))]
    assert len(ids) == len(set(ids))


DEEP = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"type": "boolean", "default": True}},
    "required": ["a"],
    "additionalProperties": False,
}
KEPT = {
    "a group with a group that must be there, left alone": (
        {"type": "object", "properties": {"deep": DEEP}, "required": ["deep"], "additionalProperties": False},
        None,
        None,
    ),
    "lines of which one is empty": (
        {"type": "array", "items": {"type": "string"}, "x-ui": {"widget": "lines"}},
        ["", "b"],
        ["", "b"],
    ),
    "lines that begin with a dash": (
        {"type": "array", "items": {"type": "string"}, "x-ui": {"widget": "lines"}},
        ["- a", "- b"],
        ["- a", "- b"],
    ),
}


@pytest.mark.parametrize(("part", "value", "expected"), KEPT.values(), ids=KEPT.keys())
def test_it_reads_back_what_it_showed(part: dict[str, Any], value: Any, expected: Any) -> None:
    schema = {"type": "object", "properties": {"it": part}, "required": [], "additionalProperties": False}
    found = read(schema, {} if value is None else {"it": value})
    assert found.get("it") == expected

"""The table of events: schemas that hold, what a line of a change's history tells, and the CloudEvent."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from governance.domain import event
from governance.domain.event import EVENT_TYPES, EventType

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
BASE = "https://slipway.example"


@pytest.mark.parametrize("one", EVENT_TYPES.values(), ids=list(EVENT_TYPES))
def test_its_example_fits_its_schema(one: EventType) -> None:
    schema = event.schema_document(one.key, BASE)
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(one.example)


@pytest.mark.parametrize("one", EVENT_TYPES.values(), ids=list(EVENT_TYPES))
def test_its_schema_wants_every_member(one: EventType) -> None:
    check = Draft202012Validator(event.schema_document(one.key, BASE))
    for name in one.example:
        without = {key: value for key, value in one.example.items() if key != name}
        assert not check.is_valid(without), name


@pytest.mark.parametrize(
    ("line", "state", "before", "told"),
    [
        ("submit", "pending", "", ("change.submitted",)),
        ("submit", "denied", "", ("change.denied",)),
        ("approve", "pending", "pending", ("change.decided",)),
        ("approve", "approved", "pending", ("change.approved",)),
        ("reject", "pending", "pending", ("change.decided",)),
        ("reject", "rejected", "pending", ("change.rejected",)),
        ("start", "running", "approved", ("run.started",)),
        ("resume", "running", "failed", ("run.started",)),
        ("succeed", "succeeded", "running", ("run.succeeded",)),
        ("fail", "failed", "running", ("run.failed",)),
        ("stop", "cancelled", "running", ("run.cancelled",)),
        ("cancel", "cancelled", "pending", ("change.cancelled",)),
        ("comment", "pending", "pending", ("change.commented",)),
        ("ask-again", "pending", "approved", ()),
    ],
)
def test_it_knows_what_a_line_tells(line: str, state: str, before: str, told: tuple[str, ...]) -> None:
    assert event.events_of_line(line, state, before) == told


@pytest.mark.parametrize(
    ("chosen", "key", "wanted"),
    [
        ([], "run.failed", True),
        (["run.failed"], "run.failed", True),
        (["run.failed"], "run.started", False),
        (["run.failed"], "webhook.test", True),
        ([], "notice.told", False),
        (["run.failed"], "notice.told", False),
        (["notice.told"], "notice.told", True),
        (["notice.told"], "run.failed", False),
    ],
)
def test_it_filters(chosen: list[str], key: str, wanted: bool) -> None:
    assert event.wanted(chosen, key) is wanted


@pytest.mark.parametrize(
    ("kinds", "key", "kind", "wanted"),
    [
        ([], "notice.told", "drain-over", True),
        (["drain-over"], "notice.told", "drain-over", True),
        (["drain-over"], "notice.told", "loan-due", False),
        (["drain-over"], "run.failed", "", True),
    ],
)
def test_it_filters_kinds_of_notices(kinds: list[str], key: str, kind: str, wanted: bool) -> None:
    assert event.wanted_kind(kinds, key, {"kind": kind}) is wanted


def test_it_names_types_that_are_not_there() -> None:
    assert event.unknown_types(["run.failed", "run.flew", "webhook.test"]) == ["run.flew", "webhook.test"]


def test_it_writes_a_cloud_event() -> None:
    written = event.cloud_event("evt_1", "run.failed", subject="a/b", at=NOW, data={"x": 1}, base_url=BASE)
    assert written == {
        "specversion": "1.0",
        "id": "evt_1",
        "source": BASE,
        "type": "dev.slipway.run.failed",
        "subject": "a/b",
        "time": "2026-03-02T09:30:00Z",
        "datacontenttype": "application/json",
        "dataschema": f"{BASE}/api/v1/events/types/run.failed/schema.json",
        "data": {"x": 1},
    }
    assert json.loads(event.body_of(written)) == written


def test_a_cloud_event_without_subject_has_none() -> None:
    assert "subject" not in event.cloud_event("evt_1", "run.failed", subject="", at=NOW, data={}, base_url=BASE)


def test_every_type_that_can_be_chosen_is_in_a_group() -> None:
    assert [one for group in event.groups().values() for one in group] == list(event.CHOICES)

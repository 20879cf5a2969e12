"""What happens to changes, runs and environments is told to who listens, with data that fits its schema."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from jsonschema import Draft202012Validator, FormatChecker

from governance.domain.event import schema_document
from governance.models import OutgoingEvent
from governance.services.budgets import budgets_set
from governance.services.webhooks import webhook_create
from idp.kernel.actor import PLATFORM
from provisioning.models import Change, Environment, Run
from provisioning.services.budget_gate import budgets_tell
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.decisions import change_approve, change_cancel, change_comment, change_reject
from provisioning.services.event_lines import (
    drift_event_told,
    environment_event_told,
    expiry_event_told,
)
from provisioning.services.freezes import freeze_declare, freeze_lift
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import carry_out, create, equip

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard(organisation: Organisation) -> Organisation:
    """An organisation whose every event somebody hears."""
    equip(organisation)
    webhook_create(organisation.actor("admin"), name="All", url="https://a.example/", team=None, now=NOW)
    return organisation


def told() -> list[str]:
    """Types of the events so far, each held against the schema that is served for it."""
    rows = list(OutgoingEvent.objects.order_by("id"))
    for row in rows:
        check = Draft202012Validator(
            schema_document(row.type, "https://slipway.example"), format_checker=FormatChecker()
        )
        check.validate(row.data)
    return [row.type for row in rows]


def test_a_life_is_told(heard: Organisation) -> None:
    change = create(heard)
    carry_out(Run.objects.get(change=change))
    assert told() == [
        "change.submitted",
        "change.approved",
        "run.started",
        "run.succeeded",
        "environment.ready",
    ]
    first = OutgoingEvent.objects.earliest("id")
    assert (first.subject, first.system, first.team) == ("checkout/try", heard.checkout, heard.payments)
    assert first.data["change"]["requester"] == "developer"
    request = ChangeRequest(kind="delete", system="checkout", environment="try", confirm="try", reason="Over.")
    OutgoingEvent.objects.all().delete()
    carry_out(Run.objects.get(change=change_submit(heard.actor("developer"), request, now=NOW)))
    assert told()[-2:] == ["run.succeeded", "environment.deleted"]


def test_a_failure_is_told_with_why(heard: Organisation) -> None:
    change = create(heard, "bad", api={"image": "registry.example/checkout-api:missing"})
    carry_out(Run.objects.get(change=change))
    assert told()[-2:] == ["run.failed", "environment.failed"]
    error = OutgoingEvent.objects.get(type="run.failed").data["error"]
    assert error["message"]
    assert error["step"]


@pytest.mark.parametrize(
    ("act", "events"),
    [
        ("approve", ["change.decided", "change.approved", "run.started"]),
        ("reject", ["change.decided", "change.rejected"]),
        ("cancel", ["change.cancelled"]),
        ("comment", ["change.commented"]),
    ],
)
def test_a_decision_is_told(heard: Organisation, act: str, events: list[str]) -> None:
    change = create(heard, "live", stage="prod")
    assert told() == ["change.submitted"]
    OutgoingEvent.objects.all().delete()
    actor = heard.actor("developer" if act == "cancel" else "maintainer")
    acts: dict[str, Any] = {
        "approve": lambda: change_approve(actor, change.pk, plan_digest=change.plan_digest, now=NOW),
        "reject": lambda: change_reject(actor, change.pk, comment="Not now.", now=NOW),
        "cancel": lambda: change_cancel(actor, change.pk, now=NOW),
        "comment": lambda: change_comment(actor, change.pk, comment="Why?", now=NOW),
    }
    acts[act]()
    assert told() == events
    if act == "approve":
        assert OutgoingEvent.objects.get(type="change.decided").data["verdict"] == "approve"


def test_a_restricted_system_is_told_to_its_team_only(organisation: Organisation) -> None:
    equip(organisation)
    actor = organisation.actor("admin")
    webhook_create(actor, name="Spy", url="https://a.example/", team=organisation.storefront, now=NOW)
    create(organisation)
    assert not OutgoingEvent.objects.exists()


def test_environments_tell_of_themselves(heard: Organisation) -> None:
    change = create(heard)
    environment = Environment.objects.select_related("system__team", "stage").get(pk=change.environment_id)
    OutgoingEvent.objects.all().delete()
    broken = [{"type": "Ready", "status": "False", "reason": "NotReady", "message": "api: 1 of 2."}]
    environment_event_told(environment, "degraded", broken, now=NOW)
    environment_event_told(environment, "progressing", [], now=NOW)
    expiry_event_told(environment, NOW + timedelta(days=1), now=NOW)
    drift_event_told(environment, [], now=NOW)
    assert told() == ["environment.degraded", "environment.expiring", "environment.drifted"]
    assert OutgoingEvent.objects.earliest("id").data["message"] == "api: 1 of 2."


def test_where_nobody_listens_a_change_costs_one_query_to_know_it(organisation: Organisation) -> None:
    equip(organisation)
    with CaptureQueriesContext(connection) as captured:
        create(organisation)
    about = [one["sql"] for one in captured.captured_queries if "webhookendpoint" in one["sql"]]
    assert len(about) == 1
    assert Change.objects.count() == 1
    assert not OutgoingEvent.objects.exists()


def test_a_freeze_tells_when_it_begins_and_when_it_is_over(heard: Organisation) -> None:
    webhook_create(
        heard.actor("maintainer"), name="Ours", url="https://b.example/", team=heard.payments, events=(), now=NOW
    )
    given = {"title": "Sale", "reason": "The sale.", "scope": {"systems": ["checkout"]}}
    made = freeze_declare(heard.actor("admin"), now=NOW, **given)
    freeze_lift(heard.actor("admin"), made.pk, now=NOW + timedelta(hours=1))
    assert told() == ["freeze.began", "freeze.began", "freeze.over", "freeze.over"]
    first, ours, *_ = OutgoingEvent.objects.order_by("id")
    assert (first.team, ours.team) == (None, heard.payments)
    assert first.data["freeze"]["scope"] == "system checkout"


@pytest.mark.parametrize("system", [None, "checkout"])
def test_a_budget_tells_once_a_step_and_month(heard: Organisation, system: str | None) -> None:
    carry_out(Run.objects.get(change=create(heard)))
    steps = [{"at": 50, "do": "tell"}]
    budgets_set(PLATFORM, team=heard.payments, budgets=[{"system": system, "amount": 1, "steps": steps}], now=NOW)
    before = len(told())
    budgets_tell(now=NOW + timedelta(hours=1))
    budgets_tell(now=NOW + timedelta(hours=2))
    assert told()[before:] == ["budget.reached"]
    event = OutgoingEvent.objects.order_by("id").last()
    assert event is not None
    assert (event.data["team"], event.data["system"]) == ("payments", system or "")

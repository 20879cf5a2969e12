"""Policies are asked again when a change starts: what they let through while it was planned may no longer hold."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from governance.models import Approval, Notice, Policy, Reservation
from governance.services.policies import policy_save
from idp.kernel.errors import PolicyDenied
from provisioning.models import Change, Environment, Run
from provisioning.services.decisions import change_approve
from provisioning.services.starts import change_start_next
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import carry_out, create, equip

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=2)


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made)
    return made


def rule(organisation: Organisation, name: str, when: str, effect: str = "deny", **spec: Any) -> Policy:
    document = {
        "apiVersion": "slipway.dev/v1",
        "kind": "Policy",
        "metadata": {"name": name},
        "spec": {"title": f"Rule {name}", "when": when, "effect": effect, "message": "Not now.", **spec},
    }
    return policy_save(organisation.actor("admin"), document=document, now=NOW)


def approve(organisation: Organisation, change: Change, who: str = "maintainer") -> Change:
    digest = Change.objects.values_list("plan_digest", flat=True).get(pk=change.pk)
    return change_approve(organisation.actor(who), change.pk, plan_digest=digest, now=LATER)


def test_it_starts_what_still_holds(organisation: Organisation) -> None:
    rule(organisation, "office-hours", "now.hour > 20")
    change = approve(organisation, create(organisation, "live", stage="prod"))
    assert change.state == "running"


@pytest.mark.parametrize(
    "when",
    [
        pytest.param("stage.production", id="a-policy-that-came-since"),
        pytest.param(f"now.hour >= {LATER.hour}", id="the-hour"),
        pytest.param("quota.cpu.limit < 20.0 || change.requester == 'developer'", id="who-asked"),
    ],
)
def test_it_denies_what_a_policy_forbids_by_then(organisation: Organisation, when: str) -> None:
    change = create(organisation, "live", stage="prod")
    rule(organisation, "new-rule", when)
    change = approve(organisation, change)
    assert change.state == "denied"
    assert not Run.objects.filter(change=change).exists()
    assert not Reservation.objects.filter(change_id=change.pk, state="held").exists()
    assert Environment.objects.get(pk=change.environment_id).state == "gone"
    said = {one["policy"]: one["outcome"] for one in change.verdicts}
    assert said == {"new-rule": "denies", "prod-needs-a-maintainer": "asks"}
    assert change.events.get(event="deny").text == "Not now."
    told = Notice.objects.get(person=organisation.developer, kind="change-denied")
    assert "Not now." in told.text


def test_it_does_not_count_what_the_change_holds_twice(organisation: Organisation) -> None:
    change = create(organisation, "live", stage="prod")
    held = Reservation.objects.get(change_id=change.pk)
    rule(organisation, "tight", f"quota.cpu.after > {float(held.cpu) + 0.01}")
    assert approve(organisation, change).state == "running"


def test_it_waits_for_an_approval_that_is_asked_for_by_then(organisation: Organisation) -> None:
    change = create(organisation, "live", stage="prod")
    rule(organisation, "platform-too", "stage.production", "require-approval", approvals=[{"from": "group:platform"}])
    change = approve(organisation, change)
    assert change.state == "pending"
    assert not Run.objects.filter(change=change).exists()
    states = dict(Approval.objects.filter(change_id=change.pk).values_list("source", "state"))
    assert states == {"team:payments:maintainer": "approved", "group:platform": "waiting"}
    assert Notice.objects.filter(person=organisation.platform_engineer, kind="change-waits").exists()
    assert approve(organisation, change, "platform_engineer").state == "running"


def test_a_policy_that_only_observes_holds_nothing_up(organisation: Organisation) -> None:
    change = create(organisation, "live", stage="prod")
    rule(organisation, "new-rule", "stage.production", mode="observe")
    assert approve(organisation, change).state == "running"


def test_what_waited_behind_a_run_is_asked_about_too(organisation: Organisation) -> None:
    first = create(organisation, "try")
    run = Run.objects.get(change=first)
    carry_out(run)
    change = Change.objects.get(pk=first.pk)
    waiting = Change.objects.create(
        **{
            field.attname: getattr(change, field.attname)
            for field in Change._meta.concrete_fields
            if field.attname not in ("id", "revision_id", "state", "kind", "base_id")
        },
        kind="update",
        state="approved",
        base_id=Environment.objects.get(pk=change.environment_id).desired_id,
    )
    rule(organisation, "new-rule", "true")
    change_start_next(waiting.environment_id or 0, now=LATER)
    waiting.refresh_from_db()
    assert waiting.state == "denied"
    assert Environment.objects.get(pk=waiting.environment_id).state == "ready"


def test_an_error_denies_and_tells_who_answers_for_the_policy(organisation: Organisation) -> None:
    change = create(organisation, "live", stage="prod")
    rule(organisation, "broken", "plan.resources[99].name == 'x'")
    change = approve(organisation, change)
    assert change.state == "denied"
    assert "99" not in str(change.verdicts) + change.events.get(event="deny").text
    notice = Notice.objects.get(kind="policy-errors")
    assert (notice.person, notice.url) == (organisation.admin, "/policies/broken/")
    assert "list does not have" in notice.text


def test_an_error_while_submitting_is_told_once_for_each_version(organisation: Organisation) -> None:
    row = rule(organisation, "broken", "plan.resources[99].name == 'x'")
    for name in ("one", "two"):
        with pytest.raises(PolicyDenied) as refused:
            create(organisation, name)
        assert "99" not in refused.value.message
    assert Notice.objects.filter(kind="policy-errors").count() == 1
    edited = deepcopy(row.document)
    edited["spec"]["when"] = "plan.resources[98].name == 'x'"
    policy_save(organisation.actor("admin"), document=edited, now=NOW)
    with pytest.raises(PolicyDenied):
        create(organisation, "three")
    assert Notice.objects.filter(kind="policy-errors").count() == 2

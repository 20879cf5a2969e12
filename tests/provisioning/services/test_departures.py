"""Promotions that wait for their time: a moment that was asked for, and the windows of the stage."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from governance.models import Notice
from governance.services.policies import policy_save
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Forbidden, InvalidInput
from provisioning.domain.driver import ObjectRef
from provisioning.models import Change, Drift, Environment, Run, Stage, StartHold
from provisioning.selectors.departures import departures_of
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.decisions import change_approve, change_cancel
from provisioning.services.departures import stage_windows_set
from provisioning.services.drift import drift_revert, drift_snooze
from provisioning.services.starts import changes_start_due
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip, sandbox, spec
from tests.provisioning.reconciler.watching import observe_once

pytestmark = pytest.mark.django_db
HOSTS = {"resources": {"shop": {"inputs": {"host": "shop.staging.example"}}}}
LATE = NOW + timedelta(hours=2)
DENY = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "no-promotion"},
    "spec": {
        "title": "Nothing is promoted",
        "mode": "enforce",
        "when": "change.kind == 'promote'",
        "effect": "deny",
        "message": "Promotions are stopped.",
        "tests": [{"name": "an update is free", "facts": {"change": {"kind": "update"}}, "expect": "pass"}],
    },
}


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made)
    carry_out(Run.objects.get(change=create(made)))
    return made


def promote(organisation: Organisation, *, now: datetime = NOW + timedelta(hours=1), **asked: object) -> Change:
    request = ChangeRequest("promote", "checkout", "staging", source="try", spec=HOSTS, **asked)  # type: ignore[arg-type]
    return change_submit(organisation.actor("developer"), request, now=now)


def windows(organisation: Organisation, *days: str, start: str = "09:00", end: str = "10:00") -> None:
    stage_windows_set(
        organisation.actor("admin"),
        Stage.objects.get(name="staging"),
        windows=[{"days": list(days), "from": start, "to": end}],
        zone="UTC",
        now=NOW,
    )


def test_it_starts_a_promotion_at_its_moment(organisation):
    change = promote(organisation, not_before=LATE.isoformat())
    assert (change.state, change.hold.starts_at) == ("approved", LATE)
    assert changes_start_due(now=LATE - timedelta(seconds=1)) == 0
    assert changes_start_due(now=LATE) == 1
    carry_out(Run.objects.get(change=change), Clock(LATE))
    change.refresh_from_db()
    assert change.state == "succeeded"


def test_it_starts_at_once_what_was_asked_for_the_past(organisation):
    assert promote(organisation, not_before=NOW.isoformat()).state == "running"


def test_it_waits_for_the_stage_s_window_and_says_when(organisation):
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(NOW + timedelta(days=2)).weekday()]
    windows(organisation, day)
    change = promote(organisation)
    opening = (NOW + timedelta(days=2)).replace(hour=9, minute=0, second=0, microsecond=0)
    assert change.hold.starts_at == opening
    assert "09:00 UTC" in departures_of([change.pk])[change.pk].words
    assert change.events.filter(event="schedule").count() == 1
    assert changes_start_due(now=opening - timedelta(minutes=1)) == 0
    assert changes_start_due(now=opening) == 1


def test_it_starts_earlier_when_the_windows_are_removed(organisation):
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(NOW + timedelta(days=2)).weekday()]
    windows(organisation, day)
    change = promote(organisation)
    stage_windows_set(organisation.actor("admin"), Stage.objects.get(name="staging"), windows=[], zone="UTC", now=LATE)
    assert changes_start_due(now=LATE) == 1
    change.refresh_from_db()
    assert change.state == "running"


def test_windows_hold_promotions_only(organisation):
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(NOW + timedelta(days=2)).weekday()]
    windows(organisation, day)
    assert create(organisation, "plain", stage="staging", shop={"host": "plain.example"}).state == "running"


def test_it_can_be_cancelled_while_it_waits(organisation):
    change = promote(organisation, not_before=LATE.isoformat())
    change_cancel(organisation.actor("developer"), change.pk, now=NOW + timedelta(hours=1))
    assert changes_start_due(now=LATE) == 0
    assert not Run.objects.filter(change=change).exists()


def test_it_is_judged_anew_when_its_moment_comes(organisation):
    change = promote(organisation, not_before=LATE.isoformat())
    policy_save(PLATFORM, document=DENY, now=NOW)
    assert changes_start_due(now=LATE) == 0
    change.refresh_from_db()
    assert change.state == "denied"


def test_a_waiting_promotion_keeps_nothing_else_from_starting(organisation):
    first = promote(organisation)
    carry_out(Run.objects.get(change=first), Clock(NOW + timedelta(hours=1)))
    now = NOW + timedelta(hours=3)
    update = ChangeRequest("sleep", "checkout", "staging")
    change_submit(organisation.actor("developer"), ChangeRequest("sleep", "checkout", "try"), now=now)
    assert change_submit(organisation.actor("developer"), update, now=now).state == "running"
    assert StartHold.objects.count() == 0


@pytest.mark.parametrize(
    "asked", [{"not_before": "soon"}, {"not_before": (NOW + timedelta(days=200)).isoformat()}], ids=["words", "far"]
)
def test_it_refuses_a_moment_that_is_none(organisation, asked):
    with pytest.raises(InvalidInput) as raised:
        promote(organisation, **asked)
    assert raised.value.errors[0].path == "not_before"
    assert Change.objects.count() == 1


def test_only_a_promotion_is_put_off(organisation):
    asked = ChangeRequest("sleep", "checkout", "try", not_before=LATE.isoformat())
    with pytest.raises(InvalidInput, match="1 field"):
        change_submit(organisation.actor("developer"), asked, now=NOW)


def test_only_admins_set_windows(organisation):
    stage = Stage.objects.get(name="staging")
    with pytest.raises(Forbidden):
        stage_windows_set(organisation.actor("maintainer"), stage, windows=[], zone="UTC", now=NOW)


@pytest.fixture
def production(organisation) -> Environment:
    """``checkout/staging`` as production into which something is promoted with a maintainer's agreement."""
    Stage.objects.filter(name="staging").update(production=True, default_days=None, max_days=None)
    change = agreed(organisation, promote(organisation), NOW + timedelta(hours=1))
    carry_out(Run.objects.get(change=change), Clock(NOW + timedelta(hours=1)))
    carry_out(Run.objects.get(change=update(organisation)), Clock(NOW + timedelta(hours=1, minutes=10)))
    return Environment.objects.get(name="staging")


def update(organisation: Organisation) -> Change:
    request = ChangeRequest(
        "update", "checkout", "try", spec=spec(api={"image": "registry.example/checkout-api:2.0.0"})
    )
    return change_submit(organisation.actor("developer"), request, now=NOW + timedelta(hours=1, minutes=10))


def drifts(environment: Environment) -> Drift:
    """Somebody scaled it by hand, and a controller saw that."""
    sandbox().edit(
        ObjectRef("apps/v1", "Deployment", environment.namespace, "api"), {"spec": {"replicas": 5}}, manager="kubectl"
    )
    observe_once(environment.cluster, sandbox())
    return Drift.objects.get(state="open")


def agreed(organisation: Organisation, change: Change, now: datetime = LATE) -> Change:
    maintainer = organisation.actor("maintainer")
    return change_approve(maintainer, change.pk, plan_digest=change.plan_digest, now=now)


def test_it_looks_at_drift_again_when_a_promotion_into_production_would_start(organisation, production):
    change = promote(organisation, now=LATE)
    assert change.state == "pending"
    drift = drifts(production)
    change = agreed(organisation, change)
    assert (change.state, Run.objects.filter(change=change).exists()) == ("approved", False)
    assert "Deployment/api was changed outside" in departures_of([change.pk])[change.pk].waits_for
    assert change.events.filter(event="wait").count() == 1
    told = Notice.objects.filter(kind="change-held")
    assert {one.person.username for one in told} == {"developer", "maintainer", "second_maintainer"}
    for minutes in range(1, 4):
        assert changes_start_due(now=LATE + timedelta(minutes=minutes)) == 0
    assert (change.events.filter(event="wait").count(), told.count()) == (1, 3)
    later = LATE + timedelta(minutes=4)
    until = later + timedelta(days=2)
    drift_snooze(
        organisation.actor("developer"), system="checkout", environment="staging", drifts=[drift.pk], until=until,
        reason="A load test.", now=later,
    )  # fmt: skip
    assert changes_start_due(now=later + timedelta(minutes=1)) == 1
    assert departures_of([change.pk]) == {}


def test_what_decides_on_the_drift_goes_before_the_promotion_that_waits_for_it(organisation, production):
    drifts(production)
    Environment.objects.filter(pk=production.pk).update(drifted=0)  # it was asked for before anybody had looked
    change = promote(organisation, now=LATE)
    observe_once(production.cluster, sandbox())
    Environment.objects.filter(pk=production.pk).update(drifted=1)
    change = agreed(organisation, change)
    assert not Run.objects.filter(change=change).exists()
    later = LATE + timedelta(minutes=5)
    revert = drift_revert(organisation.actor("developer"), system="checkout", environment="staging", now=later)
    if revert.state == "pending":
        revert = agreed(organisation, revert, later)
    assert carry_out(Run.objects.get(change=revert), Clock(later)).state == "succeeded"
    change.refresh_from_db()
    assert change.state in ("pending", "approved", "running")
    if change.state == "pending":
        change = agreed(organisation, change, later)
    changes_start_due(now=later + timedelta(minutes=3))
    change.refresh_from_db()
    assert change.state == "running"


def test_drift_elsewhere_than_in_production_holds_nothing_up(organisation):
    change = promote(organisation, not_before=LATE.isoformat())
    Environment.objects.filter(name="staging").update(drifted=1)
    assert changes_start_due(now=LATE) == 1
    change.refresh_from_db()
    assert change.state == "running"

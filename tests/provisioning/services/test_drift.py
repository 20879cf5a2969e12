"""Deciding on drift, on the sandbox: adopt, revert, snooze; what corrects itself; what is blocked; who is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from governance.models import AuditEntry, Notice
from idp.kernel import clock
from idp.kernel.errors import Conflict, Forbidden, InvalidInput
from provisioning.domain.correction import FIGHT_LIMIT
from provisioning.domain.driver import ObjectRef
from provisioning.models import Change, Drift, Environment, Run, Stage
from provisioning.reconciler.session import WatchSession
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.drift import (
    drift_adopt,
    drift_adoption,
    drift_revert,
    drift_snooze,
    drifts_reopen,
)
from provisioning.services.drift_correction import drifts_correct
from tests.personas import Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip, sandbox, spec
from tests.provisioning.reconciler.watching import session_of, until

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]

API = ObjectRef("apps/v1", "Deployment", "checkout-staging", "api")
SERVICE = ObjectRef("v1", "Service", "checkout-staging", "db")
PLACE = {"system": "checkout", "environment": "staging"}


@pytest.fixture
def environment(organisation: Organisation) -> Environment:
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation, "staging", now=clock.now())), Clock(clock.now()))
    return Environment.objects.get(state="ready")


@pytest.fixture
def session(environment: Environment) -> Iterator[WatchSession]:
    with session_of(environment.cluster, sandbox()) as made:
        yield made


def edited(session: WatchSession, replicas: int = 5) -> Drift:
    """Somebody scaled the api by hand, and it was seen."""
    sandbox().edit(API, {"spec": {"replicas": replicas}}, manager="kubectl-edit")
    until(session, Drift.objects.filter(state="open").exists)
    return Drift.objects.get(state="open")


def replicas() -> int:
    return int(sandbox().observe([API])[0].manifest["spec"]["replicas"])


def done(change: Change) -> Run:
    run = carry_out(Run.objects.get(change=change), Clock(clock.now()))
    assert run.state == "succeeded", run.error
    return run


def test_it_reverts_what_was_changed(session, environment, organisation):
    drift = edited(session)
    change = drift_revert(organisation.actor("developer"), **PLACE, reason="Not agreed", now=clock.now())
    fields = next(one for one in change.plan["resources"] if one["name"] == "api")["fields"]
    assert [(one["path"], one["before"], one["after"]) for one in fields] == [
        ("Deployment/api spec.replicas", 5, 2),
    ]
    assert change.title == "Revert drift of checkout / staging: Deployment/api"
    drift.refresh_from_db()
    assert (drift.decision, drift.change_id, drift.state) == ("revert", change.pk, "open")
    before = environment.desired.document
    done(change)
    drift.refresh_from_db()
    environment.refresh_from_db()
    assert (drift.state, environment.drifted, replicas()) == ("reverted", 0, 2)
    assert environment.desired.document == before
    session.turn()
    assert not Drift.objects.filter(state="open").exists()


def test_it_makes_again_what_was_deleted_and_leaves_other_drift_alone(session, environment, organisation):
    sandbox().vanish(SERVICE)
    sandbox().edit(API, {"spec": {"replicas": 5}}, manager="kubectl-edit")
    until(session, lambda: Drift.objects.filter(state="open").count() == 2)
    missing = Drift.objects.get(kind="Service")
    run = done(drift_revert(organisation.actor("developer"), **PLACE, drifts=[missing.pk], now=clock.now()))
    assert sandbox().observe([SERVICE])[0].exists
    assert [one.key for one in run.steps.all()] == ["guardrails", "resource:db", "outputs", "prune"]
    assert (replicas(), Drift.objects.get(state="open").kind) == (5, "Deployment")


def test_it_adopts_what_was_changed(session, environment, organisation):
    drift = edited(session)
    asked = drift_adoption(organisation.actor("developer"), **PLACE)
    assert [(one.resource, one.path, one.before, one.after) for one in asked.adopted] == [("api", "replicas", 2, 5)]
    change = drift_adopt(organisation.actor("developer"), **PLACE, now=clock.now())
    assert change.kind == "adopt"
    before = environment.desired.document["resources"]
    done(change)
    environment.refresh_from_db()
    drift.refresh_from_db()
    after = environment.desired.document["resources"]
    assert {**before, "api": {**before["api"], "inputs": {**before["api"]["inputs"], "replicas": 5}}} == after
    assert (drift.state, replicas()) == ("adopted", 5)
    session.turn()
    assert not Drift.objects.filter(state="open").exists()


def test_it_says_field_by_field_what_cannot_be_adopted(session, environment, organisation):
    sandbox().edit(API, {"spec": {"revisionHistoryLimit": 77}}, manager="kubectl-edit")
    sandbox().vanish(SERVICE)
    until(session, lambda: Drift.objects.filter(kind="Service", state="open").exists())
    session.turn()
    with pytest.raises(InvalidInput) as refused:
        drift_adopt(organisation.actor("developer"), **PLACE, now=clock.now())
    assert refused.value.code == "not-adoptable"
    assert "Service/db" in {one.path for one in refused.value.errors}


def test_it_snoozes_until_a_moment_and_opens_again(session, environment, organisation):
    drift = edited(session)
    now = clock.now()
    until_then = now + timedelta(days=2)
    drift_snooze(organisation.actor("developer"), **PLACE, until=until_then, reason="Load test", now=now)
    drift.refresh_from_db()
    environment.refresh_from_db()
    assert (drift.state, drift.reason, environment.drifted) == ("snoozed", "Load test", 0)
    snoozed = AuditEntry.objects.get(action="drift.snooze").data
    [[before], [after]] = snoozed["before"].values(), snoozed["after"].values()
    assert (before["state"], after["state"], after["until"]) == ("open", "snoozed", until_then.isoformat())
    session.turn()
    assert drifts_reopen(now=until_then - timedelta(seconds=1)) == 0
    assert drifts_reopen(now=until_then) == 1
    drift.refresh_from_db()
    environment.refresh_from_db()
    assert (drift.state, environment.drifted) == ("open", 1)
    assert drifts_reopen(now=until_then) == 0
    reopened = AuditEntry.objects.get(action="drift.reopen")
    assert (reopened.actor_name, reopened.behalf) == ("slipway", "team payments")
    assert [one["state"] for one in reopened.data["after"].values()] == ["open"]


@pytest.mark.parametrize(
    ("days", "reason", "path"),
    [
        pytest.param(0, "Why", "until", id="in-the-past"),
        pytest.param(91, "Why", "until", id="too-long"),
        pytest.param(1, " ", "reason", id="without-a-reason"),
        pytest.param(1, "x" * 401, "reason", id="too-much-said"),
    ],
)
def test_it_refuses_a_snooze_without_sense(days, reason, path, session, environment, organisation):
    edited(session)
    now = clock.now()
    with pytest.raises(InvalidInput) as refused:
        drift_snooze(organisation.actor("developer"), **PLACE, until=now + timedelta(days=days), reason=reason, now=now)
    assert refused.value.errors[0].path == path


def test_it_lets_only_the_team_decide(session, environment, organisation):
    edited(session)
    for who in ("viewer", "stranger"):
        with pytest.raises(Forbidden):
            drift_revert(organisation.actor(who), **PLACE, now=clock.now())
        with pytest.raises(Forbidden):
            drift_snooze(
                organisation.actor(who), **PLACE, until=clock.now() + timedelta(days=1), reason="x", now=clock.now()
            )


def test_it_asks_nothing_of_what_is_over(environment, organisation):
    with pytest.raises(Conflict, match="Nothing of it has drifted"):
        drift_revert(organisation.actor("developer"), **PLACE, now=clock.now())
    planned = change_plan(
        organisation.actor("developer"), ChangeRequest("revert", "checkout", "staging"), now=clock.now()
    )
    assert [one.path for one in planned.problems] == ["objects"]


def test_it_tells_the_team_once(session, environment, organisation):
    drift = edited(session)
    told = Notice.objects.filter(kind="drift-found")
    assert told.count() >= 1
    assert told.first().url == "/environments/checkout/staging/drift/"
    assert "spec.replicas is 5" in told.first().text
    number = told.count()
    session.turn()
    sandbox().edit(API, {"spec": {"replicas": 6}}, manager="kubectl-edit")
    until(session, lambda: Drift.objects.get(pk=drift.pk).fields[0]["live"] == 6)
    assert told.count() == number


def test_it_says_at_a_conflict_where_to_decide(session, environment, organisation):
    edited(session)
    request = ChangeRequest("update", "checkout", "staging", spec=spec(api={"replicas": 3}))
    change = change_submit(organisation.actor("developer"), request, now=clock.now())
    assert "1 object of it was changed outside" in change.plan["notes"][0]
    run = carry_out(Run.objects.get(change=change), Clock(clock.now()))
    assert (run.state, run.error["code"]) == ("failed", "field-conflict")
    assert "/environments/checkout/staging/drift/" in run.error["remedy"]


def test_it_keeps_promotions_out_of_drifted_production(session, environment, organisation):
    drift = edited(session)
    Stage.objects.filter(name="dev").update(production=True)
    request = ChangeRequest("promote", "checkout", "staging", source="other")
    blocked = change_plan(organisation.actor("developer"), request, now=clock.now())
    assert "environment.drift" in {one.path for one in blocked.problems}
    told = next(one.message for one in blocked.problems if one.path == "environment.drift")
    assert "Deployment/api" in told
    assert "/environments/checkout/staging/drift/" in told
    now = clock.now()
    drift_snooze(organisation.actor("developer"), **PLACE, until=now + timedelta(days=1), reason="Known", now=now)
    free = change_plan(organisation.actor("developer"), request, now=now)
    assert "environment.drift" not in {one.path for one in free.problems}
    drift.refresh_from_db()
    assert drift.state == "snoozed"


def test_it_tells_policies_that_something_drifted(session, environment, organisation):
    wake = ChangeRequest("sleep", "checkout", "staging")
    assert change_plan(organisation.actor("developer"), wake, now=clock.now()).facts["environment"]["drifted"] is False
    edited(session)
    assert change_plan(organisation.actor("developer"), wake, now=clock.now()).facts["environment"]["drifted"] is True


def test_it_corrects_at_once_and_stops_where_somebody_fights_it(session, environment, organisation):
    Stage.objects.filter(name="dev").update(drift_mode="correct")
    for _ in range(FIGHT_LIMIT):
        drift = edited(session)
        [change] = drifts_correct(now=clock.now())
        assert (change.kind, change.via) == ("revert", "system")
        assert drifts_correct(now=clock.now()) == []
        done(change)
        drift.refresh_from_db()
        assert (drift.state, drift.automatic, replicas()) == ("reverted", True, 2)
    drift = edited(session)
    assert drifts_correct(now=clock.now()) == []
    drift.refresh_from_db()
    assert (drift.state, drift.decision) == ("open", "report")
    assert "kubectl-edit" in drift.reason
    assert Notice.objects.filter(kind="drift-fought", key=f"drift:{drift.pk}:fought").exists()
    assert drifts_correct(now=clock.now() + timedelta(hours=2)) == []
    drift_revert(organisation.actor("developer"), **PLACE, now=clock.now())
    said = AuditEntry.objects.filter(via="system", action__in=("change.submit", "drift.give-up"))
    assert set(said.values_list("action", "behalf")) == {
        ("change.submit", "team payments"),
        ("drift.give-up", "team payments"),
    }


def test_it_leaves_drift_to_people_where_the_stage_reports(session, environment):
    edited(session)
    assert drifts_correct(now=clock.now()) == []
    assert not Change.objects.filter(kind="revert").exists()

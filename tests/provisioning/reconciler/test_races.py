"""What a controller must not do: judge by a watch that is behind a run, miss a run's end, or let one spoil all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models import F

from idp.kernel import clock
from provisioning.domain.driver import LABEL_MANAGED, ObjectRef
from provisioning.models import Cluster, ClusterWatch, Drift, Environment, Revision, Run
from provisioning.reconciler import following
from provisioning.reconciler import session as sessions
from provisioning.reconciler.following import Pulse
from provisioning.reconciler.session import WatchSession
from provisioning.services.changes import ChangeRequest, change_submit
from tests.personas import Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip, sandbox, spec
from tests.provisioning.reconciler.kinds import KindByKind
from tests.provisioning.reconciler.watching import session_of, until

pytestmark = pytest.mark.django_db

API = ObjectRef("apps/v1", "Deployment", "checkout-staging", "api")
SERVICE = ObjectRef("v1", "Service", "checkout-staging", "api")
STATEFUL = "apps/v1/StatefulSet"


@pytest.fixture
def environment(organisation: Organisation) -> Environment:
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation, "staging", now=clock.now())), Clock(clock.now()))
    return Environment.objects.get(state="ready")


@pytest.fixture
def driver(environment: Environment) -> KindByKind:
    return KindByKind(sandbox())


@pytest.fixture
def session(environment: Environment, driver: KindByKind, monkeypatch) -> Iterator[WatchSession]:
    monkeypatch.setattr(sessions, "ASK_EVERY", 0.1)
    monkeypatch.setattr(sessions, "RENEW_EVERY", 0.1)
    with session_of(environment.cluster, driver) as made:
        yield made


def update(organisation: Organisation, *, now=None, **resources) -> Run:
    """Ask for an update and carry it out."""
    now = now or clock.now()
    request = ChangeRequest("update", "checkout", "staging", spec=spec(**resources))
    run = Run.objects.get(change=change_submit(organisation.actor("developer"), request, now=now))
    assert carry_out(run, Clock(now)).state == "succeeded", run.error
    return run


def turn(session: WatchSession, times: int = 8) -> None:
    for _ in range(times):
        session.turn()
        session.rest()


def state_of(environment: Environment) -> str:
    environment.refresh_from_db()
    return environment.state


def test_it_misses_nothing_that_a_run_made_before_the_watch_told(session, driver, organisation):
    driver.held.set()
    carry_out(Run.objects.get(change=create(organisation, "other", now=clock.now())), Clock(clock.now()))
    turn(session)
    other = Environment.objects.get(name="other")
    assert state_of(other) == "ready"
    assert not Drift.objects.exists()
    assert ObjectRef("apps/v1", "Deployment", "checkout-other", "api") in driver.looks
    driver.held.clear()
    turn(session)
    assert not Drift.objects.exists()
    assert state_of(other) == "ready"


def test_it_finds_no_drift_in_what_a_run_changed_before_the_watch_told(session, driver, environment, organisation):
    driver.held.set()
    update(organisation, api={"replicas": 3})
    turn(session)
    assert not Drift.objects.exists()
    assert state_of(environment) == "ready"


def test_it_asks_the_cluster_once_about_what_a_run_did_and_not_again(session, driver, environment, organisation):
    update(organisation, api={"replicas": 3})
    turn(session)
    looked = len(driver.looks)
    session.cache.mark_all()
    turn(session)
    assert len(driver.looks) == looked


@pytest.mark.parametrize("minutes", [-5, 5], ids=["worker-behind", "worker-ahead"])
def test_it_meets_a_run_whose_worker_has_another_clock(session, driver, environment, organisation, minutes):
    """What was drift by the old revision is none by the new; nothing but the run's end tells."""
    sandbox().edit(API, {"spec": {"replicas": 4}}, manager="kubectl-edit")
    until(session, Drift.objects.filter(state="open").exists)
    Drift.objects.all().delete()
    Environment.objects.update(drifted=0)
    driver.held.set()
    sandbox().edit(API, {"spec": {"replicas": 2}}, manager="slipway")
    version = environment.version
    moment = clock.now() + timedelta(minutes=minutes)
    Environment.objects.filter(pk=environment.pk).update(state="degraded", version=version + 7, changed_at=moment)
    until(session, lambda: state_of(environment) == "ready")


def test_a_clock_that_was_ahead_hides_no_later_change(session, environment):
    ahead, behind = clock.now() + timedelta(minutes=5), clock.now() - timedelta(minutes=5)
    for number, moment in enumerate((ahead, behind), 50):
        Environment.objects.update(state="degraded", version=number, changed_at=moment)
        until(session, lambda: state_of(environment) == "ready")


def test_an_object_that_lost_our_label_is_not_called_deleted(session, environment):
    sandbox().edit(SERVICE, {"metadata": {"labels": {LABEL_MANAGED: "somebody"}}}, manager="kubectl-edit")
    until(session, Drift.objects.filter(state="open").exists)
    turn(session, 3)
    drift = Drift.objects.get(state="open")
    assert [one["kind"] for one in drift.fields] != ["missing"]
    assert "labels" in drift.fields[0]["path"]


def test_it_says_nothing_of_a_kind_that_it_has_not_listed(session, driver, environment, organisation):
    """The first resource of a kind: until the new feed is there, its objects are not missing."""
    feed = session.followers.pop(STATEFUL)
    feed.close()
    session.cache.forget_feed(STATEFUL)
    del session.cache._listed[STATEFUL]
    Environment.objects.update(version=80)
    turn(session)
    assert not Drift.objects.exists()
    until(session, lambda: STATEFUL in session.followers and session.cache.has_listed(STATEFUL))
    turn(session)
    assert state_of(environment) == "ready"
    assert not Drift.objects.exists()


def test_a_kind_that_is_refused_for_a_moment_is_not_gone(session, driver, environment):
    driver.unserved.add(STATEFUL)
    session.followers[STATEFUL]._version = None
    session.followers[STATEFUL].reconnect()
    turn(session)
    driver.unserved.clear()
    turn(session)
    assert not Drift.objects.exists()
    assert state_of(environment) == "ready"


def test_environments_are_unknown_when_the_account_may_not_watch_them(session, driver, environment, monkeypatch):
    monkeypatch.setattr(following, "REFUSED_AFTER", 0.5)
    driver.forbidden.add(STATEFUL)
    session.followers[STATEFUL]._version = None
    session.followers[STATEFUL].reconnect()
    until(session, lambda: state_of(environment) == "unknown")
    assert STATEFUL in ClusterWatch.objects.get().unreachable_why
    driver.forbidden.clear()
    until(session, lambda: state_of(environment) == "ready")


def test_one_environment_that_cannot_be_judged_spoils_no_other(session, environment, organisation):
    carry_out(Run.objects.get(change=create(organisation, "other", now=clock.now())), Clock(clock.now()))
    other = Environment.objects.get(name="other")
    broken = {"resources": {"api": {"capability": "web-service", "contract": "1.0.0", "inputs": None}}}
    Revision.objects.filter(pk=other.observed_id).update(document=broken)
    session.cache.mark_all()
    sandbox().edit(API, {"spec": {"replicas": 5}}, manager="kubectl-edit")
    until(session, Drift.objects.filter(state="open", environment=environment).exists)
    assert state_of(other) == "ready"


def test_who_takes_over_ends_what_the_one_before_called_unreachable(environment, driver, monkeypatch):
    monkeypatch.setattr(Pulse, "EVERY", 0.1)
    since = clock.now() - timedelta(hours=1)
    ClusterWatch.objects.update_or_create(
        cluster=environment.cluster, defaults={"unreachable_since": since, "unreachable_why": "It was away."}
    )
    Environment.objects.update(state="unknown")
    with session_of(environment.cluster, driver) as session:
        until(session, lambda: state_of(environment) == "ready")
        assert ClusterWatch.objects.get().unreachable_since is None


def test_who_takes_over_keeps_since_when_nothing_is_known(environment, driver, monkeypatch):
    monkeypatch.setattr(Pulse, "EVERY", 0.1)
    monkeypatch.setattr(Pulse, "UNREACHABLE_AFTER", 0.3)
    since = clock.now() - timedelta(hours=1)
    ClusterWatch.objects.update_or_create(
        cluster=environment.cluster, defaults={"unreachable_since": since, "unreachable_why": "It was away."}
    )
    driver.away = True
    with session_of(environment.cluster, driver) as session:
        turn(session, 8)
        assert ClusterWatch.objects.get().unreachable_since == since


def test_a_cluster_that_is_registered_anew_is_opened_anew(session, environment, monkeypatch):
    monkeypatch.setattr(sessions, "KINDS_EVERY", 0.0)
    session._due["kinds"] = 0.0
    assert session.turn()
    Cluster.objects.update(version=F("version") + 1)
    assert not session.turn()

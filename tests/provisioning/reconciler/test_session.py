"""What a controller sees on the sandbox, and stores: drift, health, what vanished, an unreachable cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from idp.kernel import clock
from provisioning.domain.driver import ObjectRef
from provisioning.models import Cluster, ClusterWatch, Drift, Environment, Resource, Run
from provisioning.reconciler.following import Pulse
from provisioning.reconciler.session import WatchSession
from provisioning.services import observations
from provisioning.services.changes import ChangeRequest, change_submit
from tests.personas import Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip, sandbox, spec
from tests.provisioning.reconciler.watching import session_of, until

pytestmark = pytest.mark.django_db

API = ObjectRef("apps/v1", "Deployment", "checkout-staging", "api")
DATABASE = ObjectRef("v1", "Service", "checkout-staging", "db")


@pytest.fixture
def environment(organisation: Organisation) -> Environment:
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation, "staging", now=clock.now())), Clock(clock.now()))
    return Environment.objects.get(state="ready")


@pytest.fixture
def session(environment: Environment) -> Iterator[WatchSession]:
    with session_of(environment.cluster, sandbox()) as made:
        yield made


def condition(environment: Environment, kind: str) -> dict[str, str]:
    environment.refresh_from_db()
    return next((one for one in environment.conditions if one["type"] == kind), {})


def test_it_finds_nothing_where_everything_is_as_agreed(session, environment):
    environment.refresh_from_db()
    assert environment.state == "ready"
    assert not Drift.objects.exists()
    assert ClusterWatch.objects.get().synced_at is not None


def test_it_neither_asks_nor_writes_while_nothing_happens(session, environment):
    for _ in range(20):
        session.turn()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        for _ in range(3):
            session.turn()
    about_rows = [one["sql"] for one in asked if "clusterwatch" not in one["sql"] and "changed_at" not in one["sql"]]
    assert about_rows == []


def test_it_records_who_changed_what(session, environment):
    sandbox().edit(API, {"spec": {"replicas": 5}}, manager="kubectl-edit")
    assert until(session, Drift.objects.filter(state="open").exists) < 5
    drift = Drift.objects.get()
    assert (drift.resource, drift.kind, drift.name, drift.managers) == ("api", "Deployment", "api", "kubectl-edit")
    assert [(one["path"], one["live"]) for one in drift.fields] == [("spec.replicas", 5)]
    assert "spec.replicas is 5" in condition(environment, "Drifted")["message"]


def test_it_ends_drift_that_is_undone(session, environment):
    before = sandbox().observe([API])[0].manifest["spec"]["replicas"]
    sandbox().edit(API, {"spec": {"replicas": 5}}, manager="kubectl-edit")
    until(session, Drift.objects.filter(state="open").exists)
    sandbox().edit(API, {"spec": {"replicas": before}}, manager="kubectl-edit")
    until(session, Drift.objects.filter(state="vanished").exists)
    assert condition(environment, "Drifted") == {}


def test_it_opens_what_was_snoozed_when_it_drifts_otherwise(session, environment):
    sandbox().edit(API, {"spec": {"replicas": 5}}, manager="kubectl-edit")
    until(session, Drift.objects.filter(state="open").exists)
    Drift.objects.update(state="snoozed")
    session.turn()
    assert Drift.objects.get().state == "snoozed"
    sandbox().edit(API, {"spec": {"replicas": 6}}, manager="kubectl-edit")
    until(session, Drift.objects.filter(state="open").exists)


def test_it_sees_that_an_object_was_deleted(session, environment):
    sandbox().vanish(DATABASE)
    until(session, lambda: condition(environment, "Ready").get("status") == "False")
    assert environment.state == "degraded"
    assert Resource.objects.get(name="db").message == "Service db was deleted."
    assert Drift.objects.get(state="open").fields[0]["kind"] == "missing"


def test_it_sees_a_workload_fail_and_recover(session, environment):
    driver = sandbox()
    driver.tell("checkout-staging/Deployment/api", "fail", reason="Back-off pulling image", code="ImagePullBackOff")
    until(session, lambda: condition(environment, "Degraded").get("reason") == "ImageNotFound")
    assert environment.state == "degraded"
    driver.forget("checkout-staging/Deployment/api")
    until(session, lambda: condition(environment, "Ready").get("status") == "True")
    assert environment.state == "ready"


def test_it_says_since_when_a_condition_holds(session, environment):
    sandbox().edit(API, {"spec": {"replicas": 5}}, manager="kubectl-edit")
    until(session, Drift.objects.filter(state="open").exists)
    since = condition(environment, "Drifted")["since"]
    sandbox().vanish(DATABASE)
    until(session, lambda: condition(environment, "Ready").get("status") == "False")
    assert condition(environment, "Drifted")["since"] == since


def test_it_knows_nothing_of_a_cluster_that_does_not_answer(session, environment, monkeypatch):
    monkeypatch.setattr(Pulse, "UNREACHABLE_AFTER", 0.5)
    monkeypatch.setattr(Pulse, "EVERY", 0.2)
    driver = sandbox()
    driver.tell("*", "unavailable")
    until(session, lambda: ClusterWatch.objects.get().unreachable_since is not None)
    environment.refresh_from_db()
    assert environment.state == "unknown"
    told = condition(environment, "Ready")
    assert (told["status"], told["reason"]) == ("Unknown", "ClusterUnreachable")
    driver.forget("*")
    until(session, lambda: condition(environment, "Ready").get("status") == "True")
    assert environment.state == "ready"
    assert ClusterWatch.objects.get().unreachable_since is None


def test_it_leaves_an_environment_alone_while_a_run_changes_it(session, environment, organisation):
    request = ChangeRequest("update", "checkout", "staging", spec=spec(api={"replicas": 3}))
    change_submit(organisation.actor("developer"), request, now=clock.now())
    sandbox().vanish(DATABASE)
    for _ in range(5):
        session.turn()
    environment.refresh_from_db()
    assert environment.state == "progressing"
    assert not Drift.objects.exists()


def test_another_controller_stores_nothing_once_its_lease_is_lost(session, environment):
    ClusterWatch.objects.update(epoch=99)
    with pytest.raises(observations.WatchLost):
        observations.environments_observed(session.watching, _news(environment), now=clock.now())
    environment.refresh_from_db()
    assert environment.state == "ready"


def _news(environment):
    from provisioning.domain.observation import ResourceSeen, Seen
    from provisioning.services.observations import EnvironmentSeen

    seen = Seen((ResourceSeen("api", "failed", "missing", "It was deleted."),), (), 1)
    return [EnvironmentSeen(environment.pk, environment.observed_id, "awake", seen)]


def test_only_one_claims_a_cluster_until_the_lease_ends(environment):
    cluster: Cluster = environment.cluster
    first = observations.watch_claim(cluster, owner="one")
    assert first is not None
    assert observations.watch_claim(cluster, owner="two") is None
    observations.watch_release(first)
    second = observations.watch_claim(cluster, owner="two")
    assert second is not None
    assert second.epoch == first.epoch + 1
    with pytest.raises(observations.WatchLost):
        observations.watch_renew(first)


def test_it_counts_anew_since_when_it_is_ready(session, environment):
    began = environment.ready_since
    assert began is not None
    sandbox().tell("*/Deployment/api", "fail")
    until(session, lambda: condition(environment, "Degraded") != {})
    assert environment.ready_since is None
    sandbox().forget("*/Deployment/api")
    until(session, lambda: condition(environment, "Ready").get("status") == "True")
    assert environment.ready_since > began

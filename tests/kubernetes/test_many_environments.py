"""Many environments on a real API server: what is asked and written while nothing happens, and what one event costs."""

from __future__ import annotations

import time

import pytest

from idp.kernel import clock
from provisioning.drivers.kubernetes import KubernetesDriver
from provisioning.models import Cluster, Drift, Environment, Run
from provisioning.services.changes import ChangeRequest, change_submit
from tests.kubernetes.test_whole_way import carry_out, cluster  # noqa: F401 - a fixture
from tests.personas import Organisation
from tests.provisioning.many import Calls, applied, copied, queries, writes
from tests.provisioning.organisation import create
from tests.provisioning.reconciler.watching import session_of, until

pytestmark = [pytest.mark.kubernetes, pytest.mark.django_db]

MANY = 40
QUIET = 10.0


@pytest.fixture
def asleep(cluster: Cluster, organisation: Organisation) -> Environment:  # noqa: F811
    """One environment as a run leaves it, without pods, which would cost the cluster much and prove nothing here."""
    assert carry_out(Run.objects.get(change=create(organisation, "many", now=clock.now()))).state == "succeeded"
    request = ChangeRequest("sleep", "checkout", "many")
    run = Run.objects.get(change=change_submit(organisation.actor("developer"), request, now=clock.now()))
    assert carry_out(run).state == "succeeded", run.error
    return Environment.objects.select_related("observed").get()


def test_it_asks_and_writes_nothing_about_what_stays_as_it_is(asleep, kubernetes_account, kubernetes_server):
    made = copied(asleep, MANY)
    applied(kubernetes_account, made)
    driver = KubernetesDriver(kubernetes_account)
    calls = Calls(driver)
    with session_of(asleep.cluster, driver) as session:
        _until_settled(session)
        assert not Drift.objects.exists()
        assert Environment.objects.filter(state="asleep").count() == MANY + 1
        del calls.sent[:]
        with queries() as asked:
            _turn_for(session, QUIET)
        assert calls.about_objects == []
        assert writes(asked) == []
        # The lease every three seconds, a look for changes every two: the same for one environment as for a thousand.
        assert len(asked) < 5 * QUIET
        _all_are_judged_in_few_queries(session)
        assert calls.about_objects == []
        _one_change_is_seen(session, made[7], kubernetes_server)
        assert len(calls.about_objects) < 5
    for one in (asleep, *made):
        kubernetes_server.kubectl("delete", "namespace", one.namespace, "--wait=false")


def _all_are_judged_in_few_queries(session) -> None:
    """As once an hour: nothing is asked for each environment, and nothing written."""
    session.cache.mark_all()
    with queries() as asked:
        session.turn()
    assert session.cache.backlog().environments == 0
    assert writes(asked) == []
    assert len(asked) <= 15


def _one_change_is_seen(session, environment, server) -> None:
    place = f"/api/v1/namespaces/{environment.namespace}/services/api"
    merge = "application/merge-patch+json"
    began = time.monotonic()
    server.request("PATCH", place, {"spec": {"sessionAffinity": "ClientIP"}}, content_type=merge)
    server.request("PATCH", place, {"metadata": {"labels": {"slipway.dev/resource": "x"}}}, content_type=merge)
    with queries() as asked:
        until(session, Drift.objects.filter(state="open").exists)
    assert time.monotonic() - began < 5
    assert Drift.objects.get(state="open").environment == environment
    assert len([one for one in asked if "provisioning_drift" not in one["sql"]]) < 60


def _until_settled(session) -> None:
    """Until nothing stirs any more: the cluster's own controllers write for a while about what is new to them."""
    quiet_since = time.monotonic()
    until_then = time.monotonic() + 90
    while time.monotonic() - quiet_since < 3:
        assert time.monotonic() < until_then, "the cluster does not come to rest"
        if session.cache.backlog().environments:
            quiet_since = time.monotonic()
        session.turn()
        time.sleep(0.1)


def _turn_for(session, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        session.turn()
        session.rest()

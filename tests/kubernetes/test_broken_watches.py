"""A controller on a real API server whose network, streams and process fail: nothing that happened is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from idp.kernel import clock
from provisioning.drivers.kubernetes import KubernetesDriver
from provisioning.models import Cluster, ClusterWatch, Drift, Environment, Run
from provisioning.reconciler import session as sessions
from provisioning.reconciler.following import Pulse
from provisioning.reconciler.session import WatchSession
from tests.kubernetes.relay import Relay, relayed
from tests.kubernetes.test_whole_way import carry_out, cluster  # noqa: F401 - a fixture
from tests.personas import Organisation
from tests.provisioning.many import Calls
from tests.provisioning.organisation import create
from tests.provisioning.reconciler.watching import session_of, until

pytestmark = [pytest.mark.kubernetes, pytest.mark.django_db]

SPACE = "checkout-broken"
MERGE = "application/merge-patch+json"


@pytest.fixture
def environment(cluster: Cluster, organisation: Organisation, kubernetes_server) -> Iterator[Environment]:  # noqa: F811
    run = carry_out(Run.objects.get(change=create(organisation, "broken", now=clock.now())))
    assert run.state == "succeeded", run.error
    yield Environment.objects.get()
    kubernetes_server.remove_namespace(SPACE)


@pytest.fixture
def network(kubernetes_server) -> Iterator[Relay]:
    with relayed(kubernetes_server.url) as relay:
        yield relay


@pytest.fixture
def calls() -> list[Calls]:
    return []


@pytest.fixture
def session(environment, network, kubernetes_account, calls, monkeypatch) -> Iterator[WatchSession]:
    monkeypatch.setattr(Pulse, "EVERY", 0.5)
    monkeypatch.setattr(Pulse, "UNREACHABLE_AFTER", 1.5)
    monkeypatch.setattr(sessions, "RENEW_EVERY", 0.5)
    driver = KubernetesDriver(network.kubeconfig(kubernetes_account), answer_within=2.0)
    calls.append(Calls(driver))
    with session_of(environment.cluster, driver, seconds=60) as made:
        yield made


def drift_now(server) -> None:
    """Somebody changes a label of the Service, past the relay."""
    place = f"/api/v1/namespaces/{SPACE}/services/api"
    server.request("PATCH", place, {"metadata": {"labels": {"slipway.dev/resource": "x"}}}, content_type=MERGE)


def undo_drift(server) -> None:
    place = f"/api/v1/namespaces/{SPACE}/services/api"
    server.request("PATCH", place, {"metadata": {"labels": {"slipway.dev/resource": "api"}}}, content_type=MERGE)


def is_seen() -> bool:
    return Drift.objects.filter(state="open", kind="Service", name="api").exists()


def state_of(environment: Environment) -> str:
    environment.refresh_from_db()
    return environment.state


def test_it_takes_up_streams_that_are_cut_again_and_again(session, network, kubernetes_server):
    for _ in range(4):
        network.cut()
        session.turn()
        time.sleep(0.4)
    drift_now(kubernetes_server)
    assert until(session, is_seen, seconds=30) < 15


def test_it_sees_what_happened_while_connections_hung_half_open(session, environment, network, kubernetes_server):
    """Nobody closes them: only the pulse can tell, and then every stream is opened anew."""
    network.away = True
    network.swallow()
    drift_now(kubernetes_server)
    until(session, lambda: state_of(environment) == "unknown", seconds=30)
    assert not is_seen()
    watch = ClusterWatch.objects.get()
    assert watch.unreachable_since is not None
    assert watch.unreachable_why
    network.away = False
    until(session, lambda: ClusterWatch.objects.get().unreachable_since is None, seconds=30)
    assert until(session, is_seen, seconds=30) < 10
    assert state_of(environment) == "ready"


def test_it_sees_what_happened_while_one_hiccup_left_streams_dead(session, network, kubernetes_server):
    """Too short for anybody to call the cluster unreachable."""
    network.swallow()
    drift_now(kubernetes_server)
    assert until(session, is_seen, seconds=30) < 15


def test_it_lists_again_what_the_server_no_longer_remembers(session, calls, kubernetes_server):
    """410: a server that was started anew tells nothing of what came before."""
    kubernetes_server.stop_api_server()
    kubernetes_server.start_api_server()
    until(session, lambda: all(one._watch is not None for one in session.followers.values()), seconds=60)
    del calls[0].sent[:]
    for follower in session.followers.values():
        follower._version = "1"
        follower.reconnect()
    drift_now(kubernetes_server)
    assert until(session, is_seen, seconds=30) < 20
    assert "GET /api/v1/services" in calls[0].sent


def test_a_slow_cluster_is_only_seen_later(session, environment, network, kubernetes_server):
    network.delay = 0.3
    drift_now(kubernetes_server)
    assert until(session, is_seen, seconds=30) < 10
    assert state_of(environment) == "ready"


def test_it_goes_on_when_the_api_server_was_killed_and_started_anew(session, environment, kubernetes_server):
    """Its memory of versions is gone: every watch gets 410 or starts over, and what was seen before is not drift."""
    kubernetes_server.stop_api_server()
    try:
        until(session, lambda: state_of(environment) == "unknown", seconds=30)
    finally:
        kubernetes_server.start_api_server()
    drift_now(kubernetes_server)
    assert until(session, is_seen, seconds=60) < 40
    assert [(one.kind, one.name) for one in Drift.objects.all()] == [("Service", "api")]
    undo_drift(kubernetes_server)
    until(session, lambda: not is_seen(), seconds=30)
    assert until(session, lambda: state_of(environment) == "ready", seconds=60) < 60

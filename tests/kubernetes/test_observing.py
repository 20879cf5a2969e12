"""What a controller sees on a real API server: drift with its cause, what vanished, streams that break."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from idp.kernel import clock
from provisioning.drivers.kubernetes import KubernetesDriver
from provisioning.drivers.kubernetes.watching import KindWatch
from provisioning.models import Cluster, Drift, Environment, Run
from provisioning.orchestrator import advance
from provisioning.reconciler.session import WatchSession
from tests.kubernetes.test_whole_way import carry_out, cluster  # noqa: F401 - a fixture
from tests.personas import Organisation
from tests.provisioning.organisation import create
from tests.provisioning.reconciler.watching import session_of, until

pytestmark = [pytest.mark.kubernetes, pytest.mark.django_db]

SPACE = "checkout-staging"


@pytest.fixture
def environment(cluster: Cluster, organisation: Organisation, kubernetes_server) -> Iterator[Environment]:  # noqa: F811
    run = carry_out(Run.objects.get(change=create(organisation, "staging", now=clock.now())))
    assert run.state == "succeeded", run.error
    yield Environment.objects.get()
    kubernetes_server.remove_namespace(SPACE)


@pytest.fixture
def session(environment: Environment, kubernetes_account) -> Iterator[WatchSession]:
    driver = KubernetesDriver(kubernetes_account)
    with session_of(environment.cluster, driver) as made:
        yield made


def state_of(environment: Environment) -> str:
    environment.refresh_from_db()
    return environment.state


def test_it_finds_no_drift_in_what_the_server_and_its_controllers_wrote(session, environment):
    for _ in range(5):
        session.turn()
        time.sleep(0.2)
    assert [(one.kind, one.name, one.fields) for one in Drift.objects.all()] == []
    assert state_of(environment) == "ready"


def test_it_sees_drift_within_five_seconds_with_its_cause(session, environment, kubernetes_server):
    began = time.monotonic()
    kubernetes_server.kubectl("scale", "deploy/api", "-n", SPACE, "--replicas=4")
    until(session, Drift.objects.filter(state="open").exists)
    assert time.monotonic() - began < 5 + 2  # kubectl itself takes its time to start
    drift = Drift.objects.get()
    assert (drift.kind, drift.name, drift.managers) == ("Deployment", "api", "kubectl")
    assert [(one["path"], one["live"]) for one in drift.fields] == [("spec.replicas", 4)]
    kubernetes_server.kubectl("set", "image", "deploy/api", "-n", SPACE, "*=registry.example/other:9")
    until(session, Drift.objects.filter(state="open", caused_at__isnull=False).exists)
    assert "kubectl-set" in Drift.objects.get().managers


def test_it_sees_what_was_deleted_and_that_it_came_back(session, environment, kubernetes_server):
    kubernetes_server.kubectl("delete", "service", "api", "-n", SPACE)
    until(session, lambda: state_of(environment) == "degraded")
    assert Drift.objects.get(state="open").fields[0]["kind"] == "missing"
    service = json.loads(kubernetes_server.kubectl("get", "service/db", "-n", SPACE, "-o", "json"))
    assert service["metadata"]["labels"]["slipway.dev/resource"] == "db"


def test_it_loses_nothing_when_its_streams_break(session, environment, kubernetes_server, monkeypatch):
    for follower in session.followers.values():
        watch = follower._watch
        if isinstance(watch, KindWatch) and watch._answer is not None:
            watch._answer.shutdown()
    kubernetes_server.kubectl("annotate", "deploy/api", "-n", SPACE, "example.com/note=kept")
    kubernetes_server.kubectl("set", "image", "deploy/api", "-n", SPACE, "*=registry.example/other:9")
    until(session, Drift.objects.filter(state="open").exists)
    assert Drift.objects.get().fields[0]["path"].endswith(".image")


def test_it_wakes_a_run_that_waits_for_pods(session, environment, organisation, kubernetes_server):
    from provisioning.services.changes import ChangeRequest, change_submit
    from tests.provisioning.organisation import spec

    request = ChangeRequest("update", "checkout", "staging", spec=spec(api={"replicas": 3}))
    run = Run.objects.get(change=change_submit(organisation.actor("developer"), request, now=clock.now()))
    deadline = time.monotonic() + 30
    hinted = 0
    while run.state != "succeeded" and time.monotonic() < deadline:
        advance(run.pk)
        run.refresh_from_db()
        waits = run.steps.filter(state="waiting", due_at__gt=clock.now()).exists()
        session.turn()
        hinted += waits and not run.steps.filter(state="waiting", due_at__gt=clock.now()).exists()
        time.sleep(0.1)
    assert run.state == "succeeded", run.error
    assert hinted

"""Deciding on drift on a real API server: what kubectl did is seen, put back, made again, or adopted."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from idp.kernel import clock
from provisioning.drivers.kubernetes import KubernetesDriver
from provisioning.models import Change, Cluster, Drift, Environment, Run
from provisioning.reconciler.session import ASK_EVERY, WatchSession
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.drift import drift_adopt, drift_adoption, drift_revert
from tests.kubernetes.test_whole_way import carry_out, cluster  # noqa: F401 - a fixture
from tests.personas import Organisation
from tests.provisioning.organisation import create, spec
from tests.provisioning.reconciler.watching import session_of, until

pytestmark = [pytest.mark.kubernetes, pytest.mark.django_db]

SPACE = "checkout-staging"
PLACE = {"system": "checkout", "environment": "staging"}


@pytest.fixture
def environment(cluster: Cluster, organisation: Organisation, kubernetes_server) -> Iterator[Environment]:  # noqa: F811
    run = carry_out(Run.objects.get(change=create(organisation, "staging", now=clock.now())))
    assert run.state == "succeeded", run.error
    yield Environment.objects.get()
    kubernetes_server.remove_namespace(SPACE)


@pytest.fixture
def session(environment: Environment, kubernetes_account) -> Iterator[WatchSession]:
    with session_of(environment.cluster, KubernetesDriver(kubernetes_account)) as made:
        yield made


def live(server: Any, what: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(server.kubectl("get", what, "-n", SPACE, "-o", "json"))
    return found


def done(change: Change) -> None:
    run = carry_out(Run.objects.get(change=change))
    assert run.state == "succeeded", run.error


def drifted(session: WatchSession, number: int = 1) -> list[Drift]:
    until(session, lambda: Drift.objects.filter(state="open").count() == number)
    return list(Drift.objects.filter(state="open").order_by("kind"))


def both_fields() -> bool:
    row = Drift.objects.filter(kind="Deployment").first()
    return row is not None and len(row.fields) == 2


def settled(session: WatchSession) -> None:
    """Nothing drifts any more, also when it was looked at anew because a run ended."""
    ends = time.monotonic() + 2 * ASK_EVERY
    while time.monotonic() < ends:
        session.turn()
        time.sleep(0.1)
    assert not Drift.objects.filter(state__in=("open", "snoozed")).exists()


def test_it_reverts_what_was_scaled_edited_and_deleted(session, environment, organisation, kubernetes_server):
    agreed = live(kubernetes_server, "deploy/api")["spec"]["template"]["spec"]["containers"][0]["image"]
    kubernetes_server.kubectl("scale", "deploy/api", "-n", SPACE, "--replicas=4")
    kubernetes_server.kubectl("set", "image", "deploy/api", "-n", SPACE, "*=registry.example/other:9")
    kubernetes_server.kubectl("delete", "service", "api", "-n", SPACE)
    until(session, both_fields)
    assert [row.kind for row in drifted(session, 2)] == ["Deployment", "Service"]
    done(drift_revert(organisation.actor("developer"), **PLACE, now=clock.now()))
    deployment = live(kubernetes_server, "deploy/api")["spec"]
    assert (deployment["replicas"], deployment["template"]["spec"]["containers"][0]["image"]) == (2, agreed)
    assert live(kubernetes_server, "service/api")["metadata"]["labels"]["slipway.dev/resource"] == "api"
    assert set(Drift.objects.values_list("state", flat=True)) == {"reverted"}
    settled(session)


def test_it_adopts_what_was_scaled_and_set(session, environment, organisation, kubernetes_server):
    kubernetes_server.kubectl("scale", "deploy/api", "-n", SPACE, "--replicas=3")
    drifted(session)
    asked = drift_adoption(organisation.actor("developer"), **PLACE)
    assert ([(one.path, one.before, one.after) for one in asked.adopted], asked.left) == ([("replicas", 2, 3)], ())
    done(drift_adopt(organisation.actor("developer"), **PLACE, now=clock.now()))
    environment.refresh_from_db()
    assert environment.desired.document["resources"]["api"]["inputs"]["replicas"] == 3
    assert live(kubernetes_server, "deploy/api")["spec"]["replicas"] == 3
    assert Drift.objects.get().state == "adopted"
    settled(session)


def test_it_says_at_a_conflict_who_and_where_to_decide(session, environment, organisation, kubernetes_server):
    kubernetes_server.kubectl("scale", "deploy/api", "-n", SPACE, "--replicas=4")
    drifted(session)
    request = ChangeRequest("update", "checkout", "staging", spec=spec(api={"replicas": 3}))
    run = carry_out(Run.objects.get(change=change_submit(organisation.actor("developer"), request, now=clock.now())))
    assert (run.state, run.error["code"]) == ("failed", "field-conflict")
    assert "kubectl" in run.error["message"]
    assert "/environments/checkout/staging/drift/" in run.error["remedy"]


def test_it_leaves_replicas_to_an_autoscaler(session, environment, kubernetes_server):
    kubernetes_server.kubectl(
        "patch",
        "deploy/api",
        "-n",
        SPACE,
        "--subresource=scale",
        "--field-manager=kube-controller-manager",
        "--type=merge",
        "-p",
        json.dumps({"spec": {"replicas": 6}}),
    )
    kubernetes_server.kubectl("set", "image", "deploy/api", "-n", SPACE, "*=registry.example/other:9")
    [row] = drifted(session)
    assert live(kubernetes_server, "deploy/api")["spec"]["replicas"] == 6
    assert [one["path"].rpartition(".")[2] for one in row.fields] == ["image"]

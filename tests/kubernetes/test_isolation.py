"""Environments that share a namespace on a real API server: apart by names, labels and network, moved in and out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from idp.kernel import clock
from provisioning.domain.isolation import SHARED_SYSTEM
from provisioning.models import Cluster, Environment, FormerPlace, Resource, Run, SharedNamespace, Stage
from provisioning.services import orphans
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.clusters import cluster_register
from provisioning.services.stage_isolation import stage_isolate
from tests.kubernetes.test_whole_way import carry_out, cluster  # noqa: F401 - a fixture
from tests.personas import Organisation
from tests.provisioning.organisation import create

pytestmark = [pytest.mark.kubernetes, pytest.mark.django_db]
SPACE = f"{SHARED_SYSTEM}-dev"


@pytest.fixture(autouse=True)
def left_as_found(kubernetes_server: Any) -> Iterator[None]:
    """One server serves the whole session: what stays behind would run on under every test that follows."""
    yield
    for namespace in ("checkout-one", SPACE):
        kubernetes_server.remove_namespace(namespace)


def run_of(organisation: Organisation, kind: str, name: str) -> Run:
    wish = ChangeRequest(kind, "checkout", name, confirm=name, reason="It is time.")
    run = carry_out(Run.objects.get(change=change_submit(organisation.actor("developer"), wish, now=clock.now())))
    assert run.state == "succeeded", (run.error, list(run.steps.values_list("key", "state", "message")))
    return run


def make(organisation: Organisation, name: str) -> None:
    change = create(organisation, name, now=clock.now(), shop={"host": f"{name}.example"})
    run = carry_out(Run.objects.get(change=change))
    assert run.state == "succeeded", (run.error, list(run.steps.values_list("key", "state", "message")))


def names(server: Any, kinds: str, space: str = SPACE) -> set[str]:
    shown = server.kubectl("get", kinds, "-n", space, "-l", "app.kubernetes.io/managed-by=slipway", "-o", "name")
    return set(shown.split())


def test_two_share_a_namespace_and_one_moves_out(
    cluster: Cluster,  # noqa: F811
    organisation: Organisation,
    kubernetes_server: Any,
) -> None:
    stage_isolate(organisation.actor("admin"), stage="dev", isolation="shared", now=clock.now())
    make(organisation, "one")
    make(organisation, "two")
    found = names(kubernetes_server, "deploy,netpol,rolebinding,quota,limits")
    assert {
        "deployment.apps/checkout-one-api",
        "deployment.apps/checkout-two-api",
        "networkpolicy.networking.k8s.io/slipway-deny-all",
        "networkpolicy.networking.k8s.io/checkout-one-slipway-same-environment",
        "rolebinding.rbac.authorization.k8s.io/checkout-two-slipway-team-edit",
        "resourcequota/slipway",
    } <= found
    assert Resource.objects.get(environment__name="two", name="db").outputs["host"] == f"checkout-two-db.{SPACE}.svc"
    hard = json.loads(kubernetes_server.kubectl("get", "quota/slipway", "-n", SPACE, "-o", "json"))["spec"]["hard"]
    assert hard["requests.storage"] == "10Gi"

    stage_isolate(organisation.actor("admin"), stage="dev", isolation="namespace", now=clock.now())
    run_of(organisation, "move", "one")
    assert "deployment.apps/api" in names(kubernetes_server, "deploy", "checkout-one")
    assert not any("checkout-one" in one for one in names(kubernetes_server, "deploy,netpol,rolebinding,svc,secret"))
    hard = json.loads(kubernetes_server.kubectl("get", "quota/slipway", "-n", SPACE, "-o", "json"))["spec"]["hard"]
    assert hard["requests.storage"] == "5Gi"
    assert not FormerPlace.objects.exists()
    assert orphans.orphans_sweep(now=clock.now()) == 0

    run_of(organisation, "delete", "two")
    assert SPACE not in kubernetes_server.kubectl("get", "namespaces", "-o", "name")
    assert not SharedNamespace.objects.exists()


def test_a_move_to_the_same_cluster_under_another_name_is_refused(
    cluster: Cluster,  # noqa: F811
    organisation: Organisation,
    kubernetes_account: dict[str, Any],
) -> None:
    """Its tear down would take what it built up."""
    admin = organisation.actor("admin")
    kubeconfig = yaml.safe_dump(kubernetes_account)
    cluster_register(admin, name="again", title="Again", driver="kubernetes", kubeconfig=kubeconfig, now=clock.now())
    make(organisation, "one")
    Cluster.objects.update(labels={"region": "eu"})
    Stage.objects.filter(name="dev").update(cluster_labels={"region": "eu"})
    wish = ChangeRequest("move", "checkout", "one", cluster="again", confirm="one", reason="Why not.")
    planned = change_plan(organisation.actor("developer"), wish, now=clock.now())
    assert [one.message for one in planned.problems] == ["It is the same cluster under another name."]
    assert Environment.objects.get(name="one").cluster.name == "real"

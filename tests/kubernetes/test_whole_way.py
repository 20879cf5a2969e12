"""The whole way on a real API server: register it, create, look with kubectl, change, delete."""

from __future__ import annotations

import json
import time

import pytest
import yaml

from idp.kernel import clock
from idp.kernel.errors import InvalidInput, Transient
from provisioning.models import Cluster, Environment, Run, Stage
from provisioning.orchestrator import advance
from provisioning.selectors.environments import environment_resources
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.clusters import cluster_register
from tests.personas import Organisation
from tests.provisioning.organisation import create, equip, spec

pytestmark = [pytest.mark.kubernetes, pytest.mark.django_db]


def carry_out(run: Run, *, seconds: float = 60) -> Run:
    """Advance the run in real time until it is over."""
    deadline = time.monotonic() + seconds
    while run.state in ("queued", "running") and time.monotonic() < deadline:
        advance(run.pk)
        run.refresh_from_db()
        time.sleep(0.2)
    return run


@pytest.fixture
def cluster(organisation: Organisation, kubernetes_account) -> Cluster:
    """The real server, registered with the least account, behind the stage dev."""
    equip(organisation)
    made = cluster_register(
        organisation.actor("admin"),
        name="real",
        title="Real API server",
        driver="kubernetes",
        kubeconfig=yaml.safe_dump(kubernetes_account),
        now=clock.now(),
    )
    Stage.objects.filter(name="dev").update(cluster=made)
    return made


def test_it_keeps_the_kubeconfig_encrypted(cluster, kubernetes_account):
    token = kubernetes_account["users"][0]["user"]["token"]
    stored = Cluster.objects.values().get(pk=cluster.pk)
    assert token not in json.dumps(stored, default=str)
    assert cluster.kubernetes_version.startswith("v1.")


def test_it_makes_changes_and_deletes_a_real_environment(cluster, organisation, kubernetes_server):
    run = carry_out(Run.objects.get(change=create(organisation, "staging", now=clock.now())))
    assert run.state == "succeeded", run.error
    outputs = {one.name: one.outputs for one in environment_resources(Environment.objects.get())}
    assert outputs["db"]["host"] == "db.checkout-staging.svc"

    shown = kubernetes_server.kubectl(
        "get", "all,quota,limits,netpol,rolebindings,ingress", "-n", "checkout-staging", "--show-labels"
    )
    for part in (
        "deployment.apps/api",
        "statefulset.apps/db",
        "resourcequota/",
        "limitrange/",
        "networkpolicy",
        "rolebinding",
        "ingress",
    ):
        assert part in shown
    assert "slipway.dev/environment=staging" in shown
    deployment = json.loads(
        kubernetes_server.kubectl("get", "deploy/api", "-n", "checkout-staging", "-o", "json", "--show-managed-fields")
    )
    managers = {one["manager"]: one["operation"] for one in deployment["metadata"]["managedFields"]}
    assert managers["slipway"] == "Apply"
    environment = {one["name"]: one for one in deployment["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert "valueFrom" in environment["DATABASE_PASSWORD"]

    request = ChangeRequest("update", "checkout", "staging", spec=spec(api={"replicas": 3}))
    change = change_submit(organisation.actor("developer"), request, now=clock.now())
    run = carry_out(Run.objects.get(change=change))
    assert run.state == "succeeded", run.error
    assert (
        kubernetes_server.kubectl("get", "deploy/api", "-n", "checkout-staging", "-o", "jsonpath={.spec.replicas}")
        == "3"
    )

    request = ChangeRequest("delete", "checkout", "staging", confirm="staging", reason="x")
    change = change_submit(organisation.actor("developer"), request, now=clock.now())
    run = carry_out(Run.objects.get(change=change), seconds=90)
    assert run.state == "succeeded", (run.error, list(run.steps.values_list("key", "state", "message")))
    assert "checkout-staging" not in kubernetes_server.kubectl("get", "namespaces", "-o", "name")


@pytest.mark.parametrize(
    ("change", "expected", "words"),
    [
        pytest.param(
            lambda config: config["users"][0]["user"].update(token="wrong"), InvalidInput, "refused", id="token"
        ),
        pytest.param(
            lambda config: config["clusters"][0]["cluster"].update(server="https://127.0.0.1:9"),
            Transient,
            "answer",
            id="away",
        ),
        pytest.param(
            lambda config: config["users"][0].update(user={"exec": {"command": "sh"}}),
            InvalidInput,
            "refused",
            id="program",
        ),
    ],
)
def test_it_stores_no_cluster_that_it_cannot_reach(organisation, kubernetes_account, change, expected, words):
    config = json.loads(json.dumps(kubernetes_account))
    change(config)
    with pytest.raises(expected, match=words):
        cluster_register(
            organisation.actor("admin"),
            name="real",
            title="Real",
            driver="kubernetes",
            kubeconfig=yaml.safe_dump(config),
            now=clock.now(),
        )
    assert not Cluster.objects.filter(name="real").exists()

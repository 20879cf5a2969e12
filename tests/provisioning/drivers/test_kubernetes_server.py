"""What only the Kubernetes driver must do on a real API server: keep secrets to itself and leave the work of others
alone.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from provisioning.domain.driver import ObjectRef, PermanentError, TemporaryError
from provisioning.domain.finalizers import held
from provisioning.drivers.kubernetes import KubernetesDriver, connection, driver
from tests.kubernetes.server import KubernetesServer
from tests.provisioning.drivers import manifests as made
from tests.provisioning.drivers.conformance import World, eventually, new_world

pytestmark = [pytest.mark.kubernetes]


@pytest.fixture
def world(kubernetes_account: dict[str, Any]) -> Iterator[World]:
    opened = KubernetesDriver(kubernetes_account)
    yield new_world(opened, lambda ref, changes, manager: None)
    opened.close()


@pytest.fixture
def admin(kubernetes_server: KubernetesServer) -> KubernetesDriver:
    return KubernetesDriver(kubernetes_server.kubeconfig)


def test_it_is_refused_with_a_wrong_token(kubernetes_server: KubernetesServer) -> None:
    with pytest.raises(PermanentError) as raised:
        KubernetesDriver(kubernetes_server.kubeconfig_for("wrong")).probe()
    assert raised.value.code == "unauthorized"


def test_it_applies_as_field_manager_slipway(kubernetes_server: KubernetesServer, world: World) -> None:
    world.apply(made.deployment(world.namespace, world.scope))
    what = ("deployment", "api", "-n", world.namespace, "--show-managed-fields")
    managers = kubernetes_server.kubectl("get", *what, "-o", "jsonpath={.metadata.managedFields[*].manager}")
    assert "slipway" in managers.split()


def test_it_may_do_no_more_than_it_was_given(kubernetes_server: KubernetesServer, world: World) -> None:
    binding = made.role_binding(world.namespace, world.scope, role="cluster-admin")
    with pytest.raises(PermanentError) as raised:
        world.apply(binding)
    assert raised.value.code == "forbidden"
    assert raised.value.remedy
    for verb, what in (
        ("delete", "nodes"),
        ("create", "clusterroles"),
        ("create", "pods"),
        ("update", "secrets"),
    ):
        with pytest.raises(subprocess.CalledProcessError):
            kubernetes_server.kubectl("auth", "can-i", verb, what, "--as=system:serviceaccount:slipway:slipway")


def test_it_says_when_the_cluster_has_no_room(world: World) -> None:
    quota = made.resource_quota(world.namespace, world.scope, services="1")
    world.apply(quota)
    first, second = made.service(world.namespace, world.scope), made.service(world.namespace, world.scope, "second")

    def attempt() -> str:
        try:
            world.apply(first)
        except TemporaryError as error:
            return error.code
        return "applied"

    # Until the quota was counted the server refuses everything, which passes.
    eventually(attempt, lambda told: told == "applied")
    with pytest.raises(PermanentError) as raised:
        world.apply(second)
    assert raised.value.code == "over-cluster-quota"
    assert "services=1" in raised.value.message


def test_it_makes_random_values_that_only_the_cluster_holds(
    kubernetes_server: KubernetesServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Any] = []
    ask = connection.Connection.request

    def listen(*arguments: Any, **options: Any) -> dict[str, Any]:
        answers.append(ask(*arguments, **options))
        return dict(answers[-1])

    monkeypatch.setattr(connection.Connection, "request", listen)
    credentials = made.generated_secret(world.namespace, world.scope)
    ref = ObjectRef.of(credentials)
    for _ in range(2):
        world.apply(credentials)
        world.driver.dry_run([credentials], world.scope)
        world.driver.observe([ref])
        world.driver.list_managed(world.scope, world.namespace)
    path = f"/api/v1/namespaces/{world.namespace}/secrets/{ref.name}"
    data = kubernetes_server.request("GET", path)["data"]
    world.driver.delete([ref], world.scope)
    assert re.fullmatch(r"[A-Za-z0-9]{32}", base64.b64decode(data["password"]).decode())
    assert base64.b64decode(data["username"]) == b"shop-owner-name"
    assert data["password"] not in json.dumps(answers)
    assert data["username"] not in json.dumps(answers)
    assert len(answers) > 10


def test_it_leaves_an_object_without_labels_alone(kubernetes_server: KubernetesServer, world: World) -> None:
    path = f"/api/v1/namespaces/{world.namespace}/configmaps"
    kubernetes_server.request("POST", path, {"metadata": {"name": "settings"}, "data": {"theirs": "1"}})
    ours = made.config_map(world.namespace, world.scope)
    with pytest.raises(PermanentError) as raised:
        world.apply(ours, force=True)
    assert raised.value.code == "not-ours"
    assert kubernetes_server.request("GET", f"{path}/settings")["data"] == {"theirs": "1"}


def test_it_lists_nothing_that_only_copied_our_labels(kubernetes_server: KubernetesServer, world: World) -> None:
    path = f"/api/v1/namespaces/{world.namespace}/configmaps"
    copied = {"metadata": {"name": "copied", "labels": world.scope.labels()}}
    kubernetes_server.request("POST", f"{path}?fieldManager=some-operator", copied)
    assert [ref.kind for ref in world.driver.list_managed(world.scope, world.namespace)] == ["Namespace"]


def test_it_reads_long_lists_to_their_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "PAGE", "2")
    world.apply(*(made.config_map(world.namespace, world.scope, f"one-{number}") for number in range(5)))
    assert len(world.driver.list_managed(world.scope, world.namespace)) == 6


def test_it_keeps_the_volume_of_a_deleted_stateful_set(kubernetes_server: KubernetesServer, world: World) -> None:
    database = made.stateful_set(world.namespace, world.scope)
    world.apply(database)
    assert world.settled(database, lambda told: told.is_ready)
    eventually(lambda: world.driver.delete([ObjectRef.of(database)], world.scope)[0], lambda told: told.gone)
    kubernetes_server.request("GET", f"/api/v1/namespaces/{world.namespace}/persistentvolumeclaims/data-db-0")


def test_it_reports_a_finalizer_that_holds_an_object(kubernetes_server: KubernetesServer, world: World) -> None:
    settings = made.config_map(world.namespace, world.scope)
    world.apply(settings)
    path = f"/api/v1/namespaces/{world.namespace}/configmaps/settings"
    merge = "application/merge-patch+json"
    kubernetes_server.request("PATCH", path, {"metadata": {"finalizers": ["example.com/wait"]}}, content_type=merge)
    ref = ObjectRef.of(settings)
    held = eventually(
        lambda: world.driver.delete([ref], world.scope)[0], lambda told: told.finalizers == ("example.com/wait",)
    )
    assert not held.gone
    with pytest.raises(TemporaryError) as raised:
        world.apply(settings)
    assert raised.value.code == "still-deleting"
    kubernetes_server.request("PATCH", path, {"metadata": {"finalizers": None}}, content_type=merge)
    eventually(lambda: world.driver.delete([ref], world.scope)[0], lambda told: told.gone)


def test_it_releases_what_a_finalizer_holds(kubernetes_server: KubernetesServer, world: World) -> None:
    settings = made.config_map(world.namespace, world.scope)
    world.apply(settings)
    path = f"/api/v1/namespaces/{world.namespace}/configmaps/settings"
    merge = "application/merge-patch+json"
    kubernetes_server.request("PATCH", path, {"metadata": {"finalizers": ["example.com/wait"]}}, content_type=merge)
    ref = ObjectRef.of(settings)
    assert not world.driver.delete([ref], world.scope)[0].gone
    told = held(world.live(settings), ref)
    assert told is not None
    setter = next(one.controller for one in told.holders if one.finalizer == "example.com/wait")
    assert setter not in ("", "the controller of example.com")
    assert world.driver.release(ref, world.scope).gone
    assert world.live(settings) is None


def test_it_finds_kinds_that_it_was_not_told_of(admin: KubernetesDriver, world: World) -> None:
    daemons = made.deployment(world.namespace, world.scope, "daemons")
    daemons["kind"] = "DaemonSet"
    del daemons["spec"]["replicas"], daemons["spec"]["progressDeadlineSeconds"]
    assert admin.apply([daemons], world.scope)[0].outcome == "created"
    assert admin.observe([ObjectRef.of(daemons)])[0].exists


@pytest.mark.parametrize("api_version", ["apps/v1", "example.com/v1"])
def test_it_says_that_a_kind_is_not_served(world: World, api_version: str) -> None:
    strange = {**made.config_map(world.namespace, world.scope), "apiVersion": api_version, "kind": "Teapot"}
    with pytest.raises(PermanentError) as raised:
        world.apply(strange)
    assert raised.value.code == "kind-not-served"
    assert "Teapot" in raised.value.message


def test_it_needs_a_namespace_for_what_lives_in_one(world: World) -> None:
    with pytest.raises(PermanentError) as raised:
        world.apply(made.config_map("", world.scope))
    assert raised.value.code == "invalid-object"


def test_it_previews_a_quota_without_a_namespace_that_is_never_made(world: World) -> None:
    with pytest.raises(PermanentError) as raised:
        world.driver.dry_run([made.resource_quota("nowhere-at-all", world.scope, pods="1")], world.scope)
    assert raised.value.code == "namespace-missing"

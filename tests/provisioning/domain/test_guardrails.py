"""What every environment gets first: closed, limited, and with room for a rollout."""

from __future__ import annotations

from typing import Any

import pytest

from idp.kernel.cel_functions import quantity
from provisioning.domain.driver import Manifest, Scope
from provisioning.domain.guardrails import GuardrailSettings, guardrails
from provisioning.domain.kubernetes_schema import validate_object
from provisioning.domain.plan import Footprint


def made(**changes: Any) -> dict[str, Manifest]:
    arguments: dict[str, Any] = {
        "namespace": "checkout-dev",
        "scope": Scope("checkout", "dev"),
        "team": "payments",
        "usage": Footprint(0.75, 1.5, 10),
        "revision": 3,
    }
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in guardrails(**{**arguments, **changes})}


def test_it_makes_the_namespace_first_and_all_else_inside_it() -> None:
    objects = list(made(has_route=True).values())
    assert objects[0]["kind"] == "Namespace"
    assert {one["metadata"].get("namespace") for one in objects[1:]} == {"checkout-dev"}


@pytest.mark.parametrize("has_route", [True, False], ids=["with-route", "without"])
def test_it_makes_what_kubernetes_takes(has_route: bool) -> None:
    for name, manifest in made(has_route=has_route).items():
        assert validate_object(manifest) == [], name


def test_it_labels_everything_as_ours() -> None:
    for manifest in made().values():
        labels = manifest["metadata"]["labels"]
        assert Scope("checkout", "dev").labels().items() <= labels.items()
        assert (labels["slipway.dev/revision"], labels["slipway.dev/team"]) == ("3", "payments")


def test_it_holds_pods_to_the_restricted_level_in_all_three_modes() -> None:
    labels = made()["Namespace/checkout-dev"]["metadata"]["labels"]
    for mode in ("enforce", "audit", "warn"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"
        assert labels[f"pod-security.kubernetes.io/{mode}-version"].startswith("v1.")


@pytest.mark.parametrize(
    ("usage", "previous"),
    [
        pytest.param(Footprint(0.25, 0.5, 0), None, id="one-replica-needs-twice-its-size-while-rolling"),
        pytest.param(Footprint(0.5, 1, 0), Footprint(4, 8, 0), id="shrinking-must-hold-what-still-runs"),
        pytest.param(Footprint(4, 8, 100), Footprint(0.5, 1, 10), id="growing"),
        pytest.param(Footprint(), None, id="nothing"),
    ],
)
def test_it_leaves_room_for_a_rolling_update(usage: Footprint, previous: Footprint | None) -> None:
    hard = made(usage=usage, previous=previous)["ResourceQuota/slipway"]["spec"]["hard"]
    before = previous or Footprint()
    for key, old, new in (("cpu", before.cpu, usage.cpu), ("memory", before.memory_gib, usage.memory_gib)):
        unit = 1 if key == "cpu" else 2**30
        # The old replicas still run while each workload starts one new replica, at most as many as there are.
        assert quantity(hard[f"requests.{key}"]) >= (old + new) * unit
        assert hard[f"requests.{key}"] == hard[f"limits.{key}"]
    assert quantity(hard["requests.storage"]) >= max(before.storage_gib, usage.storage_gib) * 2**30


@pytest.mark.parametrize(
    ("usage", "cpu", "memory"),
    [
        pytest.param(Footprint(0.5, 1.0, 0), "2", "4Gi", id="whole"),
        pytest.param(Footprint(0.125, 0.3, 0), "1250m", "2663Mi", id="fractions-round-up"),
    ],
)
def test_it_writes_quantities_as_the_api_server_does(usage: Footprint, cpu: str, memory: str) -> None:
    hard = made(usage=usage)["ResourceQuota/slipway"]["spec"]["hard"]
    assert (hard["requests.cpu"], hard["requests.memory"]) == (cpu, memory)


def test_it_opens_no_load_balancer_and_no_node_port() -> None:
    hard = made()["ResourceQuota/slipway"]["spec"]["hard"]
    assert (hard["services.loadbalancers"], hard["services.nodeports"]) == ("0", "0")


def test_it_denies_all_traffic_but_its_own_and_dns() -> None:
    policies = {key: one["spec"] for key, one in made().items() if one["kind"] == "NetworkPolicy"}
    assert policies["NetworkPolicy/slipway-deny-all"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert policies["NetworkPolicy/slipway-same-namespace"]["ingress"] == [{"from": [{"podSelector": {}}]}]
    dns = policies["NetworkPolicy/slipway-dns"]["egress"][0]
    assert {(port["protocol"], port["port"]) for port in dns["ports"]} == {("UDP", 53), ("TCP", 53)}
    assert "NetworkPolicy/slipway-ingress" not in policies


def test_it_lets_the_ingress_controller_in_for_a_route_only() -> None:
    chosen = GuardrailSettings(ingress_namespace="edge")
    entry = made(has_route=True, settings=chosen)["NetworkPolicy/slipway-ingress"]["spec"]
    selector = entry["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"]
    assert selector == {"kubernetes.io/metadata.name": "edge"}


@pytest.mark.parametrize("role", ["view", "edit"])
def test_it_binds_the_team_by_a_name_that_changes_with_the_role(role: str) -> None:
    binding = made(settings=GuardrailSettings(team_role=role))[f"RoleBinding/slipway-team-{role}"]
    assert binding["roleRef"]["name"] == role
    assert [subject["name"] for subject in binding["subjects"]] == ["slipway:payments"]

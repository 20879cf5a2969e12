"""The built-in contracts that need more than a plain Kubernetes: what they make, and how one comes to them from 1.x."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.contracts import builtin_documents
from provisioning.domain.compatibility import compare
from provisioning.domain.contract import Contract, parse_contract
from provisioning.domain.contract_checks import sample_context
from provisioning.domain.hosts import hosts_in
from provisioning.domain.readiness import readiness
from provisioning.domain.render import is_ready, publish_outputs, render
from provisioning.domain.upgrade import upgrade_inputs

CONTRACTS = {path: parse_contract(document.data, document.lines) for path, document in builtin_documents()}
POSTGRES, ROUTE, API = (CONTRACTS[f"{name}.yaml"] for name in ("postgres/2.0.0", "route/2.0.0", "public-api/1.0.0"))
TO = {"name": "api", "port": 8080}


def objects(contract: Contract, power: str = "awake", **inputs: Any) -> dict[str, Any]:
    place = sample_context(contract, power=power)
    return {one.id: one.manifest for one in render(contract, contract.with_defaults(inputs), place)}


def upgraded(capability: str, inputs: dict[str, Any]) -> dict[str, Any]:
    old, new = CONTRACTS[f"{capability}/1.0.0.yaml"], CONTRACTS[f"{capability}/2.0.0.yaml"]
    made, problems = upgrade_inputs(old.with_defaults(inputs), new, old=old)
    assert problems == []
    return made


def test_what_needs_a_custom_kind_says_so() -> None:
    assert {one.reference: one.requires.apis for one in CONTRACTS.values() if one.requires} == {
        "postgres@2.0.0": ("postgresql.cnpg.io/v1/Cluster",),
        "route@2.0.0": ("gateway.networking.k8s.io/v1/HTTPRoute",),
    }


@pytest.mark.parametrize("capability", ["postgres", "route"])
def test_the_second_major_may_follow_the_first(capability: str) -> None:
    assert compare(CONTRACTS[f"{capability}/1.0.0.yaml"], CONTRACTS[f"{capability}/2.0.0.yaml"]).allowed


@pytest.mark.parametrize("capability", ["postgres", "route"])
def test_the_second_major_has_all_outputs_of_the_first(capability: str) -> None:
    before, after = CONTRACTS[f"{capability}/1.0.0.yaml"], CONTRACTS[f"{capability}/2.0.0.yaml"]
    assert {name: one["type"] for name, one in before.outputs.items()}.items() <= {
        name: one["type"] for name, one in after.outputs.items()
    }.items()


def test_an_upgraded_postgres_keeps_the_old_server_as_it_is_while_it_copies() -> None:
    inputs = {"storageGiB": 20, "size": "medium", "database": "shop"}
    old = CONTRACTS["postgres/1.0.0.yaml"]
    before, after = objects(old, **inputs), objects(POSTGRES, **upgraded("postgres", inputs))

    def plain(manifest: Any) -> Any:
        return manifest["spec"]

    for name in ("data", "service", "server"):
        assert plain(before[name]) == plain(after[name]), name
        assert before[name]["metadata"]["name"] == after[name]["metadata"]["name"]
    cluster = after["cluster"]["spec"]
    assert cluster["bootstrap"]["initdb"]["import"]["databases"] == ["shop"]
    assert cluster["externalClusters"][0]["connectionParameters"]["host"] == before["service"]["metadata"]["name"]
    assert cluster["storage"]["size"] == "20Gi"


def test_a_new_postgres_has_no_old_server() -> None:
    made = objects(POSTGRES, instances=3)
    assert made.keys() == {"credentials", "operator", "cluster", "scraping"}
    assert made["cluster"]["spec"]["instances"] == 3
    assert "externalClusters" not in made["cluster"]["spec"]
    assert "import" not in made["cluster"]["spec"]["bootstrap"]["initdb"]


def test_an_upgraded_route_leads_where_it_did() -> None:
    inputs = {"host": "shop.example", "path": "/api", "to": TO, "tls": False}
    old, moved = CONTRACTS["route/1.0.0.yaml"], upgraded("route", inputs)
    place = sample_context(ROUTE)
    assert publish_outputs(ROUTE, ROUTE.with_defaults(moved), place) == publish_outputs(
        old, old.with_defaults(inputs), place
    )
    route = objects(ROUTE, **moved)["route"]["spec"]
    assert route["hostnames"] == ["shop.example"]
    assert route["parentRefs"][0]["sectionName"] == "http"
    assert route["rules"][0]["backendRefs"][0]["name"] == "api"


@pytest.mark.parametrize(
    ("power", "status", "ready"),
    [
        pytest.param("awake", None, False, id="not yet seen by the operator"),
        pytest.param("awake", {"readyInstances": 1}, False, id="one of two"),
        pytest.param("awake", {"readyInstances": 2}, True, id="all"),
        pytest.param("asleep", {"readyInstances": 0, "conditions": []}, False, id="still stopping"),
        pytest.param(
            "asleep",
            {"conditions": [{"type": "cnpg.io/hibernation", "status": "True"}]},
            True,
            id="hibernated",
        ),
    ],
)
def test_postgres_is_ready_when_its_operator_says_so(power: str, status: Any, ready: bool) -> None:
    live = dict(objects(POSTGRES, power, instances=2)["cluster"])
    if status is not None:
        live["status"] = status
    template = next(one for one in POSTGRES.objects if one.id == "cluster")
    assert is_ready(template.ready_when, live)[0] is ready


def test_a_route_waits_for_its_gateway() -> None:
    live = objects(ROUTE, host="shop.example", to=TO)["route"]
    assert readiness({**live, "status": {"parents": []}}).state == "in-progress"
    told = {"type": "Accepted", "status": "True"}
    parents = [{"parentRef": live["spec"]["parentRefs"][0], "conditions": [told]}]
    assert readiness({**live, "status": {"parents": parents}}).is_ready


def test_a_public_api_limits_its_callers_and_shows_its_document() -> None:
    made = objects(API, host="api.example", to=TO, requestsPerSecond=50, openapi="/docs/openapi.json")["ingress"]
    assert made["metadata"]["annotations"]["nginx.ingress.kubernetes.io/limit-rps"] == "50"
    assert hosts_in([made]) == ("api.example",)
    inputs = API.with_defaults({"host": "api.example", "to": TO, "openapi": "/docs/openapi.json"})
    outputs = publish_outputs(API, inputs, sample_context(API))
    assert outputs["openapi"] == "https://api.example/docs/openapi.json"
    assert {name: one.get("x-link") for name, one in API.outputs.items() if "x-link" in one} == {
        "url": "API",
        "openapi": "OpenAPI",
    }

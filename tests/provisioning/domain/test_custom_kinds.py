"""Custom kinds: their definitions as strict schemas, and what is refused as a definition."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from idp.kernel.errors import InvalidInput
from provisioning.domain.custom_kinds import kinds_of, known_custom_kinds
from provisioning.domain.kubernetes_schema import definition, validate_object

DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "wells.shop.example"},
    "spec": {
        "group": "shop.example",
        "names": {"kind": "Well", "plural": "wells"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["depth"],
                                "properties": {
                                    "depth": {"type": "integer", "minimum": 1},
                                    "port": {"x-kubernetes-int-or-string": True},
                                    "note": {"type": "string", "nullable": True},
                                    "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                                },
                                "oneOf": [{"required": ["depth"]}, {"required": ["port"]}],
                            }
                        },
                    }
                },
            },
            {"name": "v0", "served": False, "schema": {"openAPIV3Schema": {"type": "object"}}},
        ],
    },
}
WELL = kinds_of(DEFINITION)[0]


def well(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "shop.example/v1", "kind": "Well", "metadata": {"name": "deep"}, "spec": spec}


def test_it_reads_what_is_served() -> None:
    assert [one.key for one in kinds_of(DEFINITION)] == ["shop.example/v1/Well"]
    assert (WELL.plural, WELL.namespaced) == ("wells", True)


@pytest.mark.parametrize(
    ("manifest", "path"),
    [
        pytest.param(well(depth=3, note=None, open={"any": [1]}, labels={"a": "b"}), None, id="right"),
        pytest.param(well(depth=0), "spec.depth", id="too small"),
        pytest.param(well(depth=3, dept=4), "spec.dept", id="an unknown field"),
        pytest.param(well(depth=3, labels={"a": 1}), "spec.labels.a", id="inside a map"),
        pytest.param(well(depth=3, port=[1]), "spec.port", id="neither number nor text"),
        pytest.param({**well(depth=3), "metadata": {"name": "Deep_"}}, "metadata.name", id="a name that no API takes"),
        pytest.param({**well(depth=3), "metadata": {"nam": "x"}}, "metadata.nam", id="metadata is Kubernetes' own"),
    ],
)
def test_it_judges_objects_strictly(manifest: dict[str, Any], path: str | None) -> None:
    found = validate_object(manifest, {WELL.key: WELL})
    assert [one.path for one in found][:1] == ([path] if path else [])


def test_a_kind_that_nobody_defined_is_named() -> None:
    [problem] = validate_object(well(depth=3))
    assert "is not a kind Slipway can validate" in problem.message
    assert "postgresql.cnpg.io/v1/Cluster" in problem.message


def test_a_mistyped_field_gets_a_hint() -> None:
    [problem] = validate_object(well(depth=3, dept=3), {WELL.key: WELL})
    assert problem.message == "There is no field dept here; did you mean depth?"


def _changed(path: str, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(DEFINITION)
    place: Any = made
    *steps, last = path.split(".")
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    return made


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


SCHEMA = "spec.versions.0.schema.openAPIV3Schema"


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param([], id="not a mapping"),
        pytest.param(_changed("kind", "Deployment"), id="another kind"),
        pytest.param(_changed("apiVersion", "apiextensions.k8s.io/v1beta1"), id="an old definition"),
        pytest.param(_changed("spec.group", ""), id="no group"),
        pytest.param(_changed("spec.versions", []), id="no version"),
        pytest.param(_changed("spec.versions.0.schema", None), id="no schema"),
        pytest.param(_changed(SCHEMA, {"$ref": "https://elsewhere.example/schema"}), id="a reference elsewhere"),
        pytest.param(_changed(SCHEMA, deep(200)), id="too deep"),
        pytest.param(_changed(SCHEMA, {"type": "object", "title": "x" * 2_100_000}), id="too large"),
    ],
)
def test_it_refuses_what_is_no_definition(broken: Any) -> None:
    with pytest.raises(InvalidInput):
        kinds_of(broken)


def test_the_kinds_of_the_built_in_contracts_come_along() -> None:
    assert set(known_custom_kinds()) == {
        "gateway.networking.k8s.io/v1/HTTPRoute",
        "monitoring.coreos.com/v1/PodMonitor",
        "monitoring.coreos.com/v1/ServiceMonitor",
        "postgresql.cnpg.io/v1/Cluster",
    }
    assert definition("postgresql.cnpg.io/v1", "Cluster") is not None


CLUSTER: dict[str, Any] = {"instances": 1, "storage": {"size": "5Gi"}}
ROUTE: dict[str, Any] = {"hostnames": ["shop.example"], "rules": [{"backendRefs": [{"name": "api", "port": 8080}]}]}
MONITOR: dict[str, Any] = {"selector": {"matchLabels": {"app": "api"}}}


@pytest.mark.parametrize(
    ("key", "spec", "path"),
    [
        pytest.param("postgresql.cnpg.io/v1/Cluster", CLUSTER, None, id="a cluster"),
        pytest.param(
            "postgresql.cnpg.io/v1/Cluster", {**CLUSTER, "instance": 1}, "spec.instance", id="a mistyped field"
        ),
        pytest.param("postgresql.cnpg.io/v1/Cluster", {"storage": {}}, "spec.instances", id="no instances"),
        pytest.param(
            "postgresql.cnpg.io/v1/Cluster",
            {**CLUSTER, "storage": {"size": "5 GB"}},
            "spec.storage.size",
            id="no amount",
        ),
        pytest.param(
            "postgresql.cnpg.io/v1/Cluster", {**CLUSTER, "backup": {"any": [1]}}, None, id="left to the operator"
        ),
        pytest.param("gateway.networking.k8s.io/v1/HTTPRoute", ROUTE, None, id="a route"),
        pytest.param(
            "gateway.networking.k8s.io/v1/HTTPRoute", {**ROUTE, "hostnames": ["Shop"]}, "spec.hostnames.0", id="no host"
        ),
        pytest.param(
            "gateway.networking.k8s.io/v1/HTTPRoute",
            {"rules": [{"backendRefs": [{"name": "api", "port": 0}]}]},
            "spec.rules.0.backendRefs.0.port",
            id="no port",
        ),
        pytest.param("monitoring.coreos.com/v1/PodMonitor", MONITOR, None, id="a pod monitor"),
        pytest.param("monitoring.coreos.com/v1/PodMonitor", {}, "spec.selector", id="watches nothing"),
        pytest.param(
            "monitoring.coreos.com/v1/ServiceMonitor",
            {**MONITOR, "endpoints": [{"port": "http", "interval": "often"}]},
            "spec.endpoints.0.interval",
            id="no duration",
        ),
    ],
)
def test_what_comes_along_is_strict_where_it_is_written_out(key: str, spec: dict[str, Any], path: str | None) -> None:
    api_version, _, kind = key.rpartition("/")
    found = validate_object({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, "spec": spec})
    assert [one.path for one in found] == ([path] if path else [])

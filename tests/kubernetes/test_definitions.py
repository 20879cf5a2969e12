"""What a real API server says about the objects of custom kinds, read with the least account."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml

from idp.kernel.actor import PLATFORM
from idp.kernel.errors import InvalidInput
from provisioning.domain.custom_kinds import CustomKind, bare, kind_of, kinds_of
from provisioning.domain.custom_kinds import definitions as come_along
from provisioning.domain.driver import PermanentError, Scope
from provisioning.domain.kubernetes_schema import validate_object
from provisioning.drivers import open_driver
from provisioning.drivers.kubernetes import definitions
from provisioning.drivers.kubernetes.connection import Connection
from provisioning.drivers.kubernetes.kubeconfig import read_kubeconfig
from provisioning.models import ClusterDefinition
from provisioning.services.cluster_offers import clusters_look
from provisioning.services.clusters import cluster_register
from provisioning.services.contracts import contract_publish
from tests.kubernetes.server import KubernetesServer
from tests.personas import NOW
from tests.provisioning import wells

pytestmark = [pytest.mark.kubernetes]

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CLUSTER = "postgresql.cnpg.io/v1/Cluster"
PUMP = "pumps.example/v1/Pump"
SPEC: dict[str, Any] = {
    "type": "object",
    "description": "What the pump does.",
    "required": ["depth"],
    "properties": {
        "depth": {"type": "integer", "minimum": 1, "default": 3},
        "port": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        "note": {"type": "string", "nullable": True},
        "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "template": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
        "hours": {"type": "array", "items": {"type": "string", "pattern": "^[0-2][0-9]$"}, "maxItems": 24},
    },
}
PUMPS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "pumps.pumps.example"},
    "spec": {
        "group": "pumps.example",
        "names": {"kind": "Pump", "plural": "pumps", "singular": "pump", "listKind": "PumpList"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": SPEC}}},
            }
        ],
    },
}


def pump(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "pumps.example/v1", "kind": "Pump", "metadata": {"name": "deep"}, "spec": spec}


@pytest.fixture
def connection(kubernetes_account: dict[str, Any]) -> Connection:
    return Connection(read_kubeconfig(kubernetes_account))


@pytest.fixture(scope="module")
def pumps(
    kubernetes_server: KubernetesServer, kubernetes_account: dict[str, Any], custom_kinds: tuple[str, ...]
) -> CustomKind:
    """Installed, and told by the server, which takes a moment longer than serving it."""
    kubernetes_server.define([PUMPS])
    connection = Connection(read_kubeconfig(kubernetes_account))
    wanted = {*custom_kinds, PUMP}
    for _ in range(200):
        if wanted == definitions.read(connection, wanted, {}).keys():
            break
        time.sleep(0.1)
    return kinds_of(PUMPS)[0]


def test_the_least_account_reads_what_was_installed(
    connection: Connection, custom_kinds: tuple[str, ...], pumps: CustomKind
) -> None:
    found = definitions.read(connection, [*custom_kinds, PUMP, "missing.example/v1/None", "apps/v1/None"], {})
    assert set(found) == {*custom_kinds, PUMP}
    mine = {one.key: one for each in come_along() for one in kinds_of(each)} | {PUMP: pumps}
    for key, told in found.items():
        assert told.mark, key
        assert told.schema is not None
        was, now = (one["properties"]["spec"]["properties"] for one in (mine[key].openapi, told.schema))
        # The server writes out what an object inside another must have.
        assert {name: one for name, one in now.items() if name != "template"} == {
            name: one for name, one in was.items() if name != "template"
        }
        assert bare(told.schema) == told.schema


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        pytest.param({"depth": 3, "port": "http", "note": None, "open": {"a": [1]}, "hours": ["07"]}, None, id="right"),
        pytest.param({"depth": 0}, "spec.depth", id="too small"),
        pytest.param({"depth": 3, "dept": 4}, "spec.dept", id="an unknown field"),
        pytest.param({"depth": 3, "labels": {"a": 1}}, "spec.labels.a", id="inside a map"),
        pytest.param({"depth": 3, "hours": ["7"]}, "spec.hours.0", id="a pattern"),
        pytest.param(
            {"depth": 3, "template": {"apiVersion": "v1", "kind": "Any", "metadata": {"nam": 1}}},
            "spec.template.metadata.nam",
            id="an object inside",
        ),
    ],
)
def test_it_judges_objects_as_the_server_does(
    kubernetes_account: dict[str, Any],
    kubernetes_server: KubernetesServer,
    pumps: CustomKind,
    spec: dict[str, Any],
    path: str | None,
) -> None:
    driver = open_driver("kubernetes", {"kubeconfig": kubernetes_account})
    schema = driver.definitions([PUMP], {})[PUMP].schema
    assert schema is not None
    kind = kind_of(PUMP, schema)
    assert [one.path for one in validate_object(pump(**spec), {PUMP: kind})][:1] == ([path] if path else [])


def test_it_fetches_again_only_what_changed(
    kubernetes_server: KubernetesServer, connection: Connection, custom_kinds: tuple[str, ...], pumps: CustomKind
) -> None:
    first = definitions.read(connection, [CLUSTER, PUMP], {})
    marks = {key: one.mark for key, one in first.items()}
    again = definitions.read(connection, [CLUSTER, PUMP], marks)
    assert {key: (one.mark, one.schema) for key, one in again.items()} == {key: (marks[key], None) for key in marks}

    live = kubernetes_server.request("GET", f"{CRDS}/pumps.pumps.example")
    made = live["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    made["speed"] = {"type": "integer"}
    kubernetes_server.request("PUT", f"{CRDS}/pumps.pumps.example", live)
    for _ in range(100):
        now = definitions.read(connection, [CLUSTER, PUMP], marks)
        if now[PUMP].schema is not None:
            break
        time.sleep(0.1)
    assert now[CLUSTER].schema is None
    assert now[PUMP].schema is not None
    assert "speed" in now[PUMP].schema["properties"]["spec"]["properties"]


def test_a_preview_of_what_has_no_namespace_yet_asks_the_cluster(
    kubernetes_account: dict[str, Any], pumps: CustomKind
) -> None:
    driver = open_driver("kubernetes", {"kubeconfig": kubernetes_account})
    scope = Scope("shop", "unmade")
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "shop-unmade", "labels": scope.labels()},
    }
    place = {"name": "db", "namespace": "shop-unmade", "labels": scope.labels()}
    api_version, _, kind = CLUSTER.rpartition("/")
    made = {"apiVersion": api_version, "kind": kind, "metadata": place, "spec": {"instances": 1}}
    assert len(driver.dry_run([namespace, made], scope)) == 2
    with pytest.raises(PermanentError, match=r"spec\.instances"):
        driver.dry_run([namespace, {**made, "spec": {"instances": 0}}], scope)


@pytest.mark.django_db
def test_publishing_asks_a_registered_cluster_and_names_it(
    kubernetes_account: dict[str, Any], pumps: CustomKind
) -> None:
    def contract(version: str, **spec: Any) -> dict[str, Any]:
        made = json.dumps(wells.contract(version, **spec))
        return dict(json.loads(made.replace("shop.example", "pumps.example").replace("Well", "Pump")))

    kubeconfig = yaml.safe_dump(kubernetes_account)
    cluster_register(PLATFORM, name="real", title="Real", driver="kubernetes", kubeconfig=kubeconfig, now=NOW)
    with pytest.raises(InvalidInput) as caught:
        contract_publish(PLATFORM, document=contract("1.0.0", hour="07"), now=NOW)
    told = {one.message for one in caught.value.errors}
    assert told == {"On the cluster real: There is no field hour here; did you mean hours?"}
    contract_publish(PLATFORM, document=contract("1.0.0", hours=["07"]), now=NOW)
    assert clusters_look(now=NOW) == 1
    [row] = ClusterDefinition.objects.all()
    assert (row.key, row.cluster.name) == (PUMP, "real")

"""The check that stands in for an API server when none is at hand."""

# ruff: noqa: E501 - one row is one line, so that the table reads as a table.

from __future__ import annotations

import copy
from typing import Any

import pytest

from provisioning.domain.kubernetes_schema import bundle, known_kinds, validate_object

LABELS = {"app.kubernetes.io/name": "api"}


def deployment() -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "api", "namespace": "shop-dev", "labels": dict(LABELS)},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": dict(LABELS)},
            "template": {
                "metadata": {"labels": dict(LABELS)},
                "spec": {
                    "volumes": [{"name": "scratch", "emptyDir": {}}],
                    "containers": [
                        {
                            "name": "app",
                            "image": "registry.example.com/shop/api:1.4.2",
                            "ports": [{"name": "http", "containerPort": 8080}],
                            "resources": {"requests": {"cpu": "250m", "memory": "128Mi"}},
                            "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],
                        }
                    ],
                },
            },
        },
    }


def simple(api_version: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "api"}, **fields}


def put(manifest: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of ``manifest`` with ``value`` at the dotted path; ``...`` as value removes the field."""
    changed: Any = copy.deepcopy(manifest)
    here: Any = changed
    parts = [int(part) if part.isdigit() else part for part in path.split("/")]
    for part in parts[:-1]:
        here = here[part]
    if value is ...:
        del here[parts[-1]]
    else:
        here[parts[-1]] = value
    return dict(changed)


VALID = [
    deployment(),
    simple("v1", "Namespace"),
    simple("v1", "ConfigMap", data={"a": "b"}),
    simple("v1", "Secret", type="Opaque", stringData={"password": "x"}),
    simple("v1", "ServiceAccount", automountServiceAccountToken=False),
    simple("v1", "Service", spec={"ports": [{"port": 80, "targetPort": "http"}], "selector": {"a": "b"}}),
    simple("v1", "Service", spec={"clusterIP": "None", "selector": {"a": "b"}}),
    simple("v1", "ResourceQuota", spec={"hard": {"requests.cpu": "4", "count/deployments.apps": 3, "memory": "0.5Gi"}}),
    simple("v1", "LimitRange", spec={"limits": [{"type": "Container", "default": {"cpu": "1e3"}}]}),
    simple("networking.k8s.io/v1", "NetworkPolicy", spec={"podSelector": {}, "policyTypes": ["Ingress"]}),
    simple(
        "networking.k8s.io/v1",
        "Ingress",
        spec={
            "rules": [
                {
                    "host": "*.shop.example.com",
                    "http": {
                        "paths": [
                            {
                                "path": "/",
                                "pathType": "Prefix",
                                "backend": {"service": {"name": "a", "port": {"number": 80}}},
                            }
                        ]
                    },
                }
            ]
        },
    ),
    simple("policy/v1", "PodDisruptionBudget", spec={"maxUnavailable": "50%", "selector": {"matchLabels": LABELS}}),
    simple(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        spec={"minReplicas": 2, "maxReplicas": 4, "scaleTargetRef": {"kind": "Deployment", "name": "api"}},
    ),
    simple(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        metadata={"name": "slipway:team"},
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        subjects=[{"kind": "Group", "name": "shop", "apiGroup": "rbac.authorization.k8s.io"}],
    ),
]


@pytest.mark.parametrize("manifest", VALID, ids=lambda manifest: f"{manifest['kind']}")
def test_it_takes_what_an_api_server_takes(manifest: dict[str, Any]) -> None:
    assert validate_object(manifest) == []


POD = "spec/template/spec"
BOX = f"{POD}/containers/0"
INGRESS = next(manifest for manifest in VALID if manifest["kind"] == "Ingress")
SCALER = next(manifest for manifest in VALID if manifest["kind"] == "HorizontalPodAutoscaler")

INVALID = [
    ("unknown field", put(deployment(), "spec/replica", 1), "spec.replica", "did you mean replicas?"),
    ("unknown field far down", put(deployment(), f"{BOX}/imagePolicy", "x"), f"{BOX}/imagePolicy", "no field"),
    ("wrong type", put(deployment(), "spec/replicas", "2"), "spec.replicas", "a whole number"),
    ("null", put(deployment(), "spec/replicas", None), "spec.replicas", "not null"),
    ("missing field", put(deployment(), "spec/selector", ...), "spec.selector", "required"),
    ("no spec", put(deployment(), "spec", ...), "spec", "required"),
    ("bad quantity", put(deployment(), f"{BOX}/resources/requests/cpu", "1x"), f"{BOX}/resources.requests.cpu", "500m"),
    ("negative replicas", put(deployment(), "spec/replicas", -1), "spec.replicas", "0 or more"),
    ("huge integer", put(deployment(), "spec/replicas", 2**40), "spec.replicas", "maximum"),
    ("no name", put(deployment(), "metadata", {}), "metadata.name", "needs a name"),
    ("name with a space", put(deployment(), "metadata/name", "my api"), "metadata.name", "“my api”"),
    ("trailing newline in a name", put(deployment(), "metadata/name", "api\n"), "metadata.name", "needs a name"),
    ("service named like a number", simple("v1", "Service", metadata={"name": "1a"}, spec={"clusterIP": "None"}), "metadata.name", "starting with a letter"),
    ("bad namespace", put(deployment(), "metadata/namespace", "A_b"), "metadata.namespace", "lower-case"),
    ("namespaced namespace", simple("v1", "Namespace", metadata={"name": "a", "namespace": "b"}), "metadata.namespace", "leave it out"),
    ("long label", put(deployment(), "metadata/labels/a", "x" * 64), "metadata.labels.a", "at most 63"),
    ("bad label key", put(deployment(), "metadata/labels/a b", "x"), "metadata.labels.a b", "key"),
    ("selector misses template", put(deployment(), "spec/template/metadata/labels", {"b": "c"}), "spec.template.metadata.labels.app.kubernetes.io/name", "selector"),
    ("empty selector", put(deployment(), "spec/selector", {}), "spec.selector", "at least one label"),
    ("image with a space", put(deployment(), f"{BOX}/image", "a b"), f"{BOX}/image", "white space"),
    ("no image", put(deployment(), f"{BOX}/image", ...), f"{BOX}/image", "An image"),
    ("port too high", put(deployment(), f"{BOX}/ports/0/containerPort", 70000), f"{BOX}/ports.0.containerPort", "65535"),
    ("no containers", put(deployment(), f"{POD}/containers", []), f"{POD}/containers", "at least one"),
    ("no such volume", put(deployment(), f"{POD}/volumes", []), f"{BOX}/volumeMounts.0.name", "no volume"),
    ("wrong restart policy", put(deployment(), f"{POD}/restartPolicy", "Never"), f"{POD}/restartPolicy", "Always"),
    ("host in capitals", put(INGRESS, "spec/rules/0/host", "Shop.Example"), "spec.rules.0.host", "lower-case"),
    ("relative path", put(INGRESS, "spec/rules/0/http/paths/0/path", "x"), "spec.rules.0.http.paths.0.path", "start with /"),
    ("autoscaler upside down", put(SCALER, "spec/maxReplicas", 1), "spec.maxReplicas", "minReplicas (2)"),
    ("unknown kind", simple("apps/v1", "Deploymint"), "kind", "apps/v1 Deploymint"),
    ("wrong version", simple("apps/v1beta1", "Deployment"), "kind", "known as apps/v1"),
    ("nothing at all", {}, "kind", "no apiVersion"),
]  # fmt: skip


@pytest.mark.parametrize(("manifest", "path", "words"), [row[1:] for row in INVALID], ids=[row[0] for row in INVALID])
def test_it_names_the_place_and_what_is_right(manifest: dict[str, Any], path: str, words: str) -> None:
    errors = validate_object(manifest)
    assert path.replace("/", ".") in [error.path.replace("/", ".") for error in errors]
    assert any(words in error.message for error in errors), errors


def test_it_knows_only_references_into_itself() -> None:
    assert len(known_kinds()) >= 18

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                assert value["$ref"].removeprefix("#/$defs/") in bundle()["$defs"]
            for inner in value.values():
                walk(inner)

    walk(bundle()["$defs"])


def test_it_reports_at_most_fifty_errors() -> None:
    broken = simple("v1", "ConfigMap", data={f"k{number}": number for number in range(80)})
    assert len(validate_object(broken)) == 50

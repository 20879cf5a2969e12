"""Drift is judged by who owns a field; tables over objects as a real API server answers them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from provisioning.domain.drift import HIDDEN, describe, drift_of
from provisioning.domain.field_ownership import owners_of

OURS = {"manager": "slipway", "operation": "Apply", "time": "2026-11-20T10:00:00Z"}
APP: Any = 'k:{"name":"app"}'
ENV_MODE, ENV_TOKEN = 'k:{"name":"MODE"}', 'k:{"name":"API_TOKEN"}'

WANTED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "api", "namespace": "shop-dev", "labels": {"tier": "web", "slipway.dev/revision": "3"}},
    "spec": {
        "replicas": 2,
        "paused": False,
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "app",
                        "image": "registry.example/api:1",
                        "args": ["serve", "--fast"],
                        "env": [{"name": "MODE", "value": "blue"}, {"name": "API_TOKEN", "value": "mark"}],
                        "resources": {"requests": {"cpu": 0.5}},
                    }
                ]
            }
        },
    },
}
CONTAINER: dict[str, Any] = {
    ".": {},
    "f:name": {},
    "f:image": {},
    "f:args": {},
    "f:env": {
        ENV_MODE: {".": {}, "f:name": {}, "f:value": {}},
        ENV_TOKEN: {".": {}, "f:name": {}, "f:value": {}},
    },
    "f:resources": {"f:requests": {"f:cpu": {}}},
}
TREE: dict[str, Any] = {
    "f:metadata": {"f:labels": {"f:tier": {}, "f:slipway.dev/revision": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:paused": {},
        "f:template": {"f:spec": {"f:containers": {APP: CONTAINER}}},
    },
}


def at(tree: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def live(*edits: tuple[tuple[Any, ...], Any], taken: tuple[tuple[str, ...], ...] = (), **entry: Any) -> dict[str, Any]:
    """WANTED as it lives after ``edits``; the fields ``taken`` belong to another manager, as ``entry`` tells."""
    made, ours, theirs = copy.deepcopy(WANTED), copy.deepcopy(TREE), {}
    made["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "500m"
    made["spec"]["revisionHistoryLimit"] = 10
    for path, value in edits:
        at(made, path[:-1])[path[-1]] = value
    for path in taken:
        del at(ours, path[:-1])[path[-1]]
        node = theirs
        for step in path:
            node = node.setdefault(step, {})
    made["metadata"]["managedFields"] = [{**OURS, "fieldsV1": ours}]
    if taken or entry:
        told = {"manager": "kubectl-edit", "operation": "Update", "time": "2026-11-21T09:30:00Z", **entry}
        made["metadata"]["managedFields"].append({**told, "fieldsV1": theirs})
    return made


POD = ("spec", "template", "spec", "containers", 0)
POD_TREE = ("f:spec", "f:template", "f:spec", "f:containers", APP)
REPLICAS = ("f:spec", "f:replicas")

CASES = [
    pytest.param(live(), [], id="as-agreed-with-server-defaults-and-canonical-quantity"),
    pytest.param(
        live((("spec", "replicas"), 5), taken=(REPLICAS,)),
        [("changed", "spec.replicas", 2, 5, "kubectl-edit")],
        id="somebody-scaled-by-hand",
    ),
    pytest.param(
        live((("spec", "replicas"), 5), taken=(REPLICAS,), manager="kube-controller-manager", subresource="scale"),
        [],
        id="an-autoscaler-scaled",
    ),
    pytest.param(
        live((("spec", "replicas"), 5), taken=(REPLICAS,), manager="kubectl", subresource="scale"),
        [("changed", "spec.replicas", 2, 5, "kubectl")],
        id="a-person-scaled-by-the-scale-subresource",
    ),
    pytest.param(live(taken=(REPLICAS,)), [], id="changed-and-changed-back"),
    pytest.param(
        live(
            ((*POD, "resources", "requests", "cpu"), "0.5"),
            taken=((*POD_TREE, "f:resources", "f:requests", "f:cpu"),),
        ),
        [],
        id="taken-but-the-same-quantity",
    ),
    pytest.param(
        live(((*POD, "image"), "registry.example/api:2"), taken=((*POD_TREE, "f:image"),)),
        [
            (
                "changed",
                "spec.template.spec.containers[name=app].image",
                "registry.example/api:1",
                "registry.example/api:2",
                "kubectl-edit",
            )
        ],
        id="image-of-a-container-in-a-keyed-list",
    ),
    pytest.param(
        live(((*POD, "args"), ["serve"]), taken=((*POD_TREE, "f:args"),)),
        [("changed", "spec.template.spec.containers[name=app].args", ["serve", "--fast"], ["serve"], "kubectl-edit")],
        id="a-list-without-keys-is-one-value",
    ),
    pytest.param(
        live(((*POD, "env"), [{"name": "MODE", "value": "blue"}])),
        [
            (
                "removed",
                "spec.template.spec.containers[name=app].env[name=API_TOKEN]",
                {"name": "API_TOKEN", "value": "mark"},
                None,
                "",
            )
        ],
        id="an-item-was-removed",
    ),
    pytest.param(
        live(
            ((*POD, "env", 1, "value"), "s3cr3t"),
            taken=((*POD_TREE, "f:env", ENV_TOKEN, "f:value"),),
        ),
        [
            (
                "changed",
                "spec.template.spec.containers[name=app].env[name=API_TOKEN].value",
                HIDDEN,
                HIDDEN,
                "kubectl-edit",
            )
        ],
        id="what-may-be-a-secret-is-hidden",
    ),
    pytest.param(
        live((("metadata", "labels", "tier"), "db"), taken=(("f:metadata", "f:labels", "f:tier"),)),
        [("changed", "metadata.labels.tier", "web", "db", "kubectl-edit")],
        id="a-label",
    ),
    pytest.param(live((("metadata", "labels", "slipway.dev/revision"), "2")), [], id="the-revision-label-is-no-drift"),
    pytest.param(live((("metadata", "labels", "team"), "x"), taken=()), [], id="what-others-add-beside-ours-is-theirs"),
    pytest.param(
        live((("spec", "paused"), True), taken=(("f:spec", "f:paused"),)),
        [("changed", "spec.paused", False, True, "kubectl-edit")],
        id="a-boolean",
    ),
    pytest.param(None, [("missing", "", None, None, "")], id="deleted"),
    pytest.param({"metadata": {"deletionTimestamp": "2026-11-21T09:30:00Z"}}, [], id="being-deleted"),
]


@pytest.mark.parametrize(("there", "expected"), CASES)
def test_it_names_each_field_with_who_changed_it(there: Any, expected: list[tuple[Any, ...]]) -> None:
    found = drift_of(WANTED, there)
    assert [(one.kind, one.path, one.wanted, one.live, one.manager) for one in found] == expected


def test_it_never_compares_the_data_of_a_secret() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "labels": {}}, "stringData": {"a": "b"}}
    assert drift_of(secret, {"metadata": {"name": "s"}, "data": {"a": "eA=="}}) == ()


def test_it_says_when_and_in_words() -> None:
    (one,) = drift_of(WANTED, live((("spec", "replicas"), 5), taken=(REPLICAS,)))
    assert one.as_data()["at"] == "2026-11-21T09:30:00Z"
    assert describe(one) == "spec.replicas is 5, agreed was 2; changed by kubectl-edit."


def test_it_reads_members_of_a_set() -> None:
    wanted = {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}, "spec": {"finalizers": ["a", "b"]}}
    there = {
        "metadata": {"managedFields": [{**OURS, "fieldsV1": {"f:spec": {"f:finalizers": {'v:"a"': {}}}}}]},
        "spec": {"finalizers": ["a"]},
    }
    assert [(one.kind, one.path) for one in drift_of(wanted, there)] == [("removed", "spec.finalizers[b]")]


def test_it_cuts_off_what_nobody_would_read() -> None:
    wanted = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x"},
        "data": {f"k{n}": "1" for n in range(80)},
    }
    assert len(drift_of(wanted, {"metadata": {}, "data": {}})) == 50


def test_it_orders_managers_by_their_last_write() -> None:
    there = live((("spec", "replicas"), 5), taken=(REPLICAS,))
    assert [one.manager for one in owners_of(there)] == ["kubectl-edit", "slipway"]

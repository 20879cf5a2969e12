"""What others hold of an object because they wrote by hand, before Slipway agreed to it."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.domain.field_ownership import agreed_since, owners_of

REPLICAS = {"f:spec": {"f:replicas": {}}}
IMAGE = {
    "f:spec": {
        "f:containers": {
            'k:{"name":"app"}': {
                ".": {},
                "f:image": {},
                "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}}},
            }
        }
    }
}
FINALIZER = {"f:metadata": {"f:finalizers": {'v:"example.com/x"': {}}}}


def live(*entries: tuple[str, str, dict[str, Any]], subresource: str = "") -> dict[str, Any]:
    managed = [
        {"manager": manager, "operation": operation, "fieldsV1": fields, "subresource": subresource}
        for manager, operation, fields in entries
    ]
    managed.append({"manager": "slipway", "operation": "Apply", "fieldsV1": {**REPLICAS, **FINALIZER}})
    return {"metadata": {"managedFields": managed}}


def with_image(manager: str, operation: str) -> dict[str, Any]:
    held = live((manager, operation, IMAGE))
    held["metadata"]["managedFields"][-1]["fieldsV1"] = IMAGE
    return held


@pytest.mark.parametrize(
    ("held", "field", "expected"),
    [
        pytest.param(live(("kubectl", "Update", REPLICAS)), ".spec.replicas", True, id="written-and-then-agreed"),
        pytest.param(live(("kubectl", "Update", REPLICAS), subresource="scale"), ".spec.replicas", True, id="scaled"),
        pytest.param(live(("argocd", "Apply", REPLICAS)), ".spec.replicas", False, id="applied"),
        pytest.param(
            live(("kube-controller-manager", "Update", REPLICAS), subresource="scale"),
            ".spec.replicas",
            False,
            id="autoscaler",
        ),
        pytest.param(live(("kubectl", "Update", IMAGE)), ".spec.containers", False, id="not-ours"),
        pytest.param(live(("kubectl", "Update", IMAGE)), ".spec.unheard", False, id="unknown"),
        pytest.param(with_image("kubectl-set", "Update"), '.spec.containers[name="app"].image', True, id="keyed"),
        pytest.param(
            with_image("kubectl-set", "Update"),
            '.spec.containers[name="app"].ports[containerPort=80,protocol="TCP"]',
            True,
            id="two-keys",
        ),
        pytest.param(live(("kubectl", "Update", FINALIZER)), '.metadata.finalizers[="example.com/x"]', True, id="set"),
    ],
)
def test_it_tells_what_was_agreed_from_what_somebody_still_wants(
    held: dict[str, Any], field: str, expected: bool
) -> None:
    assert agreed_since(owners_of(held), [field]) is expected


def test_it_wants_all_of_the_fields() -> None:
    owners = owners_of(live(("kubectl", "Update", REPLICAS)))
    assert not agreed_since(owners, [".spec.replicas", ".spec.paused"])

"""Who holds what is being deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from provisioning.domain.driver import ObjectRef
from provisioning.domain.finalizers import held

CLAIM = ObjectRef("v1", "PersistentVolumeClaim", "shop", "data")
SPACE = ObjectRef("v1", "Namespace", "", "shop")


def leaving(*finalizers: str, manager: str = "", **spec: Any) -> dict[str, Any]:
    owned = {"f:metadata": {"f:finalizers": {".": {}, **{f'v:"{one}"': {} for one in finalizers}}}}
    return {
        "metadata": {
            "name": "data",
            "deletionTimestamp": "2026-11-22T17:00:00Z",
            "finalizers": list(finalizers),
            "managedFields": [{"manager": manager, "fieldsV1": owned}] if manager else [],
        },
        **spec,
    }


@pytest.mark.parametrize(
    ("manifest", "controller"),
    [
        (leaving("kubernetes.io/pvc-protection"), "the volume controller of Kubernetes"),
        (leaving("foregroundDeletion"), "the garbage collector of Kubernetes"),
        (leaving("backup.example/hold", manager="velero"), "velero"),
        (leaving("backup.example/hold"), "the controller of backup.example"),
        (leaving("mystery"), "a controller that set it"),
    ],
    ids=["known", "foreground", "whoever set it", "whose domain it is", "nobody"],
)
def test_it_names_who_must_let_go(manifest: dict[str, Any], controller: str) -> None:
    told = held(manifest, CLAIM)
    assert told is not None
    assert [one.controller for one in told.holders] == [controller]
    assert told.since == datetime(2026, 11, 22, 17, tzinfo=UTC)
    assert told.releasable


@pytest.mark.parametrize(
    "manifest", [None, {"metadata": {"name": "data", "finalizers": ["x/y"]}}], ids=["gone", "stays"]
)
def test_it_says_nothing_of_what_is_not_leaving(manifest: dict[str, Any] | None) -> None:
    assert held(manifest, CLAIM) is None


def test_it_never_releases_a_namespace() -> None:
    told = held(leaving(spec={"finalizers": ["kubernetes"]}), SPACE)
    assert told is not None
    assert [one.finalizer for one in told.holders] == ["kubernetes"]
    assert not told.releasable


def test_it_has_nothing_to_release_where_nothing_holds() -> None:
    told = held(leaving(), CLAIM)
    assert told is not None
    assert not told.releasable

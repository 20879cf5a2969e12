"""What holds an object that is being deleted, and who must let it go. Pure.

Called by the page of an environment that does not go away and by the service that releases what hangs. Sources:
finalizers of Kubernetes itself, kubernetes/api/core/v1 and kubernetes/pkg/volume; managedFields say who set others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from provisioning.domain.driver import Manifest, ObjectRef


@dataclass(frozen=True, slots=True)
class Holder:
    """One finalizer. ``controller`` is who must take it away, ``sentence`` what that one still waits for."""

    finalizer: str
    controller: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Held:
    """An object on its way out. ``since`` is when its deletion was asked for, on the cluster's clock."""

    ref: ObjectRef
    holders: tuple[Holder, ...]
    since: datetime | None

    @property
    def releasable(self) -> bool:
        """A namespace never: what is in it would be left behind with nobody to know of it."""
        return bool(self.holders) and self.ref.kind != "Namespace"


_KNOWN: Final[Mapping[str, tuple[str, str]]] = {
    "kubernetes": ("the namespace controller of Kubernetes", "It waits until everything in the namespace is gone."),
    "foregroundDeletion": ("the garbage collector of Kubernetes", "It waits until all that the object owns is gone."),
    "orphan": ("the garbage collector of Kubernetes", "It first frees all that the object owns."),
    "kubernetes.io/pvc-protection": ("the volume controller of Kubernetes", "A pod still uses the volume."),
    "kubernetes.io/pv-protection": ("the volume controller of Kubernetes", "A claim still uses the volume."),
    "service.kubernetes.io/load-balancer-cleanup": (
        "the cloud's service controller",
        "It waits until the load balancer is taken down.",
    ),
    "batch.kubernetes.io/job-tracking": ("the job controller of Kubernetes", "It still counts the pods of the job."),
}


def held(manifest: Manifest | None, ref: ObjectRef) -> Held | None:
    """What holds the live object; None when it is gone or nobody asked for its end."""
    if manifest is None:
        return None
    metadata = manifest.get("metadata") or {}
    if not metadata.get("deletionTimestamp"):
        return None
    names = [*(metadata.get("finalizers") or [])]
    if ref.kind == "Namespace":
        names = list(dict.fromkeys([*((manifest.get("spec") or {}).get("finalizers") or ["kubernetes"]), *names]))
    setters = _setters(metadata)
    return Held(ref, tuple(_holder(name, setters) for name in names), _moment(metadata["deletionTimestamp"]))


def _holder(name: str, setters: Mapping[str, str]) -> Holder:
    if name in _KNOWN:
        return Holder(name, *_KNOWN[name])
    domain = name.partition("/")[0] if "/" in name else ""
    controller = setters.get(name) or (f"the controller of {domain}" if domain else "a controller that set it")
    return Holder(name, controller, "It has not said that it has cleaned up.")


def _setters(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Finalizer to the field manager that owns it."""
    found: dict[str, str] = {}
    for entry in metadata.get("managedFields") or []:
        owned = ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:finalizers") or {}
        for key in owned:
            if key.startswith('v:"'):
                found[key[3:-1]] = str(entry.get("manager", ""))
    return found


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None

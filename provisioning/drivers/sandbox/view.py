"""How a stored object looks to somebody who reads it from the API. Pure; used by the sandbox driver only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from provisioning.domain.driver import Described, Observed, PermanentError
from provisioning.domain.field_ownership import shown
from provisioning.domain.frozen import frozen_among
from provisioning.drivers.sandbox import fields, status
from provisioning.drivers.sandbox.faults import FINALIZER, held, told_about
from provisioning.drivers.sandbox.store import Fault, StoredObject


def manifest_of(stored: StoredObject) -> dict[str, Any]:
    """The object as it was written, with identity but without status; the data of a Secret is left out."""
    body = fields.rebuild({path: leaf.value for path, leaf in stored.fields.items()})
    if stored.ref.kind == "Secret":
        body.pop("data", None)
        body.pop("stringData", None)
    metadata = {"name": stored.ref.name, **({"namespace": stored.ref.namespace} if stored.ref.namespace else {})}
    metadata |= body.pop("metadata", {})
    return {"apiVersion": stored.ref.api_version, "kind": stored.ref.kind, "metadata": metadata, **body}


def labels_of(stored: StoredObject) -> Mapping[str, str]:
    start = ("f:metadata", "f:labels")
    return {path[2][2:]: leaf.value for path, leaf in stored.fields.items() if path[:2] == start and len(path) == 3}


def body(held_fields: fields.Fields) -> dict[fields.Path, Any]:
    """Values outside metadata: a change there is a new generation."""
    return {path: leaf.value for path, leaf in held_fields.items() if path[0] != "f:metadata"}


def refuse_frozen_changes(before: StoredObject, after: fields.Fields) -> None:
    """Raises PermanentError ``invalid-object`` when a field differs that must not."""
    old, new = body(before.fields), body(after)
    moved = [shown(path) for path in {*old, *new} if old.get(path) != new.get(path)]
    stuck = frozen_among(before.ref.kind, moved)
    if stuck:
        raise PermanentError(
            "invalid-object",
            f"{before.ref} exists already, and {', '.join(stuck[:3])} cannot be changed any more.",
            remedy="Keep the old value, or delete the resource and make it anew.",
        )


def observed(stored: StoredObject, told: Sequence[Fault], now: float, ready_after: float) -> Observed:
    manifest = manifest_of(stored)
    manifest["metadata"] |= _server_metadata(stored, told)
    if stored.ref.kind == "Service":
        manifest.setdefault("spec", {}).setdefault("clusterIP", status.cluster_address(stored.number))
    computed = status.status_of(stored.ref.kind, _situation(stored, told, now, ready_after))
    if stored.ref.kind == "Namespace" and stored.deleting_at is not None:
        computed = {"phase": "Terminating"}
    if computed:
        manifest["status"] = computed
    deleting = stored.deleting_at is not None
    return Observed(stored.ref, manifest, stored.uid, deleting, finalizers(stored, told))


def ready_replicas(stored: StoredObject, now: float, ready_after: float) -> int:
    """How many replicas served just before a change."""
    return status.ready_replicas(stored.ref.kind, _situation(stored, (), now, ready_after))


def finalizers(stored: StoredObject, told: Sequence[Fault]) -> tuple[str, ...]:
    """What holds the object while it is being deleted."""
    if stored.deleting_at is None:
        return ()
    own = "kubernetes" if stored.ref.kind == "Namespace" else "foregroundDeletion"
    return (own, FINALIZER) if held(stored.ref, told) else (own,)


def _server_metadata(stored: StoredObject, told: Sequence[Fault]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "uid": stored.uid,
        "resourceVersion": str(stored.resource_version),
        "generation": stored.generation,
        "creationTimestamp": status.timestamp(stored.created_at),
        "managedFields": [_managed(stored, manager) for manager in sorted(stored.managers)],
    }
    if stored.deleting_at is not None:
        made |= {
            "deletionTimestamp": status.timestamp(stored.deleting_at),
            "finalizers": list(finalizers(stored, told)),
        }
    return made


def _managed(stored: StoredObject, manager: str) -> dict[str, Any]:
    told = stored.managers[manager]
    return {
        "manager": manager,
        "operation": told["operation"],
        "apiVersion": stored.ref.api_version,
        "time": status.timestamp(told["time"]),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields.owned_by(stored.fields, manager),
    }


def _situation(stored: StoredObject, told: Sequence[Fault], now: float, ready_after: float) -> status.Situation:
    spec = fields.rebuild(body(stored.fields)).get("spec", {})
    reason, message = status.image_trouble(spec)
    fault = told_about(stored.ref, told, {"fail", "stall"})
    if fault is not None and fault.action == "fail":
        reason, message = fault.code or "CrashLoopBackOff", fault.reason or "The sandbox was told to let it fail."
    return status.Situation(
        spec=spec,
        generation=stored.generation,
        number=stored.number,
        progress=_progress(now - stored.changed_at, ready_after),
        ready_before=stored.ready_before,
        changed_at=stored.changed_at,
        trouble=reason,
        message=message,
        stalled=fault is not None and fault.action == "stall",
        annotations=_annotations(stored),
    )


def _annotations(stored: StoredObject) -> Mapping[str, str]:
    start = ("f:metadata", "f:annotations")
    return {path[2][2:]: leaf.value for path, leaf in stored.fields.items() if path[:2] == start and len(path) == 3}


def _progress(elapsed: float, ready_after: float) -> float:
    return 1.0 if ready_after <= 0 or elapsed >= ready_after else max(0.0, elapsed / ready_after)


def described(workload: Mapping[str, Any] | None) -> Described:
    """A workload with the one pod that its trouble would show in; the sandbox runs none."""
    if workload is None:
        return Described(None)
    conditions = (workload.get("status") or {}).get("conditions") or []
    trouble = next((one for one in conditions if one.get("status") == "False" and one.get("message")), None)
    if trouble is None:
        return Described(workload)
    name = f"{workload['metadata']['name']}-sandbox"
    template = (workload.get("spec") or {}).get("template") or {}
    state, condition = _pod_state(str(trouble["reason"]), str(trouble["message"]))
    containers = [
        {"name": one["name"], "image": one.get("image", ""), "ready": False, **state}
        for one in (template.get("spec") or {}).get("containers") or []
    ]
    status = {"containerStatuses": [] if condition else containers, "conditions": condition}
    metadata = {**template.get("metadata", {}), "name": name}
    return Described(workload, ({**template, "metadata": metadata, "status": status},))


def _pod_state(reason: str, message: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The state of each container, and the pod's own conditions, that go with a reason."""
    if reason == "Unschedulable":
        return {}, [{"type": "PodScheduled", "status": "False", "reason": reason, "message": message}]
    ended = {"terminated": {"exitCode": 137 if reason == "OOMKilled" else 1, "reason": reason}}
    if reason in ("OOMKilled", "CrashLoopBackOff"):
        waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
        return {"state": waiting, "lastState": ended, "restartCount": 3}, []
    return {"state": {"waiting": {"reason": reason, "message": message}}, "restartCount": 0}, []

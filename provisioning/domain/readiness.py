"""Is an object ready? Judged from its manifest alone, by the rules of kstatus (sigs.k8s.io/cli-utils,
pkg/kstatus/status).

Called by the orchestrator after each observation, unless the contract says otherwise, and by pages that show
status. The sandbox writes statuses in the same form, so one set of rules serves both. It differs from kstatus where
a person expects more: a Job is ready when it is complete, a LoadBalancer when it has an address. ``reason`` is
stable and may be matched by programs; ``message`` is for people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from provisioning.domain.driver import Manifest
from provisioning.domain.secret_slot import WAITING, WAITING_OUTSIDE, is_filled_outside, is_slot, waits_for

State = Literal["current", "in-progress", "failed", "terminating"]


@dataclass(frozen=True, slots=True)
class Readiness:
    """``current``: as wanted. ``in-progress``: may become so. ``failed``: will not by itself. ``terminating``:
    going away.
    """

    state: State
    reason: str
    message: str

    @property
    def is_ready(self) -> bool:
        return self.state == "current"


# What the kubelet and the controllers call it -> our code and a sentence's start.
PROBLEMS: Mapping[str, tuple[str, str]] = {
    "ImagePullBackOff": ("image-not-found", "The image cannot be pulled"),
    "ErrImagePull": ("image-not-found", "The image cannot be pulled"),
    "InvalidImageName": ("image-not-found", "The image has no valid name"),
    "CrashLoopBackOff": ("crash-loop", "The container starts and ends again and again"),
    "CreateContainerConfigError": ("configuration-missing", "A secret or setting that the container needs is missing"),
    "CreateContainerError": ("container-not-created", "The container cannot be created"),
    "RunContainerError": ("container-not-created", "The container cannot be started"),
    "OOMKilled": ("out-of-memory", "The container needed more memory than its limit"),
    "Unschedulable": ("unschedulable", "No node of the cluster has room for the pod"),
    "ProgressDeadlineExceeded": ("progress-deadline", "It did not become ready in the time it was given"),
    "FailedCreate": ("pods-refused", "The cluster refuses to create its pods"),
    "BackoffLimitExceeded": ("job-failed", "The job failed as often as it may"),
    "DeadlineExceeded": ("job-failed", "The job took longer than it may"),
}


def readiness(manifest: Manifest | None) -> Readiness:
    """How far the live object is; None (it is missing) counts as in progress."""
    if manifest is None:
        return Readiness("in-progress", "missing", "It is not there yet.")
    metadata = manifest.get("metadata", {})
    if metadata.get("deletionTimestamp"):
        return Readiness("terminating", "terminating", "It is being deleted.")
    status = manifest.get("status") or {}
    observed = status.get("observedGeneration")
    if observed is not None and observed < metadata.get("generation", 0):
        return _waiting("not-observed", "The cluster has not yet seen the latest change.")
    if is_slot(manifest):
        return _slot(manifest)
    return _RULES.get(manifest["kind"], _by_conditions)(manifest.get("spec") or {}, status)


def has_rule(kind: str) -> bool:
    """Whether the kind is judged by a rule of its own, not by what its conditions say alone."""
    return kind in _RULES


def _current(message: str = "Ready.") -> Readiness:
    return Readiness("current", "ready", message)


def _waiting(reason: str, message: str) -> Readiness:
    return Readiness("in-progress", reason, _sentence(message))


def _sentence(text: str) -> str:
    """What a controller wrote often lacks the full stop."""
    return text if text.endswith(".") else f"{text}."


def _failed(cause: str, detail: str) -> Readiness:
    """``cause`` is what Kubernetes calls it; a cause that is not known keeps its own words."""
    code, sentence = PROBLEMS.get(cause, ("failed", "It failed"))
    detail = detail.rstrip(".") or cause
    return Readiness("failed", code, f"{sentence}: {detail}." if detail else f"{sentence}.")


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The condition of that type, empty when there is none."""
    conditions: Sequence[Mapping[str, Any]] = status.get("conditions") or []
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def _is(status: Mapping[str, Any], kind: str, value: str) -> bool:
    return _condition(status, kind).get("status") == value


def _count(ready: int, wanted: int, what: str = "ready") -> str:
    return f"{ready} of {wanted} replica{'' if wanted == 1 else 's'} {what}."


def _replica_problem(status: Mapping[str, Any]) -> Readiness | None:
    """Conditions by which a workload says that it will not get further."""
    progressing = _condition(status, "Progressing")
    if progressing.get("status") == "False" and progressing.get("reason") in PROBLEMS:
        return _failed(progressing["reason"], progressing.get("message", ""))
    refused = _condition(status, "ReplicaFailure")
    if refused.get("status") == "True":
        return _failed(refused.get("reason", ""), refused.get("message", ""))
    return None


def _deployment(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    problem = _replica_problem(status)
    if problem is not None:
        return problem
    wanted = spec.get("replicas", 1)
    if "observedGeneration" not in status:
        return _waiting("not-observed", "The cluster has not yet seen it.")
    have, updated = status.get("replicas", 0), status.get("updatedReplicas", 0)
    available, ready = status.get("availableReplicas", 0), status.get("readyReplicas", 0)
    if updated < wanted:
        return _waiting("waiting-for-replicas", _count(updated, wanted, "updated"))
    if have > wanted:
        return _waiting(
            "waiting-for-replicas", f"{have - wanted} old replica{'s' if have - wanted > 1 else ''} still to end."
        )
    if ready < wanted or available < updated:
        return _waiting("waiting-for-replicas", _count(min(ready, available), wanted))
    if _is(status, "Available", "False"):
        return _waiting("waiting-for-replicas", "Too few replicas are available.")
    return _current(_count(ready, wanted) if wanted else "Scaled to zero.")


def _stateful_set(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    problem = _replica_problem(status)
    if problem is not None:
        return problem
    wanted, have = spec.get("replicas", 1), status.get("replicas", 0)
    strategy = spec.get("updateStrategy") or {}
    if "observedGeneration" not in status:
        return _waiting("not-observed", "The cluster has not yet seen it.")
    if have > wanted:
        return _waiting(
            "waiting-for-replicas", f"{have - wanted} old replica{'s' if have - wanted > 1 else ''} still to end."
        )
    if status.get("readyReplicas", 0) < wanted:
        return _waiting("waiting-for-replicas", _count(status.get("readyReplicas", 0), wanted))
    partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    behind = partition == 0 and status.get("currentRevision") != status.get("updateRevision")
    if (
        strategy.get("type") != "OnDelete"
        and wanted
        and (behind or status.get("updatedReplicas", 0) < wanted - partition)
    ):
        return _waiting("waiting-for-replicas", _count(status.get("updatedReplicas", 0), wanted - partition, "updated"))
    return _current(_count(wanted, wanted) if wanted else "Scaled to zero.")


def _service(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    if spec.get("type") == "LoadBalancer" and not (status.get("loadBalancer") or {}).get("ingress"):
        return _waiting("waiting-for-address", "The load balancer has no address yet.")
    return _current()


def _ingress(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    # Many ingress controllers never write an address, so its absence says nothing.
    addresses = [
        point.get("hostname") or point.get("ip") for point in (status.get("loadBalancer") or {}).get("ingress") or []
    ]
    return _current(f"Reached at {addresses[0]}." if addresses else "Ready.")


def _autoscaler(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    # Without metrics it still holds the replicas within its bounds, so it is in nobody's way.
    if _is(status, "ScalingActive", "False") and _condition(status, "ScalingActive").get("reason") != "ScalingDisabled":
        return _current("In place; the cluster gives it no metrics yet, so it does not scale.")
    return _current()


def _claim(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    phase = status.get("phase", "Pending")
    if phase == "Lost":
        return Readiness("failed", "volume-lost", "The volume behind the claim is gone.")
    return _current("Volume bound.") if phase == "Bound" else _waiting("waiting-for-volume", "No volume is bound yet.")


def _namespace(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    if status.get("phase") == "Terminating":
        return Readiness("terminating", "terminating", "It is being deleted.")
    return _current()


def _job(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    failed = _condition(status, "Failed")
    if failed.get("status") == "True":
        return _failed(failed.get("reason", ""), failed.get("message", ""))
    if _is(status, "Complete", "True"):
        return _current("Complete.")
    if spec.get("suspend"):
        return _current("Suspended.")
    return _waiting("waiting-for-job", "The job is running." if status.get("active") else "The job has not started.")


def _pod(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    phase = status.get("phase", "Pending")
    if phase == "Succeeded":
        return _current("Complete.")
    problem = pod_problem({"status": status})
    if phase == "Failed":
        return problem or _failed(status.get("reason", ""), status.get("message", ""))
    if _is(status, "Ready", "True"):
        return _current()
    return problem or _waiting(
        "waiting-for-pod", "The pod runs but is not ready." if phase == "Running" else "The pod is pending."
    )


def _slot(manifest: Manifest) -> Readiness:
    if message := waits_for(manifest):
        return _waiting(WAITING_OUTSIDE if is_filled_outside(manifest) else WAITING, message)
    return _current("Filled.")


def _route(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    """Gateway API: each parent must accept the route and resolve what it refers to."""
    parents = status.get("parents") or []
    for parent in parents:
        for kind in ("Accepted", "ResolvedRefs"):
            condition = _condition(parent, kind)
            if condition.get("status") == "False":
                return Readiness(
                    "failed",
                    "route-refused",
                    _sentence(f"The gateway refuses the route: {condition.get('message', kind)}"),
                )
    if len(parents) < len(spec.get("parentRefs") or []):
        return _waiting("waiting-for-gateway", "No gateway has taken up the route yet.")
    return _current()


def _by_conditions(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    """Any other kind: the conditions that kstatus asks of those who follow it."""
    for kind, state in (("Stalled", "failed"), ("Reconciling", "in-progress")):
        told = _condition(status, kind)
        if told.get("status") == "True":
            message = told.get("message") or told.get("reason") or kind
            return (
                _failed(told.get("reason", ""), message) if state == "failed" else _waiting("reconciling", f"{message}")
            )
    ready = _condition(status, "Ready")
    if ready and ready.get("status") != "True":
        return _waiting("waiting-for-ready", ready.get("message") or "It does not call itself ready yet.")
    return _current()


def pod_problem(pod: Manifest) -> Readiness | None:
    """Why a pod does not run, from its statuses; None when nothing says that it is in trouble.

    A container that waits in one of the back-offs has failed; a pod that finds no node may still find one.
    """
    status = pod.get("status") or {}
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        ended = (container.get("lastState") or {}).get("terminated") or {}
        if ended.get("reason") == "OOMKilled" and not container.get("ready"):
            return _failed("OOMKilled", f"container {container.get('name')}")
        if waiting.get("reason") in PROBLEMS:
            return _failed(waiting["reason"], waiting.get("message") or f"container {container.get('name')}")
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("reason") == "Unschedulable":
        return _waiting("unschedulable", f"{PROBLEMS['Unschedulable'][1]}: {scheduled.get('message', '').rstrip('.')}.")
    return None


_RULES: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Readiness]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "Service": _service,
    "Ingress": _ingress,
    "HorizontalPodAutoscaler": _autoscaler,
    "PersistentVolumeClaim": _claim,
    "Namespace": _namespace,
    "Job": _job,
    "Pod": _pod,
    "HTTPRoute": _route,
}

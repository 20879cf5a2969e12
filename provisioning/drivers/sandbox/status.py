"""What the controllers of a real cluster would have written into an object by now. Pure; used by the sandbox only.

Nothing runs in the background: an object's status is a function of how long ago it was changed and of what the
sandbox was told about it, computed when somebody looks. Field names and conditions are those of Kubernetes 1.36, so
that readiness is judged by the same rules as on a real cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

Spec = Mapping[str, Any]
Status = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a status depends on. ``progress`` runs from 0 (just changed) to 1 (as ready as it gets).

    ``trouble`` is the reason for which it will not become ready, ``stalled`` whether it just never does.
    """

    spec: Spec
    generation: int
    number: int
    progress: float
    ready_before: int
    changed_at: float
    trouble: str = ""
    message: str = ""
    stalled: bool = False
    annotations: Mapping[str, str] = field(default_factory=dict)


# Tags, or their last word, that make an image fail as on a real cluster, so that anybody can try it from a form.
TELLING_TAGS = {
    "missing": ("ImagePullBackOff", "Back-off pulling image “{image}”: not found"),
    "crash": ("CrashLoopBackOff", "The container of image “{image}” starts and ends again and again"),
}


def image_trouble(spec: Spec) -> tuple[str, str]:
    """Reason and message for the first container whose image has a telling tag; empty when none has."""
    for container in spec.get("template", {}).get("spec", {}).get("containers", []):
        image = container.get("image", "")
        tag = image.rsplit("/", 1)[-1].partition("@")[0].partition(":")[2]
        told = tag.rpartition("-")[2]
        if told in TELLING_TAGS:
            reason, message = TELLING_TAGS[told]
            return reason, message.format(image=image)
    return "", ""


def status_of(kind: str, situation: Situation) -> Status:
    """The ``status`` of an object of this kind; empty for kinds that have none."""
    return _STATUS[kind](situation) if kind in _STATUS else {}


def ready_replicas(kind: str, situation: Situation) -> int:
    """How many replicas serve now; 0 for kinds without replicas."""
    return int(status_of(kind, situation).get("readyReplicas", 0))


def timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def cluster_address(number: int) -> str:
    """An address of the range that clusters give to Services, the same for one object always."""
    return f"10.{96 + number // 64516 % 16}.{number // 254 % 254}.{number % 254 + 1}"


def _condition(situation: Situation, kind: str, holds: bool, reason: str, message: str = "") -> Status:
    return {
        "type": kind,
        "status": "True" if holds else "False",
        "reason": reason,
        "message": message,
        "lastTransitionTime": timestamp(situation.changed_at),
    }


def _new_replicas(situation: Situation) -> tuple[int, int]:
    """Replicas wanted, and those of the newest kind that serve."""
    wanted = situation.spec.get("replicas", 1)
    if situation.trouble or situation.stalled:
        return wanted, 0
    return wanted, wanted if situation.progress >= 1 else int(wanted * situation.progress)


def _deployment(situation: Situation) -> Status:
    wanted, new = _new_replicas(situation)
    # A rolling update keeps the old replicas serving until new ones do.
    ready = max(new, min(situation.ready_before, wanted))
    failed = bool(situation.trouble) and situation.progress >= 1 and wanted > 0
    done = new == wanted
    progressing = _condition(
        situation, "Progressing", not failed, "NewReplicaSetAvailable" if done else "ReplicaSetUpdated"
    )
    if failed:
        progressing |= {"reason": situation.trouble, "message": situation.message}
    available = _condition(situation, "Available", ready >= wanted, "MinimumReplicasAvailable")
    if ready < wanted:
        available["reason"] = "MinimumReplicasUnavailable"
    return {
        "observedGeneration": situation.generation,
        "replicas": wanted,
        "updatedReplicas": new if situation.ready_before else wanted,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": wanted - ready,
        "conditions": [available, progressing],
    }


def _stateful_set(situation: Situation) -> Status:
    wanted, new = _new_replicas(situation)
    ready = max(new, min(situation.ready_before, wanted))
    status: Status = {
        "observedGeneration": situation.generation,
        "replicas": wanted,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "updatedReplicas": new,
        "currentReplicas": new,
        "updateRevision": f"revision-{situation.generation}",
        "currentRevision": f"revision-{situation.generation if new == wanted else situation.generation - 1}",
    }
    if situation.trouble and situation.progress >= 1 and wanted:
        status["conditions"] = [_condition(situation, "Progressing", False, situation.trouble, situation.message)]
    return status


def _job(situation: Situation) -> Status:
    status: Status = {"startTime": timestamp(situation.changed_at)}
    if situation.stalled or situation.progress < 1:
        return {**status, "active": 1}
    if situation.trouble:
        failed = _condition(situation, "Failed", True, situation.trouble, situation.message)
        return {**status, "failed": 1, "conditions": [failed]}
    return {**status, "succeeded": 1, "conditions": [_condition(situation, "Complete", True, "CompletionsReached")]}


def _claim(situation: Situation) -> Status:
    if situation.stalled or situation.trouble or situation.progress < 0.5:
        return {"phase": "Pending"}
    capacity = situation.spec.get("resources", {}).get("requests", {})
    return {"phase": "Bound", "capacity": capacity, "accessModes": situation.spec.get("accessModes", [])}


def _balancer(situation: Situation) -> Status:
    waiting = situation.stalled or situation.trouble or situation.progress < 0.5
    address = f"192.0.2.{situation.number % 254 + 1}"
    return {"loadBalancer": {} if waiting else {"ingress": [{"ip": address}]}}


def _service(situation: Situation) -> Status:
    return _balancer(situation) if situation.spec.get("type") == "LoadBalancer" else {"loadBalancer": {}}


def _autoscaler(situation: Situation) -> Status:
    least = situation.spec.get("minReplicas", 1)
    able = _condition(situation, "AbleToScale", True, "ReadyForNewScale")
    active = _condition(situation, "ScalingActive", True, "ValidMetricFound")
    return {"currentReplicas": least, "desiredReplicas": least, "conditions": [able, active]}


def _disruption_budget(situation: Situation) -> Status:
    return {"observedGeneration": situation.generation, "disruptionsAllowed": 1, "currentHealthy": 1, "expectedPods": 1}


def _quota(situation: Situation) -> Status:
    hard = situation.spec.get("hard", {})
    return {"hard": hard, "used": dict.fromkeys(hard, "0")}


def _postgres_cluster(situation: Situation) -> Status:
    """A CloudNativePG Cluster, in the words of that operator."""
    wanted = situation.spec.get("instances", 1)
    if situation.annotations.get("cnpg.io/hibernation") == "on":
        asleep = situation.progress >= 1 and not situation.stalled
        told = _condition(situation, "cnpg.io/hibernation", asleep, "Hibernated" if asleep else "WaitingPodsDeletion")
        phase = "Cluster in healthy state" if asleep else "Waiting for the instances to become active"
        return {"phase": phase, "instances": wanted, "readyInstances": 0, "conditions": [told]}
    _, ready = _new_replicas(replace(situation, spec={"replicas": wanted}))
    done = ready == wanted
    phase = "Cluster in healthy state" if done else "Setting up primary"
    if situation.trouble and situation.progress >= 1:
        phase = "Unable to create required cluster objects"
    return {
        "phase": phase,
        "phaseReason": situation.message if situation.trouble else "",
        "instances": wanted,
        "readyInstances": ready,
        "conditions": [_condition(situation, "Ready", done, "ClusterIsReady" if done else "ClusterIsNotReady")],
    }


def _http_route(situation: Situation) -> Status:
    if situation.stalled or situation.progress < 0.5:
        return {"parents": []}
    accepted = _condition(situation, "Accepted", not situation.trouble, situation.trouble or "Accepted")
    accepted["message"] = situation.message
    resolved = _condition(situation, "ResolvedRefs", True, "ResolvedRefs")
    controller = "sandbox.slipway.dev/gateway"
    return {
        "parents": [
            {"parentRef": parent, "controllerName": controller, "conditions": [accepted, resolved]}
            for parent in situation.spec.get("parentRefs", [])
        ]
    }


_STATUS: Mapping[str, Callable[[Situation], Status]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "Job": _job,
    "PersistentVolumeClaim": _claim,
    "Cluster": _postgres_cluster,
    "HTTPRoute": _http_route,
    "Ingress": _balancer,
    "Service": _service,
    "HorizontalPodAutoscaler": _autoscaler,
    "PodDisruptionBudget": _disruption_budget,
    "ResourceQuota": _quota,
    "Namespace": lambda situation: {"phase": "Active"},
}

"""When is an object ready? One row for each answer that a person may read."""

# ruff: noqa: E501 - one row is one line, so that the table reads as a table.

from __future__ import annotations

from typing import Any

import pytest

from provisioning.domain.readiness import PROBLEMS, pod_problem, readiness


def condition(kind: str, holds: bool, reason: str = "", message: str = "") -> dict[str, Any]:
    return {"type": kind, "status": "True" if holds else "False", "reason": reason, "message": message}


def obj(kind: str, spec: dict[str, Any], status: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "x", "generation": 2, **metadata}, "spec": spec, "status": status}


def counted(**more: Any) -> dict[str, Any]:
    """The status of a Deployment of two replicas that are all there."""
    full = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
    return {**full, **more}


def stateful(**more: Any) -> dict[str, Any]:
    revisions = {"currentRevision": "b", "updateRevision": "b"}
    return {"observedGeneration": 2, "replicas": 2, "readyReplicas": 2, "updatedReplicas": 2, **revisions, **more}


TWO = {"replicas": 2}
LATE = condition("Progressing", False, "ProgressDeadlineExceeded", "ReplicaSet has timed out progressing.")
PULL = condition("Progressing", False, "ImagePullBackOff", "Back-off pulling image “a:missing”")
REFUSED = condition("ReplicaFailure", True, "FailedCreate", "pods are forbidden: exceeded quota")
BALANCER = {"type": "LoadBalancer"}
ADDRESS = {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}
PARTITION = {"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}}
ON_DELETE = {"replicas": 2, "updateStrategy": {"type": "OnDelete"}}

ROWS = [
    ("missing", None, "in-progress", "missing", "not there yet"),
    ("deleting", obj("Deployment", TWO, counted(), deletionTimestamp="now"), "terminating", "terminating", "deleted"),
    ("behind", obj("Deployment", TWO, counted(observedGeneration=1)), "in-progress", "not-observed", "latest change"),
    ("fresh", obj("Deployment", TWO, {}), "in-progress", "not-observed", "not yet seen"),
    ("ready", obj("Deployment", TWO, counted()), "current", "ready", "2 of 2 replicas ready."),
    ("half", obj("Deployment", TWO, counted(readyReplicas=1, availableReplicas=1)), "in-progress", "waiting-for-replicas", "1 of 2 replicas ready."),
    ("ready, not available", obj("Deployment", TWO, counted(availableReplicas=1)), "in-progress", "waiting-for-replicas", "1 of 2"),
    ("none ready", obj("Deployment", TWO, {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2}), "in-progress", "waiting-for-replicas", "0 of 2"),
    ("rolling", obj("Deployment", TWO, counted(updatedReplicas=1)), "in-progress", "waiting-for-replicas", "1 of 2 replicas updated."),
    ("old ones left", obj("Deployment", TWO, counted(replicas=3)), "in-progress", "waiting-for-replicas", "1 old replica still"),
    ("unavailable", obj("Deployment", TWO, counted(conditions=[condition("Available", False)])), "in-progress", "waiting-for-replicas", "Too few"),
    ("default is one", obj("Deployment", {}, counted(replicas=1, updatedReplicas=1, readyReplicas=1, availableReplicas=1)), "current", "ready", "1 of 1 replica ready."),
    ("asleep", obj("Deployment", {"replicas": 0}, {"observedGeneration": 2}), "current", "ready", "Scaled to zero."),
    ("too late", obj("Deployment", TWO, counted(readyReplicas=1, conditions=[LATE])), "failed", "progress-deadline", "timed out progressing."),
    ("no image", obj("Deployment", TWO, counted(readyReplicas=0, conditions=[PULL])), "failed", "image-not-found", "“a:missing”"),
    ("refused pods", obj("Deployment", TWO, counted(readyReplicas=0, conditions=[REFUSED])), "failed", "pods-refused", "exceeded quota"),
    ("stateful ready", obj("StatefulSet", TWO, stateful()), "current", "ready", "2 of 2"),
    ("stateful fresh", obj("StatefulSet", TWO, {}), "in-progress", "not-observed", "not yet seen"),
    ("stateful half", obj("StatefulSet", TWO, stateful(readyReplicas=1)), "in-progress", "waiting-for-replicas", "1 of 2"),
    ("stateful shrinking", obj("StatefulSet", TWO, stateful(replicas=4)), "in-progress", "waiting-for-replicas", "2 old replicas"),
    ("stateful rolling", obj("StatefulSet", TWO, stateful(updatedReplicas=1, currentRevision="a")), "in-progress", "waiting-for-replicas", "updated"),
    ("stateful partition", obj("StatefulSet", PARTITION, stateful(updatedReplicas=1, currentRevision="a")), "current", "ready", "2 of 2"),
    ("stateful on delete", obj("StatefulSet", ON_DELETE, stateful(updatedReplicas=0, currentRevision="a")), "current", "ready", "2 of 2"),
    ("stateful asleep", obj("StatefulSet", {"replicas": 0}, {"observedGeneration": 2}), "current", "ready", "zero"),
    ("service", obj("Service", {}, {"loadBalancer": {}}), "current", "ready", "Ready."),
    ("balancer waits", obj("Service", BALANCER, {"loadBalancer": {}}), "in-progress", "waiting-for-address", "no address"),
    ("balancer", obj("Service", BALANCER, ADDRESS), "current", "ready", "Ready."),
    ("ingress without controller", obj("Ingress", {}, {}), "current", "ready", "Ready."),
    ("ingress", obj("Ingress", {}, ADDRESS), "current", "ready", "192.0.2.7"),
    ("autoscaler", obj("HorizontalPodAutoscaler", {}, {"conditions": [condition("ScalingActive", True)]}), "current", "ready", "Ready."),
    ("autoscaler blind", obj("HorizontalPodAutoscaler", {}, {"conditions": [condition("ScalingActive", False, "FailedGetResourceMetric")]}), "current", "ready", "no metrics"),
    ("budget behind", obj("PodDisruptionBudget", {}, {"observedGeneration": 1}), "in-progress", "not-observed", "latest"),
    ("budget", obj("PodDisruptionBudget", {}, {"observedGeneration": 2}), "current", "ready", "Ready."),
    ("claim waits", obj("PersistentVolumeClaim", {}, {"phase": "Pending"}), "in-progress", "waiting-for-volume", "No volume"),
    ("claim", obj("PersistentVolumeClaim", {}, {"phase": "Bound"}), "current", "ready", "bound"),
    ("claim lost", obj("PersistentVolumeClaim", {}, {"phase": "Lost"}), "failed", "volume-lost", "gone"),
    ("job waits", obj("Job", {}, {}), "in-progress", "waiting-for-job", "not started"),
    ("job runs", obj("Job", {}, {"active": 1}), "in-progress", "waiting-for-job", "running"),
    ("job done", obj("Job", {}, {"conditions": [condition("Complete", True)]}), "current", "ready", "Complete."),
    ("job suspended", obj("Job", {"suspend": True}, {}), "current", "ready", "Suspended."),
    ("job failed", obj("Job", {}, {"conditions": [condition("Failed", True, "BackoffLimitExceeded", "Job has reached the limit")]}), "failed", "job-failed", "reached the limit."),
    ("namespace", obj("Namespace", {}, {"phase": "Active"}), "current", "ready", "Ready."),
    ("namespace going", obj("Namespace", {}, {"phase": "Terminating"}), "terminating", "terminating", "deleted"),
    ("pod ready", obj("Pod", {}, {"phase": "Running", "conditions": [condition("Ready", True)]}), "current", "ready", "Ready."),
    ("pod not ready", obj("Pod", {}, {"phase": "Running"}), "in-progress", "waiting-for-pod", "not ready"),
    ("pod pending", obj("Pod", {}, {"phase": "Pending"}), "in-progress", "waiting-for-pod", "pending"),
    ("pod done", obj("Pod", {}, {"phase": "Succeeded"}), "current", "ready", "Complete."),
    ("pod failed", obj("Pod", {}, {"phase": "Failed", "reason": "Evicted", "message": "low on disk"}), "failed", "failed", "low on disk"),
    ("route refused", obj("HTTPRoute", {}, {"parents": [{"conditions": [condition("Accepted", False, "NoMatch", "no listener")]}]}), "failed", "route-refused", "no listener"),
    ("route alone", obj("HTTPRoute", {"parentRefs": [{}]}, {}), "in-progress", "waiting-for-gateway", "No gateway"),
    ("route", obj("HTTPRoute", {"parentRefs": [{}]}, {"parents": [{"conditions": [condition("Accepted", True)]}]}), "current", "ready", "Ready."),
    ("other kind", obj("ConfigMap", {}, {}), "current", "ready", "Ready."),
    ("other, not ready", obj("Cluster", {}, {"conditions": [condition("Ready", False, "x", "Setting up primary")]}), "in-progress", "waiting-for-ready", "Setting up"),
    ("other, ready", obj("Cluster", {}, {"conditions": [condition("Ready", True)]}), "current", "ready", "Ready."),
    ("other, stalled", obj("Cluster", {}, {"conditions": [condition("Stalled", True, "x", "no credit")]}), "failed", "failed", "no credit"),
    ("other, reconciling", obj("Cluster", {}, {"conditions": [condition("Reconciling", True, "x", "at it")]}), "in-progress", "reconciling", "at it"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("manifest", "state", "reason", "words"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_it_judges(manifest: dict[str, Any] | None, state: str, reason: str, words: str) -> None:
    told = readiness(manifest)
    assert (told.state, told.reason) == (state, reason)
    assert words in told.message
    assert told.message.endswith(".")
    assert told.is_ready == (state == "current")


def pod(waiting: str = "", ended: str = "", **status: Any) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "app", "ready": False, "state": {}, "lastState": {}}
    if waiting:
        container["state"] = {"waiting": {"reason": waiting}}
    if ended:
        container["lastState"] = {"terminated": {"reason": ended}}
    return {"status": {"containerStatuses": [container], **status}}


UNSCHEDULABLE = [condition("PodScheduled", False, "Unschedulable", "0/3 nodes are available.")]


@pytest.mark.parametrize(
    ("broken", "state", "reason"),
    [
        (pod("ImagePullBackOff"), "failed", "image-not-found"),
        (pod("ErrImagePull"), "failed", "image-not-found"),
        (pod("CrashLoopBackOff"), "failed", "crash-loop"),
        (pod("CrashLoopBackOff", "OOMKilled"), "failed", "out-of-memory"),
        (pod("CreateContainerConfigError"), "failed", "configuration-missing"),
        ({"status": {"conditions": UNSCHEDULABLE}}, "in-progress", "unschedulable"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_explains_a_pod(broken: dict[str, Any], state: str, reason: str) -> None:
    told = pod_problem(broken)
    assert told is not None
    assert (told.state, told.reason) == (state, reason)
    assert not told.message.endswith("..")


@pytest.mark.parametrize("fine", [{}, pod(), pod("ContainerCreating"), pod("PodInitializing")], ids=str)
def test_it_finds_no_fault_with_a_pod_that_is_on_its_way(fine: dict[str, Any]) -> None:
    assert pod_problem(fine) is None


def test_it_has_words_for_every_problem() -> None:
    assert all(code and sentence and not sentence.endswith(".") for code, sentence in PROBLEMS.values())

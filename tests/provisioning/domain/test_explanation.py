"""A failing rollout is explained from what the cluster says of its pods; each row is a trouble people meet."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.domain.driver import Told
from provisioning.domain.explanation import explain, explain_terminating

WORKLOAD: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"}}
CONTAINER = {
    "name": "app",
    "image": "registry.example/shop:1",
    "resources": {"requests": {"cpu": "4", "memory": "2Gi"}, "limits": {"memory": "512Mi"}},
    "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}},
}


def pod(
    name: str = "api-1", *, conditions: Any = (), made: str = "2026-11-22T10:00:00Z", **status: Any
) -> dict[str, Any]:
    """A pod with one container; ``status`` is that of the container."""
    held = {"conditions": list(conditions)}
    if status:
        held["containerStatuses"] = [{"name": "app", "ready": False, "image": "registry.example/shop:1", **status}]
    metadata = {"name": name, "creationTimestamp": made}
    return {"metadata": metadata, "spec": {"containers": [CONTAINER]}, "status": held}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def ended(code: int, reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason}}


def unscheduled(message: str) -> Any:
    return [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]


def unhealthy(message: str) -> list[Told]:
    return [Told("Unhealthy", message, "api-1", 4)]


RUNNING = {"running": {"startedAt": "2026-11-22T10:00:00Z"}}
CASES = [
    pytest.param(
        pod(state=waiting("ImagePullBackOff", "manifest unknown: not found")),
        [],
        "image-not-found",
        "The image registry.example/shop:1 cannot be pulled: not found.",
        id="image-missing",
    ),
    pytest.param(
        pod(state=waiting("ErrImagePull", "pull access denied, 403 Forbidden")),
        [],
        "image-forbidden",
        "the registry refuses access",
        id="image-forbidden",
    ),
    pytest.param(
        pod(state=waiting("ImagePullBackOff", "Back-off pulling image")),
        [Told("Failed", "dial tcp: lookup registry.example: no such host", "api-1")],
        "registry-unreachable",
        "its registry cannot be reached",
        id="registry-away-told-by-an-event",
    ),
    pytest.param(
        pod(state=waiting("InvalidImageName")), [], "image-name-invalid", "is not the name of an image", id="image-name"
    ),
    pytest.param(
        pod(state=waiting("CrashLoopBackOff"), lastState=ended(137, "OOMKilled"), restartCount=3),
        [],
        "out-of-memory",
        "app ran out of memory, killed 3 times.",
        id="out-of-memory",
    ),
    pytest.param(
        pod(state=waiting("CrashLoopBackOff"), lastState=ended(127), restartCount=5),
        [],
        "crash-loop",
        "app starts and ends again, 5 times so far: its command was not found in the image.",
        id="command-not-found",
    ),
    pytest.param(
        pod(state=waiting("CrashLoopBackOff"), lastState=ended(0, "Completed"), restartCount=1),
        [],
        "crash-loop",
        "as if its work were done",
        id="ends-by-itself",
    ),
    pytest.param(
        pod(state=waiting("CreateContainerConfigError", 'secret "db-credentials" not found')),
        [],
        "configuration-missing",
        "app cannot start: Secret db-credentials does not exist.",
        id="secret-missing",
    ),
    pytest.param(
        pod(state=waiting("CreateContainerConfigError", "couldn't find key token in Secret shop-dev/keys")),
        [],
        "configuration-missing",
        "There is no key token in keys.",
        id="key-missing",
    ),
    pytest.param(
        pod(
            state=waiting(
                "CreateContainerConfigError", "container has runAsNonRoot and image will run as root (pod: x)"
            )
        ),
        [],
        "runs-as-root",
        "wants to run as root",
        id="root",
    ),
    pytest.param(
        pod(conditions=unscheduled("0/3 nodes are available: 3 Insufficient cpu. preemption: not eligible.")),
        [],
        "no-room",
        "No node has 4 CPU free.",
        id="no-cpu",
    ),
    pytest.param(
        pod(conditions=unscheduled("0/3 nodes are available: 2 Insufficient cpu, 3 Insufficient memory.")),
        [],
        "no-room",
        "No node has 4 CPU and 2Gi of memory free.",
        id="no-cpu-and-memory",
    ),
    pytest.param(
        pod(conditions=unscheduled("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.")),
        [],
        "volume-pending",
        "Its volume has not been made yet.",
        id="volume-pending",
    ),
    pytest.param(
        pod(conditions=unscheduled("0/1 nodes are available: 1 node(s) had untolerated taint {dedicated: gpu}.")),
        [],
        "unschedulable",
        "untolerated taint",
        id="taint",
    ),
    pytest.param(
        pod(state=RUNNING),
        unhealthy("Readiness probe failed: HTTP probe failed with statuscode: 404"),
        "probe-failed",
        "The readiness probe on :8080/healthz answers 404.",
        id="probe-404",
    ),
    pytest.param(
        pod(state=RUNNING),
        unhealthy('Readiness probe failed: Get "http://10.0.0.1:8080/healthz": dial tcp: connect: connection refused'),
        "probe-failed",
        "The readiness probe on :8080/healthz is refused.",
        id="probe-refused",
    ),
    pytest.param(
        pod(state=waiting("ContainerCreating")),
        [Told("FailedMount", 'MountVolume.SetUp failed for volume "c": configmap "settings" not found', "api-1")],
        "volume-not-mounted",
        "Configmap settings does not exist.",
        id="mount",
    ),
    pytest.param(
        None,
        [Told("ProvisioningFailed", 'storageclass "fast" not found', "data-db-0")],
        "volume-not-made",
        "data-db-0",
        id="no-storage-class",
    ),
    pytest.param(
        None,
        [Told("FailedCreate", 'pods "api-1" is forbidden: exceeded quota: slipway, requested: cpu=4', "api-5d")],
        "over-cluster-quota",
        "the environment's own quota is used up",
        id="quota",
    ),
    pytest.param(
        None,
        [Told("FailedCreate", 'pods "api-1" is forbidden: violates PodSecurity "restricted:latest"', "api-5d")],
        "pods-refused",
        "rights that nothing has here",
        id="pod-security",
    ),
]


@pytest.mark.parametrize(("seen", "events", "code", "words"), CASES)
def test_it_explains_in_words(seen: Any, events: list[Told], code: str, words: str) -> None:
    found = explain(WORKLOAD, [seen] if seen else [], events)
    assert found is not None
    assert found.code == code
    assert words in found.sentence
    assert found.meaning
    assert found.advice


def test_it_explains_the_newest_pod() -> None:
    old = pod("api-0", made="2026-11-21T10:00:00Z", state=waiting("ImagePullBackOff", "not found"))
    new = pod("api-1", state=waiting("CrashLoopBackOff"), lastState=ended(1), restartCount=2)
    found = explain(WORKLOAD, [old, new], [])
    assert found is not None
    assert (found.code, found.pod, found.has_log) == ("crash-loop", "api-1", True)


@pytest.mark.parametrize(
    "pods",
    [
        pytest.param([], id="no-pods"),
        pytest.param([pod(conditions=[{"type": "Ready", "status": "True"}])], id="ready"),
        pytest.param([pod(state=waiting("ContainerCreating"))], id="on-its-way"),
    ],
)
def test_it_says_nothing_where_nothing_is_wrong(pods: list[dict[str, Any]]) -> None:
    assert explain(WORKLOAD, pods, []) is None


def terminating(kind: str, message: str) -> dict[str, Any]:
    status = {"conditions": [{"type": kind, "status": "True", "message": message}]}
    return {"metadata": {"name": "shop-dev"}, "status": status}


@pytest.mark.parametrize(
    ("namespace", "code", "words"),
    [
        pytest.param(
            terminating(
                "NamespaceFinalizersRemaining",
                "Some content in the namespace has finalizers remaining: "
                "kubernetes.io/pvc-protection in 1 resource instances",
            ),
            "finalizers-remain",
            "Namespace shop-dev waits for finalizers: kubernetes.io/pvc-protection in 1 resource instances.",
            id="finalizers",
        ),
        pytest.param(
            terminating(
                "NamespaceContentRemaining",
                "Some resources are remaining: persistentvolumeclaims. has 1 resource instances",
            ),
            "content-remains",
            "Namespace shop-dev still holds: persistentvolumeclaims. has 1 resource instances.",
            id="content",
        ),
    ],
)
def test_it_explains_a_namespace_that_does_not_go(namespace: Any, code: str, words: str) -> None:
    found = explain_terminating(namespace)
    assert found is not None
    assert (found.code, found.sentence) == (code, words)


def test_it_has_nothing_to_say_of_a_namespace_that_nothing_holds() -> None:
    assert explain_terminating({"metadata": {"name": "shop-dev"}, "status": {}}) is None

"""What Kubernetes does to what runs when an object differs, is made no longer, or is new."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from provisioning.domain.object_differences import Line, differing, hidden_texts, told
from provisioning.domain.object_effects import Effect, added, removed, updated, worst

DEPLOYMENT = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {}, "spec": {"c": 1}}},
}  # fmt: skip
STATEFUL = {
    "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "x"},
    "spec": {"replicas": 1, "serviceName": "x", "template": {"spec": {}}, "volumeClaimTemplates": [{"metadata": {}}]},
}  # fmt: skip
CLAIM = {
    "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "x"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
}  # fmt: skip
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"ports": [], "selector": {}}}
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "b"}}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "type": "Opaque", "stringData": {"a": "b"}}
CRON = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "x"}, "spec": {"schedule": "0 * * * *"}}
JOB = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x"}, "spec": {"template": {"spec": {}}}}
DAEMON = {**DEPLOYMENT, "kind": "DaemonSet"}
POSTGRES = {
    "apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "x"},
    "spec": {"instances": 3, "imageName": "pg:16", "storage": {"size": "10Gi"}},
}  # fmt: skip
CLUSTER_API = {"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "Cluster", "metadata": {"name": "x"}, "spec": {}}


def with_(manifest: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with ``value`` at the dotted path; None takes it away."""
    made: dict[str, Any] = copy.deepcopy(manifest)
    *steps, last = path.split(".")
    place = made
    for step in steps:
        place = place.setdefault(step, {})
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value
    return made


CHANGES = [
    pytest.param(DEPLOYMENT, "spec.template.spec.c", 2, "restarts", "restarts its pods", id="pod-template"),
    pytest.param(DEPLOYMENT, "spec.template.metadata.annotations", {"a": "b"}, "restarts", "", id="pod-annotation"),
    pytest.param(DEPLOYMENT, "metadata.annotations", {"a": "b"}, "changed", "no pod restarts", id="own-annotation"),
    pytest.param(DEPLOYMENT, "spec.replicas", 5, "changed", "runs 5 pods instead of 2", id="more-replicas"),
    pytest.param(DEPLOYMENT, "spec.replicas", 0, "restarts", "stops all its pods", id="no-replicas"),
    pytest.param(DEPLOYMENT, "spec.replicas", None, "changed", "no pod restarts", id="left-to-an-autoscaler"),
    pytest.param(DEPLOYMENT, "spec.selector.matchLabels.a", "c", "fails", "spec.selector", id="selector"),
    pytest.param(DAEMON, "spec.selector.matchLabels.a", "c", "fails", "cannot be changed", id="selector-of-daemons"),
    pytest.param(DAEMON, "spec.template.spec.c", 2, "restarts", "", id="daemons"),
    pytest.param(STATEFUL, "spec.volumeClaimTemplates", [], "fails", "volumeClaimTemplates", id="claim-templates"),
    pytest.param(STATEFUL, "spec.serviceName", "y", "fails", "serviceName", id="service-name"),
    pytest.param(STATEFUL, "spec.template.spec.c", 2, "restarts", "", id="stateful-template"),
    pytest.param(CLAIM, "spec.accessModes", ["ReadWriteMany"], "fails", "accessModes", id="access-modes"),
    pytest.param(CLAIM, "spec.storageClassName", "fast", "fails", "storageClassName", id="storage-class"),
    pytest.param(CLAIM, "spec.resources.requests.storage", "9Gi", "fails", "cannot shrink from 10Gi", id="shrinks"),
    pytest.param(CLAIM, "spec.resources.requests.storage", "10240Mi", "changed", "changes", id="the-same-size"),
    pytest.param(CLAIM, "spec.resources.requests.storage", "1Ti", "changed", "grows from 10Gi to 1Ti", id="grows"),
    pytest.param(SERVICE, "spec.clusterIP", "None", "fails", "clusterIP", id="becomes-headless"),
    pytest.param(SERVICE, "spec.selector.a", "b", "changed", "no pod restarts", id="another-selector"),
    pytest.param(SECRET, "type", "kubernetes.io/tls", "fails", "type", id="type-of-secret"),
    pytest.param(CONFIG, "data.a", "c", "changed", "no pod restarts", id="config"),
    pytest.param({**CONFIG, "immutable": True}, "data.a", "c", "fails", "immutable", id="immutable-config"),
    pytest.param({**CONFIG, "immutable": True}, "metadata.labels", {"a": "b"}, "changed", "", id="its-label"),
    pytest.param(CRON, "spec.schedule", "1 * * * *", "changed", "its next run", id="cron"),
    pytest.param(JOB, "spec.template.spec.c", 2, "fails", "spec.template", id="job"),
    pytest.param(JOB, "spec.parallelism", 2, "changed", "", id="job-parallelism"),
    pytest.param(POSTGRES, "spec.imageName", "pg:17", "restarts", "restarts its pods", id="postgres-image"),
    pytest.param(POSTGRES, "spec.storage.size", "5Gi", "fails", "cannot shrink", id="postgres-shrinks"),
    pytest.param(POSTGRES, "spec.instances", 1, "changed", "runs 1 pods instead of 3", id="postgres-instances"),
    pytest.param(POSTGRES, "spec.monitoring.enabled", True, "changed", "no pod restarts", id="postgres-other"),
    pytest.param(CLUSTER_API, "spec.paused", True, "changed", "its operator decides", id="another-cluster"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "path", "value", "outcome", "words"), CHANGES)
def test_a_change_has_an_effect(before: dict[str, Any], path: str, value: Any, outcome: str, words: str) -> None:
    after = with_(before, path, value)
    found = updated(before, after, [one for one, _, _ in differing(before, after)])
    assert found.outcome == outcome, found
    assert words in found.reason
    assert found.reason.startswith(f"{before['kind']} x ")


def test_it_says_how_pods_are_replaced() -> None:
    at_once = with_(DEPLOYMENT, "spec.strategy.type", "Recreate")
    changed = with_(at_once, "spec.template.spec.c", 2)
    assert "stops all its pods, then starts them anew" in updated(at_once, changed, ["spec.template.spec.c"]).reason


@pytest.mark.parametrize(
    ("manifest", "outcome", "words"),
    [
        pytest.param(CLAIM, "replaces", "with what it stores", id="claim"),
        pytest.param(POSTGRES, "replaces", "with what it stores", id="postgres"),
        pytest.param(STATEFUL, "replaces", "stay behind, unused", id="stateful-set"),
        pytest.param(
            with_(STATEFUL, "spec.persistentVolumeClaimRetentionPolicy.whenDeleted", "Delete"),
            "replaces", "with the volumes of its pods", id="stateful-set-that-takes-its-volumes-along",
        ),
        pytest.param(with_(STATEFUL, "spec.volumeClaimTemplates", None), "restarts", "pods end", id="without-volumes"),
        pytest.param(DEPLOYMENT, "restarts", "pods end", id="deployment"),
        pytest.param(CONFIG, "changed", "is deleted", id="config"),
    ],
)  # fmt: skip
def test_what_is_made_no_longer_is_deleted(manifest: dict[str, Any], outcome: str, words: str) -> None:
    found = removed(manifest)
    assert found.outcome == outcome
    assert words in found.reason


def test_the_worst_counts() -> None:
    effects = [added(CONFIG), removed(CLAIM), Effect("restarts", "Pods.")]
    assert worst(effects) == effects[1]
    assert worst([]) is None


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        pytest.param({"a": 1}, {"a": 1}, [], id="same"),
        pytest.param({"a": 1}, {}, [("a", 1, None)], id="gone"),
        pytest.param({"a": 1}, {"a": True}, [("a", 1, True)], id="one-is-not-true"),
        pytest.param({"a": [1, 2]}, {"a": [1, 3]}, [("a.1", 2, 3)], id="item-by-item"),
        pytest.param({"a": [1]}, {"a": [1, 2]}, [("a", [1], [1, 2])], id="another-length"),
        pytest.param(
            {"env": [{"name": "A", "value": "1"}]},
            {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            [("env.B", None, {"name": "B", "value": "2"})],
            id="by-name",
        ),
        pytest.param(
            [{"name": "A"}, {"name": "B"}], [{"name": "B"}, {"name": "A"}], [("", ["A", "B"], ["B", "A"])], id="order"
        ),
    ],
)
def test_it_finds_what_differs(before: Any, after: Any, found: list[Any]) -> None:
    assert list(differing(before, after)) == found


SCHEMA = {
    "properties": {
        "env": {"additionalProperties": {"type": "string", "x-secret": True}},
        "list": {"items": {"type": "string", "x-secret": True}},
    }
}


def test_secrets_are_not_shown() -> None:
    hidden = hidden_texts(({"env": {"KEY": "hunter2", "MODE": "a"}, "list": ["deep"], "port": 80}, SCHEMA))
    assert hidden == {"hunter2", "a", "deep"}
    assert told("env.KEY", "hunter2", "x", kind="Deployment", hidden=hidden) == Line("env.KEY", "(hidden)", "x")
    assert told("a", "url://u:hunter2@h", None, kind="Pod", hidden=hidden) == Line("a", "(hidden)", None)
    assert told("b", "a", "aa", kind="Pod", hidden=hidden) == Line("b", "(hidden)", "aa")
    assert told("stringData.a", "b", "c", kind="Secret", hidden=frozenset()) == Line(
        "stringData.a", "(hidden)", "(hidden)"
    )
    assert told("data.a", "b", {"c": 1}, kind="ConfigMap", hidden=frozenset()) == Line("data.a", "b", '{"c": 1}')
    assert len(told("a", "x" * 900, None, kind="Pod", hidden=frozenset()).before or "") == 200

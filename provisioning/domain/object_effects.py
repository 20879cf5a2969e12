"""What a difference in one object does to what runs: pods restart, data is lost, or the API server refuses it.

Called by ``blast_radius`` for each object that a version changes. The tables say what Kubernetes does by kind; what
becomes of a kind that they do not name is decided by an operator that Slipway knows nothing of. Asks no cluster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from idp.kernel.cel_functions import quantity
from provisioning.domain.frozen import frozen_among

Outcome = Literal["fails", "replaces", "restarts", "changed", "unchanged"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("fails", "replaces", "restarts", "changed", "unchanged")
"""From the worst to the best. ``replaces`` loses what is stored, ``restarts`` starts pods anew."""

Kind = tuple[str, str]
"""API group (``""`` for the core) and kind."""

_WORKLOADS: Final = frozenset(
    {("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet"), ("apps", "ReplicaSet")}
)
_POSTGRES: Final = ("postgresql.cnpg.io", "Cluster")

_RESTARTS: Final[Mapping[Kind, re.Pattern[str]]] = {
    ("apps", "Deployment"): re.compile(r"spec\.template(\.|$)"),
    ("apps", "StatefulSet"): re.compile(r"spec\.template(\.|$)"),
    ("apps", "DaemonSet"): re.compile(r"spec\.template(\.|$)"),
    _POSTGRES: re.compile(
        r"spec\.(imageName|imageCatalogRef|resources|affinity|env|envFrom|schedulerName|priorityClassName|"
        r"projectedVolumeTemplate|postgresql\.(parameters|shared_preload_libraries))(\.|$)"
    ),
}
"""Fields whose change makes the controller replace the pods, by the start of the dotted path."""

_ENDS_PODS: Final = _WORKLOADS | {("", "Pod"), ("batch", "Job"), ("batch", "CronJob"), _POSTGRES}
"""Kinds whose removal ends pods."""

_LATER: Final[Mapping[Kind, str]] = {
    ("batch", "CronJob"): "its next run is the first that notices",
    ("apps", "ReplicaSet"): "pods that run stay as they are",
}

_ONLY_GROWS: Final[Mapping[Kind, tuple[str, ...]]] = {
    ("", "PersistentVolumeClaim"): ("spec.resources.requests.storage",),
    _POSTGRES: ("spec.storage.size", "spec.walStorage.size"),
}
"""Quantities that must not shrink."""

_FIXED_WHEN_IMMUTABLE: Final = re.compile(r"(data|stringData|binaryData|immutable)(\.|$)")

_QUIET: Final = frozenset(
    {
        ("", "ConfigMap"), ("", "Secret"), ("", "Service"), ("", "ServiceAccount"), ("", "PersistentVolumeClaim"),
        ("", "ResourceQuota"), ("", "LimitRange"), ("networking.k8s.io", "NetworkPolicy"),
        ("networking.k8s.io", "Ingress"), ("policy", "PodDisruptionBudget"), ("autoscaling", "HorizontalPodAutoscaler"),
        ("rbac.authorization.k8s.io", "Role"), ("rbac.authorization.k8s.io", "RoleBinding"),
        ("gateway.networking.k8s.io", "HTTPRoute"), ("monitoring.coreos.com", "PodMonitor"),
        ("monitoring.coreos.com", "ServiceMonitor"), ("batch", "Job"),
    }
)  # fmt: skip
"""Kinds whose change touches no pod that runs."""


@dataclass(frozen=True, slots=True)
class Effect:
    """``reason`` is one sentence for people."""

    outcome: Outcome
    reason: str


def worst(effects: Iterable[Effect]) -> Effect | None:
    """The first of the worst; None without any."""
    return min(effects, key=lambda one: OUTCOMES.index(one.outcome), default=None)


def added(manifest: Mapping[str, Any]) -> Effect:
    return Effect("changed", f"{_named(manifest)} is new.")


def removed(manifest: Mapping[str, Any]) -> Effect:
    """An object that is made no longer is deleted; what it holds may go with it."""
    kind, name = kind_of(manifest), _named(manifest)
    if kind in (("", "PersistentVolumeClaim"), _POSTGRES):
        return Effect("replaces", f"{name} is deleted with what it stores.")
    if kind == ("apps", "StatefulSet") and _at(manifest, "spec.volumeClaimTemplates"):
        if _at(manifest, "spec.persistentVolumeClaimRetentionPolicy.whenDeleted") == "Delete":
            return Effect("replaces", f"{name} is deleted with the volumes of its pods.")
        return Effect("replaces", f"{name} is deleted; the volumes of its pods stay behind, unused.")
    if kind in _ENDS_PODS:
        return Effect("restarts", f"{name} is deleted and its pods end.")
    return Effect("changed", f"{name} is deleted.")


def updated(before: Mapping[str, Any], after: Mapping[str, Any], fields: Sequence[str]) -> Effect:
    """``fields`` are the dotted paths at which the two differ."""
    kind, name = kind_of(after), _named(after)
    if stuck := frozen_among(kind[1], fields):
        return Effect("fails", f"{name} exists, and its {stuck[0]} cannot be changed.")
    if refused := _sealed(before, fields) or _shrinks(before, after, kind) or _readdressed(before, after, kind):
        return Effect("fails", f"{name} {refused}.")
    if (pattern := _RESTARTS.get(kind)) and any(pattern.match(one) for one in fields):
        return Effect("restarts", f"{name} {_how(after)}.")
    if scaled := _scaled(before, after, kind):
        return Effect("restarts" if scaled.startswith("stops") else "changed", f"{name} {scaled}.")
    if grown := _grows(before, after, kind):
        return Effect("changed", f"{name} {grown}.")
    if kind in _LATER:
        return Effect("changed", f"{name} changes; {_LATER[kind]}.")
    known = kind in _QUIET or kind in _RESTARTS
    return Effect(
        "changed",
        f"{name} changes, no pod restarts." if known else f"{name} changes; its operator decides what follows.",
    )


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    group, slash, _ = str(manifest["apiVersion"]).partition("/")
    return (group if slash else "", str(manifest["kind"]))


def _named(manifest: Mapping[str, Any]) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def _how(after: Mapping[str, Any]) -> str:
    """How the controller gets from the old pods to the new ones."""
    if _at(after, "spec.strategy.type") == "Recreate":
        return "stops all its pods, then starts them anew"
    if _at(after, "spec.updateStrategy.type") == "OnDelete":
        return "starts its pods anew once somebody deletes them"
    return "restarts its pods"


def _sealed(before: Mapping[str, Any], fields: Iterable[str]) -> str:
    if before.get("immutable") is True and any(_FIXED_WHEN_IMMUTABLE.match(one) for one in fields):
        return "is marked immutable, so what it holds cannot be changed"
    return ""


def _shrinks(before: Mapping[str, Any], after: Mapping[str, Any], kind: Kind) -> str:
    for path in _ONLY_GROWS.get(kind, ()):
        was, becomes = _at(before, path), _at(after, path)
        if was is not None and becomes is not None and _size(becomes) < _size(was):
            return f"cannot shrink from {was} to {becomes}"
    return ""


def _grows(before: Mapping[str, Any], after: Mapping[str, Any], kind: Kind) -> str:
    for path in _ONLY_GROWS.get(kind, ()):
        was, becomes = _at(before, path), _at(after, path)
        if was is not None and becomes is not None and _size(becomes) > _size(was):
            return f"grows from {was} to {becomes}, where its storage class can; no pod restarts"
    return ""


def _readdressed(before: Mapping[str, Any], after: Mapping[str, Any], kind: Kind) -> str:
    """A Service keeps its address: one that is written anew is refused, one that is written no longer stays."""
    if kind != ("", "Service") or "ExternalName" in (_at(before, "spec.type"), _at(after, "spec.type")):
        return ""
    asked = _at(after, "spec.clusterIP")
    return (
        "" if asked is None or asked == _at(before, "spec.clusterIP") else "exists, and its clusterIP cannot be changed"
    )


def _scaled(before: Mapping[str, Any], after: Mapping[str, Any], kind: Kind) -> str:
    """A number of replicas that differs; an autoscaler's (none written) is nobody's business here."""
    path = "spec.instances" if kind == _POSTGRES else "spec.replicas"
    was, becomes = _at(before, path), _at(after, path)
    if kind not in {*_WORKLOADS, _POSTGRES} or was == becomes or None in (was, becomes):
        return ""
    if becomes == 0:
        return "stops all its pods"
    return f"runs {becomes:g} pods instead of {was:g}"


def _size(value: Any) -> float:
    """A quantity, or what neither grows nor shrinks when it is none."""
    try:
        return quantity(value)
    except (ValueError, TypeError):
        return 0.0


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value

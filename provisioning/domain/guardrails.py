"""What every environment gets before its first resource: a namespace with limits, closed to all but its own.

Called by runs (the first step) and by plans that show objects. Pure: the stage's settings come in as arguments,
finished manifests come out, in the order in which they are applied. Contracts cannot make or change these kinds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from provisioning.domain.driver import LABEL_REVISION, Manifest, ObjectRef, Scope
from provisioning.domain.isolation import LONGEST, prefixed
from provisioning.domain.plan import Footprint

ROLLOUT_FACTOR = 2.0
"""During a rolling update each workload has at most one replica more than it counts for, which for one replica is
twice as much; so the namespace may hold twice the usage, and never less than the constants below allow."""
SPARE_CPU, SPARE_MEMORY_GIB = 1.0, 2.0
LABEL_TEAM = "slipway.dev/team"


@dataclass(frozen=True, slots=True)
class GuardrailSettings:
    """What a stage or cluster decides. ``team_role`` is the ClusterRole that the team gets: ``view`` or ``edit``."""

    pod_security: str = "restricted"
    pod_security_version: str = "v1.31"
    team_role: str = "edit"
    ingress_namespace: str = "ingress-nginx"
    dns_namespace: str = "kube-system"
    max_container_cpu: float = 8.0
    max_container_memory_gib: float = 32.0
    pods: int = 200


def guardrails(
    *,
    namespace: str,
    scope: Scope,
    team: str,
    usage: Footprint,
    revision: int,
    previous: Footprint | None = None,
    has_route: bool = False,
    settings: GuardrailSettings | None = None,
) -> list[Manifest]:
    """Namespace, quota, limits, network policies and the team's role binding.

    ``usage`` is the target's total while awake; ``previous`` that of the revision before: while one replaces the
    other the namespace must hold either, else a rollout to something smaller could not start its first pod.
    ``team`` is the team's slug. ``has_route`` lets the ingress controller in.
    """
    chosen = settings or GuardrailSettings()
    labels = {
        **scope.labels(),
        "app.kubernetes.io/part-of": scope.system,
        LABEL_REVISION: str(revision),
        LABEL_TEAM: team,
    }
    room = _larger(usage, previous or Footprint())
    named = [
        _quota(room, chosen),
        _limits(chosen),
        *_network_policies(chosen, has_route),
        _role_binding(team, chosen),
    ]
    for manifest in named:
        manifest["metadata"] = {**manifest["metadata"], "namespace": namespace, "labels": dict(labels)}
    return [_namespace(namespace, labels, chosen), *named]


def shared_guardrails(
    *,
    namespace: str,
    scope: Scope,
    usage: Footprint,
    environments: int,
    settings: GuardrailSettings | None = None,
) -> list[Manifest]:
    """What a namespace that environments share has for all of them: a quota of the sum of what they take, limits, and a
    network that is closed but for names. ``scope`` is the namespace's own.
    """
    chosen = settings or GuardrailSettings()
    chosen = replace(chosen, pods=chosen.pods * max(environments, 1))
    labels = scope.labels()
    named = [_quota(usage, chosen), _limits(chosen), *_closed(chosen)]
    for manifest in named:
        manifest["metadata"] = {**manifest["metadata"], "namespace": namespace, "labels": dict(labels)}
    return [_namespace(namespace, labels, chosen), *named]


def own_guardrails(
    *,
    namespace: str,
    scope: Scope,
    prefix: str,
    team: str,
    revision: int,
    has_route: bool = False,
    settings: GuardrailSettings | None = None,
) -> list[Manifest]:
    """What one environment has in a namespace that it shares: its pods reach each other and none of the others, and its
    team has its role. Names begin with ``prefix``.
    """
    chosen = settings or GuardrailSettings()
    labels = {
        **scope.labels(),
        "app.kubernetes.io/part-of": scope.system,
        LABEL_REVISION: str(revision),
        LABEL_TEAM: team,
    }
    named = [
        _same("slipway-same-environment", scope.labels()),
        *([_entry(chosen, scope.labels())] if has_route else ()),
        _role_binding(team, chosen),
    ]
    for manifest in named:
        name = prefixed(prefix, manifest["metadata"]["name"], longest=LONGEST)
        manifest["metadata"] = {"name": name, "namespace": namespace, "labels": dict(labels)}
    return list(named)


def own_refs(*, namespace: str, scope: Scope, prefix: str) -> list[ObjectRef]:
    """All that ``own_guardrails`` may ever have made there, whatever was decided meanwhile."""
    made: dict[ObjectRef, None] = {}
    for role in ("edit", "view"):
        settings = GuardrailSettings(team_role=role)
        for manifest in own_guardrails(
            namespace=namespace, scope=scope, prefix=prefix, team="", revision=0, has_route=True, settings=settings
        ):
            made[ObjectRef.of(manifest)] = None
    return list(made)


def _namespace(name: str, labels: Mapping[str, str], chosen: GuardrailSettings) -> dict[str, Any]:
    """All three modes: ``enforce`` acts on pods only, ``warn`` and ``audit`` say it on the workload already."""
    security = {}
    for mode in ("enforce", "audit", "warn"):
        security[f"pod-security.kubernetes.io/{mode}"] = chosen.pod_security
        security[f"pod-security.kubernetes.io/{mode}-version"] = chosen.pod_security_version
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {**labels, **security}}}


def _larger(one: Footprint, other: Footprint) -> Footprint:
    return Footprint(
        max(one.cpu, other.cpu), max(one.memory_gib, other.memory_gib), max(one.storage_gib, other.storage_gib)
    )


def _quota(room: Footprint, chosen: GuardrailSettings) -> dict[str, Any]:
    """A quota on cpu and memory makes both mandatory on every container; the limit range fills them in."""
    cpu = _cores(room.cpu * ROLLOUT_FACTOR + SPARE_CPU)
    memory = _mebibytes(room.memory_gib * ROLLOUT_FACTOR + SPARE_MEMORY_GIB)
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "slipway"},
        "spec": {
            "hard": {
                "requests.cpu": cpu,
                "limits.cpu": cpu,
                "requests.memory": memory,
                "limits.memory": memory,
                "requests.storage": f"{math.ceil(room.storage_gib)}Gi",
                "pods": str(chosen.pods),
                "services.loadbalancers": "0",
                "services.nodeports": "0",
            }
        },
    }


def _limits(chosen: GuardrailSettings) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "slipway"},
        "spec": {
            "limits": [
                {
                    "type": "Container",
                    "defaultRequest": {"cpu": "100m", "memory": "128Mi"},
                    "default": {"cpu": "500m", "memory": "512Mi"},
                    "max": {
                        "cpu": _cores(chosen.max_container_cpu),
                        "memory": _mebibytes(chosen.max_container_memory_gib),
                    },
                }
            ]
        },
    }


def _network_policies(chosen: GuardrailSettings, has_route: bool) -> list[dict[str, Any]]:
    deny, dns = _closed(chosen)
    policies = [deny, _same("slipway-same-namespace"), dns]
    return [*policies, _entry(chosen)] if has_route else policies


def _closed(chosen: GuardrailSettings) -> list[dict[str, Any]]:
    """Nothing comes in or goes out, but questions for names."""
    everyone: dict[str, Any] = {"podSelector": {}}
    dns_ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    return [
        _policy("slipway-deny-all", {**everyone, "policyTypes": ["Ingress", "Egress"]}),
        _policy(
            "slipway-dns",
            {
                **everyone,
                "policyTypes": ["Egress"],
                "egress": [{"to": [_all_of(chosen.dns_namespace)], "ports": dns_ports}],
            },
        ),
    ]


def _pods(labels: Mapping[str, str] | None) -> dict[str, Any]:
    """All pods of the namespace, or those with ``labels``."""
    return {"podSelector": {"matchLabels": dict(labels)} if labels else {}}


def _same(name: str, labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Pods reach each other: all of the namespace, or those with ``labels``."""
    return _policy(
        name,
        {
            **_pods(labels),
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [_pods(labels)]}],
            "egress": [{"to": [_pods(labels)]}],
        },
    )


def _entry(chosen: GuardrailSettings, labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    entry = {
        **_pods(labels),
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [_all_of(chosen.ingress_namespace)]}],
    }
    return _policy("slipway-ingress", entry)


def _policy(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }


def _all_of(namespace: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}


def _role_binding(team: str, chosen: GuardrailSettings) -> dict[str, Any]:
    """Named by the role, because the role of a binding can never be changed: another role is another binding."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"slipway-team-{chosen.team_role}"},
        "subjects": [{"kind": "Group", "name": f"slipway:{team}", "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": "ClusterRole", "name": chosen.team_role, "apiGroup": "rbac.authorization.k8s.io"},
    }


def _cores(cores: float) -> str:
    """Whole cores as such, otherwise in thousandths, as the API server would write them back."""
    thousandths = math.ceil(round(cores * 1000, 6))
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"


def _mebibytes(gib: float) -> str:
    mebibytes = math.ceil(round(gib * 1024, 6))
    return f"{mebibytes // 1024}Gi" if mebibytes % 1024 == 0 else f"{mebibytes}Mi"

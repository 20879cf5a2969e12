"""Fields that an API server does not let change once an object is there, by kind. Pure data.

Read by ``blast_radius``, to say beforehand that a change would be refused, and by the sandbox driver, which refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_STATEFUL_SET_MAY_CHANGE = (
    "replicas|template|updateStrategy|minReadySeconds|ordinals|revisionHistoryLimit|"
    "persistentVolumeClaimRetentionPolicy"
)
FROZEN = {
    "Deployment": re.compile(r"spec\.selector"),
    "StatefulSet": re.compile(rf"spec\.(?!{_STATEFUL_SET_MAY_CHANGE})"),
    "PersistentVolumeClaim": re.compile(r"spec\.(?!resources\.requests|volumeAttributesClassName)"),
    "DaemonSet": re.compile(r"spec\.selector"),
    "ReplicaSet": re.compile(r"spec\.selector"),
    "Job": re.compile(
        r"spec\.(selector|template|completionMode|completions|podFailurePolicy|successPolicy|backoffLimitPerIndex|managedBy)"
    ),
    "RoleBinding": re.compile(r"roleRef"),
    "ClusterRoleBinding": re.compile(r"roleRef"),
    "Secret": re.compile(r"type$"),
}
"""The start of a dotted path, by kind."""


def frozen_among(kind: str, paths: Iterable[str]) -> list[str]:
    """Those of ``paths`` (dotted, of fields that differ) that must not change in an object of this kind, sorted."""
    rule = FROZEN.get(kind)
    return sorted(path for path in paths if rule is not None and rule.match(path))

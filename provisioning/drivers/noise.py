"""What every object carries and no person asked for; taken out of the two sides of a dry run's difference."""

from __future__ import annotations

import copy
from typing import Any

from provisioning.domain.driver import LABEL_REVISION, Manifest

_METADATA = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
_LABELS = (LABEL_REVISION, "kubernetes.io/metadata.name")
_ANNOTATIONS = ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration")


def without_noise(manifest: Manifest) -> dict[str, Any]:
    """A copy without status, server-made metadata, the revision label, all data of a Secret, and a namespace's
    finalizer.
    """
    shown = copy.deepcopy(dict(manifest))
    shown.pop("status", None)
    if shown.get("kind") == "Secret":
        shown.pop("data", None)
        shown.pop("stringData", None)
    if shown.get("kind") == "Namespace":
        shown.pop("spec", None)
    metadata = shown.get("metadata", {})
    for field in _METADATA:
        metadata.pop(field, None)
    for field, names in (("labels", _LABELS), ("annotations", _ANNOTATIONS)):
        for name in names:
            metadata.get(field, {}).pop(name, None)
        if not metadata.get(field, True):
            del metadata[field]
    return shown

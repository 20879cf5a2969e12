"""Can a cluster carry a contract? What a contract requires, what a cluster offers, and the words when they do not meet.

Called by the gate, by what resolves ``postgres@`` to a version, and by every page and answer that offers a capability.
Pure: offers are arguments. A requirement is what a person would otherwise learn from a run that fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

FEATURES: Final[Mapping[str, str]] = {
    "metrics": "metrics of pods (metrics.k8s.io), for scaling",
    "volume-snapshots": "snapshots of volumes (snapshot.storage.k8s.io)",
    "certificates": "certificates from cert-manager (cert-manager.io)",
}
"""Features that are told from a cluster's API groups; any other is one that an admin says a cluster has."""

OWN_GROUPS: Final = frozenset(
    {
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)
"""Groups with a dot in their name that an API server serves by itself; those without one are all its own."""

_GROUP_OF: Final[Mapping[str, str]] = {
    "metrics": "metrics.k8s.io",
    "volume-snapshots": "snapshot.storage.k8s.io",
    "certificates": "cert-manager.io",
}


@dataclass(frozen=True, slots=True)
class Requires:
    """What a contract needs of a cluster. ``apis`` are keys such as ``postgresql.cnpg.io/v1/Cluster``.

    ``kubernetes`` is the oldest version that will do, as ``1.29``, or empty.
    """

    apis: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    kubernetes: str = ""

    def __bool__(self) -> bool:
        return bool(self.apis or self.features or self.kubernetes)


@dataclass(frozen=True, slots=True)
class Offer:
    """What one cluster has. ``known`` is False while nobody has looked: then nothing that is required is there."""

    cluster: str
    apis: frozenset[str] = frozenset()
    features: frozenset[str] = frozenset()
    kubernetes: str = ""
    known: bool = True
    seen_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that a cluster lacks: ``the API postgresql.cnpg.io/v1 Cluster``, and what would bring it."""

    kind: str
    name: str
    words: str
    remedy: str


def requires_of(spec: Mapping[str, Any]) -> Requires:
    """The ``requires`` of a contract's spec, already checked for its shape."""
    told = spec.get("requires") or {}
    return Requires(
        apis=tuple(f"{one['apiVersion']}/{one['kind']}" for one in told.get("apis", ())),
        features=tuple(told.get("features", ())),
        kubernetes=str(told.get("kubernetes", "")),
    )


def uses_of(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Keys of the custom kinds that a contract makes use of where they are served, and does without elsewhere."""
    told = spec.get("uses") or {}
    return tuple(f"{one['apiVersion']}/{one['kind']}" for one in told.get("apis", ()))


def missing(requires: Requires, offer: Offer) -> tuple[Missing, ...]:
    """What ``offer`` lacks of ``requires``, in the order of the document; empty when all is there."""
    return tuple(_missing(requires, offer))


def _missing(requires: Requires, offer: Offer) -> Iterator[Missing]:
    for key in requires.apis:
        if key not in offer.apis:
            api_version, _, kind = key.rpartition("/")
            group = api_version.partition("/")[0]
            yield Missing(
                "api", key, f"the API {kind} ({api_version})", f"An operator of the cluster installs {group} there"
            )
    for name in requires.features:
        if name not in offer.features:
            words = f"the feature {name}"
            remedy = (
                f"An operator of the cluster installs {_GROUP_OF[name]} there"
                if name in FEATURES
                else f"A platform admin adds {name} to the cluster's features once it is there"
            )
            yield Missing("feature", name, words, remedy)
    if requires.kubernetes and not _at_least(offer.kubernetes, requires.kubernetes):
        yield Missing(
            "kubernetes",
            requires.kubernetes,
            f"Kubernetes {requires.kubernetes} or newer",
            "An operator of the cluster updates it",
        )


def reason(requires: Requires, offer: Offer) -> str:
    """Why it cannot be had there, as the end of a sentence about the contract; empty when it can.

    ``needs the API Cluster (postgresql.cnpg.io/v1), which the cluster eu-west does not have``
    """
    lacking = missing(requires, offer)
    if not lacking:
        return ""
    words = joined(one.words for one in lacking)
    if not offer.known:
        return f"needs {words}, and what the cluster {offer.cluster} has is not known yet"
    return f"needs {words}, which the cluster {offer.cluster} does not have"


def remedy(requires: Requires, offer: Offer, *, instead: str = "") -> str:
    """What can be done; ``instead`` is a version that can be had there, as ``postgres@1``."""
    lacking = missing(requires, offer)
    if not lacking:
        return ""
    use = f"Use {instead}, or choose a stage whose cluster has it." if instead else "Choose a stage that has it."
    if not offer.known:
        return f"{use} A platform admin can look at the cluster again."
    return f"{use} {joined(dict.fromkeys(one.remedy for one in lacking))}; Slipway notices it by itself."


def is_own(api_version: str) -> bool:
    """Whether a plain Kubernetes serves ``apps/v1`` or ``v1``; the group alone may be given too."""
    group = api_version.partition("/")[0]
    return "." not in group or group in OWN_GROUPS


def features_of(api_groups: Iterable[str]) -> frozenset[str]:
    """The features that a cluster's API groups show."""
    groups = set(api_groups)
    return frozenset(name for name, group in _GROUP_OF.items() if group in groups)


def joined(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``"""
    *before, last = list(words)
    return f"{', '.join(before)} and {last}" if before else last


def _at_least(version: str, wanted: str) -> bool:
    found = re.search(r"(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= tuple(int(part) for part in wanted.split("."))[:2]

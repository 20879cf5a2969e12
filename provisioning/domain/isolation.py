"""How far environments are kept from each other, and what follows from it for names and namespaces.

A stage chooses one of three ways. What lives keeps the way in which it was made until it is moved. Called by the gate,
by rendering and by runs. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from idp.kernel.canonical import digest
from provisioning.domain.driver import Scope

SHARED: Final = "shared"
NAMESPACE: Final = "namespace"
DEDICATED: Final = "dedicated"
ISOLATIONS: Final = (SHARED, NAMESPACE, DEDICATED)
LONGEST: Final = 63
LONGEST_RESOURCE: Final = 40
"""Of a prefixed name: contracts put suffixes behind it, and what they make of it has room for 63 characters."""
_DIGEST: Final = 5
SHARED_SYSTEM: Final = "slipway-shared"
NO_LABELS: Final = "Give the stage labels of clusters first: by them a system’s own cluster is found."


@dataclass(frozen=True, slots=True)
class Way:
    """One way in words, for whoever chooses: what it is, what it costs, and what may go wrong."""

    key: str
    title: str
    what: str
    cost: str
    risk: str


WAYS: Final = MappingProxyType(
    {
        one.key: one
        for one in (
            Way(
                SHARED,
                "One namespace for many",
                "All environments of the stage on one cluster live in one namespace. Their names begin with system and "
                "environment.",
                "The least: no namespace of its own, and what one leaves unused another may take.",
                "The namespace has one quota, the sum of all: an environment that goes beyond its part takes from the "
                "others. Every team with an environment there reads and edits what is in the namespace. The network "
                "between them is closed.",
            ),
            Way(
                NAMESPACE,
                "A namespace of its own",
                "Each environment has a namespace with its own quota, limits, network policy and role binding.",
                "A little: quota and limits for each, on nodes that all of them use together.",
                "Nodes, the API server and what the cluster runs for all are one. A neighbour who is noisy there is "
                "felt.",
            ),
            Way(
                DEDICATED,
                "A cluster of its own",
                "Each system has a cluster with the stage’s labels, on which nothing of another system lives.",
                "The most: a whole cluster for each system, whether it fills it or not.",
                "The least towards others. There must be a free cluster; without one nothing new can be made.",
            ),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an environment is. ``cluster`` is a name."""

    cluster: str
    namespace: str
    isolation: str = NAMESPACE

    def as_dict(self) -> dict[str, str]:
        return {"cluster": self.cluster, "namespace": self.namespace, "isolation": self.isolation}

    @property
    def names(self) -> dict[str, Any]:
        """What of it decides names, as arguments for whoever renders."""
        return {"namespace": self.namespace, "isolation": self.isolation}


def shared_scope(stage: str) -> Scope:
    """Whose the namespace of a stage is, and what it has for all: no environment's, so that none deletes it."""
    return Scope(SHARED_SYSTEM, stage)


def namespace_name(isolation: str, *, stage: str, system: str, environment: str, taken: bool) -> str:
    """``<system>-<environment>``, or the namespace that all environments of ``stage`` share on a cluster.

    ``taken``: another environment has that name already (``a-b`` of ``c``, ``b-c`` of ``a``); a short digest tells them
    apart.
    """
    if isolation == SHARED:
        return f"{SHARED_SYSTEM}-{stage}"
    plain = f"{system}-{environment}"
    return f"{plain[:57]}-{digest([system, environment])[:_DIGEST]}" if taken else plain


def isolation_problem(isolation: str, cluster_labels: Mapping[str, str]) -> str:
    """What is wrong with an isolation for a stage that chooses clusters by these labels; empty when nothing is."""
    if isolation not in ISOLATIONS:
        return f"Write one of {', '.join(ISOLATIONS)}."
    return NO_LABELS if isolation == DEDICATED and not cluster_labels else ""


def prefix_of(isolation: str, *, system: str, environment: str) -> str:
    """What every name in a shared namespace begins with; empty where the namespace is the environment's own."""
    return f"{system}-{environment}-" if isolation == SHARED else ""


def prefixed(prefix: str, name: str, *, longest: int = LONGEST_RESOURCE) -> str:
    """``name`` behind ``prefix``; where that is too long the end becomes a digest of both."""
    whole = f"{prefix}{name}"
    if not prefix or len(whole) <= longest:
        return whole
    return f"{whole[: longest - _DIGEST - 1].rstrip('-.')}-{digest([prefix, name])[:_DIGEST]}"

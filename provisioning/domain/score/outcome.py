"""What goes into a translation and what comes out of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from idp.kernel.errors import FieldError
from provisioning.domain.lending import is_borrowed
from provisioning.domain.score.check import Workload


@dataclass(frozen=True, slots=True)
class Place:
    """Where it goes, as rules may read it."""

    system: str
    environment: str
    stage: str


@dataclass(frozen=True, slots=True)
class Lending:
    """A resource of another environment that may be used here. ``origin`` is system, environment and resource."""

    origin: Mapping[str, str]
    capability: str
    version: str

    @property
    def place(self) -> str:
        return f"{self.origin['system']}/{self.origin['environment']}"


@dataclass(frozen=True, slots=True)
class Before:
    """What the environment has. ``resources`` are its document's; ``claims`` which of them Score made, by identity.

    ``params`` are what other workloads there say of resources that have an id, by identity; ``lent`` is what other
    environments lend to it by a grant that names an identity.
    """

    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    claims: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    lent: Mapping[str, tuple[Lending, ...]] = field(default_factory=dict)

    def lent_as(self, name: str, claim: str) -> tuple[Lending, ...]:
        """Whose resource ``claim`` is, where it is not the environment's own; what it uses already it goes on using."""
        there = self.resources.get(name, {}) if self.claims.get(name) == claim else {}
        if is_borrowed(there):
            return (Lending(there["from"], there["capability"], there["contract"]),)
        return () if there else self.lent.get(claim, ())


@dataclass(frozen=True, slots=True)
class Mapped:
    """One thing of a workload and what it becomes; ``resource`` is empty where it makes nothing."""

    workload: str
    path: str
    asked: str
    resource: str
    made_by: str


@dataclass(slots=True)
class Translation:
    """``resources`` as an environment's document has them. ``claims`` are identities by name, ``origins`` the
    workload's name and path that each came from.
    """

    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    claims: dict[str, dict[str, str]] = field(default_factory=dict)
    origins: dict[str, tuple[Workload, str]] = field(default_factory=dict)
    mapped: list[Mapped] = field(default_factory=list)
    problems: list[FieldError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def removed_by(
    workloads: Sequence[str], claims: Mapping[str, Mapping[str, str]], made: Mapping[str, Any]
) -> Iterator[str]:
    """Names that earlier files of ``workloads`` made and these do not, and that no other workload claims.

    ``claims`` are those in force, by workload.
    """
    others = {name for workload, own in claims.items() if workload not in workloads for name in own}
    for workload in workloads:
        for name in claims.get(workload, {}):
            if name not in made and name not in others:
                yield name

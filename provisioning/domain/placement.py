"""Where a new environment goes: which clusters its stage allows, which of them can take it, and which of those is best.

Called by the gate with what is known of each cluster. Pure, and the same answer for the same clusters in any order, so
that the plan which was shown is the one that is carried out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from provisioning.domain.plan import Footprint

DIMENSIONS: Final = (("cpu", "cores"), ("memory_gib", "GiB of memory"), ("storage_gib", "GiB of storage"))
UNTOLD_SHARE: Final = 0.5
"""A cluster whose capacity nobody has said counts as half full: neither preferred to an empty one nor to a full one."""

NOTHING: Final = Footprint()
MOST_LABELS: Final = 20
_LABEL_KEY: Final = re.compile(r"[a-z0-9]([a-z0-9./_-]{0,61}[a-z0-9])?")
_LABEL_VALUE: Final = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One cluster. ``capacity`` lacks the dimensions that nobody has said; ``used`` is what its environments take.

    ``cordoned`` says why it takes nothing new, be it a cordon or a system that has it for itself; it is empty when it
    does. ``home`` is the stage's own cluster.
    """

    name: str
    labels: Mapping[str, str]
    capacity: Mapping[str, float]
    used: Footprint = NOTHING
    cordoned: str = ""
    unreachable: bool = False
    home: bool = False

    def free(self, dimension: str) -> float | None:
        """What is left of a dimension; None where nobody has said how much there is."""
        if dimension not in self.capacity:
            return None
        return max(self.capacity[dimension] - float(getattr(self.used, dimension)), 0.0)

    @property
    def share(self) -> float:
        """How full it is by its fullest dimension: 0 is empty, 1 full."""
        shares = [
            float(getattr(self.used, dimension)) / room if room else 1.0 for dimension, room in self.capacity.items()
        ]
        return max(shares) if shares else UNTOLD_SHARE


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A cluster that is not taken, and why in a sentence."""

    cluster: str
    why: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """Clusters that may be taken, best first, and those that may not. What does not fit is told by ``lacking``."""

    order: tuple[Candidate, ...]
    passed_over: tuple[PassedOver, ...]


@dataclass(frozen=True, slots=True)
class Placement:
    """The cluster that was chosen, why, and why not each other one that the stage allows."""

    cluster: str
    why: str
    passed_over: tuple[PassedOver, ...] = ()

    def as_dict(self) -> dict[str, object]:
        others = [{"cluster": one.cluster, "why": one.why} for one in self.passed_over]
        return {"cluster": self.cluster, "why": self.why, "passed_over": others}


def matches(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in wanted.items())


def rank(candidates: Iterable[Candidate], wanted: Mapping[str, str]) -> Ranking:
    """The clusters with the labels ``wanted``, emptiest first; without labels only the stage's own is allowed.

    One that does not answer is taken only when no other one does.
    """
    allowed = [one for one in candidates if (matches(one.labels, wanted) if wanted else one.home)]
    closed = [one for one in allowed if one.cordoned]
    open_ones = [one for one in allowed if not one.cordoned]
    answering = [one for one in open_ones if not one.unreachable]
    usable = answering or open_ones
    silent = [one for one in open_ones if one not in usable]
    passed = [PassedOver(one.name, one.cordoned) for one in closed]
    passed += [PassedOver(one.name, "It does not answer at present.") for one in silent]
    return Ranking(
        tuple(sorted(usable, key=lambda one: (round(one.share, 6), not one.home, one.name))),
        tuple(sorted(passed, key=lambda one: one.cluster)),
    )


def lacking(candidate: Candidate, need: Footprint) -> str:
    """What the cluster has too little of, in a sentence; empty when ``need`` fits."""
    for dimension, unit in DIMENSIONS:
        free, asked = candidate.free(dimension), float(getattr(need, dimension))
        if free is not None and asked > free + 1e-9:
            left = f"{_figure(free)} of {_figure(candidate.capacity[dimension])} {unit}"
            return f"It has {left} free; {_figure(asked)} are needed."
    return ""


def chosen(candidate: Candidate, others: int, wanted: Mapping[str, str], passed: Iterable[PassedOver]) -> Placement:
    """``candidate`` as the answer, among ``others`` further ones that it was preferred to."""
    where = f"It goes to {candidate.name}"
    full = f"{round(candidate.share * 100)} % of it is taken" if candidate.capacity else "nobody has said what it holds"
    labels = ", ".join(f"{key}={value}" for key, value in sorted(wanted.items()))
    if not wanted:
        why = f"{where}, the stage’s cluster."
    elif others:
        why = f"{where}, the emptiest of {others + 1} with {labels}: {full}."
    else:
        why = f"{where}, the one cluster with {labels} that can take it."
    if candidate.unreachable:
        why += " It does not answer at present; the run waits until it does."
    return Placement(candidate.name, why, tuple(sorted(passed, key=lambda one: one.cluster)))


def label_problem(labels: object) -> str:
    """What is wrong with labels that people wrote; empty when they are labels."""
    if not isinstance(labels, Mapping):
        return "Write labels as names with values, such as region: eu."
    if len(labels) > MOST_LABELS:
        return f"Write at most {MOST_LABELS} labels."
    for key, value in labels.items():
        if not isinstance(key, str) or not _LABEL_KEY.fullmatch(key):
            return f"“{str(key)[:40]}” is no label: write lower-case letters, digits, dots and dashes, 63 at most."
        if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
            return f"The value of “{key}” is not right: write letters, digits, dots and dashes, 63 at most."
    return ""


def _figure(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")

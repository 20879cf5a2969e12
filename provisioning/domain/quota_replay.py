"""What other limits of a team would have said to the changes that were recorded, and how high its use went. Pure.

Each change is judged on its own, by what the ledger says was used and held when it was asked for: that earlier ones
would have been refused, too, and would have left more room, is not taken into account. Called by
``provisioning.orchestrator.replay_judges``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Any, Final

from governance.domain.ceilings import COST, Ceilings, Extras
from governance.domain.quota import DIMENSIONS, Amounts, Dimension, counted, plain
from provisioning.domain.replay import Recorded, Replayed

_COST: Final = Dimension(COST, "monthly cost", "a month")
_UNITS: Final = {one.name: one for one in (*DIMENSIONS, _COST)}


@dataclass(frozen=True, slots=True)
class Bound:
    """One limit: of an amount or of money (``name``), only at ``stage`` if there is one; or a capability's."""

    dimension: Dimension
    limit: Decimal
    name: str = ""
    stage: str = ""
    capability: str = ""

    def of(self, amounts: Amounts, extras: Extras) -> Decimal:
        """What of it counts against this limit."""
        if self.capability:
            return Decimal(extras.resources.get(self.capability, 0))
        if self.stage and extras.stage != self.stage:
            return Decimal(0)
        return extras.monthly_cost if self.name == COST else Decimal(getattr(amounts, self.name))


@dataclass(frozen=True, slots=True)
class Span:
    """One line of the ledger: what was used or held from ``begins`` until ``ends``, which is None while it lasts."""

    begins: datetime
    ends: datetime | None
    amounts: Amounts
    extras: Extras


@dataclass(frozen=True, slots=True)
class Course:
    """What was taken of one limit over time: ``sums`` holds from the moment of the same place in ``times``."""

    bound: Bound
    times: Sequence[datetime]
    sums: Sequence[Decimal]

    def before(self, moment: datetime) -> Decimal:
        """What was taken just before ``moment``; what begins or ends in it does not count."""
        place = bisect_left(self.times, moment)
        return self.sums[place - 1] if place else Decimal(0)

    def highest(self, since: datetime) -> tuple[Decimal, datetime]:
        """The most that was taken from ``since`` on, and when that began; ``since`` itself where it was so already."""
        most, at = self.before(since), since
        for place in range(bisect_left(self.times, since), len(self.times)):
            if self.sums[place] > most:
                most, at = self.sums[place], self.times[place]
        return most, at


@dataclass(frozen=True, slots=True)
class Asked:
    """A recorded change with what it asked for on top. ``refused``: it was denied, and by nothing but the quota."""

    recorded: Recorded
    at: datetime
    amounts: Amounts
    extras: Extras = field(default_factory=Extras)
    refused: bool = False


def bounds_of(limits: Amounts, ceilings: Ceilings) -> tuple[Bound, ...]:
    """Every limit that there is: amounts, money, those of stages, those of capabilities."""
    return tuple(_bounds(limits, ceilings))


def _bounds(limits: Amounts, ceilings: Ceilings) -> Iterator[Bound]:
    for one in DIMENSIONS:
        yield Bound(one, Decimal(getattr(limits, one.name)), one.name)
    if ceilings.monthly_cost is not None:
        yield Bound(_COST, ceilings.monthly_cost, COST)
    for stage, named in ceilings.stages.items():
        for name, limit in named.items():
            unit = _UNITS[name]
            yield Bound(Dimension(f"{stage}.{name}", f"{unit.label} at {stage}", unit.unit), limit, name, stage)
    for name, count in ceilings.capabilities.items():
        dimension = Dimension(f"resources.{name}", f"{name} resources", "resources")
        yield Bound(dimension, Decimal(count), capability=name)


def courses_of(bounds: Iterable[Bound], spans: Iterable[Span]) -> tuple[Course, ...]:
    """What was taken of each limit over time. Moves of one moment count together: none is a peak by its order."""
    kept = tuple(spans)
    return tuple(_course(bound, kept) for bound in bounds)


def _course(bound: Bound, spans: Iterable[Span]) -> Course:
    moves: list[tuple[datetime, Decimal]] = []
    for span in spans:
        if amount := bound.of(span.amounts, span.extras):
            moves.append((span.begins, amount))
            if span.ends is not None:
                moves.append((span.ends, -amount))
    moves.sort(key=itemgetter(0))
    grouped = [(at, sum((by for _, by in group), Decimal(0))) for at, group in groupby(moves, key=itemgetter(0))]
    return Course(bound, [at for at, _ in grouped], list(accumulate(by for _, by in grouped)))


def quota_replayed(courses: Iterable[Course], asked: Asked) -> Replayed:
    """What these limits would have said; the message names every one that would not have sufficed."""
    if not asked.amounts and not asked.extras:
        return Replayed(asked.recorded, "outside")
    short = [told for course in courses if (told := _short(course, asked))]
    if short:
        return Replayed(asked.recorded, "denies", " ".join(short))
    if asked.refused:
        return Replayed(asked.recorded, "admits", "There would have been room.")
    return Replayed(asked.recorded, "passes")


def _short(course: Course, asked: Asked) -> str:
    bound, wanted = course.bound, course.bound.of(asked.amounts, asked.extras)
    if wanted <= 0:
        return ""
    left = bound.limit - course.before(asked.at)
    if wanted <= left:
        return ""
    label, unit = bound.dimension.label, bound.dimension.unit
    return (
        f"{label[0].upper()}{label[1:]}: {counted(wanted, unit)} asked, "
        f"{plain(max(left, Decimal(0)))} of {plain(bound.limit)} left."
    )


def peaks_of(courses: Iterable[Course], since: datetime) -> list[dict[str, Any]]:
    """How high use went, as JSON keeps it: ``{"name", "label", "unit", "limit", "most", "at"}``, figures as text."""
    found = []
    for course in courses:
        most, at = course.highest(since)
        unit = course.bound.dimension
        figures: Mapping[str, str] = {"limit": plain(course.bound.limit), "most": plain(most), "at": at.isoformat()}
        found.append({"name": unit.name, "label": unit.label, "unit": unit.unit, **figures})
    return found

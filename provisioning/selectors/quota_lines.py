"""A team's quota beside what a plan asks of it: one line for each dimension, for pages, the API and policies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from governance.domain.ceilings import Extras, asked_of, readings
from governance.domain.quota import DIMENSIONS, Amounts, Shortage
from governance.domain.quota_state import QuotaState


@dataclass(frozen=True, slots=True)
class QuotaLine:
    """``asked`` is what the plan changes (below zero when it frees something), ``left`` what remains after it.

    ``limit`` is None where the team has no quota yet.
    """

    dimension: str
    label: str
    unit: str
    limit: float | None
    used: float
    held: float
    asked: float

    @property
    def left(self) -> float | None:
        return None if self.limit is None else round(self.limit - self.used - self.held - self.asked, 3)

    @property
    def is_short(self) -> bool:
        return self.left is not None and self.left < 0 and self.asked > 0

    def as_dict(self) -> dict[str, object]:
        return {
            "dimension": self.dimension,
            "label": self.label,
            "unit": self.unit,
            "limit": self.limit,
            "used": self.used,
            "held": self.held,
            "asked": self.asked,
            "left": self.left,
        }


NOTHING = Extras()


def quota_lines(
    state: QuotaState | None,
    *,
    before: Amounts,
    after: Amounts,
    extras_before: Extras = NOTHING,
    extras: Extras = NOTHING,
) -> tuple[tuple[QuotaLine, ...], tuple[Shortage, ...]]:
    """The lines, and what is short; a team without a quota is short of nothing here and refused when it submits.

    The four amounts come first, whatever the plan; then a line for each further limit that bears on it. What a team
    owes is not counted as its own any more.
    """
    asked = after - before
    limits = None if state is None else state.limits - state.owed
    lines = tuple(
        QuotaLine(
            dimension=one.name,
            label=one.label[0].upper() + one.label[1:],
            unit=one.unit,
            limit=None if limits is None else float(getattr(limits, one.name)),
            used=0.0 if state is None else float(getattr(state.used, one.name)),
            held=0.0 if state is None else float(getattr(state.held, one.name)),
            asked=float(getattr(asked, one.name)),
        )
        for one in DIMENSIONS
    )
    if state is None:
        return lines, ()
    if state.ceilings:
        lines += tuple(_further(state, after, extras, before, extras_before))
    return lines, state.shortages(after.beyond(before), extras.beyond(extras_before))


def _further(
    state: QuotaState, after: Amounts, extras: Extras, before: Amounts, extras_before: Extras
) -> Iterator[QuotaLine]:
    for one in readings(state.ceilings, state.parts, state.resources, extras):
        asked = asked_of(one, after, extras) - asked_of(one, before, extras_before)
        yield QuotaLine(
            dimension=one.dimension.name,
            label=one.dimension.label[0].upper() + one.dimension.label[1:],
            unit=one.dimension.unit,
            limit=float(one.limit),
            used=float(one.used),
            held=float(one.held),
            asked=float(asked),
        )

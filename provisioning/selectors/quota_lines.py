"""A team's quota beside what a plan asks of it: one line for each dimension, for pages, the API and policies."""

from __future__ import annotations

from dataclasses import dataclass

from governance.domain.quota import DIMENSIONS, Amounts, QuotaState, Shortage, check


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


def quota_lines(
    state: QuotaState | None, *, before: Amounts, after: Amounts
) -> tuple[tuple[QuotaLine, ...], tuple[Shortage, ...]]:
    """The lines, and what is short; a team without a quota is short of nothing here and refused when it submits."""
    asked = after - before
    lines = tuple(
        QuotaLine(
            dimension=one.name,
            label=one.label[0].upper() + one.label[1:],
            unit=one.unit,
            limit=None if state is None else float(getattr(state.limits, one.name)),
            used=0.0 if state is None else float(getattr(state.used, one.name)),
            held=0.0 if state is None else float(getattr(state.held, one.name)),
            asked=float(getattr(asked, one.name)),
        )
        for one in DIMENSIONS
    )
    if state is None:
        return lines, ()
    return lines, check(state.limits, state.used, state.held, after.beyond(before))

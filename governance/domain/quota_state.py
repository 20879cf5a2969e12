"""A team's quota as it stands: limits, ceilings, what is used and held, what must go back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from governance.domain.ceilings import Ceilings, Extras, Part, check_ceilings
from governance.domain.quota import Amounts, Limits, Shortage, check


@dataclass(frozen=True, slots=True)
class QuotaState:
    """A team's limits, what its environments use and what open changes hold on top.

    ``owed`` is borrowed, its time is over, and it is still in use: it goes back before anything more is given.
    ``parts`` are used and held by stage; ``resources`` are counted only where a capability is limited.
    """

    limits: Limits
    used: Amounts
    held: Amounts
    owed: Amounts = field(default_factory=Amounts)
    ceilings: Ceilings = field(default_factory=Ceilings)
    parts: tuple[Part, ...] = ()
    resources: Mapping[str, int] = field(default_factory=dict)
    budgeted: bool = False

    @property
    def left(self) -> Amounts:
        """May be below zero where a limit was lowered, or where what is owed is in use."""
        return self.limits - self.owed - self.used - self.held

    def ratio(self, name: str) -> float:
        """Share of the limit that is used or held; 0 without use, 1 or more when nothing is left."""
        taken = getattr(self.used, name) + getattr(self.held, name)
        limit = getattr(self.limits, name)
        if not limit:
            return 1.0 if taken else 0.0
        return float(taken / limit)

    def shortages(self, asked: Amounts, extras: Extras) -> tuple[Shortage, ...]:
        """Everything that does not suffice for ``asked`` and ``extras`` (zero or more) on top of what is taken."""
        short = check(self.limits - self.owed, self.used, self.held, asked)
        if not self.ceilings:
            return short
        return (*short, *check_ceilings(self.ceilings, self.parts, self.resources, asked, extras))

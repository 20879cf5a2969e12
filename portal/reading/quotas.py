"""A team's quota as bars: used by which system, held by pending changes, left. Pure over what the selectors answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.conf import settings

from governance.domain.ceilings import COST, Part
from governance.domain.quota import Amounts
from governance.domain.quota_state import QuotaState
from idp.catalog.models import Team
from portal.drawing import words

DIMENSIONS: Final = (
    ("cpu", "CPU", ""),
    ("memory_gib", "Memory", "GiB"),
    ("storage_gib", "Storage", "GiB"),
    ("environments", "Environments", ""),
)
LABELS: Final = {name: label for name, label, _ in DIMENSIONS} | {COST: "Cost"}
UNITS: Final = {name: unit for name, _, unit in DIMENSIONS} | {COST: settings.CURRENCY}
NOTHING: Final = Amounts()
NEAR: Final = Decimal("0.75")
OWNERS: Final = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One dimension. ``parts`` are (system, figure), at most four, the rest together as "Others"."""

    name: str
    label: str
    unit: str
    limit: Decimal
    used: Decimal
    held: Decimal
    parts: tuple[tuple[str, Decimal], ...] = ()
    lent: Decimal = Decimal(0)
    borrowed: Decimal = Decimal(0)

    @property
    def left(self) -> Decimal:
        return max(self.limit - self.used - self.held, Decimal(0))

    @property
    def state(self) -> str:
        """``over``, ``near`` or nothing; what is held counts, because it is promised."""
        taken = self.used + self.held
        if taken > self.limit:
            return "over"
        return "near" if self.limit and taken >= self.limit * NEAR else ""

    @property
    def rest(self) -> str:
        """ "12 free, 1.5 held, 2 borrowed". The limit has what is lent left out and what is borrowed counted in."""
        unit = f" {self.unit}" if self.unit else ""
        held = f"{words.number(self.held)}{unit} held" if self.held else "none held"
        moved = [
            f"{words.number(amount)}{unit} {word}"
            for amount, word in ((self.borrowed, "borrowed"), (self.lent, "lent"))
            if amount
        ]
        return ", ".join([f"{words.number(self.left)}{unit} free", held, *moved])


def bars(
    state: QuotaState,
    uses: Iterable[Any] = (),
    owners: Sequence[str] = (),
    *,
    lent: Amounts = NOTHING,
    borrowed: Amounts = NOTHING,
) -> list[Bar]:
    """One bar per dimension of a ``QuotaState``; ``uses`` are split by ``owners``, in that order."""
    uses = list(uses)
    made = []
    for name, label, unit in DIMENSIONS:
        parts = _parts(name, uses, owners) if owners else ()
        made.append(
            Bar(
                name,
                label,
                unit,
                Decimal(getattr(state.limits, name)),
                Decimal(getattr(state.used, name)),
                Decimal(getattr(state.held, name)),
                parts,
                Decimal(getattr(lent, name)),
                Decimal(getattr(borrowed, name)),
            )
        )
    return made


def ceiling_bars(state: QuotaState) -> list[Bar]:
    """One bar per further limit: money, stages, capabilities. Of resources, used and held are one figure.

    ``state.resources`` must be counted where a capability is limited.
    """
    ceilings, found = state.ceilings, []
    if ceilings.monthly_cost is not None:
        found.append(_ceiling(COST, "Cost a month", ceilings.monthly_cost, state.parts))
    for stage, limits in ceilings.stages.items():
        there = [part for part in state.parts if part.stage == stage]
        found += [_ceiling(name, f"{LABELS[name]} at {stage}", limit, there) for name, limit in limits.items()]
    for name, most in ceilings.capabilities.items():
        taken = Decimal(state.resources.get(name, 0))
        found.append(Bar(name, f"Resources of {name}", "", Decimal(most), taken, Decimal(0)))
    return found


def _ceiling(name: str, label: str, limit: Decimal, parts: Iterable[Part]) -> Bar:
    sums = {"used": Decimal(0), "held": Decimal(0)}
    for part in parts:
        sums[part.state] += part.of(name)
    return Bar(name, label, UNITS[name], limit, sums["used"], sums["held"])


def owners(uses: Iterable[Any]) -> list[str]:
    """The systems that use most, by share of CPU and memory together; those beyond the third are "Others"."""
    weight: dict[str, Decimal] = defaultdict(Decimal)
    for use in uses:
        weight[use.system] += Decimal(use.cpu) + Decimal(use.memory_gib) / 2
    ranked = sorted(weight, key=lambda name: (-weight[name], name))
    return ranked if len(ranked) <= OWNERS else [*ranked[: OWNERS - 1], "Others"]


def _parts(name: str, uses: Sequence[Any], owners: Sequence[str]) -> tuple[tuple[str, Decimal], ...]:
    sums = {owner: Decimal(0) for owner in owners}
    for use in uses:
        sums[use.system if use.system in sums else "Others"] += Decimal(getattr(use, name))
    return tuple(sums.items())


@dataclass(frozen=True, slots=True)
class Tight:
    """A team that is near or over a limit, in words."""

    slug: str
    team: str
    state: str
    title: str
    text: str


def near(teams: Iterable[Team], states: Mapping[int, QuotaState]) -> list[Tight]:
    """Teams of which a dimension is at three quarters or more, over the limit first; ``states`` by the team's key."""
    found = []
    for team in teams:
        tight = sorted((bar for bar in bars(states[team.pk]) if bar.state), key=lambda bar: bar.state != "over")
        if tight:
            found.append(_tight(team, tight))
    return sorted(found, key=lambda one: one.state != "over")


def _tight(team: Team, tight: Sequence[Bar]) -> Tight:
    first = tight[0]
    unit = f" {first.unit}" if first.unit else ""
    what = first.label if first.label == "CPU" else first.label.lower()
    title = f"{team.name} uses {words.number(first.used)} of {words.number(first.limit)}{unit} {what}"
    others = [f"{bar.label}: {bar.rest}" for bar in tight[1:]]
    return Tight(team.slug, team.name, first.state, title, ". ".join([first.rest, *others]) + ".")

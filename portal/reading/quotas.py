"""A team's quota as bars: used by which system, held by pending changes, left. Pure over what the selectors answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from governance.domain.quota_state import QuotaState
from idp.catalog.models import Team
from portal.drawing import words

DIMENSIONS: Final = (
    ("cpu", "CPU", ""),
    ("memory_gib", "Memory", "GiB"),
    ("storage_gib", "Storage", "GiB"),
    ("environments", "Environments", ""),
)
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
        """ "12 free, 1.5 held"."""
        unit = f" {self.unit}" if self.unit else ""
        held = f"{words.number(self.held)}{unit} held" if self.held else "none held"
        return f"{words.number(self.left)}{unit} free, {held}"


def bars(state: QuotaState, uses: Iterable[Any] = (), owners: Sequence[str] = ()) -> list[Bar]:
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
            )
        )
    return made


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

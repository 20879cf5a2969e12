"""How the environments that a campaign moves are laid out into waves, and on which days the waves are announced.

Called when a campaign is drafted and again when it starts, so that what people saw before and what happens come from
the same function. Pure and deterministic: the same environments give the same waves, in whatever order they come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from idp.kernel.errors import FieldError

ORDERS: Final = ("stage", "team", "percentage")
USUAL_SHARES: Final = (10, 50, 100)
MOST_WAVES: Final = 50
LONGEST: Final = timedelta(days=90)
LONGEST_POSTPONEMENT: Final = 180


@dataclass(frozen=True, slots=True)
class Place:
    """One environment with the resources that would move. ``needs_person`` says why it cannot move by itself."""

    system: str
    environment: str
    team: str
    stage: str
    stage_order: int
    resources: tuple[str, ...]
    needs_person: str = ""

    @property
    def label(self) -> str:
        return f"{self.system}/{self.environment}"


@dataclass(frozen=True, slots=True)
class Laid:
    """One wave: what it is called, and who is in it, by label."""

    title: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """How a campaign moves. ``interval`` lies between the announced days of two waves; ``soak`` is the least quiet time
    after a wave has settled; ``patience`` is how long a wave waits for approvals before it goes on without them.

    ``threshold`` is the share of a wave, in percent, that may fail; ``postpone_days`` how much later than announced
    owners may take it; ``at_once`` how many environments move side by side.
    """

    interval: timedelta = timedelta(days=1)
    soak: timedelta = timedelta(hours=1)
    patience: timedelta = timedelta(days=3)
    threshold: int = 20
    postpone_days: int = 14
    at_once: int = 10


def lay_out(
    places: Iterable[Place], *, order: str, shares: Sequence[int] = USUAL_SHARES, first: Sequence[str] = ()
) -> tuple[Laid, ...]:
    """Every place in exactly one wave, no wave empty.

    ``first`` names stages or teams that come before all others, in that order; the rest follows by the stages' own
    order, or the smallest team first. ``shares`` are cumulative percentages; who is in which is a matter of a digest
    of the name, so that teams and stages mix and nobody is always the first.
    """
    found = sorted(places, key=lambda one: one.label)
    if order == "stage":
        return _by_stage(found, first)
    if order == "team":
        return _by_team(found, first)
    return _by_share(found, shares)


def _by_stage(found: Sequence[Place], first: Sequence[str]) -> tuple[Laid, ...]:
    stages = {one.stage: one.stage_order for one in found}
    ordered = sorted(stages, key=lambda name: (_rank(name, first), stages[name], name))
    return tuple(Laid(f"Stage {name}", tuple(one for one in found if one.stage == name)) for name in ordered)


def _by_team(found: Sequence[Place], first: Sequence[str]) -> tuple[Laid, ...]:
    teams: dict[str, list[Place]] = {}
    for one in found:
        teams.setdefault(one.team, []).append(one)
    ordered = sorted(teams, key=lambda name: (_rank(name, first), len(teams[name]), name))
    return tuple(Laid(f"Team {name}", tuple(teams[name])) for name in ordered)


def _rank(name: str, first: Sequence[str]) -> int:
    return list(first).index(name) if name in first else len(first)


def _by_share(found: Sequence[Place], shares: Sequence[int]) -> tuple[Laid, ...]:
    spread = sorted(found, key=lambda one: (hashlib.sha256(one.label.encode()).hexdigest(), one.label))
    laid, done = [], 0
    for share in sorted({*shares, 100}):
        until = -(-len(spread) * share // 100)
        if until > done:
            taken = sorted(spread[done:until], key=lambda one: one.label)
            laid.append(
                Laid(f"First {share} %" if share < 100 else "All of it" if not done else "The rest", tuple(taken))
            )
        done = max(done, until)
    return tuple(laid)


def announced_days(starts_at: datetime, pace: Pace, waves: int) -> tuple[datetime, ...]:
    """The moment that is announced for each wave. A wave never begins before it; it may begin later."""
    return tuple(starts_at + pace.interval * number for number in range(waves))


def latest_day(announced: datetime, pace: Pace) -> datetime:
    """The last moment to which owners may postpone."""
    return announced + timedelta(days=pace.postpone_days)


def postponement_refused(until: datetime, *, announced: datetime, pace: Pace, now: datetime) -> str:
    """Why an environment cannot be moved at ``until``, as a sentence; empty when it can."""
    if until <= now:
        return "Choose a moment that is still to come, or take it now."
    latest = latest_day(announced, pace)
    if until > latest:
        return f"The campaign lets you postpone to {latest:%d %B %Y, %H:%M} UTC at the latest."
    return ""


def pace_problems(
    *, order: str, shares: Sequence[int], first: Sequence[str], pace: Pace, known: Iterable[str]
) -> list[FieldError]:
    """What is wrong with how a campaign is to move. ``known`` are the stages or teams that ``first`` may name."""
    found = []
    if order not in ORDERS:
        found.append(FieldError("order", f"Choose one of {', '.join(ORDERS)}."))
    if order == "percentage" and (list(shares) != sorted(set(shares)) or not all(0 < one <= 100 for one in shares)):
        found.append(FieldError("shares", "Write whole percentages that grow, like 10, 50, 100."))
    unknown = sorted(set(first) - set(known)) if order in ("stage", "team") else []
    if unknown:
        found.append(FieldError("first", f"There is no {order} “{unknown[0]}” among those that the campaign reaches."))
    for name in ("interval", "soak", "patience"):
        if not timedelta() <= getattr(pace, name) <= LONGEST:
            found.append(FieldError(name, f"Choose between nothing and {LONGEST.days} days."))
    if not 0 <= pace.threshold < 100:
        found.append(FieldError("threshold", "Choose between 0 and 99 percent."))
    if not 0 <= pace.postpone_days <= LONGEST_POSTPONEMENT:
        found.append(FieldError("postpone_days", f"Choose between 0 and {LONGEST_POSTPONEMENT} days."))
    if not 1 <= pace.at_once <= 100:
        found.append(FieldError("at_once", "Choose between 1 and 100 environments."))
    return found

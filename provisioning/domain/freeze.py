"""Freezes: what is held still, when, for whom, and what goes on all the same.

Called by the gate, by what starts changes, by the sweeps, and by pages that say so. Pure: the present moment is an
argument. A freeze holds an action when every part of its scope that names something names where the action happens.

What goes on in any freeze: what a person needs to stop harm. A rollback and a revert put back what was agreed before,
waking and extending change nothing of it, and a run that has begun goes on to its end, for half of a change is worse
than all of it. Nothing is let through for being called a security fix: who has to, breaks the glass and says why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from idp.kernel.errors import FieldError
from provisioning.domain.sleep_schedule import Schedule, last_edge, next_edge

POLICY: Final = "freeze"
"""The name under which a freeze speaks among the policies' verdicts."""

COVERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "changes": "New environments, edits, deletions, and sleep by hand",
        "promotions": "Promotions, and trains of them",
        "upgrades": "Upgrades, and campaigns",
        "expiry": "Deletion of environments whose time is over",
        "sleep": "Falling asleep by schedule or idleness",
    }
)
KIND_COVERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "create": "changes",
        "update": "changes",
        "adopt": "changes",
        "delete": "changes",
        "move": "changes",
        "sleep": "changes",
        "promote": "promotions",
        "upgrade": "upgrades",
    }
)
OWN_COVERS: Final[Mapping[str, str]] = MappingProxyType({"delete": "expiry", "sleep": "sleep"})
"""What the platform asks for by its clock."""

PARTS: Final = ("teams", "systems", "stages", "capabilities")
GLASS: Final[Mapping[str, str]] = MappingProxyType(
    {"maintainers": "Platform admins and the team's maintainers", "admins": "Platform admins only"}
)
LONGEST_TITLE, LONGEST_REASON = 120, 1000


@dataclass(frozen=True, slots=True)
class Scope:
    """Names, by part; a part without names is all of it, and a scope without any is the whole organisation."""

    teams: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Scope:
        return cls(**{part: frozenset(kept.get(part, ())) for part in PARTS})

    def as_dict(self) -> dict[str, list[str]]:
        return {part: sorted(getattr(self, part)) for part in PARTS if getattr(self, part)}

    @property
    def is_all(self) -> bool:
        return not self.as_dict()


@dataclass(frozen=True, slots=True)
class Place:
    """Where something happens. ``capabilities`` are those of the resources that it touches."""

    team: str
    system: str
    stage: str
    capabilities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Freeze:
    """``ends_at`` None: until somebody lifts it. With windows it holds inside of them only, week after week."""

    id: int
    title: str
    reason: str
    by: str
    scope: Scope
    covers: frozenset[str]
    starts_at: datetime
    ends_at: datetime | None
    schedule: Schedule = field(default=Schedule(()))
    glass: str = "maintainers"


@dataclass(frozen=True, slots=True)
class Hold:
    """A freeze in force; ``until`` is when it thaws by itself, None when somebody has to lift it."""

    freeze: Freeze
    until: datetime | None


def covers_of(kind: str, *, by_clock: bool) -> str:
    """What has to be covered for a freeze to hold a change of ``kind``; nothing for kinds that always go on.

    ``by_clock``: the platform asks for it, because of a schedule or an end.
    """
    return (OWN_COVERS if by_clock else {}).get(kind, KIND_COVERS.get(kind, ""))


def in_force(freeze: Freeze, now: datetime) -> Hold | None:
    """The hold of ``freeze`` at ``now``, if it holds then."""
    if now < freeze.starts_at or (freeze.ends_at is not None and now >= freeze.ends_at):
        return None
    if not freeze.schedule.windows:
        return Hold(freeze, freeze.ends_at)
    edge = last_edge(freeze.schedule, now)
    if edge is None or edge.power != "asleep":
        return None
    closes = next_edge(freeze.schedule, now)
    moments = [one for one in (closes.at if closes else None, freeze.ends_at) if one is not None]
    return Hold(freeze, min(moments, default=None))


def begins(freeze: Freeze, now: datetime) -> datetime | None:
    """When it holds next, after ``now``; None when never."""
    start = max(freeze.starts_at, now)
    if not freeze.schedule.windows:
        return start if start > now else None
    edge = last_edge(freeze.schedule, start)
    if start > now and edge is not None and edge.power == "asleep":
        return start
    coming = next_edge(freeze.schedule, start)
    while coming is not None and coming.power != "asleep":
        coming = next_edge(freeze.schedule, coming.at)
    if coming is None or (freeze.ends_at is not None and coming.at >= freeze.ends_at):
        return None
    return coming.at


def fits(scope: Scope, place: Place) -> bool:
    """Whether ``place`` lies in ``scope``."""
    return (
        (not scope.teams or place.team in scope.teams)
        and (not scope.systems or place.system in scope.systems)
        and (not scope.stages or place.stage in scope.stages)
        and (not scope.capabilities or bool(scope.capabilities & place.capabilities))
    )


def holds(freezes: Iterable[Freeze], place: Place, covers: str, now: datetime) -> list[Hold]:
    """Every freeze that holds ``covers`` at ``place`` now, the one that lasts longest first."""
    found = [
        hold
        for one in freezes
        if covers in one.covers and fits(one.scope, place) and (hold := in_force(one, now)) is not None
    ]
    return sorted(found, key=_length, reverse=True)


def _length(hold: Hold) -> datetime:
    return hold.until or datetime.max.replace(tzinfo=UTC)


def touched(plan: Mapping[str, Any], *documents: Mapping[str, Any] | None) -> frozenset[str]:
    """Capabilities of the resources that ``plan`` adds, changes or removes; all of them where it says nothing."""
    names = {one["name"] for one in plan.get("resources", ()) if one.get("action") != "unchanged"}
    found = {
        one["capability"]
        for document in documents
        if document
        for name, one in document.get("resources", {}).items()
        if not names or name in names
    }
    return frozenset(found)


def until_in_words(hold: Hold) -> str:
    """``until Tue 1 Dec 09:00 Europe/Berlin``, in the zone of the freeze."""
    if hold.until is None:
        return "until somebody lifts it"
    zone = hold.freeze.schedule.zone
    local = hold.until.astimezone(ZoneInfo(zone))
    return f"until {local:%a} {local.day} {local:%b %H:%M} {zone}"


def scope_in_words(scope: Scope) -> str:
    """``prod, of team payments``; ``the whole organisation`` without parts."""
    parts = []
    if scope.stages:
        parts.append(f"stage {_listed(scope.stages)}")
    if scope.systems:
        parts.append(f"system {_listed(scope.systems)}")
    if scope.teams:
        parts.append(f"team {_listed(scope.teams)}")
    if scope.capabilities:
        parts.append(f"what touches {_listed(scope.capabilities)}")
    return ", ".join(parts) or "the whole organisation"


def refusal(hold: Hold) -> str:
    """Who froze it, until when, and why."""
    one = hold.freeze
    return f"{one.by} froze {scope_in_words(one.scope)} {until_in_words(hold)}: {one.reason}"


def remedy(hold: Hold) -> str:
    """What somebody who meets the freeze can do."""
    wait = "Ask again when it has thawed" if hold.until else f"Ask {hold.freeze.by} when it will be lifted"
    who = "A maintainer of the team or a platform admin" if hold.freeze.glass == "maintainers" else "A platform admin"
    return f"{wait}. {who} can break the glass on the page of the change, with a reason."


def _listed(names: Collection[str]) -> str:
    return " and ".join(sorted(names)) if len(names) < 3 else f"{', '.join(sorted(names)[:3])}" + _more(len(names) - 3)


def _more(count: int) -> str:
    return f" and {count} more" if count else ""


def freeze_problems(
    *,
    title: str,
    reason: str,
    covers: Collection[str],
    glass: str,
    starts_at: datetime,
    ends_at: datetime | None,
    schedule_errors: Sequence[FieldError] = (),
    now: datetime,
) -> list[FieldError]:
    """Everything that keeps a freeze from being declared, by field."""
    found = list(schedule_errors)
    if not title.strip() or len(title) > LONGEST_TITLE:
        found.append(FieldError("title", f"Write a title of at most {LONGEST_TITLE} characters."))
    if not reason.strip() or len(reason) > LONGEST_REASON:
        found.append(FieldError("reason", "Say why, for everybody who meets the freeze."))
    if not covers or set(covers) - set(COVERS):
        found.append(FieldError("covers", f"Choose at least one of {', '.join(COVERS)}."))
    if glass not in GLASS:
        found.append(FieldError("break_glass", f"Write one of {', '.join(GLASS)}."))
    if ends_at is not None and ends_at <= max(starts_at, now):
        found.append(FieldError("ends_at", "Choose an end that is to come, and after its beginning."))
    return found

"""Who answers for a system: its team, and the chain that does when the team cannot. Pure.

A team is alone when it is archived or nobody active in it may ask for changes; then the first team above it that is not
takes over what it owns, and platform admins where there is none. Owners say once a period that they still own a system,
or show it by working on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

CONFIRM_EVERY: Final = timedelta(days=180)
SLEEPS_AFTER: Final = timedelta(days=7)
ENDS_AFTER: Final = timedelta(days=30)
LAST_DAYS: Final = timedelta(days=14)
"""How long an environment that nobody owns lives once it has been decided that it goes."""

OWNING: Final = ("developer", "maintainer")


@dataclass(frozen=True, slots=True)
class TeamView:
    """A team in the chain; ``people`` are active members who may ask for changes."""

    id: int
    slug: str
    parent: int | None
    people: int
    maintainers: int
    archived: bool

    @property
    def alone(self) -> bool:
        return self.archived or self.people == 0


def successor(team_id: int, teams: Mapping[int, TeamView]) -> TeamView | None:
    """The first team above ``team_id`` with people; None: platform admins. A ring of parents ends the search."""
    seen = {team_id}
    above = teams[team_id].parent
    while above is not None and above not in seen and above in teams:
        seen.add(above)
        if not teams[above].alone:
            return teams[above]
        above = teams[above].parent
    return None


def is_ring(team_id: int, parent_id: int | None, parents: Mapping[int, int | None]) -> bool:
    """Whether ``parent_id`` above ``team_id`` would have a team above itself."""
    seen: set[int] = set()
    above = parent_id
    while above is not None and above not in seen:
        if above == team_id:
            return True
        seen.add(above)
        above = parents.get(above)
    return False


def confirm_due(known: datetime, now: datetime) -> bool:
    """``known`` is the newest of: the system was made, was worked on, was confirmed."""
    return now - known >= CONFIRM_EVERY

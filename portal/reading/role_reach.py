"""What giving or taking a role in a team moves, before it is saved: powers, decisions that wait, and who is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from django.db.models import Q, QuerySet

from governance.access import (
    APPROVE_CHANGE,
    MANAGE_TEAM,
    REQUEST_CHANGE,
    ROLE_PERMISSIONS,
    SEE_RESTRICTED,
    Rights,
    rights_of,
)
from governance.models import Approval
from governance.services.deciding import may_give
from idp.catalog.models import Membership, Team, User
from idp.kernel.actor import Actor
from portal.reading.reach import SHOWN, Moved, moves_of
from provisioning.selectors.people import left_without

WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        SEE_RESTRICTED: "See its restricted systems",
        REQUEST_CHANGE: "Ask for changes of its systems, and read its part of the audit log",
        APPROVE_CHANGE: "Agree to changes as the team",
        MANAGE_TEAM: "Manage its people, systems, components and loans of quota",
    }
)


@dataclass(frozen=True, slots=True)
class RoleReach:
    """``before`` and ``after`` are roles, empty for none. ``alone``: nobody else may ask for changes of the team."""

    user: User
    before: str
    after: str
    gains: tuple[str, ...]
    loses: tuple[str, ...]
    decides: tuple[Moved, ...]
    decides_no_more: tuple[Moved, ...]
    alone: bool
    admin: bool

    @property
    def moves_nothing(self) -> bool:
        return self.before == self.after


def role_reach(user: User, team: Team, role: str) -> RoleReach:
    """What ``role`` (empty: none) instead of the one they have moves. Eight queries at most."""
    held = Membership.objects.filter(team=team, user=user).select_related("team").first()
    before = held.role if held else ""
    now = rights_of(Actor(user.pk, user.username, via="portal"))
    then = _with(now, team, role)
    asked = list(_waiting(team).select_related("team").order_by("-change_id", "position")[:SHOWN])
    gained = [one for one in asked if may_give(then, one) and not may_give(now, one)]
    lost = [one for one in asked if may_give(now, one) and not may_give(then, one)]
    moved = moves_of([*gained, *lost], user)
    had, has = _powers(before), _powers(role)
    leaves = held is not None and REQUEST_CHANGE in had and REQUEST_CHANGE not in has
    return RoleReach(
        user=user,
        before=before,
        after=role,
        gains=tuple(words for power, words in WORDS.items() if power in has - had),
        loses=tuple(words for power, words in WORDS.items() if power in had - has),
        decides=moved(gained),
        decides_no_more=moved(lost),
        alone=leaves and held is not None and bool(left_without(user, [held])[0]),
        admin=now.is_admin,
    )


def _powers(role: str) -> frozenset[str]:
    return frozenset(ROLE_PERMISSIONS.get(role, ()))


def _with(rights: Rights, team: Team, role: str) -> Rights:
    others = {key: held for key, held in rights.teams.items() if key != team.pk}
    return replace(rights, teams=others | {team.pk: _powers(role)} if role else others)


def _waiting(team: Team) -> QuerySet[Approval]:
    """What waits for the team, also since it has waited too long for others."""
    asked = Q(team=team) | (Q(next_team=team) & ~Q(escalated_at=None))
    return Approval.objects.filter(asked, state="waiting")

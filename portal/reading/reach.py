"""Whose decisions an edit of a group moves, before it is saved: what somebody may then decide, and no longer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from django.db.models import Q, QuerySet

from governance.access import AUDITORS, PLATFORM_ADMINS, Rights, rights_of
from governance.models import Approval
from governance.selectors.groups import Named
from governance.services.deciding import approvers_of, may_give
from idp.catalog.models import User
from idp.kernel.actor import Actor
from portal.reading.plan_words import listed
from provisioning.models import Change

SHOWN = 50
POWERS = {
    PLATFORM_ADMINS: "administer the platform and decide for every team",
    AUDITORS: "read everything, and the audit log",
}


@dataclass(frozen=True, slots=True)
class Moved:
    """A decision that somebody gains or loses; ``others`` may give it as well, in words, empty for nobody."""

    change: Change
    others: str


@dataclass(frozen=True, slots=True)
class Reach:
    """What an edit of ``user`` in a group moves. ``power`` is what the platform itself gives the group."""

    user: User
    gains: tuple[Moved, ...]
    loses: tuple[Moved, ...]
    named: Named
    power: str


def group_reach(user: User, group: str, *, member: bool, named: Named) -> Reach:
    """Five queries at most: their rights, what waits for the group, its changes, and who else may give it."""
    before = rights_of(Actor(user.pk, user.username, via="portal"))
    after = _with(before, user, group, member)
    asked = list(_waiting(group).select_related("team").order_by("-change_id", "position")[:SHOWN])
    gains = [one for one in asked if may_give(after, one) and not may_give(before, one)]
    loses = [one for one in asked if may_give(before, one) and not may_give(after, one)]
    moved = moves_of([*gains, *loses], user)
    return Reach(
        user=user,
        gains=moved(gains),
        loses=moved(loses),
        named=named,
        power=POWERS.get(group, ""),
    )


def _waiting(group: str) -> QuerySet[Approval]:
    waiting = Approval.objects.filter(state="waiting")
    if group == PLATFORM_ADMINS:
        return waiting
    return waiting.filter(Q(group_name=group) | (Q(next_group=group) & ~Q(escalated_at=None)))


def _with(rights: Rights, user: User, group: str, member: bool) -> Rights:
    groups = rights.groups | {group} if member else rights.groups - {group}
    admin = rights.is_admin if group != PLATFORM_ADMINS else member or (user.is_superuser and user.is_active)
    return replace(rights, groups=groups, is_admin=admin)


def moves_of(approvals: list[Approval], user: User) -> Callable[[Iterable[Approval]], tuple[Moved, ...]]:
    """What turns some of ``approvals`` into lines; what ``user`` asked for themselves is left out, for nobody decides
    on that. Three queries, none without approvals.
    """
    changes = Change.objects.filter(pk__in={one.change_id for one in approvals}).exclude(requester=user)
    found = {one.pk: one for one in changes.select_related("system")} if approvals else {}
    others = approvers_of(approvals, excluding=(user.pk,)) if approvals else {}
    moved = {
        one.pk: Moved(found[one.change_id], _words(others.get(one.pk, ())))
        for one in approvals
        if one.change_id in found
    }
    return lambda chosen: _of(chosen, moved)


def _words(names: Collection[str]) -> str:
    return listed(list(names)[:4])


def _of(approvals: Iterable[Approval], moved: dict[int, Moved]) -> tuple[Moved, ...]:
    """One line for each change, though several of its approvals may move."""
    found = {moved[one.pk].change.pk: moved[one.pk] for one in approvals if one.pk in moved}
    return tuple(found.values())

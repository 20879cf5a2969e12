"""Accounts of people, and what hangs on each: what they would leave behind, and who takes over. For pages and API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.db.models import Count, Q, QuerySet

from governance.domain.ownership import OWNING, TeamView, successor
from governance.models import ApiToken
from idp.catalog.models import Membership, System, Team, User
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import NotFound
from provisioning.domain.lifecycle import OPEN_CHANGE_STATES
from provisioning.models import Change
from provisioning.selectors.ownership import team_views

SHOWN = 200


def people(query: str = "") -> QuerySet[User]:
    """Accounts of people by name, each with ``teams_count``."""
    found = Q(username__icontains=query) | Q(display_name__icontains=query) | Q(email__icontains=query)
    rows = User.objects.filter(found if query else Q(), service_of=None).exclude(username=PLATFORM.username)
    return rows.annotate(teams_count=Count("memberships")).order_by("username")


def person_get(username: str, rows: QuerySet[User] | None = None) -> User:
    """The account among ``rows``, which may say more of each; NotFound when it is no person's."""
    row = (
        (User.objects.all() if rows is None else rows)
        .filter(username=username, service_of=None)
        .exclude(username=PLATFORM.username)
        .first()
    )
    if row is None:
        raise NotFound(f"There is no account {username}.", remedy="Open the list of people.")
    return row


def roles_of(user: User) -> list[Membership]:
    return list(Membership.objects.filter(user=user).select_related("team").order_by("team__name"))


@dataclass(frozen=True, slots=True)
class Left:
    """A system whose team would have nobody; ``successor`` is the team that takes over, empty for platform admins."""

    system: System
    successor: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """What goes with an account. ``alone`` are teams in which nobody else may ask for changes."""

    teams: int
    tokens: int
    open_changes: int
    alone: tuple[Team, ...]
    left: tuple[Left, ...]


def leaving(user: User) -> Leaving:
    """What switching ``user`` off would leave behind, or left behind. Six queries at most."""
    roles = roles_of(user)
    alone, left = left_without(user, [one for one in roles if one.role in OWNING])
    return Leaving(
        teams=len(roles),
        tokens=ApiToken.objects.filter(owner=user, revoked_at=None).count(),
        open_changes=Change.objects.filter(requester=user, state__in=OPEN_CHANGE_STATES).count(),
        alone=alone,
        left=left,
    )


def left_without(user: User, roles: list[Membership]) -> tuple[tuple[Team, ...], tuple[Left, ...]]:
    """Teams that have nobody once ``user`` has lost ``roles`` (with their teams), and what they own. Two queries."""
    if not roles or user.is_service:
        return (), ()
    views = _without(team_views(), roles) if user.is_active else team_views()
    alone = tuple(one.team for one in roles if views[one.team_id].alone)
    systems = System.objects.filter(team__in=alone).select_related("team").order_by("slug")[:SHOWN] if alone else ()
    return alone, tuple(Left(one, above.slug if (above := successor(one.team_id, views)) else "") for one in systems)


def _without(views: Mapping[int, TeamView], roles: list[Membership]) -> dict[int, TeamView]:
    found = dict(views)
    for one in roles:
        view = found[one.team_id]
        approves = one.role == "maintainer"
        found[one.team_id] = replace(view, people=view.people - 1, maintainers=view.maintainers - approves)
    return found

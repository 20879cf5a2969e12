"""People and groups as admins see them, with what an edit of them would touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Count, Q, QuerySet

from governance.models import ApiToken, PeopleEdit, Policy
from idp.catalog.models import Membership, System, Team, User
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import NotFound
from provisioning.domain.lifecycle import OPEN_CHANGE_STATES
from provisioning.models import Change

RECENT = 20
SHOWN = 200


def people(query: str) -> QuerySet[User]:
    """Accounts of people by name, each with ``teams_count``."""
    found = Q(username__icontains=query) | Q(display_name__icontains=query) | Q(email__icontains=query)
    rows = User.objects.filter(found if query else Q(), service_of=None).exclude(username=PLATFORM.username)
    return rows.annotate(teams_count=Count("memberships")).order_by("username")


def person_get(username: str) -> User:
    row = User.objects.filter(username=username, service_of=None).exclude(username=PLATFORM.username).first()
    if row is None:
        raise NotFound(f"There is no account {username}.", remedy="Open the list of people.")
    return row


def roles_of(user: User) -> list[Membership]:
    return list(Membership.objects.filter(user=user).select_related("team").order_by("team__name"))


def groups_of_people() -> QuerySet[Group]:
    """Groups that are no team's roles, by name, each with ``people_count``."""
    active = Count("user", filter=Q(user__is_active=True))
    return Group.objects.exclude(name__startswith="team:").annotate(people_count=active).order_by("name")


def group_get(name: str) -> Group:
    row = groups_of_people().filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no group {name}.", remedy="Open the list of groups.")
    return row


def members_of_group(group: Group) -> list[User]:
    return list(User.objects.filter(groups=group).order_by("username")[:SHOWN])


def named_by(group: str) -> list[str]:
    """Titles of active policies that ask this group to agree. One query."""
    source = f"group:{group}"
    rows = Policy.objects.filter(active=True).order_by("title").values_list("title", "document")
    return [title for title, document in rows if source in _sources(document)]


def _sources(document: dict[str, Any]) -> set[str]:
    return {str(one.get("from")) for one in document.get("spec", {}).get("approvals", ())}


@dataclass(frozen=True, slots=True)
class Leaving:
    """What switching an account off would touch. ``alone`` are teams in which nobody else may ask for changes."""

    teams: int
    tokens: int
    open_changes: int
    alone: tuple[Team, ...]
    systems: tuple[System, ...]


def leaving(user: User) -> Leaving:
    """Four queries."""
    mine = Membership.objects.filter(user=user)
    owning = Q(memberships__role__in=("developer", "maintainer"), memberships__user__is_active=True)
    others = Count("memberships", filter=owning & ~Q(memberships__user=user) & Q(memberships__user__service_of=None))
    asked = mine.filter(role__in=("developer", "maintainer")).values("team")
    alone = tuple(Team.objects.filter(pk__in=asked).annotate(others=others).filter(others=0).order_by("name"))
    systems = tuple(System.objects.filter(team__in=alone).order_by("slug")) if alone else ()
    return Leaving(
        teams=mine.count(),
        tokens=ApiToken.objects.filter(owner=user, revoked_at=None).count(),
        open_changes=Change.objects.filter(requester=user, state__in=OPEN_CHANGE_STATES).count(),
        alone=alone,
        systems=systems,
    )


def leaving_facts(found: Leaving) -> list[dict[str, Any]]:
    said = (
        ("Teams", found.teams),
        ("Tokens that end", found.tokens),
        ("Open changes of theirs", found.open_changes),
        ("Systems left without an owner", len(found.systems)),
    )
    return [{"label": label, "value": f"{number:,}", "figure": True} for label, number in said]


def edits_recent() -> Sequence[PeopleEdit]:
    return list(PeopleEdit.objects.order_by("-pk")[:RECENT])

"""Who owns which system, what waits for an owner, and who takes over. Read by the page, the API and the sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, DateTimeField, Exists, Max, OuterRef, Q, QuerySet, Subquery

from governance.access import MANAGE_TEAM, Rights
from governance.domain.ownership import CONFIRM_EVERY, OWNING, TeamView, successor
from governance.domain.quota import Amounts
from governance.models import Ownership, Reservation, Transfer
from idp.catalog.models import Membership, System, Team
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import NotFound
from provisioning.models import Change, Environment

SHOWN = 100
NEEDS = ("owner", "maintainer", "confirmation")
"""What a system can need: somebody in its team, somebody in it who approves, a word that it still is owned."""


def team_views() -> dict[int, TeamView]:
    """Every team with its active people who may ask for changes. One query."""
    owning = Q(memberships__user__is_active=True, memberships__user__service_of=None)
    rows = Team.objects.annotate(
        people=Count("memberships", filter=owning & Q(memberships__role__in=OWNING)),
        maintainers=Count("memberships", filter=owning & Q(memberships__role="maintainer")),
    )
    return {
        row.pk: TeamView(row.pk, row.slug, row.parent_id, row.people, row.maintainers, row.archived_at is not None)
        for row in rows.order_by()
    }


def team_is_alone(team_id: int) -> bool:
    """Whether nobody is left in a team who may ask for changes, or it is archived. One query."""
    owned = Exists(people_who_own(OuterRef("pk")))
    return not Team.objects.filter(owned, pk=team_id, archived_at=None).exists()


def people_who_own(team: Any) -> QuerySet[Membership]:
    """Roles in ``team``, an id or an outer reference, of active people who may ask for changes."""
    return Membership.objects.filter(team=team, user__is_active=True, user__service_of=None, role__in=OWNING).order_by()


@dataclass(frozen=True, slots=True)
class Owned:
    """A system that needs its owners' attention. ``successor`` is who takes over, empty for platform admins."""

    system: System
    why: str
    since: datetime | None
    successor: str
    may_act: bool


def alone(rights: Rights, teams: Mapping[int, TeamView]) -> list[Owned]:
    """Visible systems whose team has nobody, longest first; two queries at most."""
    lonely = [view.id for view in teams.values() if view.alone]
    rows = System.objects.filter(rights.sees(), team__in=lonely).select_related("team", "ownership").order_by("slug")
    found = []
    for system in rows[:SHOWN]:
        above = successor(system.team_id, teams)
        known = getattr(system, "ownership", None)
        why = "Its team is archived" if teams[system.team_id].archived else f"Nobody is left in {system.team.name}"
        may = rights.may_administer() or (above is not None and MANAGE_TEAM in rights.teams.get(above.id, ()))
        found.append(Owned(system, why, known.alone_since if known else None, above.slug if above else "", may))
    return found


def without_maintainer(rights: Rights, teams: Mapping[int, TeamView]) -> list[Owned]:
    """Visible systems whose team has people and none who approves. One query."""
    weak = [view.id for view in teams.values() if not view.alone and view.maintainers == 0]
    rows = System.objects.filter(rights.sees(), team__in=weak).select_related("team").order_by("slug")
    return [
        Owned(system, f"{system.team.name} has no maintainer", None, "", rights.may_administer())
        for system in rows[:SHOWN]
    ]


def unconfirmed(rights: Rights, teams: Mapping[int, TeamView], *, now: datetime) -> list[Owned]:
    """Visible systems that nobody has confirmed or worked on for a period, longest first. One query."""
    rows = _dormant(now).filter(rights.sees()).exclude(team__in=[one.id for one in teams.values() if one.alone])
    return [
        Owned(system, f"Nobody of {system.team.name} has worked on it or confirmed it", _known(system), "", may)
        for system in rows.select_related("team")[:SHOWN]
        for may in [rights.may_request(system)]
    ]


def _dormant(now: datetime) -> QuerySet[System]:
    past = now - CONFIRM_EVERY
    worked = Max("changes__created_at", filter=~Q(changes__requester__username=PLATFORM.username))
    confirmed = Q(ownership=None) | Q(ownership__confirmed_at=None) | Q(ownership__confirmed_at__lte=past)
    rows = System.objects.filter(confirmed, created_at__lte=past).annotate(worked_at=worked)
    return (
        rows.filter(Q(worked_at=None) | Q(worked_at__lte=past))
        .select_related("ownership")
        .order_by("worked_at", "slug")
    )


def _known(system: System) -> datetime:
    own: Ownership | None = getattr(system, "ownership", None)
    worked: datetime | None = system.worked_at  # type: ignore[attr-defined]  # annotated
    return max(one for one in (system.created_at, worked, own.confirmed_at if own else None) if one is not None)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a system stands to its owners. ``successor`` takes over where nobody is left, empty for platform admins."""

    system: System
    team: TeamView
    needs: tuple[str, ...]
    successor: str
    confirmed_at: datetime | None
    confirmed_by: str
    worked_at: datetime | None
    due_at: datetime
    alone_since: datetime | None


def owned_systems(rights: Rights) -> QuerySet[System]:
    """Visible systems with what ``standing`` reads: team, ownership, and ``worked_at``, a person's newest change."""
    rows = System.objects.filter(rights.sees()).select_related("team", "ownership__confirmed_by")
    return rows.annotate(worked_at=newest_work()).order_by("slug")


def newest_work() -> Subquery:
    """When a person last asked for a change of the outer system; by the index of its changes."""
    asked = Change.objects.filter(system=OuterRef("pk")).exclude(requester__username=PLATFORM.username)
    return Subquery(asked.order_by("-pk").values("created_at")[:1], output_field=DateTimeField())


def needing(rights: Rights, teams: Mapping[int, TeamView], *, needs: str, now: datetime) -> QuerySet[System]:
    """Those of ``owned_systems`` that need something, or what ``needs`` names."""
    past = now - CONFIRM_EVERY
    lonely = [one.id for one in teams.values() if one.alone]
    confirmed = Q(ownership=None) | Q(ownership__confirmed_at=None) | Q(ownership__confirmed_at__lte=past)
    worked = Q(worked_at=None) | Q(worked_at__lte=past)
    kinds = {
        "owner": Q(team__in=lonely),
        "maintainer": Q(team__in=[one.id for one in teams.values() if not one.alone and one.maintainers == 0]),
        "confirmation": confirmed & worked & Q(created_at__lte=past) & ~Q(team__in=lonely),
    }
    chosen = kinds[needs] if needs else kinds["owner"] | kinds["maintainer"] | kinds["confirmation"]
    return owned_systems(rights).filter(chosen)


def standing(system: System, teams: Mapping[int, TeamView], *, now: datetime) -> Standing:
    """One of ``owned_systems``. No query."""
    team, own = teams[system.team_id], getattr(system, "ownership", None)
    worked: datetime | None = system.worked_at  # type: ignore[attr-defined]  # annotated
    due = _known(system) + CONFIRM_EVERY
    needs = {"owner": team.alone, "maintainer": not team.alone and team.maintainers == 0}
    needs["confirmation"] = not team.alone and due <= now
    above = successor(system.team_id, teams)
    return Standing(
        system=system,
        team=team,
        needs=tuple(name for name in NEEDS if needs[name]),
        successor=above.slug if above else "",
        confirmed_at=own.confirmed_at if own else None,
        confirmed_by=own.confirmed_by.username if own and own.confirmed_by else "",
        worked_at=worked,
        due_at=due,
        alone_since=own.alone_since if own else None,
    )


def transfers_open(rights: Rights) -> list[Transfer]:
    """Transfers of visible systems that wait for a team, newest first. One query."""
    rows = transfer_rows().filter(rights.sees("system"), state="open")
    return list(rows[:SHOWN])


def transfer_rows() -> QuerySet[Transfer]:
    return Transfer.objects.select_related("system__team", "giver", "taker", "asked_by", "given_by", "taken_by")


def transfer_get(rights: Rights, transfer_id: int) -> Transfer:
    row = transfer_rows().filter(rights.sees("system"), pk=transfer_id).first()
    if row is None:
        raise NotFound(f"There is no transfer {transfer_id}.")
    return row


def open_changes(system: System) -> list[int]:
    """Numbers of changes that are under way; a system does not change hands in the middle of one."""
    rows = Change.objects.filter(system=system, state__in=("pending", "approved", "running"))
    return list(rows.order_by("pk").values_list("pk", flat=True)[:5])


def uses_of(system: System) -> Amounts:
    """What a system's environments take of its team's quota, and would take of another's. One query."""
    environments = Environment.objects.filter(system=system, deleted_at=None).values("pk")
    return Amounts.total(
        Amounts.of(row) for row in Reservation.objects.filter(environment_id__in=environments, state="used")
    )

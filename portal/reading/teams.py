"""Teams, their members, and what uses their quota, for the pages of teams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, IntegerField, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from governance.access import MANAGE_TEAM, Rights, visible
from governance.domain.quota import Amounts
from governance.domain.quota_state import QuotaState
from governance.models import Reservation
from governance.selectors.lending import with_loans
from governance.selectors.quota import quota_state, resources_taken
from idp.catalog.models import Membership, System, Team, User
from idp.catalog.names import ROLES
from idp.kernel.errors import NotFound
from idp.kernel.prepared import Prepared
from idp.kernel.tallies import total as kept_total
from portal.addresses import address
from provisioning.models import Environment, PlaceTally


def all_teams() -> QuerySet[Team]:
    """Every team by name; who is in which team is no secret in one organisation."""
    return Team.objects.order_by("name")


def manageable(rights: Rights) -> list[Team]:
    """Teams to which the person may add systems: their own as maintainer, all as a platform admin."""
    if rights.may_administer():
        return list(all_teams())
    own = [key for key, held in rights.teams.items() if MANAGE_TEAM in held]
    return [team for team in all_teams().filter(pk__in=own) if rights.may_manage(team)]


def team_list(rights: Rights) -> QuerySet[Team]:
    """Every team with ``members_count``; ``away`` is 0 for the person's own teams, which come first, else 1."""
    members = Membership.objects.filter(team=OuterRef("pk")).order_by().values("team").annotate(n=Count("pk"))
    away = Case(When(pk__in=list(rights.teams), then=Value(0)), default=Value(1), output_field=IntegerField())
    return Team.objects.annotate(away=away, members_count=Coalesce(Subquery(members.values("n")), 0))


def systems_counted(rights: Rights, teams: Iterable[Team]) -> dict[int, int]:
    """How many systems of each team the reader may see. One query."""
    rows = visible(System.objects.filter(team__in=[team.pk for team in teams]), rights, "")
    return dict(rows.order_by().values_list("team").annotate(n=Count("pk")))


def team_get(slug: str, *, loans: bool = False) -> Team:
    """The team with its quota, and with ``loans`` what it lends and borrows; NotFound otherwise. One query."""
    team = next(iter(_team(slug=slug, loans=loans)), None)
    if team is None:
        raise NotFound(f"There is no team {slug}.", remedy="Open the list of teams.")
    return team


@Prepared
def _team(slug: str, loans: bool) -> QuerySet[Team]:
    rows = Team.objects.select_related("quota").filter(slug=slug)
    return with_loans(rows) if loans else rows


def quota_of(team: Team) -> QuotaState:
    """The team's limits, use and holds. One query, two where the resources of a capability are limited."""
    state = quota_state(team.pk)
    return replace(state, resources=resources_taken(team.pk)) if state.ceilings.capabilities else state


def members_of(team: Team) -> list[Membership]:
    """Maintainers first, then by name. One query."""
    return sorted(
        _members(team=team.pk), key=lambda one: (-ROLES.index(one.role), one.user.is_service, one.user.username)
    )


@Prepared
def _members(team: int) -> QuerySet[Membership]:
    return Membership.objects.filter(team=team).select_related("user")


def member_get(username: str) -> User | None:
    """The active account of that exact name, service accounts included."""
    return User.objects.filter(username=username, is_active=True).first()


def systems_of(rights: Rights, team: Team) -> list[System]:
    return _systems(rights=rights, team=team.pk)


@Prepared
def _systems(rights: Rights, team: int) -> QuerySet[System]:
    return visible(System.objects.filter(team=team), rights, "").order_by("slug")


@dataclass(frozen=True, slots=True)
class Use:
    """What one environment takes of the quota. ``environment`` is None where the reader may not see it."""

    label: str
    system: str
    environment: Environment | None
    cpu: Decimal
    memory_gib: Decimal
    storage_gib: Decimal
    environments: int

    @property
    def cost(self) -> Decimal | None:
        return self.environment.monthly_cost if self.environment else None

    @property
    def url(self) -> str:
        """Where the environment is shown, which the reader must be able to see."""
        return address("environment", self.system, self.environment.name) if self.environment else ""


HIDDEN = "restricted"
SHOWN = 50


def ledger(rights: Rights, team: Team) -> list[Use]:
    """What uses most of the team's quota, the largest first, ``SHOWN`` at most; restricted ones without their names.

    Two queries: the ledger, and the environments in it.
    """
    rows = _largest(team=team.pk)
    by_key = {one.pk: one for one in _using(rights=rights, keys=[row.environment_id for row in rows])}
    return [_use(row, by_key.get(row.environment_id)) for row in rows]


@Prepared
def _largest(team: int) -> QuerySet[Reservation]:
    return Reservation.objects.filter(team=team, state="used").order_by("-cpu", "-memory_gib", "label")[:SHOWN]


@Prepared
def _using(rights: Rights, keys: list[int]) -> QuerySet[Environment]:
    rows = visible(Environment.objects.filter(pk__in=keys), rights)
    return rows.select_related("system").only("name", "state", "monthly_cost", "system__slug")


def _use(row: Reservation, environment: Environment | None) -> Use:
    return Use(
        label=f"{environment.system.slug} / {environment.name}" if environment else "An environment you may not see",
        system=environment.system.slug if environment else HIDDEN,
        environment=environment,
        cpu=row.cpu,
        memory_gib=row.memory_gib,
        storage_gib=row.storage_gib,
        environments=row.environments,
    )


@dataclass(frozen=True, slots=True)
class Share:
    """What all environments of one system take of the quota; those of restricted systems are one share."""

    system: str
    cpu: Decimal
    memory_gib: Decimal
    storage_gib: Decimal
    environments: int
    cost: Decimal | None


def shares(rights: Rights, team: Team, used: Amounts) -> list[Share]:
    """What is ``used`` by system, as far as the reader may see it, and the rest as one share.

    One query of kept sums of what the environments want; while one is moving, that and what it uses differ, and the
    difference is in the rest too.
    """
    rows = _shares(rights=rights, team=team.pk)
    seen = [Share(*row) for row in rows]
    names = ("cpu", "memory_gib", "storage_gib", "environments")
    rest = {name: Decimal(getattr(used, name)) - total(seen, name) for name in names}
    if rest.pop("environments") > 0:
        left = int(used.environments - total(seen, "environments"))
        seen.append(Share(HIDDEN, environments=left, cost=None, **{name: max(rest[name], Decimal(0)) for name in rest}))
    return seen


@Prepared
def _shares(rights: Rights, team: int) -> QuerySet[PlaceTally, Any]:
    sums = {f"of_{name}": kept_total(name) for name in ("cpu", "memory_gib", "storage_gib")}
    return (
        visible(PlaceTally.objects.filter(system__team=team), rights)
        .order_by()
        .values_list("system__slug")
        .annotate(**sums, there=Sum("wanted"), of_cost=kept_total("monthly_cost"))
        .filter(there__gt=0)
    )


def cost_by_system(found: Iterable[Share]) -> dict[str, Decimal]:
    """Monthly cost of the visible environments, by system."""
    return {share.system: share.cost for share in found if share.cost is not None}


def total(found: Sequence[Share], dimension: str) -> Decimal:
    return sum((getattr(share, dimension) or Decimal(0) for share in found), Decimal(0))

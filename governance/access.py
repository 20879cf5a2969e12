"""What an actor may do: the only place that asks for permissions.

Services call ``rights_of`` once and then the ``require_…`` methods; selectors and pages take the Rights and ask
``may_…`` or ``visible``. Roles are django-guardian object permissions on the Team, held by the Django groups
``team:<slug>:<role>`` (``governance.services.teams`` grants them). A token only narrows what its owner may: it
needs the scope ``read`` to see, ``change`` to request, ``approve`` to decide, ``admin`` to manage and administer,
and a token bound to systems neither sees another system nor manages anything.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from django.contrib.contenttypes.models import ContentType
from django.db.models import FilteredRelation, Model, Q, QuerySet
from guardian.models import GroupObjectPermission

from governance.models import Delegation
from idp.catalog.models import System, Team, User
from idp.kernel import clock
from idp.kernel.actor import Actor, Via
from idp.kernel.errors import Forbidden, NotFound, NotSignedIn
from idp.kernel.prepared import Prepared

PLATFORM_ADMINS = "platform-admins"
AUDITORS = "auditors"

SEE_RESTRICTED = "see_restricted"
REQUEST_CHANGE = "request_change"
APPROVE_CHANGE = "approve_change"
MANAGE_TEAM = "manage_team"

ROLE_PERMISSIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "viewer": (SEE_RESTRICTED,),
        "developer": (SEE_RESTRICTED, REQUEST_CHANGE),
        "maintainer": (SEE_RESTRICTED, REQUEST_CHANGE, APPROVE_CHANGE, MANAGE_TEAM),
    }
)

SCOPES = ("read", "change", "approve", "admin")
NO_MORE: Mapping[Via, str] = MappingProxyType(
    {
        "mcp": "An agent reads and asks for changes; it neither decides nor administers.",
        "git": "Files in Git ask for changes; they neither decide nor administer.",
    }
)
"""What comes this way has the same scopes always, so that no other token would help."""

AnyModel = TypeVar("AnyModel", bound=Model)


def role_group(team_slug: str, role: str) -> str:
    """The name of the Django group that holds ``role`` in a team."""
    return f"team:{team_slug}:{role}"


@dataclass(frozen=True, slots=True)
class StandsFor:
    """Somebody for whom the actor may decide for a while; ``teams`` are those as which that person may approve."""

    user_id: int
    username: str
    teams: frozenset[int]
    groups: frozenset[str]
    is_admin: bool


@dataclass(frozen=True, slots=True)
class Rights:
    """One actor's permissions as they were when asked; make it anew for every request.

    ``teams`` maps a team's id to the permissions the person has there, ``groups`` are the names of all their groups.
    ``signed_in`` is False for nobody: an anonymous actor, or an account that was switched off. ``stands_for`` lets the
    person decide for others, and do nothing else in their place.
    """

    actor: Actor
    signed_in: bool = False
    is_admin: bool = False
    is_auditor: bool = False
    teams: Mapping[int, frozenset[str]] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()
    stands_for: tuple[StandsFor, ...] = ()

    def taken_apart(self) -> tuple[Hashable, list[int | str]]:
        """For prepared queries (`idp.kernel.prepared`): what decides about their SQL, and ids and names to fill in."""
        person, systems = self.actor.user_id, sorted(self.actor.systems)
        shape = (
            *(self.signed_in, self.is_admin, self.is_auditor, self.actor.scopes, person is None),
            *(tuple(self.teams.values()), len(self.groups), len(systems)),
            tuple((len(one.teams), len(one.groups), one.is_admin) for one in self.stands_for),
        )
        others: list[int | str] = []
        for one in self.stands_for:
            others += [one.user_id, *sorted(one.teams), *sorted(one.groups)]
        return shape, [*self.teams, *sorted(self.groups), *systems, *([] if person is None else [person]), *others]

    def put_together(self, leaves: Iterator[Any]) -> Rights:
        """The same rights with other ids and names, in the order in which they were taken apart."""
        teams = {next(leaves): held for held in self.teams.values()}
        groups = frozenset(next(leaves) for _ in self.groups)
        systems = frozenset(next(leaves) for _ in self.actor.systems)
        person = None if self.actor.user_id is None else next(leaves)
        actor = Actor(person, "", via=self.actor.via, scopes=self.actor.scopes, systems=systems)
        others = tuple(
            StandsFor(
                user_id=next(leaves),
                username="",
                teams=frozenset(next(leaves) for _ in one.teams),
                groups=frozenset(next(leaves) for _ in one.groups),
                is_admin=one.is_admin,
            )
            for one in self.stands_for
        )
        return replace(self, actor=actor, teams=teams, groups=groups, stands_for=others)

    def has_scope(self, scope: str) -> bool:
        return self.signed_in and self.actor.has_scope(scope)

    def may_see(self, system: System) -> bool:
        return self.has_scope("read") and self._sees(system)

    def may_request(self, system: System) -> bool:
        return self.has_scope("change") and self._sees(system) and self._holds(REQUEST_CHANGE, system.team_id)

    def may_manage(self, team: Team) -> bool:
        return self.has_scope("admin") and not self.actor.systems and self._holds(MANAGE_TEAM, team.pk)

    def may_approve_as(self, team_id: int) -> bool:
        """Whether the person's approval counts as the team's; never for their own change, which the caller knows."""
        return self.has_scope("approve") and self._holds(APPROVE_CHANGE, team_id)

    def may_administer(self) -> bool:
        return self.has_scope("admin") and not self.actor.systems and self.is_admin

    def may_read_audit(self, team_slug: str | None = None) -> bool:
        """Of one team: also its developers and maintainers. Of all (None): admins and auditors only."""
        if not self.has_scope("read") or self.actor.systems:
            return False
        if self.is_admin or self.is_auditor:
            return True
        return team_slug is not None and team_slug in self.audited_teams()

    def audited_teams(self) -> frozenset[str]:
        """Slugs of the teams whose audit entries the person may read as a member."""
        parts = (name.split(":") for name in self.groups if name.startswith("team:"))
        return frozenset(part[1] for part in parts if len(part) == 3 and part[2] in ("developer", "maintainer"))

    def require_scope(self, scope: str) -> None:
        if not self.signed_in:
            raise NotSignedIn("Nobody is signed in.")
        if not self.actor.has_scope(scope):
            raise self._scope_missing(scope)

    def require_see(self, system: System) -> None:
        self.require_scope("read")
        self._require_sight(system)

    def require_request(self, system: System) -> None:
        self.require_scope("change")
        self._require_sight(system)
        if not self._holds(REQUEST_CHANGE, system.team_id):
            team = system.team.slug
            raise Forbidden(
                f"Only developers and maintainers of team {team} may ask for changes to {system.slug}.",
                remedy=f"Ask a maintainer of {team} to make you a developer, or to ask for the change.",
            )

    def may_fill(self, system: System, *, production: bool) -> bool:
        """Whether the person may fill a secret there: who may ask for changes, in production maintainers only."""
        needed = MANAGE_TEAM if production else REQUEST_CHANGE
        return self.has_scope("change") and self._sees(system) and self._holds(needed, system.team_id)

    def require_fill(self, system: System, *, production: bool) -> None:
        self.require_scope("change")
        self._require_sight(system)
        if not self.may_fill(system, production=production):
            who = "maintainers" if production else "developers and maintainers"
            where = f"in production of {system.slug}" if production else f"of {system.slug}"
            raise Forbidden(
                f"Only {who} of team {system.team.slug} may fill secrets {where}.",
                remedy=f"Ask a maintainer of {system.team.slug} to fill it.",
            )

    def require_manage(self, team: Team) -> None:
        self.require_scope("admin")
        self._refuse_bound_token()
        if not self._holds(MANAGE_TEAM, team.pk):
            raise Forbidden(
                f"Only maintainers of team {team.slug} and platform admins may do this.",
                remedy=f"Ask a maintainer of {team.slug}.",
            )

    def require_manage_system(self, system: System) -> None:
        """To change the system or its components: NotFound when the actor may not even see it."""
        self.require_scope("admin")
        self._require_sight(system)
        self.require_manage(system.team)

    def require_admin(self) -> None:
        self.require_scope("admin")
        self._refuse_bound_token()
        if not self.is_admin:
            raise Forbidden("Only platform admins may do this.", remedy="Ask a platform admin.")

    def sees(self, path: str = "") -> Q:
        """A filter for what the person may see; ``path`` leads from the filtered model to System (``""`` for itself).

        Costs no query and no sub-query: the person's own teams are ids.
        """
        prefix = f"{path}__" if path else ""
        if not self.signed_in:
            return Q(pk__in=())
        bound = Q(**{f"{prefix}slug__in": sorted(self.actor.systems)}) if self.actor.systems else Q()
        if self.is_admin or self.is_auditor:
            return bound
        own = [team_id for team_id, held in self.teams.items() if SEE_RESTRICTED in held]
        return bound & (Q(**{f"{prefix}restricted": False}) | Q(**{f"{prefix}team_id__in": own}))

    def _holds(self, codename: str, team_id: int) -> bool:
        return self.is_admin or codename in self.teams.get(team_id, ())

    def _sees(self, system: System) -> bool:
        if self.actor.systems and system.slug not in self.actor.systems:
            return False
        return not system.restricted or self.is_auditor or self._holds(SEE_RESTRICTED, system.team_id)

    def _require_sight(self, system: System) -> None:
        if not self._sees(system):
            raise NotFound(f"There is no system “{system.slug}” that you may see.")

    def _scope_missing(self, scope: str) -> Forbidden:
        """Which scope is missing, and where whoever uses this token gets it: that is not the same for all of them."""
        told, actor = f"This token does not have the scope “{scope}”.", self.actor
        if scope in actor.withheld:
            told = f"This token asks for people and named none, so it does not have the scope “{scope}”."
            remedy = "Name the person in the header Slipway-On-Behalf-Of."
        elif actor.via in NO_MORE:
            told, remedy = NO_MORE[actor.via], f"Let {actor.username} do it in the portal."
        elif actor.agent:
            told = f"A token that asks for people does not have the scope “{scope}”."
            remedy = f"Let {actor.username} do it in the portal."
        elif actor.behalf.startswith("team "):
            team = actor.behalf.removeprefix("team ")
            remedy = (
                f"A maintainer of {team} makes a token of {actor.username} with the scope “{scope}” on the team's page "
                "Service accounts; what a pipeline gets is said by its trust rule."
            )
        else:
            remedy = f"Make a token with the scope “{scope}” on your account page."
        return Forbidden(told, code="token-scope", remedy=remedy)

    def _refuse_bound_token(self) -> None:
        if self.actor.systems:
            raise Forbidden(
                "This token is bound to systems, so it cannot manage teams or the platform.",
                code="token-scope",
                remedy="Use a token that is not bound to systems.",
            )


def rights_of(actor: Actor) -> Rights:
    """The actor's permissions now. One query for a person, none for the platform or for nobody.

    With the rights to decide of those whom they stand in for at this moment.
    """
    if actor.is_platform:
        return Rights(actor, signed_in=True, is_admin=True)
    if actor.user_id is None:
        return Rights(actor)
    held: dict[int, list[_Right]] = {}
    teams_are = ContentType.objects.get_for_model(Team).pk
    for user_id, *right in _held(user=actor.user_id, teams=teams_are, now=clock.now()):
        held.setdefault(user_id, []).append(_Right(*right))
    rows = held.pop(actor.user_id, [])
    if not rows:
        return Rights(actor)
    groups = _groups_of(rows)
    return Rights(
        actor,
        signed_in=True,
        is_admin=rows[0].superuser or PLATFORM_ADMINS in groups,
        is_auditor=AUDITORS in groups,
        teams=_teams_of(rows),
        groups=groups,
        stands_for=tuple(_stands_for(user_id, those) for user_id, those in held.items()),
    )


class _Right(NamedTuple):
    """A group of a person, and a right that it gives on a team, if any."""

    username: str
    superuser: bool
    group: str | None
    team_id: str | None
    codename: str | None


@Prepared
def _held(user: int, teams: int, now: datetime) -> QuerySet[User, Any]:
    """A user's id and the fields of ``_Right``: of an active person, and of those whom they stand in for ``now``.

    ``teams`` is the content type of Team.
    """
    on_teams = Q(groups__groupobjectpermission__content_type=teams)
    others = Delegation.objects.filter(stand_in=user, starts_at__lte=now, ends_at__gt=now, withdrawn_at=None)
    mine = Q(pk=user) | Q(pk__in=others.order_by().values("person"))
    people = User.objects.filter(mine, is_active=True).order_by()
    held = people.annotate(held=FilteredRelation("groups__groupobjectpermission", condition=on_teams))
    return held.values_list(
        "pk", "username", "is_superuser", "groups__name", "held__object_pk", "held__permission__codename"
    )


def _groups_of(rows: Iterable[_Right]) -> frozenset[str]:
    return frozenset(row.group for row in rows if row.group)


def _teams_of(rows: Iterable[_Right]) -> dict[int, frozenset[str]]:
    teams: dict[int, set[str]] = {}
    for row in rows:
        if row.team_id is not None and row.codename is not None:
            teams.setdefault(int(row.team_id), set()).add(row.codename)
    return {team_id: frozenset(codenames) for team_id, codenames in teams.items()}


def _stands_for(user_id: int, rows: list[_Right]) -> StandsFor:
    groups = _groups_of(rows)
    return StandsFor(
        user_id=user_id,
        username=rows[0].username,
        teams=frozenset(team_id for team_id, held in _teams_of(rows).items() if APPROVE_CHANGE in held),
        groups=groups,
        is_admin=rows[0].superuser or PLATFORM_ADMINS in groups,
    )


def visible(queryset: QuerySet[AnyModel], rights: Rights, system: str = "system") -> QuerySet[AnyModel]:
    """``queryset`` without what the actor may not know of; ``system`` is the path to System, ``""`` for itself.

    Raises Forbidden for a token without the scope ``read``.
    """
    if rights.signed_in:
        rights.require_scope("read")
    return queryset.filter(rights.sees(system))


def team_approvers(team_id: int) -> QuerySet[User]:
    """Active people whose role lets them approve as the team; platform admins are not among them unless members."""
    return User.objects.filter(is_active=True, groups__in=_approving_groups(team_id)).distinct().order_by("username")


def admins() -> QuerySet[User]:
    """Active platform admins."""
    chosen = Q(is_superuser=True) | Q(groups__name=PLATFORM_ADMINS)
    return User.objects.filter(chosen, is_active=True).distinct().order_by("username")


def eligible_for_team(team_id: int | None, user_ids: Iterable[int]) -> frozenset[int]:
    """Which of these people may approve as the team now, platform admins included. One query."""
    chosen = Q(is_superuser=True) | Q(groups__name=PLATFORM_ADMINS)
    if team_id is not None:
        chosen |= Q(groups__in=_approving_groups(team_id))
    return frozenset(User.objects.filter(chosen, pk__in=user_ids, is_active=True).values_list("pk", flat=True))


def eligible_for_group(group_name: str, user_ids: Iterable[int]) -> frozenset[int]:
    """Which of these people are in a Django group now; service accounts never are. One query."""
    people = User.objects.filter(group_member(group_name), pk__in=user_ids, is_active=True, service_of=None)
    return frozenset(people.values_list("pk", flat=True))


def group_member(group_name: str) -> Q:
    """A filter for the people of a group; superusers are platform admins without being in their group."""
    member = Q(groups__name=group_name)
    return member | Q(is_superuser=True) if group_name == PLATFORM_ADMINS else member


def eligible_by_name(usernames: Iterable[str], user_ids: Iterable[int]) -> frozenset[int]:
    """Which of these people are among those named, and still have their account. One query."""
    people = User.objects.filter(pk__in=user_ids, username__in=usernames, is_active=True, service_of=None)
    return frozenset(people.values_list("pk", flat=True))


def _approving_groups(team_id: int) -> QuerySet[GroupObjectPermission, int]:
    return GroupObjectPermission.objects.filter(
        content_type=ContentType.objects.get_for_model(Team),
        object_pk=str(team_id),
        permission__codename=APPROVE_CHANGE,
    ).values_list("group_id", flat=True)

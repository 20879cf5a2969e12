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
from types import MappingProxyType
from typing import Any, TypeVar

from django.contrib.contenttypes.models import ContentType
from django.db.models import FilteredRelation, Model, Q, QuerySet
from guardian.models import GroupObjectPermission

from idp.catalog.models import System, Team, User
from idp.kernel.actor import Actor
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

AnyModel = TypeVar("AnyModel", bound=Model)


def role_group(team_slug: str, role: str) -> str:
    """The name of the Django group that holds ``role`` in a team."""
    return f"team:{team_slug}:{role}"


@dataclass(frozen=True, slots=True)
class Rights:
    """One actor's permissions as they were when asked; make it anew for every request.

    ``teams`` maps a team's id to the permissions the person has there, ``groups`` are the names of all their groups.
    ``signed_in`` is False for nobody: an anonymous actor, or an account that was switched off.
    """

    actor: Actor
    signed_in: bool = False
    is_admin: bool = False
    is_auditor: bool = False
    teams: Mapping[int, frozenset[str]] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()

    def taken_apart(self) -> tuple[Hashable, list[int | str]]:
        """For prepared queries (`idp.kernel.prepared`): what decides about their SQL, and ids and names to fill in."""
        person, systems = self.actor.user_id, sorted(self.actor.systems)
        shape = (
            *(self.signed_in, self.is_admin, self.is_auditor, self.actor.scopes, person is None),
            *(tuple(self.teams.values()), len(self.groups), len(systems)),
        )
        return shape, [*self.teams, *sorted(self.groups), *systems, *([] if person is None else [person])]

    def put_together(self, leaves: Iterator[Any]) -> Rights:
        """The same rights with other ids and names, in the order in which they were taken apart."""
        teams = {next(leaves): held for held in self.teams.values()}
        groups = frozenset(next(leaves) for _ in self.groups)
        systems = frozenset(next(leaves) for _ in self.actor.systems)
        person = None if self.actor.user_id is None else next(leaves)
        actor = Actor(person, "", via=self.actor.via, scopes=self.actor.scopes, systems=systems)
        return replace(self, actor=actor, teams=teams, groups=groups)

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
            raise Forbidden(
                f"This token does not have the scope “{scope}”.",
                code="token-scope",
                remedy=f"Make a token with the scope “{scope}” on your account page.",
            )

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

    def _refuse_bound_token(self) -> None:
        if self.actor.systems:
            raise Forbidden(
                "This token is bound to systems, so it cannot manage teams or the platform.",
                code="token-scope",
                remedy="Use a token that is not bound to systems.",
            )


def rights_of(actor: Actor) -> Rights:
    """The actor's permissions now. One query for a person, none for the platform or for nobody."""
    if actor.is_platform:
        return Rights(actor, signed_in=True, is_admin=True)
    if actor.user_id is None:
        return Rights(actor)
    rows = _held(user=actor.user_id, teams=ContentType.objects.get_for_model(Team).pk)
    if not rows:
        return Rights(actor)
    groups = frozenset(name for _, name, _, _ in rows if name)
    teams: dict[int, set[str]] = {}
    for _, _, team_id, codename in rows:
        if team_id is not None:
            teams.setdefault(int(team_id), set()).add(codename)
    return Rights(
        actor,
        signed_in=True,
        is_admin=rows[0][0] or PLATFORM_ADMINS in groups,
        is_auditor=AUDITORS in groups,
        teams={team_id: frozenset(codenames) for team_id, codenames in teams.items()},
        groups=groups,
    )


@Prepared
def _held(user: int, teams: int) -> QuerySet[User, tuple[bool, str | None, str | None, str]]:
    """(superuser, group, team id, codename) for each group of an active person and each right it gives on a team.

    ``teams`` is the content type of Team.
    """
    on_teams = Q(groups__groupobjectpermission__content_type=teams)
    people = User.objects.filter(pk=user, is_active=True).order_by()
    held = people.annotate(held=FilteredRelation("groups__groupobjectpermission", condition=on_teams))
    return held.values_list("is_superuser", "groups__name", "held__object_pk", "held__permission__codename")


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
    """Which of these people are in a Django group now. One query."""
    people = User.objects.filter(pk__in=user_ids, is_active=True, groups__name=group_name)
    return frozenset(people.values_list("pk", flat=True))


def _approving_groups(team_id: int) -> QuerySet[GroupObjectPermission, int]:
    return GroupObjectPermission.objects.filter(
        content_type=ContentType.objects.get_for_model(Team),
        object_pk=str(team_id),
        permission__codename=APPROVE_CHANGE,
    ).values_list("group_id", flat=True)

"""Teams, members, systems and components."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.services import components as component_services
from governance.services import systems as system_services
from governance.services import teams as team_services
from idp.catalog import selectors
from idp.catalog.models import Component, Membership, System, Team, User
from idp.kernel import clock
from idp.kernel.errors import FieldError, InvalidInput, NotFound
from portal.api import paths
from portal.api.answers import created, empty, listing, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import catalog as shapes
from portal.api.shapes.words import text
from provisioning.models import Environment

AREA = "Catalog"
SEARCH = Query("q", text("Part of a slug or name.", most=200))


class Teams(Endpoint):
    @operation("teams_list", "List teams", area=AREA, answers={200: shapes.TEAM_PAGE}, query=(SEARCH, *PAGED))
    def get(self, request: Request) -> HttpResponse:
        rows = selectors.team_list(self.rights, query=self.query.get("q", ""))
        return listing(request, self.query, rows, ("slug",), team_row)

    @operation(
        "teams_create",
        "Make a team",
        area=AREA,
        answers={201: shapes.TEAM},
        body=shapes.TEAM_CREATE,
        scope="admin",
        about="Platform admins only.",
    )
    def post(self, request: Request) -> HttpResponse:
        team = team_services.team_create(self.actor, now=clock.now(), **self.sent)
        return created(team_row(team), paths.team(team.slug), version=team.version)


class OneTeam(Endpoint):
    @operation("teams_read", "Read a team", area=AREA, answers={200: shapes.TEAM}, versioned=True)
    def get(self, request: Request, team: str) -> HttpResponse:
        row = selectors.team_get(self.rights, team)
        return versioned(team_row(row), row.version)

    @operation(
        "teams_edit",
        "Edit a team",
        area=AREA,
        answers={200: shapes.TEAM},
        body=shapes.TEAM_EDIT,
        scope="admin",
        versioned=True,
        about="Its maintainers and platform admins.",
    )
    def patch(self, request: Request, team: str) -> HttpResponse:
        row = selectors.team_get(self.rights, team)
        expected = require_if_match(request, row.version)
        row = team_services.team_update(self.actor, team=row, expected_version=expected, now=clock.now(), **self.sent)
        return versioned(team_row(row), row.version)


class Members(Endpoint):
    @operation("members_list", "List a team's members", area=AREA, answers={200: shapes.MEMBER_PAGE}, query=PAGED)
    def get(self, request: Request, team: str) -> HttpResponse:
        row = selectors.team_get(self.rights, team)
        members = Membership.objects.filter(team=row).select_related("user", "team")
        return listing(request, self.query, members, ("user__username",), member_row)


class OneMember(Endpoint):
    @operation("members_read", "Read a member", area=AREA, answers={200: shapes.MEMBER}, versioned=True)
    def get(self, request: Request, team: str, username: str) -> HttpResponse:
        member = self._member(team, username)
        if member is None:
            raise NotFound(f"{username} is not a member of team {team}.")
        return versioned(member_row(member), _member_tag(member))

    @operation(
        "members_set",
        "Add a member or give another role",
        area=AREA,
        answers={200: shapes.MEMBER, 201: shapes.MEMBER},
        body=shapes.MEMBER_EDIT,
        scope="admin",
        versioned=True,
        about="Maintainers of the team and platform admins. A new member needs no If-Match.",
    )
    def put(self, request: Request, team: str, username: str) -> HttpResponse:
        before = self._member(team, username)
        if before is not None:
            require_if_match(request, _member_tag(before))
        row = selectors.team_get(self.rights, team)
        member = team_services.membership_set(
            self.actor, team=row, user=_person(username), role=self.sent["role"], now=clock.now()
        )
        shown = member_row(member)
        if before is None:
            return created(shown, paths.member(team, username), version=_member_tag(member))
        return versioned(shown, _member_tag(member))

    @operation(
        "members_remove",
        "Remove a member",
        area=AREA,
        answers={204: None},
        scope="admin",
        versioned=True,
        about="Maintainers of the team and platform admins.",
    )
    def delete(self, request: Request, team: str, username: str) -> HttpResponse:
        row = selectors.team_get(self.rights, team)
        self.rights.require_manage(row)
        member = self._member(team, username)
        if member is None:
            raise NotFound(f"{username} is not a member of team {team}.")
        require_if_match(request, _member_tag(member))
        team_services.membership_remove(self.actor, team=row, user=member.user, now=clock.now())
        return empty()

    def _member(self, team: str, username: str) -> Membership | None:
        row = selectors.team_get(self.rights, team)
        return Membership.objects.filter(team=row, user__username=username).select_related("user", "team").first()


class Systems(Endpoint):
    @operation(
        "systems_list",
        "List systems",
        area=AREA,
        answers={200: shapes.SYSTEM_PAGE},
        query=(SEARCH, Query("team", text("Slug of the owning team.", most=30)), *PAGED),
    )
    def get(self, request: Request) -> HttpResponse:
        rows = selectors.system_list(self.rights, query=self.query.get("q", ""), team=self.query.get("team", ""))
        return listing(request, self.query, rows, ("slug",), system_row)

    @operation(
        "systems_create",
        "Make a system",
        area=AREA,
        answers={201: shapes.SYSTEM},
        body=shapes.SYSTEM_CREATE,
        scope="admin",
        about="Maintainers of the owning team and platform admins.",
    )
    def post(self, request: Request) -> HttpResponse:
        sent = {**self.sent, "team": _team_named(self.sent["team"])}
        system = system_services.system_create(self.actor, now=clock.now(), **sent)
        return created(system_row(system), paths.system(system.slug), version=system.version)


class OneSystem(Endpoint):
    @operation("systems_read", "Read a system", area=AREA, answers={200: shapes.SYSTEM}, versioned=True)
    def get(self, request: Request, system: str) -> HttpResponse:
        row = selectors.system_get(self.rights, system)
        return versioned(system_row(row), row.version)

    @operation(
        "systems_edit",
        "Edit a system",
        area=AREA,
        answers={200: shapes.SYSTEM},
        body=shapes.SYSTEM_EDIT,
        scope="admin",
        versioned=True,
        about="Maintainers of the owning team and platform admins.",
    )
    def patch(self, request: Request, system: str) -> HttpResponse:
        row = selectors.system_get(self.rights, system)
        expected = require_if_match(request, row.version)
        row = system_services.system_update(
            self.actor, system=row, expected_version=expected, now=clock.now(), **self.sent
        )
        return versioned(system_row(row), row.version)

    @operation(
        "systems_delete",
        "Delete a system",
        area=AREA,
        answers={204: None},
        scope="admin",
        versioned=True,
        problems=(409,),
        about="Only one without living environments and without history.",
    )
    def delete(self, request: Request, system: str) -> HttpResponse:
        row = selectors.system_get(self.rights, system)
        require_if_match(request, row.version)
        system_services.system_delete(self.actor, system=row, living=_living_environments, now=clock.now())
        return empty()


class Components(Endpoint):
    @operation(
        "components_list",
        "List components",
        area=AREA,
        answers={200: shapes.COMPONENT_PAGE},
        query=(
            SEARCH,
            Query("system", text("Slug of the system.", most=30)),
            Query("team", text("Slug of the owning team.", most=30)),
            Query("type", text(one_of=shapes.COMPONENT_TYPES)),
            *PAGED,
        ),
    )
    def get(self, request: Request) -> HttpResponse:
        system = self.query.get("system")
        rows = selectors.component_list(
            self.rights,
            system=selectors.system_get(self.rights, system) if system else None,
            query=self.query.get("q", ""),
            type=self.query.get("type", ""),
            team=self.query.get("team", ""),
        )
        return listing(request, self.query, rows, ("slug",), component_row)

    @operation(
        "components_create",
        "Make a component",
        area=AREA,
        answers={201: shapes.COMPONENT},
        body=shapes.COMPONENT_CREATE,
        scope="admin",
        about="Maintainers of the owning team and platform admins.",
    )
    def post(self, request: Request) -> HttpResponse:
        sent = {**self.sent, "system": _system_named(self.rights, self.sent["system"])}
        component = component_services.component_create(self.actor, now=clock.now(), **sent)
        row = selectors.component_get(self.rights, component.slug)
        return created(component_row(row), paths.component(row.slug), version=row.version)


class OneComponent(Endpoint):
    @operation("components_read", "Read a component", area=AREA, answers={200: shapes.COMPONENT}, versioned=True)
    def get(self, request: Request, component: str) -> HttpResponse:
        row = selectors.component_get(self.rights, component)
        return versioned(component_row(row), row.version)

    @operation(
        "components_edit",
        "Edit a component",
        area=AREA,
        answers={200: shapes.COMPONENT},
        body=shapes.COMPONENT_EDIT,
        scope="admin",
        versioned=True,
        about="Maintainers of the owning team and platform admins. depends_on replaces the whole list.",
    )
    def patch(self, request: Request, component: str) -> HttpResponse:
        row = selectors.component_get(self.rights, component)
        expected = require_if_match(request, row.version)
        component_services.component_update(
            self.actor, component=row, expected_version=expected, now=clock.now(), **self.sent
        )
        row = selectors.component_get(self.rights, component)
        return versioned(component_row(row), row.version)

    @operation(
        "components_delete",
        "Delete a component",
        area=AREA,
        answers={204: None},
        scope="admin",
        versioned=True,
        about="Maintainers of the owning team and platform admins. What runs stays as it is.",
    )
    def delete(self, request: Request, component: str) -> HttpResponse:
        row = selectors.component_get(self.rights, component)
        require_if_match(request, row.version)
        component_services.component_delete(self.actor, component=row, now=clock.now())
        return empty()


def team_row(team: Team) -> dict[str, Any]:
    return {
        "slug": team.slug,
        "name": team.name,
        "description": team.description,
        "version": team.version,
        "created_at": moment(team.created_at),
        "url": paths.team(team.slug),
    }


def member_row(member: Membership) -> dict[str, Any]:
    user = member.user
    return {
        "username": user.username,
        "name": user.display_name or user.get_full_name() or user.username,
        "role": member.role,
        "since": moment(member.created_at),
        "url": paths.member(member.team.slug, user.username),
    }


def system_row(system: System) -> dict[str, Any]:
    return {
        "slug": system.slug,
        "name": system.name,
        "description": system.description,
        "team": system.team.slug,
        "restricted": system.restricted,
        "version": system.version,
        "created_at": moment(system.created_at),
        "url": paths.system(system.slug),
    }


def component_row(component: Component) -> dict[str, Any]:
    """Needs ``system`` joined and ``depends_on`` fetched."""
    return {
        "slug": component.slug,
        "name": component.name,
        "description": component.description,
        "system": component.system.slug,
        "type": component.type,
        "repository": component.repository,
        "links": component.links,
        "depends_on": [needed.slug for needed in component.depends_on.all()],
        "version": component.version,
        "created_at": moment(component.created_at),
        "url": paths.component(component.slug),
    }


def _member_tag(member: Membership) -> str:
    """A membership has no version; its role is all that can be edited."""
    return f"{member.pk}-{member.role}"


def _person(username: str) -> User:
    person = User.objects.filter(username=username).first()
    if person is None:
        raise NotFound(f"There is no account “{username}”.")
    return person


def _team_named(slug: str) -> Team:
    """A team named in a body: unknown is a wrong field there, not a wrong address."""
    team = Team.objects.filter(slug=slug).first()
    if team is None:
        message = f"There is no team “{slug}”."
        raise InvalidInput(message, errors=[FieldError("team", message)])
    return team


def _system_named(rights: Any, slug: str) -> System:
    try:
        return selectors.system_get(rights, slug)
    except NotFound as error:
        raise InvalidInput(error.message, errors=[FieldError("system", error.message)]) from None


def _living_environments(system: System) -> int:
    return Environment.objects.filter(system=system, deleted_at=None).count()

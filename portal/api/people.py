"""Accounts of people, groups that policies and routes name, and edits of both that are taken back. For admins."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.http import HttpResponse
from rest_framework.request import Request

from governance.models import PeopleEdit
from governance.selectors import groups as group_selectors
from governance.selectors.provisioned import managed_of
from governance.services import people as services
from governance.services.scim_users import scim_user_adopt
from governance.services.undoing import people_edit_undo
from idp.catalog.models import User
from idp.kernel import clock
from portal.api import paths
from portal.api.answers import answer, content_tag, created, empty, listing, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import people as shapes
from portal.api.shapes.changes import NOTHING
from portal.api.shapes.words import text
from provisioning.selectors import people as selectors

AREA = "Administration"
ADMINS = "Platform admins only."


class People(Endpoint):
    @operation(
        "people_list",
        "List people",
        area=AREA,
        answers={200: shapes.PERSON_PAGE},
        query=(Query("q", text("Part of a name or mail address.", most=200)), *PAGED),
        about=ADMINS,
    )
    def get(self, request: Request) -> HttpResponse:
        _require_admin_reads(self)
        rows = selectors.people(self.query.get("q", "")).select_related("provisioned")
        return listing(request, self.query, rows, ("username",), person_row)


class OnePerson(Endpoint):
    @operation(
        "people_read",
        "Read a person",
        area=AREA,
        answers={200: shapes.PERSON_DETAIL},
        versioned=True,
        about=f"{ADMINS} With what switching the account off leaves behind.",
    )
    def get(self, request: Request, username: str) -> HttpResponse:
        _require_admin_reads(self)
        user = selectors.person_get(username)
        return versioned(person_detail(user), _person_tag(user))

    @operation(
        "people_edit",
        "Edit a person",
        area=AREA,
        answers={200: shapes.PERSON_DETAIL},
        body=shapes.PERSON_EDIT,
        scope="admin",
        versioned=True,
        about=ADMINS,
    )
    def patch(self, request: Request, username: str) -> HttpResponse:
        self.rights.require_admin()
        user = selectors.person_get(username)
        read = services.account_state(user)
        require_if_match(request, _person_tag(user))
        expected = None if request.headers.get("If-Match", "").strip() == "*" else read
        user = services.account_update(self.actor, username=username, expected=expected, now=clock.now(), **self.sent)
        return versioned(person_detail(user), _person_tag(user))


def _switch(active: bool, verb: str, summary: str, about: str) -> type[Endpoint]:
    """An endpoint that switches an account on or off."""

    class Switch(Endpoint):
        @operation(
            f"people_{verb}",
            summary,
            area=AREA,
            answers={200: shapes.PERSON_DETAIL},
            body=NOTHING,
            scope="admin",
            about=f"{ADMINS} {about}",
        )
        def post(self, request: Request, username: str) -> HttpResponse:
            self.rights.require_admin()
            user = services.account_update(self.actor, username=username, active=active, now=clock.now())
            return answer(person_detail(user))

    return Switch


PersonDeactivate = _switch(
    False, "deactivate", "Switch an account off", "What it may ends at once; its roles stay. Answers what it leaves."
)
PersonReactivate = _switch(True, "reactivate", "Switch an account on again", "Its roles hold again.")


class PersonHandOver(Endpoint):
    @operation(
        "people_hand_over",
        "Hand an account over to the directory",
        area=AREA,
        answers={200: shapes.PERSON_DETAIL},
        body=NOTHING,
        scope="admin",
        about=f"{ADMINS} It is managed through SCIM from then on; its password and sessions end. Taking the edit back "
        "undoes it.",
    )
    def post(self, request: Request, username: str) -> HttpResponse:
        self.rights.require_admin()
        scim_user_adopt(self.actor, username=username, now=clock.now())
        return answer(person_detail(selectors.person_get(username)))


class Groups(Endpoint):
    @operation("groups_list", "List groups", area=AREA, answers={200: shapes.GROUP_PAGE}, query=PAGED, about=ADMINS)
    def get(self, request: Request) -> HttpResponse:
        _require_admin_reads(self)
        return listing(request, self.query, group_selectors.groups_of_people(), ("name",), group_row)

    @operation(
        "groups_create",
        "Make a group",
        area=AREA,
        answers={201: shapes.GROUP_DETAIL},
        body=shapes.NEW_GROUP,
        scope="admin",
        about=ADMINS,
    )
    def post(self, request: Request) -> HttpResponse:
        made = services.group_create(self.actor, name=self.sent["name"], now=clock.now())
        shown = group_detail(group_selectors.group_get(made.name))
        return created(shown, paths.group(made.name), version=_group_tag(made.name))


class OneGroup(Endpoint):
    @operation(
        "groups_read",
        "Read a group",
        area=AREA,
        answers={200: shapes.GROUP_DETAIL},
        versioned=True,
        about=f"{ADMINS} With its members and who asks it to agree.",
    )
    def get(self, request: Request, group: str) -> HttpResponse:
        _require_admin_reads(self)
        return versioned(group_detail(group_selectors.group_get(group)), _group_tag(group))

    @operation(
        "groups_delete",
        "Delete a group",
        area=AREA,
        answers={204: None},
        scope="admin",
        versioned=True,
        problems=(409,),
        about=f"{ADMINS} Refused while a policy, a route or an open decision names it; its members go with it.",
    )
    def delete(self, request: Request, group: str) -> HttpResponse:
        self.rights.require_admin()
        members = services.group_members(group_selectors.group_get(group).name)
        require_if_match(request, content_tag(members))
        expected = None if request.headers.get("If-Match", "").strip() == "*" else members
        services.group_delete(self.actor, name=group, expected=expected, now=clock.now())
        return empty()


def _membership(verb: str, summary: str, about: str, *, member: bool) -> type[Endpoint]:
    """An endpoint that puts somebody into a group, or takes them out."""

    class Membership(Endpoint):
        @operation(
            f"groups_{verb}",
            summary,
            area=AREA,
            answers={200: shapes.GROUP_DETAIL},
            body=shapes.GROUP_MEMBER,
            scope="admin",
            about=f"{ADMINS} {about}",
        )
        def post(self, request: Request, group: str) -> HttpResponse:
            return _member_set(self, group, member=member)

    return Membership


GroupMembers = _membership("add", "Add somebody to a group", "They decide as the group at once.", member=True)
GroupMemberRemove = _membership(
    "remove", "Take somebody out of a group", "What waits for them as the group no longer does.", member=False
)


class PeopleEdits(Endpoint):
    @operation(
        "people_edits_list",
        "List edits of teams, people and groups",
        area=AREA,
        answers={200: shapes.PEOPLE_EDIT_PAGE},
        query=PAGED,
        about=f"{ADMINS} Newest first.",
    )
    def get(self, request: Request) -> HttpResponse:
        _require_admin_reads(self)
        return listing(request, self.query, PeopleEdit.objects.all(), ("-id",), edit_row)


class PeopleEditTakeBack(Endpoint):
    @operation(
        "people_edits_take_back",
        "Take an edit back",
        area=AREA,
        answers={200: shapes.PEOPLE_EDIT},
        body=NOTHING,
        scope="admin",
        about="Platform admins; a role in a team also its maintainers. Refused when it was edited since.",
    )
    def post(self, request: Request, edit_id: int) -> HttpResponse:
        return answer(edit_row(people_edit_undo(self.actor, edit_id, now=clock.now())))


def person_row(user: User) -> dict[str, Any]:
    return {
        "username": user.username,
        "display_name": user.display_name,
        "email": user.email,
        "active": user.is_active,
        "managed_by_scim": managed_of(user) is not None,
        "url": paths.person(user.username),
    }


def person_detail(user: User) -> dict[str, Any]:
    found = selectors.leaving(user)
    groups = user.groups.exclude(name__startswith="team:").order_by("name")
    return {
        **person_row(user),
        "teams": [{"team": one.team.slug, "role": one.role} for one in selectors.roles_of(user)],
        "groups": list(groups.values_list("name", flat=True)),
        "leaves": {
            "tokens": found.tokens,
            "open_changes": found.open_changes,
            "teams_alone": [one.slug for one in found.alone],
            "systems": [
                {"system": one.system.slug, "team": one.system.team.slug, "successor": one.successor or None}
                for one in found.left
            ],
        },
    }


def group_row(group: Group) -> dict[str, Any]:
    """Needs ``people_count``, as ``groups_of_people`` gives it."""
    people: int = group.people_count  # type: ignore[attr-defined]  # annotated
    return {"name": group.name, "people": people, "url": paths.group(group.name)}


def group_detail(group: Group) -> dict[str, Any]:
    named = group_selectors.group_named(group.name)
    return {
        **group_row(group),
        "members": services.group_members(group.name),
        "asked_by": {
            "policies": [{"name": name, "title": title} for name, title in named.policies],
            "routes": [{"name": name, "title": title} for name, title in named.routes],
            "waiting": named.waiting,
        },
    }


def edit_row(row: PeopleEdit) -> dict[str, Any]:
    return {
        "id": row.pk,
        "what": row.label,
        "by": row.by,
        "at": moment(row.at),
        "taken_back_by": row.undone_by or None,
        "taken_back_at": moment(row.undone_at),
    }


def _member_set(view: Endpoint, group: str, *, member: bool) -> HttpResponse:
    view.rights.require_admin()
    row = group_selectors.group_get(group)
    services.group_member_set(
        view.actor, group=row.name, username=view.sent["username"], member=member, now=clock.now()
    )
    return answer(group_detail(group_selectors.group_get(group)))


def _require_admin_reads(view: Endpoint) -> None:
    """Reading needs the scope ``read`` alone, and somebody who administers, by a token that is bound to no system."""
    if not view.rights.is_admin or view.actor.systems:
        view.rights.require_admin()


def _person_tag(user: User) -> str:
    return content_tag(services.account_state(user))


def _group_tag(name: str) -> str:
    return content_tag(services.group_members(name))

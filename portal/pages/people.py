"""People and groups: who may sign in, whom does a policy mean? Edited by platform admins, who look before they save."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from governance.selectors import groups as group_selectors
from governance.selectors import provisioned
from governance.selectors.second_factors import factors_of, with_factors
from governance.services import people as services
from governance.services.teams import team_update
from governance.services.undoing import people_edit_undo
from idp.catalog.models import Team, User
from idp.kernel import clock, keyset
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound
from portal.forms.looked_at import fingerprint, was_looked_at
from portal.forms.people import GroupForm, GroupMemberForm, PersonForm, PlaceForm
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import people as reading
from portal.reading.reach import group_reach
from portal.reading.teams import all_teams, members_of, systems_of, team_get
from provisioning.selectors import people as selectors

PAGE = 50


@page("administration")
def people(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    query = request.GET.get("q", "").strip()[:80]
    rows = with_factors(selectors.people(query))
    found = keyset.page(rows, order=("username",), cursor=request.GET.get("cursor"), limit=PAGE)
    managed = provisioned.managed_among(one.pk for one in found.items)
    context = {"people": found.items, "managed": managed, "next": found.next, "query": query}
    return render(request, "people/people.html", context)


@page("administration", methods=FORM)
def person(request: PageRequest, username: str) -> HttpResponse:
    request.rights.require_admin()
    one = selectors.person_get(username, provisioned.with_directory(User.objects.all(), clock.now()))
    groups = list(one.groups.exclude(name__startswith="team:").order_by("name"))
    initial = {"display_name": one.display_name, "email": one.email, "active": one.is_active}
    form = PersonForm(request.POST or None, initial=initial)
    if request.method == "POST" and was_looked_at(request.POST) and form.is_valid():
        try:
            services.account_update(request.actor, username=username, now=clock.now(), **form.cleaned_data)
        except InvalidInput as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{username} is saved")
            return redirect("person", username)
    found = selectors.leaving(one)
    goes = one.is_active and request.method == "POST" and not request.POST.get("active")
    context = {
        "person": one,
        "form": form,
        "roles": selectors.roles_of(one),
        "groups": groups,
        "leaving": found,
        "facts": reading.leaving_facts(found),
        "goes": goes,
        "factors": factors_of(one.pk),
        "managed": provisioned.managed_of(one),
        "may_hand_over": provisioned.may_be_handed_over(one, [group.name for group in groups]),
        **_looked(request),
    }
    return render(request, "people/person.html", context, status=_status(form))


@page("administration", methods=FORM)
def groups(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    form = GroupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.group_create(request.actor, name=form.cleaned_data["name"], now=clock.now())
        except (InvalidInput, Conflict) as error:
            add_errors(form, _at(error, "name"))
        else:
            return redirect("group", made.name)
    context = {"groups": list(group_selectors.groups_of_people()[:200]), "form": form}
    return render(request, "people/groups.html", context, status=422 if form.errors else 200)


@page("administration", methods=FORM)
def group(request: PageRequest, name: str) -> HttpResponse:
    """Its people. Who comes or goes is looked at first, with the decisions that this moves."""
    request.rights.require_admin()
    row = group_selectors.group_get(name)
    member, form = request.POST.get("member") != "out", GroupMemberForm(request.POST or None)
    named, reach = group_selectors.group_named(name), None
    if request.method == "POST" and form.is_valid():
        user = form.cleaned_data["user"]
        try:
            reach = group_reach(selectors.person_get(user), name, member=member, named=named)
            if was_looked_at(request.POST):
                services.group_member_set(request.actor, group=name, username=user, member=member, now=clock.now())
                messages.success(request, f"{user} is {'in' if member else 'no longer in'} {name}")
                return redirect("group", name)
        except (InvalidInput, Conflict, NotFound) as error:
            add_errors(form, _at(error, "user"))
            reach = None
    context = {
        "group": row,
        "members": group_selectors.members_of_group(row),
        "named": named,
        "form": form,
        "reach": reach,
        "member": member,
        "edits": reading.edits_recent(reading.of_group(name), most=5),
        "stays": name in services.BUILT_IN,
        **_looked(request),
    }
    return render(request, "people/group.html", context, status=422 if form.errors else 200)


@page("administration", methods=POST)
def group_delete(request: PageRequest, name: str) -> HttpResponse:
    try:
        services.group_delete(request.actor, name=name, now=clock.now())
    except Conflict as error:
        messages.error(request, f"{name} stays\n{error.message} {error.remedy}".strip())
        return redirect("group", name)
    messages.success(request, f"{name} is deleted\nTake it back under Edited lately.")
    return redirect("administration")


@page("administration", methods=FORM)
def team_place(request: PageRequest, team: str) -> HttpResponse:
    """The team above, and the end of a team."""
    request.rights.require_admin()
    one = team_get(team)
    above = Team.objects.filter(children=one).values_list("slug", flat=True).first() or ""
    teams = [other for other in all_teams().filter(archived_at=None) if other.pk != one.pk]
    form = PlaceForm(request.POST or None, teams=teams, initial={"parent": above, "archived": bool(one.archived_at)})
    if request.method == "POST" and was_looked_at(request.POST) and form.is_valid():
        try:
            team_update(request.actor, team=one, now=clock.now(), **form.cleaned_data)
        except (InvalidInput, Conflict) as error:
            add_errors(form, _at(error, "archived"))
        else:
            messages.success(request, f"{one.name} is saved")
            return redirect("team", one.slug)
    context = {
        "team": one,
        "form": form,
        "members": members_of(one),
        "systems": systems_of(request.rights, one),
        **_looked(request),
    }
    return render(request, "people/place.html", context, status=_status(form))


@page("administration", methods=POST)
def people_undo(request: PageRequest, edit: int) -> HttpResponse:
    try:
        row = people_edit_undo(request.actor, edit, now=clock.now())
    except (Conflict, InvalidInput) as error:
        messages.error(request, f"Not taken back\n{error.message} {error.remedy}".strip())
    else:
        messages.success(request, f"Taken back\n{row.label}")
    return redirect(_back(request))


def _back(request: PageRequest) -> str:
    """The page whose button it was, where that is one of ours; else the page of administration."""
    wanted = request.POST.get("next", "")
    safe = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if safe else reverse("administration")


def _looked(request: PageRequest) -> dict[str, Any]:
    posted = request.method == "POST"
    return {"looked": posted, "looked_at": fingerprint(request.POST) if posted else ""}


def _status(form: PersonForm | PlaceForm) -> int:
    return 422 if form.errors else 200


def _at(error: InvalidInput | Conflict | NotFound, field: str) -> InvalidInput:
    """The error at a field, where it names none."""
    errors = error.errors or [FieldError(field, f"{error.message} {error.remedy}".strip())]
    return InvalidInput(error.message, errors=errors)

"""Teams: who is in it, what do they own, how much of their quota is used and by what?"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.selectors import quota
from governance.selectors.lending import moved_by_loans
from governance.services import teams as services
from idp.catalog.models import Team, User
from idp.kernel import clock, keyset
from idp.kernel.errors import FieldError, InvalidInput, NotFound
from portal.drawing import words
from portal.forms.catalog import MemberForm, TeamForm
from portal.forms.looked_at import fingerprint, was_looked_at
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import quotas
from portal.reading import teams as reading
from portal.reading.role_reach import role_reach

PAGE = 20


@page("teams")
def teams(request: PageRequest) -> HttpResponse:
    rights = request.rights
    cursor = request.GET.get("cursor")
    found = keyset.page(reading.team_list(rights), order=("away", "name", "id"), cursor=cursor, limit=PAGE)
    states = quota.quota_states(team.pk for team in found.items)
    systems = reading.systems_counted(rights, found.items)
    for team in found.items:
        team.bars = quotas.bars(states[team.pk])  # type: ignore[attr-defined]  # for the template
        team.environments_count = states[team.pk].used.environments  # type: ignore[attr-defined]
        team.systems_count = systems.get(team.pk, 0)  # type: ignore[attr-defined]
    context = {
        "teams": found.items,
        "next": found.next,
        "shown": f"Shows {words.count(len(found.items), 'team,teams')}, your own first",
        "first_page": request.path if cursor else "",
        "own": set(rights.teams),
        "may_create": rights.may_administer(),
    }
    return render(request, "teams/teams.html", context)


@page("teams")
def team(request: PageRequest, team: str) -> HttpResponse:
    return _team_page(request, team, MemberForm())


def _team_page(request: PageRequest, slug: str, form: MemberForm) -> HttpResponse:
    rights, team = request.rights, reading.team_get(slug, loans=True)
    state = reading.quota_of(team)
    shares = reading.shares(rights, team, state.used)
    owners = quotas.owners(shares)
    costs = reading.cost_by_system(shares)
    systems = reading.systems_of(rights, team)
    lent, borrowed = moved_by_loans(team)
    context = {
        "team": team,
        "members": reading.members_of(team),
        "systems": [(system, costs.get(system.slug, 0)) for system in systems],
        "uses": reading.ledger(rights, team),
        "uses_count": int(reading.total(shares, "environments")),
        "owners": owners,
        "bars": quotas.bars(state, shares, owners, lent=lent, borrowed=borrowed),
        "ceilings": quotas.ceiling_bars(state),
        "totals": {name: reading.total(shares, name) for name in ("cpu", "memory_gib", "storage_gib", "cost")},
        "may_manage": rights.may_manage(team),
        "may_set_quota": rights.may_administer(),
        "form": form,
        "currency": settings.CURRENCY,
    }
    return render(request, "teams/team.html", context, status=422 if form.errors else 200)


@page("teams", methods=FORM)
def team_new(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    form = TeamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.team_create(request.rights.actor, **form.cleaned_data, now=clock.now())
        except InvalidInput as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{made.name} is there\nAdd its members, and set its quota.")
            return redirect("team", made.slug)
    return _form(request, "teams/team_form.html", {"form": form})


@page("teams", methods=FORM)
def team_edit(request: PageRequest, team: str) -> HttpResponse:
    one = _managed(request, team)
    initial = {"name": one.name, "description": one.description}
    form = TeamForm(request.POST or None, existing=True, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.team_update(request.rights.actor, team=one, **form.cleaned_data, now=clock.now())
        except InvalidInput as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{form.cleaned_data['name']} is saved")
            return redirect("team", one.slug)
    return _form(request, "teams/team_form.html", {"form": form, "team": one})


@page("teams", methods=POST)
def member_set(request: PageRequest, team: str) -> HttpResponse:
    """Who gets which role: looked at first, with what it moves, then saved."""
    one = _managed(request, team)
    form = MemberForm(request.POST)
    if not form.is_valid():
        return _team_page(request, one.slug, form)
    role = form.cleaned_data["role"]
    try:
        found = _account(form.cleaned_data["user"])
        services.role_checked(one, found, role)
        if not was_looked_at(request.POST):
            return _role_looked_at(request, one, found, role)
        services.membership_set(request.rights.actor, team=one, user=found, role=role, now=clock.now())
    except InvalidInput as error:
        add_errors(form, error)
        return _team_page(request, one.slug, form)
    messages.success(request, f"{found.username} is {role} of {one.name}")
    return redirect("team", one.slug)


def _account(name: str) -> User:
    found = reading.member_get(name)
    if found is None:
        message = f"There is no account {name}. Type the name that the person signs in with."
        raise InvalidInput(message, errors=[FieldError("user", message)])
    return found


@page("teams", methods=POST)
def member_remove(request: PageRequest, team: str) -> HttpResponse:
    one = _managed(request, team)
    found = reading.member_get(request.POST.get("user", "")[:150])
    if found is None:
        raise NotFound("That account does not exist or is switched off, so nothing was changed.")
    if not was_looked_at(request.POST):
        return _role_looked_at(request, one, found, "")
    services.membership_remove(request.rights.actor, team=one, user=found, now=clock.now())
    messages.success(request, f"{found.username} is no longer in {one.name}")
    return redirect("team", one.slug)


def _role_looked_at(request: PageRequest, team: Team, user: User, role: str) -> HttpResponse:
    """What the role, or its end where it is empty, moves; saved by what the page sends."""
    context = {"team": team, "reach": role_reach(user, team, role), "looked_at": fingerprint(request.POST)}
    return render(request, "teams/role.html", context)


def _managed(request: PageRequest, slug: str) -> Team:
    one = reading.team_get(slug)
    request.rights.require_manage(one)
    return one


def _form(request: PageRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, context, status=422 if context["form"].errors else 200)

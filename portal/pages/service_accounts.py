"""A team's service accounts: which programs act for it, and with which tokens? For its maintainers and admins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.models import ApiToken
from governance.services import tokens
from governance.services.service_accounts import service_account_create
from idp.catalog.models import Team
from idp.kernel import clock
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound
from portal.forms.service_accounts import ServiceAccountForm, ServiceTokenForm
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import POST, page
from portal.reading import teams as team_reading
from portal.reading.service_accounts import accounts_of


@page("teams")
def service_accounts(request: PageRequest, team: str) -> HttpResponse:
    return _page(request, _managed(request, team))


@page("teams", methods=POST)
def service_account_new(request: PageRequest, team: str) -> HttpResponse:
    row, form = _managed(request, team), ServiceAccountForm(request.POST)
    if form.is_valid():
        name = form.cleaned_data["username"]
        try:
            made = service_account_create(request.rights.actor, team=row, username=name, now=clock.now())
        except InvalidInput as error:
            add_errors(form, error)
        except Conflict as error:
            add_errors(form, InvalidInput(error.message, errors=[FieldError("username", error.message)]))
        else:
            messages.success(request, f"{made.username} is there\nGive it a role among the members, then a token.")
            return redirect("service-accounts", row.slug)
    return _page(request, row, account_form=form)


@page("teams", methods=POST)
def service_token_new(request: PageRequest, team: str) -> HttpResponse:
    row = _managed(request, team)
    form = _token_form(request, row, request.POST)
    if not form.is_valid():
        return _page(request, row, form=form)
    data, now = form.cleaned_data, clock.now()
    owner = next(one.user for one in accounts_of(row, now) if one.user.username == data["account"])
    try:
        token, plaintext = tokens.token_create(
            request.rights.actor,
            owner=owner,
            name=data["name"],
            scopes=data["scopes"],
            systems=data["systems"],
            expires_at=now + timedelta(days=data["days"]),
            for_people=data.get("for_people", False),
            now=now,
        )
    except InvalidInput as error:
        add_errors(form, error)
        return _page(request, row, form=form)
    return _page(request, row, shown={"token": token, "plaintext": plaintext})


@page("teams", methods=POST)
def service_token_revoke(request: PageRequest, team: str, token: int) -> HttpResponse:
    row = _managed(request, team)
    found = _token(row, token)
    tokens.token_revoke(request.rights.actor, token=found, now=clock.now())
    messages.success(request, f"{found.name} is revoked\nWhatever still uses it is refused from now on.")
    return redirect("service-accounts", row.slug)


@page("teams", methods=POST)
def service_token_rotate(request: PageRequest, team: str, token: int) -> HttpResponse:
    row = _managed(request, team)
    made, plaintext = tokens.token_rotate(request.rights.actor, token=_token(row, token), now=clock.now())
    return _page(request, row, shown={"token": made, "plaintext": plaintext, "instead": True})


def _managed(request: PageRequest, slug: str) -> Team:
    row = team_reading.team_get(slug)
    request.rights.require_manage(row)
    return row


def _token(team: Team, number: int) -> ApiToken:
    found = ApiToken.objects.select_related("owner__service_of").filter(owner__service_of=team, pk=number).first()
    if found is None:
        raise NotFound(f"No service account of {team.slug} has such a token.")
    return found


def _token_form(request: PageRequest, team: Team, data: Any = None) -> ServiceTokenForm:
    users = [one.user for one in accounts_of(team, clock.now()) if one.user.is_active and not one.for_git]
    return ServiceTokenForm(data, accounts=users, may_act=request.rights.may_administer())


def _page(
    request: PageRequest,
    team: Team,
    *,
    form: ServiceTokenForm | None = None,
    account_form: ServiceAccountForm | None = None,
    shown: dict[str, Any] | None = None,
) -> HttpResponse:
    context = {
        "team": team,
        "accounts": accounts_of(team, clock.now()),
        "form": form or _token_form(request, team),
        "account_form": account_form or ServiceAccountForm(),
        "shown": shown,
    }
    failed = (form is not None and form.errors) or (account_form is not None and account_form.errors)
    response = render(request, "teams/service_accounts.html", context, status=422 if failed else 200)
    if shown:
        response["Cache-Control"] = "no-store"
    return response

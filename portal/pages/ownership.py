"""Ownership: what waits for an owner, for a word that it still is owned, or for a team to agree to take it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from idp.catalog.selectors import system_get
from idp.kernel import clock
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound, QuotaExceeded
from portal.forms.people import TransferForm
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading.teams import all_teams, systems_of
from provisioning.selectors import ownership as selectors
from provisioning.services import transfers
from provisioning.services.ownership import ownership_confirm


@page("administration")
def ownership(request: PageRequest) -> HttpResponse:
    rights, teams = request.rights, selectors.team_views()
    context = {
        "alone": selectors.alone(rights, teams),
        "weak": selectors.without_maintainer(rights, teams),
        "unconfirmed": selectors.unconfirmed(rights, teams, now=clock.now()),
        "transfers": [
            (one, rights.may_manage(one.giver) or rights.may_manage(one.taker))
            for one in selectors.transfers_open(rights)
        ],
        "own": request.actor.user_id,
    }
    return render(request, "ownership/ownership.html", context)


@page("administration", methods=POST)
def system_confirm(request: PageRequest, system: str) -> HttpResponse:
    ownership_confirm(request.actor, system=system_get(request.rights, system), now=clock.now())
    messages.success(request, f"{system} is confirmed for another half year")
    return redirect("ownership")


@page("administration", methods=FORM)
def system_transfer(request: PageRequest, system: str) -> HttpResponse:
    """Ask that a system goes to another team; says what goes with it."""
    found = system_get(request.rights, system)
    teams = [one for one in all_teams().filter(archived_at=None) if one.pk != found.team_id]
    may = request.rights.may_manage(found.team) or any(request.rights.may_manage(one) for one in teams)
    if not may:
        request.rights.require_manage(found.team)
    form = TransferForm(request.POST or None, teams=teams)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            transfers.transfer_ask(
                request.actor, system=found, taker=given["team"], reason=given["reason"], now=clock.now()
            )
        except (InvalidInput, Conflict, QuotaExceeded) as error:
            add_errors(form, _at_team(error))
        else:
            messages.success(request, f"The transfer of {system} is asked for")
            return redirect("ownership")
    context = {
        "system": found,
        "form": form,
        "uses": selectors.uses_of(found),
        "open": selectors.open_changes(found),
        "others": len(systems_of(request.rights, found.team)) - 1,
    }
    return render(request, "ownership/transfer.html", context, status=422 if form.errors else 200)


@page("administration", methods=POST)
def transfer_act(request: PageRequest, transfer: int, act: str) -> HttpResponse:
    if act not in ("agree", "end"):
        raise NotFound("A transfer is agreed to, or ended.")
    carry_out = transfers.transfer_agree if act == "agree" else transfers.transfer_end
    try:
        row = carry_out(request.actor, transfer, now=clock.now())
    except (Conflict, QuotaExceeded) as error:
        messages.error(request, f"Nothing was changed\n{error.message} {error.remedy}".strip())
    else:
        done = f"{row.system.slug} belongs to {row.taker.name} now" if row.state == "done" else "You agreed"
        messages.success(request, done if act == "agree" else f"The transfer of {row.system.slug} is {row.state}")
    return redirect("ownership")


def _at_team(error: InvalidInput | Conflict | QuotaExceeded) -> InvalidInput:
    """The error at a field, where it names none of the form."""
    if isinstance(error, InvalidInput):
        return error
    return InvalidInput(error.message, errors=[FieldError("team", f"{error.message} {error.remedy}".strip())])

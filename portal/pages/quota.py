"""A team's quota: what moved it, what could make room, loans to and from other teams, and asking for more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.access import MANAGE_TEAM, REQUEST_CHANGE
from governance.domain.lending import in_words
from governance.domain.quota import Amounts
from governance.selectors.lending import loans, quota_requests
from governance.selectors.quota import quota_state
from governance.selectors.quota_ledger import ledger_page, place_read
from governance.services import loans as lending
from governance.services import quota_requests as requests
from idp.catalog.models import Team
from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, NotFound
from portal.forms.quota import LoanForm, MoreForm
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import quota_ledger, quotas
from portal.reading import teams as reading
from provisioning.selectors.freeable import freeable

ON_A_PAGE = 25
ACTS = {
    "accept": (lending.loan_accept, "The loan runs"),
    "decline": (lending.loan_decline, "The loan is declined"),
    "withdraw": (lending.loan_withdraw, "The proposal is withdrawn"),
    "return": (lending.loan_return, "The loan is over; what is free goes back at once"),
}


@page("teams")
def quota_ledger_page(request: PageRequest, team: str) -> HttpResponse:
    one = reading.team_get(team)
    before = place_read(_moment(request.GET.get("before")), request.GET.get("among", ""))
    found = ledger_page(one.pk, before=before)
    context = {"team": one, "lines": quota_ledger.lines(request.rights, one, found), "next": found.next}
    return render(request, "quotas/ledger.html", context | {"first": "before" not in request.GET})


def _moment(text: str | None) -> datetime | None:
    """From the address; whatever is no moment with a time zone begins at the newest."""
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return at if at.tzinfo else None


@page("teams")
def quota_room(request: PageRequest, team: str) -> HttpResponse:
    one = reading.team_get(team)
    context = {
        "team": one,
        "rows": freeable(request.rights, one, now=clock.now()),
        "bars": quotas.bars(quota_state(one.pk)),
        "lent": loans(team=one.slug).filter(state__in=("active", "due")),
    }
    return render(request, "quotas/room.html", context)


@page("teams", methods=FORM)
def quota_loans(request: PageRequest, team: str) -> HttpResponse:
    one = reading.team_get(team)
    form = LoanForm(request.POST or None, teams=_others(one))
    if request.method == "POST":
        request.rights.require_manage(one)
        if form.is_valid() and _proposed(request, one, form):
            return redirect("quota-loans", one.slug)
    return _loans(request, one, form)


def _proposed(request: PageRequest, one: Team, form: LoanForm) -> bool:
    sent, other = form.cleaned_data, reading.team_get(form.cleaned_data["team"])
    lender, borrower = (one, other) if sent["side"] == "lender" else (other, one)
    try:
        lending.loan_propose(
            request.actor,
            side=sent["side"],
            lender=lender,
            borrower=borrower,
            amounts=form.amounts(),
            ends_at=form.ends_at(),
            reason=sent["reason"],
            now=clock.now(),
        )
    except InvalidInput as error:
        add_errors(form, error)
        return False
    messages.success(request, f"The loan is proposed\nIt runs when a maintainer of {other.name} accepts it.")
    return True


def _loans(request: PageRequest, one: Team, form: LoanForm, *, refused: Any = None) -> HttpResponse:
    rows: Any = Paginator(loans(team=one.slug), ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "team": one,
        "rows": rows,
        "form": form if request.rights.may_manage(one) else None,
        "bars": quotas.bars(quota_state(one.pk)),
        "refused": refused,
    }
    for row in rows:
        row.acts = _may(request, one, row)
        row.words = in_words(Amounts.of(row))
        row.owed = in_words(lending.outstanding_of(row)) if row.state == "due" else ""
    return render(request, "quotas/loans.html", context, status=422 if form.errors or refused else 200)


def _may(request: PageRequest, one: Team, row: Any) -> list[tuple[str, str]]:
    """What a maintainer of this team can do with the loan: (act, words)."""
    if not request.rights.may_manage(one):
        return []
    ours = row.lender_id == one.pk
    if row.state in ("offered", "asked"):
        mine = ours == (row.state == "offered")
        return [("withdraw", "Withdraw")] if mine else [("accept", "Accept"), ("decline", "Decline")]
    return [("return", "Give back now")] if row.state == "active" and not ours else []


@page("teams", methods=POST)
def loan_act(request: PageRequest, team: str, loan: int, act: str) -> HttpResponse:
    """``accept``, ``decline``, ``withdraw`` or ``return``."""
    one = reading.team_get(team)
    if act not in ACTS:
        raise NotFound("There is no such action.", remedy="Use a button of the page.")
    verb, said = ACTS[act]
    try:
        verb(request.actor, loan, now=clock.now())
    except (InvalidInput, Conflict) as error:
        return _loans(request, one, LoanForm(teams=_others(one)), refused=error)
    messages.success(request, said)
    return redirect("quota-loans", one.slug)


@page("teams", methods=FORM)
def quota_more(request: PageRequest, team: str) -> HttpResponse:
    one = reading.team_get(team)
    form = MoreForm(request.POST or None)
    if request.method == "POST":
        _require_member(request, one)
        if form.is_valid() and _asked(request, one, form):
            return redirect("quota-more", one.slug)
    return _more(request, one, form)


def _require_member(request: PageRequest, one: Team) -> None:
    if not _may_ask(request, one):
        request.rights.require_manage(one)


def _may_ask(request: PageRequest, one: Team) -> bool:
    held = request.rights.teams.get(one.pk, frozenset())
    return request.rights.is_admin or bool({REQUEST_CHANGE, MANAGE_TEAM} & held)


def _asked(request: PageRequest, one: Team, form: MoreForm) -> bool:
    try:
        requests.request_make(
            request.actor, team=one, amounts=form.amounts(), reason=form.cleaned_data["reason"], now=clock.now()
        )
    except InvalidInput as error:
        add_errors(form, error)
        return False
    messages.success(request, "More quota is asked for\nPlatform admins have been told; you hear how they decide.")
    return True


def _more(request: PageRequest, one: Team, form: MoreForm) -> HttpResponse:
    rows = list(quota_requests(team=one.slug)[:ON_A_PAGE])
    for row in rows:
        row.mine = row.state == "open" and (  # type: ignore[attr-defined]  # for the template
            row.made_by_id == request.user.pk or request.rights.may_manage(one)
        )
        row.words = in_words(Amounts.of(row))  # type: ignore[attr-defined]  # for the template
    waits = any(row.state == "open" for row in rows)
    context = {
        "team": one,
        "rows": rows,
        "form": form if _may_ask(request, one) and not waits else None,
        "waits": waits,
        "bars": quotas.bars(quota_state(one.pk)),
    }
    return render(request, "quotas/more.html", context, status=422 if form.errors else 200)


@page("teams", methods=POST)
def quota_more_withdraw(request: PageRequest, team: str, asked: int) -> HttpResponse:
    requests.request_withdraw(request.actor, asked, now=clock.now())
    messages.success(request, "The request is withdrawn")
    return redirect("quota-more", team)


def _others(one: Team) -> list[tuple[str, str]]:
    return list(Team.objects.exclude(pk=one.pk).order_by("name").values_list("slug", "name"))

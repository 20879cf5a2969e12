"""What admins set about quota and money: requests, price lists, budgets; each edit is shown before it is saved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.domain.lending import in_words
from governance.domain.quota import Amounts
from governance.models import Quota
from governance.selectors.lending import loans, quota_requests
from governance.selectors.quota import quota_states
from governance.services.budgets import budgets_set, budgets_shown, budgets_undo
from governance.services.edits import edit_last
from governance.services.quota_limits import quota_undo
from governance.services.quota_requests import request_decide
from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput
from portal.forms.quota import BudgetsForm, PricesForm
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import quotas as reading_quotas
from portal.reading.affected import budget_effects, price_effects
from portal.reading.teams import team_get
from provisioning.selectors.budgets import budget_views
from provisioning.selectors.clusters import cluster_get
from provisioning.services.price_lists import prices_set, prices_undo

ON_A_PAGE = 25


@page("teams")
def quotas(request: PageRequest) -> HttpResponse:
    return _quotas(request)


def _quotas(request: PageRequest, *, refused: Any = None) -> HttpResponse:
    rows = Paginator(Quota.objects.select_related("team").order_by("team__name"), ON_A_PAGE)
    shown = rows.get_page(request.GET.get("page"))
    states = quota_states(row.team_id for row in shown)
    asked = list(quota_requests(state="open")[:ON_A_PAGE])
    for one in asked:
        one.words = in_words(Amounts.of(one))  # type: ignore[attr-defined]  # for the template
    running = list(loans().filter(state__in=("active", "due"))[:ON_A_PAGE])
    for loan in running:
        loan.words = in_words(Amounts.of(loan) - Amounts.of(loan.returned))  # type: ignore[attr-defined]
    context = {
        "rows": shown,
        "lines": [(row, reading_quotas.bars(states[row.team_id])) for row in shown],
        "asked": asked,
        "running": running,
        "may_decide": request.rights.may_administer(),
        "refused": refused,
    }
    return render(request, "quotas/list.html", context, status=422 if refused else 200)


@page("teams", methods=POST)
def quota_decide(request: PageRequest, asked: int) -> HttpResponse:
    grant = request.POST.get("do") == "grant"
    try:
        done = request_decide(request.actor, asked, grant=grant, answer=request.POST.get("answer", ""), now=clock.now())
    except (InvalidInput, Conflict) as error:
        return _quotas(request, refused=error)
    messages.success(request, f"The request of {done.team.name} is {done.state}")
    return redirect("quotas")


@page("teams", methods=POST)
def team_quota_undo(request: PageRequest, team: str) -> HttpResponse:
    one = team_get(team)
    quota_undo(request.actor, team=one, edit_id=_edit(request), now=clock.now())
    messages.success(request, f"The quota of {one.name} is as it was before")
    return redirect("team-quota", one.slug)


@page("teams", methods=FORM)
def team_budgets(request: PageRequest, team: str) -> HttpResponse:
    one, now = team_get(team), clock.now()
    before = budgets_shown(one)
    form = BudgetsForm(request.POST or None, initial={"budgets": BudgetsForm.shown(before)})
    effects: list[Any] | None = None
    if request.method == "POST":
        request.rights.require_admin()
        if form.is_valid():
            try:
                if request.POST.get("do") == "save":
                    budgets_set(request.actor, team=one, budgets=form.cleaned_data["budgets"], now=now)
                    messages.success(request, f"The budgets of {one.name} are set")
                    return redirect("team-budgets", one.slug)
                effects = budget_effects(one, form.cleaned_data["budgets"], now=now)
            except InvalidInput as error:
                add_errors(form, _at(error, "budgets"))
    context = {
        "team": one,
        "form": form,
        "views": budget_views(one.pk, now=now),
        "effects": effects,
        "last": edit_last("budget", one.pk) if request.rights.may_administer() else None,
        "may_set": request.rights.may_administer(),
        "currency": settings.CURRENCY,
    }
    return render(request, "quotas/budgets.html", context, status=422 if form.errors else 200)


@page("teams", methods=POST)
def team_budgets_undo(request: PageRequest, team: str) -> HttpResponse:
    one = team_get(team)
    budgets_undo(request.actor, team=one, edit_id=_edit(request), now=clock.now())
    messages.success(request, f"The budgets of {one.name} are as they were before")
    return redirect("team-budgets", one.slug)


@page("environments", methods=FORM)
def cluster_prices(request: PageRequest, cluster: str) -> HttpResponse:
    request.rights.require_admin()
    found = cluster_get(cluster)
    form = PricesForm(request.POST or None, initial={"lists": PricesForm.shown(found.price_lists)})
    effects: list[Any] | None = None
    if request.method == "POST" and form.is_valid():
        try:
            if request.POST.get("do") == "save":
                prices_set(request.actor, cluster=found.name, lists=form.cleaned_data["lists"], now=clock.now())
                messages.success(request, f"The prices of {found.name} are set")
                return redirect("cluster-prices", found.name)
            effects = price_effects(found, form.cleaned_data["lists"], now=clock.now())
        except InvalidInput as error:
            add_errors(form, _at(error, "lists"))
    context = {
        "cluster": found,
        "form": form,
        "effects": effects,
        "last": edit_last("prices", found.pk),
        "currency": settings.CURRENCY,
    }
    return render(request, "quotas/prices.html", context, status=422 if form.errors else 200)


@page("environments", methods=POST)
def cluster_prices_undo(request: PageRequest, cluster: str) -> HttpResponse:
    found = cluster_get(cluster)
    prices_undo(request.actor, cluster=found, edit_id=_edit(request), now=clock.now())
    messages.success(request, f"The prices of {found.name} are as they were before")
    return redirect("cluster-prices", found.name)


def _edit(request: PageRequest) -> int:
    text = request.POST.get("edit", "")
    return int(text) if text.isdecimal() and len(text) < 18 else 0


def _at(error: InvalidInput, field: str) -> InvalidInput:
    """Every fault at the one field that holds all lines."""
    return InvalidInput(error.message, remedy=error.remedy, errors=[replace(one, path=field) for one in error.errors])

"""Forms in which admins set limits, budgets and prices: filled in, looked at with who is affected, saved, taken back.

What is saved is what was looked at; a form that differs, or under which somebody else edited, is drawn anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from governance.domain.quota import Amounts
from governance.models import Quota
from governance.selectors.quota import quota_state
from governance.services.budgets import budgets_set, budgets_shown, budgets_undo
from governance.services.edits import edit_last
from governance.services.quota_limits import limits_shown, quota_set, quota_undo
from idp.catalog.models import System, Team
from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, PreconditionFailed
from portal.forms.limits import LimitsEdit
from portal.forms.money import BudgetsEdit, PricesEdit
from portal.forms.row_sets import ASKED, Edit
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading.affected import Effect, budget_effects, limit_effects, limit_facts, price_effects
from portal.reading.affected_changes import changes_under_budgets, changes_under_prices
from portal.reading.policies import DAYS_OFFERED
from portal.reading.policy_replays import days_asked
from portal.reading.quotas import bars
from portal.reading.teams import team_get
from provisioning.models import Capability, Cluster, Stage
from provisioning.selectors.budgets import budget_views
from provisioning.selectors.clusters import cluster_get
from provisioning.services.price_lists import prices_set, prices_undo
from provisioning.services.quota_replays import replay_of_quota

Effects = list[Effect]


def _looked(form: Edit, effects: Callable[[], Effects], save: Callable[[], object]) -> tuple[Effects | None, bool]:
    """Who is affected, None while the form is not right; and whether it was saved, because that is what was shown."""
    if not form.valid():
        return None, False
    try:
        if form.asks_to_save():
            save()
            return None, True
        return effects(), False
    except (InvalidInput, Conflict, PreconditionFailed) as error:
        form.refuse(error)
        return None, False


@dataclass(frozen=True, slots=True)
class Sheet:
    """One form of this module: what is set by it, in words, its address, and what it is drawn with."""

    what: str
    there: str
    template: str
    context: dict[str, Any]


def _edited(
    request: PageRequest,
    form: Edit,
    sheet: Sheet,
    *,
    effects: Callable[[], Effects],
    waiting: Callable[[], Effects],
    save: Callable[[], object],
) -> HttpResponse:
    """Look or save: the form with who is affected and which changes that wait are, or back to it once it is saved."""
    found, saved = _looked(form, effects, save)
    if saved:
        messages.success(request, f"{sheet.what} are set\nThey can be taken back below.")
        return redirect(sheet.there)
    told = {"effects": found, "waiting": waiting() if found else []}
    return _drawn(request, sheet.template, form, {**sheet.context, **told})


def _drawn(request: PageRequest, template: str, form: Edit, context: dict[str, Any]) -> HttpResponse:
    """The form; as refused only when somebody asked to look or to save, not while rows come and go."""
    effects = context["effects"]
    wrong = form.do in ASKED and effects is None
    context |= {
        "form": form,
        "looked_at": form.looked_at if effects is not None else "",
        "currency": settings.CURRENCY,
        "may_set": request.rights.may_administer(),
    }
    return render(request, template, context, status=422 if wrong or form.general else 200)


@page("teams", methods=FORM)
def team_quota(request: PageRequest, team: str) -> HttpResponse:
    request.rights.require_admin()
    one = team_get(team)
    state = quota_state(one.pk)
    form = LimitsEdit(
        request.POST if request.method == "POST" else None,
        before=limits_shown(one.quota if hasattr(one, "quota") else Quota(**Amounts().as_dict())),
        stages=Stage.objects.order_by("order", "name").values_list("name", flat=True),
        capabilities=Capability.objects.order_by("name").values_list("name", flat=True),
    )

    def save() -> object:
        return quota_set(
            request.actor, team=one, **form.amounts(), ceilings=form.document()["ceilings"], now=clock.now()
        )

    days = days_asked(request.POST.get("days", ""))
    if days is not None and form.valid():
        limits, ceilings = Amounts.of(form.amounts()), form.document()["ceilings"]
        report = replay_of_quota(request.actor, team=one, limits=limits, ceilings=ceilings, days=days, now=clock.now())
        return redirect("policy-replay", report.pk)
    effects, saved = _looked(form, lambda: limit_effects(one, state, form.document()), save)
    if saved:
        messages.success(request, f"The limits of {one.name} are set\nThey can be taken back below.")
        return redirect("team-quota", one.slug)
    context = {
        "team": one,
        "bars": bars(state),
        "effects": effects,
        "facts": limit_facts(one, state, effects or []),
        "last": edit_last("quota", one.pk),
        "days": DAYS_OFFERED,
    }
    return _drawn(request, "teams/quota_form.html", form, context)


@page("teams", methods=POST)
def team_quota_undo(request: PageRequest, team: str) -> HttpResponse:
    one = team_get(team)
    quota_undo(request.actor, team=one, edit_id=_edit(request), now=clock.now())
    messages.success(request, f"The limits of {one.name} are as they were before")
    return redirect("team-quota", one.slug)


@page("teams", methods=FORM)
def team_budgets(request: PageRequest, team: str) -> HttpResponse:
    """Read by everybody; set by platform admins."""
    one, now = team_get(team), clock.now()
    if request.method == "POST":
        request.rights.require_admin()
    before = budgets_shown(one)
    form = BudgetsEdit(
        request.POST if request.method == "POST" else None,
        budgets=before,
        team=one.name,
        systems=_systems(one) if request.rights.may_administer() else (),
    )

    def save() -> object:
        return budgets_set(request.actor, team=one, budgets=form.documents(), now=now)

    context = {
        "team": one,
        "views": budget_views(one.pk, now=now),
        "last": edit_last("budget", one.pk) if request.rights.may_administer() else None,
    }
    return _edited(
        request,
        form,
        Sheet(f"The budgets of {one.name}", reverse("team-budgets", args=[one.slug]), "quotas/budgets.html", context),
        effects=lambda: budget_effects(one, before, form.documents(), now=now),
        waiting=lambda: changes_under_budgets(one, form.documents(), now=now),
        save=save,
    )


def _systems(team: Team) -> list[tuple[str, str]]:
    return list(System.objects.filter(team=team).order_by("slug").values_list("slug", "slug"))


@page("teams", methods=POST)
def team_budgets_undo(request: PageRequest, team: str) -> HttpResponse:
    one = team_get(team)
    budgets_undo(request.actor, team=one, edit_id=_edit(request), now=clock.now())
    messages.success(request, f"The budgets of {one.name} are as they were before")
    return redirect("team-budgets", one.slug)


@page("environments", methods=FORM)
def cluster_prices(request: PageRequest, cluster: str) -> HttpResponse:
    request.rights.require_admin()
    found, now = cluster_get(cluster), clock.now()
    form = PricesEdit(
        request.POST if request.method == "POST" else None,
        lists=found.price_lists,
        stages=Stage.objects.order_by("order", "name").values_list("name", flat=True),
    )

    def save() -> Cluster:
        return prices_set(request.actor, cluster=found.name, lists=form.documents(), now=now)

    context = {"cluster": found, "last": edit_last("prices", found.pk)}
    return _edited(
        request,
        form,
        Sheet(
            f"The prices of {found.name}", reverse("cluster-prices", args=[found.name]), "quotas/prices.html", context
        ),
        effects=lambda: price_effects(found, form.documents(), now=now),
        waiting=lambda: changes_under_prices(found, form.documents(), now=now),
        save=save,
    )


@page("environments", methods=POST)
def cluster_prices_undo(request: PageRequest, cluster: str) -> HttpResponse:
    found = cluster_get(cluster)
    prices_undo(request.actor, cluster=found, edit_id=_edit(request), now=clock.now())
    messages.success(request, f"The prices of {found.name} are as they were before")
    return redirect("cluster-prices", found.name)


def _edit(request: PageRequest) -> int:
    text = request.POST.get("edit", "")
    return int(text) if text.isdecimal() and len(text) < 18 else 0

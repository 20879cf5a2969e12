"""Campaigns: who moves when, how far is it, who lags and why? The list, a new one, one with its waves."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render

from idp.catalog.models import System
from idp.kernel import clock, keyset
from idp.kernel.errors import Forbidden, InvalidInput, UserFault
from portal.forms.campaigns import CampaignForm, usual
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, page
from portal.reading import campaigns as reading
from portal.reading.capabilities import in_use
from provisioning.models import Capability
from provisioning.selectors import campaigns as selectors
from provisioning.selectors.capabilities import capability_get, contracts_of
from provisioning.services.campaigns import USABLE, Layout, campaign_draft, campaign_layout

PAGE = 50
PARTS = 50


@page("capabilities")
def campaigns(request: PageRequest) -> HttpResponse:
    asked = request.GET.get("capability", "")[:40]
    rows = selectors.campaign_list()
    if asked:
        rows = rows.filter(capability__name=asked)
    found = keyset.page(rows, order=("-id",), cursor=request.GET.get("cursor"), limit=PAGE)
    counts = selectors.counts_of(found.items)
    context = {
        "campaigns": [
            {"campaign": one, "counts": counts[one.pk], "answer": reading.answer(one, counts[one.pk])}
            for one in found.items
        ],
        "next": found.next,
        "asked": asked,
        "capabilities": _conducted(request),
    }
    return render(request, "campaigns/list.html", context)


def _conducted(request: PageRequest) -> list[Capability]:
    """Capabilities of which the person may start campaigns."""
    rows = Capability.objects.select_related("owner").defer("readme").order_by("name")
    return [one for one in rows if selectors.may_conduct(request.rights, one)]


@page("capabilities")
def campaign(request: PageRequest, campaign: int) -> HttpResponse:
    return campaign_page(request, campaign)


def campaign_page(request: PageRequest, number: int, *, error: UserFault | None = None) -> HttpResponse:
    """One campaign; ``error`` is what was wrong with what the person just asked of it."""
    found = selectors.campaign_get(number)
    progress = selectors.progress_of(found)
    conducts = selectors.may_conduct(request.rights, found.capability)
    laggards, more = reading.lagging(request.rights, found)
    now = clock.now()
    context: dict[str, Any] = {
        "campaign": found,
        "tab": "overview",
        "answer": reading.answer(found, progress.counts),
        "progress": progress,
        "facts": reading.facts(found, progress),
        "legend": reading.LEGEND,
        "spans": reading.spans(progress, found, now),
        "now": now,
        "waves": reading.wave_lines(progress, found, conducts=conducts),
        "teams": reading.team_lines(progress),
        "laggards": laggards,
        "more_laggards": more,
        "own": reading.own_parts(request.rights, found),
        "conducts": conducts,
        "moving": found.state in ("running", "paused") and _moving(progress),
        "error": error,
    }
    return render(request, "campaigns/campaign.html", context, status=422 if error else 200)


def _moving(progress: selectors.Progress) -> bool:
    """Whether something may be different in a few seconds."""
    return any(progress.counts[state] for state in ("running", "reverting"))


@page("capabilities")
def campaign_environments(request: PageRequest, campaign: int) -> HttpResponse:
    found = selectors.campaign_get(campaign)
    rows = selectors.item_list(request.rights, found)
    state, team = request.GET.get("state", "")[:20], request.GET.get("team", "")[:30]
    if state:
        rows = rows.filter(state=state)
    if team:
        rows = rows.filter(environment__system__team__slug=team)
    listed = keyset.page(rows, order=("id",), cursor=request.GET.get("cursor"), limit=PARTS)
    progress = selectors.progress_of(found)
    context = {
        "campaign": found,
        "tab": "environments",
        "answer": reading.answer(found, progress.counts),
        "parts": reading.parts(request.rights, found, listed.items),
        "next": listed.next,
        "conducts": selectors.may_conduct(request.rights, found.capability),
        "asked": {"state": state, "team": team},
        "states": [{"value": one, "label": one.replace("-", " ").capitalize()} for one in sorted(progress.counts)],
        "teams": [{"value": slug, "label": name} for slug, name in sorted(progress.names.items())],
    }
    return render(request, "campaigns/environments.html", context)


@page("capabilities", methods=FORM)
def campaign_new(request: PageRequest) -> HttpResponse:
    """A campaign before it is stored: with ``do=show`` its waves are drawn, with ``do=draft`` it is kept."""
    capability = capability_get(request.POST.get("capability") or request.GET.get("capability", ""))
    _require_conduct(request, capability)
    form = _form(request, capability)
    waves: list[reading.PreviewWave] = []
    if request.method == "POST" and form.is_valid():
        asked = form.settings(capability.name)
        try:
            if request.POST.get("do") == "draft":
                return redirect("campaign", campaign_draft(request.actor, asked, now=clock.now()).pk)
            waves = _preview(request, campaign_layout(request.actor, asked, now=clock.now()))
        except InvalidInput as error:
            add_errors(form, error)
    context = {
        "capability": capability,
        "form": form,
        "waves": list(zip(waves, reading.preview_bars(waves), strict=True)),
        "size": sum(one.size for one in waves),
        "stuck": sum(len(one.stuck) for one in waves),
    }
    return render(request, "campaigns/new.html", context, status=422 if form.errors else 200)


def _require_conduct(request: PageRequest, capability: Capability) -> None:
    if not selectors.may_conduct(request.rights, capability):
        owner = f"maintainers of {capability.owner.slug} and " if capability.owner else ""
        raise Forbidden(f"Only {owner}platform admins may start campaigns of {capability.name}.")


def _form(request: PageRequest, capability: Capability) -> CampaignForm:
    versions = list(contracts_of(capability).defer("document"))
    counts = in_use()
    known: dict[str, Any] = {
        "targets": [one.version for one in versions if one.state in USABLE],
        "sources": [(one.version, counts[one.pk]) for one in versions if counts.get(one.pk)],
    }
    if request.method == "POST":
        return CampaignForm(request.POST, **known)
    asked = {name: request.GET[name][:40] for name in ("target", "sources") if name in request.GET}
    return CampaignForm(initial={**usual(clock.now()), **asked}, **known)


def _preview(request: PageRequest, layout: Layout) -> list[reading.PreviewWave]:
    slugs = {label.split("/")[0] for label in layout.environments}
    seen = System.objects.filter(request.rights.sees(""), slug__in=slugs).values_list("slug", flat=True)
    return reading.preview(layout, frozenset(seen))

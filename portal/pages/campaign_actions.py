"""What people do to a campaign: those who conduct it, and owners to their own environments; back to its page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, NotFound, PolicyDenied, QuotaExceeded
from portal.forms.campaigns import MOMENT_RULE, PostponeForm
from portal.pages.campaigns import campaign_page
from portal.pages.request import PageRequest
from portal.pages.shell import POST, page
from provisioning.models import Campaign
from provisioning.selectors.campaigns import item_get
from provisioning.services import campaigns as services
from provisioning.services.campaign_items import campaign_postpone, campaign_take_earlier

Act = Callable[[PageRequest, int], Campaign]
SAID: Final = {
    "start": "“{}” has begun\nIts owners are told their days.",
    "pause": "“{}” is paused\nWhat runs goes on; nothing more is asked for.",
    "resume": "“{}” goes on",
    "cancel": "“{}” is cancelled\nWhat has moved stays as it is.",
    "rollback": "The wave goes back\nEvery environment that moved gets the revision it had.",
    "retry": "The wave is tried again",
}


def _reason(request: PageRequest) -> str:
    return request.POST.get("reason", "").strip()[:300]


ACTS: Final[dict[str, Act]] = {
    "start": lambda request, pk: services.campaign_start(request.actor, pk, now=clock.now()),
    "pause": lambda request, pk: services.campaign_pause(request.actor, pk, reason=_reason(request), now=clock.now()),
    "resume": lambda request, pk: services.campaign_resume(request.actor, pk, now=clock.now()),
    "cancel": lambda request, pk: services.campaign_cancel(request.actor, pk, reason=_reason(request), now=clock.now()),
}


@page("capabilities", methods=POST)
def campaign_act(request: PageRequest, campaign: int, act: str) -> HttpResponse:
    if act not in ACTS:
        raise NotFound("There is nothing at this address.")
    try:
        done = ACTS[act](request, campaign)
    except (Conflict, InvalidInput) as error:
        return campaign_page(request, campaign, error=error)
    messages.success(request, SAID[act].format(done.title))
    return redirect("campaign", campaign)


@page("capabilities", methods=POST)
def wave_act(request: PageRequest, campaign: int, wave: int, act: str) -> HttpResponse:
    try:
        if act == "rollback":
            services.wave_rollback(request.actor, campaign, wave, reason=_reason(request), now=clock.now())
        elif act == "retry":
            services.wave_retry(request.actor, campaign, wave, now=clock.now())
        else:
            raise NotFound("There is nothing at this address.")
    except (Conflict, InvalidInput) as error:
        return campaign_page(request, campaign, error=error)
    messages.success(request, SAID[act])
    return redirect("campaign", campaign)


@page("capabilities", methods=POST)
def campaign_take(request: PageRequest, campaign: int, item: int) -> HttpResponse:
    """The owner's own change; it leads to the change, where its run or its approvals are."""
    found = item_get(request.rights, campaign, item)
    try:
        done = campaign_take_earlier(request.actor, found.pk, now=clock.now())
    except (Conflict, InvalidInput, PolicyDenied, QuotaExceeded) as error:
        return campaign_page(request, campaign, error=error)
    if done.change_id is None or done.state not in ("waiting", "running"):
        messages.warning(request, f"It did not move\n{done.reason}")
        return _back(request, campaign)
    return redirect("change", done.change_id)


@page("capabilities", methods=POST)
def campaign_move_day(request: PageRequest, campaign: int, item: int) -> HttpResponse:
    found = item_get(request.rights, campaign, item)
    form = PostponeForm(request.POST)
    try:
        if not form.is_valid():
            raise InvalidInput(MOMENT_RULE)
        campaign_postpone(request.actor, found.pk, until=form.cleaned_data["until"], now=clock.now())
    except (Conflict, InvalidInput) as error:
        return campaign_page(request, campaign, error=error)
    messages.success(request, f"{found.environment.system.slug} / {found.environment.name} moves on the day you chose")
    return _back(request, campaign)


def _back(request: PageRequest, campaign: int) -> HttpResponse:
    """To the page that the form stood on, when it is one of ours."""
    asked = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(asked, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return redirect(asked if safe else reverse("campaign", args=[campaign]))

"""Webhooks: who is told what, did it arrive, and how is it sent again?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.models import WebhookEndpoint
from governance.selectors.webhooks import (
    DELIVERY_ORDER,
    attempts_of,
    deliveries_of,
    delivery_get,
    endpoint_get,
    system_named,
)
from governance.services import webhooks as services
from idp.catalog.models import Team
from idp.kernel import clock, keyset
from idp.kernel.errors import FieldError, Forbidden, InvalidInput, NotFound
from portal.forms.confirming import EMPTY, Confirmed
from portal.forms.webhooks import SPANS, EndpointForm, ReplayForm
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import teams
from portal.reading import webhooks as reading

ON_A_PAGE = 30


@page("administration")
def webhooks(request: PageRequest) -> HttpResponse:
    slug = request.GET.get("team", "")
    team = teams.team_get(slug[:30]) if slug else None
    request.nav = "teams" if team else "administration"
    context = {
        "lines": reading.endpoint_lines(request.rights, team=team),
        "team": team,
        "may_make": reading.manages_any(request.rights),
    }
    return render(request, "webhooks/list.html", context)


@page("administration", methods=FORM)
def webhook_new(request: PageRequest) -> HttpResponse:
    own = teams.manageable(request.rights)
    if not own and not request.rights.may_administer():
        raise Forbidden("Only maintainers of a team and platform admins have endpoints.")
    initial = {"team": request.GET.get("team", "")[:30]}
    form = EndpointForm(request.POST or None, teams=own, everyone=request.rights.may_administer(), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            row, secret = _made(request, form, own)
        except InvalidInput as error:
            add_errors(form, error)
        else:
            if secret:
                return _endpoint(request, row, secret=secret)
            messages.success(request, f"{row.name} is told from now on\nSend it a test event to see that it arrives.")
            return redirect("webhook", row.pk)
    return render(request, "webhooks/form.html", {"form": form}, status=422 if form.errors else 200)


def _made(request: PageRequest, form: EndpointForm, own: list[Team]) -> tuple[WebhookEndpoint, str]:
    sent = form.cleaned_data
    try:
        system = system_named(request.rights, sent["system"])
    except NotFound as error:
        raise InvalidInput(error.message, errors=[FieldError("system", error.message)]) from None
    row, secret = services.webhook_create(
        request.actor,
        name=sent["name"],
        kind=sent["kind"],
        url=sent["url"],
        team=next((one for one in own if one.slug == sent["team"]), None),
        system=system,
        events=sent["events"],
        notices=sent["notices"],
        now=clock.now(),
    )
    return endpoint_get(request.rights, row.pk), secret


@page("administration")
def webhook(request: PageRequest, webhook: int) -> HttpResponse:
    return _endpoint(request, endpoint_get(request.rights, webhook))


def _endpoint(
    request: PageRequest, row: WebhookEndpoint, *, secret: str = "", form: ReplayForm | None = None
) -> HttpResponse:
    state = request.GET.get("state", "")
    state = state if state in reading.DELIVERY_STATES else ""
    found = keyset.page(
        deliveries_of(row, state=state), order=DELIVERY_ORDER, cursor=request.GET.get("cursor"), limit=ON_A_PAGE
    )
    context = {
        "line": reading.endpoint_line(row),
        "endpoint": row,
        "deliveries": reading.delivery_lines(found.items),
        "next": found.next,
        "first_page": request.path if request.GET.get("cursor") else "",
        "state": state,
        "states": [{"value": key, "label": word} for key, (_, word) in reading.DELIVERY_STATES.items()],
        "both_until": reading.both_sign_until(row, clock.now()),
        "secret": secret,
        "form": form or ReplayForm(initial={"span": "24h"}),
    }
    response = render(request, "webhooks/endpoint.html", context, status=422 if form and form.errors else 200)
    if secret:
        response["Cache-Control"] = "no-store"
    return response


@page("administration", methods=FORM)
def webhook_edit(request: PageRequest, webhook: int) -> HttpResponse:
    row = endpoint_get(request.rights, webhook)
    form = EndpointForm(request.POST or None, initial=reading.initial_of(row))
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data
        try:
            services.webhook_update(
                request.actor,
                row.pk,
                **{name: sent[name] for name in ("name", "url", "events", "notices")},
                now=clock.now(),
            )
        except InvalidInput as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{sent['name']} is saved")
            return redirect("webhook", row.pk)
    context = {"form": form, "endpoint": row}
    return render(request, "webhooks/form.html", context, status=422 if form.errors else 200)


@page("administration", methods=POST)
def webhook_rotate(request: PageRequest, webhook: int) -> HttpResponse:
    row, secret = services.webhook_rotate(request.actor, webhook, now=clock.now())
    return _endpoint(request, row, secret=secret)


@page("administration", methods=POST)
def webhook_act(request: PageRequest, webhook: int, act: str) -> HttpResponse:
    """Pause it, let it go on, take its last edit back, or send it a test."""
    done = ACTS.get(act)
    if done is None:
        raise NotFound("That cannot be done with an endpoint.")
    service, told = done
    service(request.actor, webhook, now=clock.now())
    messages.success(request, told)
    return redirect("webhook", webhook)


ACTS: dict[str, tuple[Callable[..., Any], str]] = {
    "pause": (services.webhook_pause, "It is told nothing for now\nWhat waited is not sent; replay it later."),
    "resume": (services.webhook_resume, "It is told again, from now on\nReplay what it missed."),
    "take-back": (services.webhook_take_back, "It is as it was before the last edit\nTake that back in the same way."),
    "test": (services.webhook_test, "A test event is on its way\nOpen it below to see how it was answered."),
}


@page("administration", methods=FORM)
def webhook_delete(request: PageRequest, webhook: int) -> HttpResponse:
    row = endpoint_get(request.rights, webhook)
    typed = EMPTY
    if request.method == "POST":
        typed = Confirmed.of(request.POST)
        try:
            services.webhook_delete(request.actor, webhook, confirm=typed.name, now=clock.now())
        except InvalidInput as error:
            typed = typed.refused(error)
        else:
            messages.success(request, f"{row.name} is gone with its log")
            return redirect("webhooks")
    losses = [f"{row.name} is told nothing any more", "The log of what it was sent"]
    context = {"endpoint": row, "losses": losses, "typed": typed}
    return render(request, "webhooks/delete.html", context, status=422 if typed.name_error else 200)


@page("administration", methods=POST)
def webhook_replay(request: PageRequest, webhook: int) -> HttpResponse:
    row = endpoint_get(request.rights, webhook)
    form, now = ReplayForm(request.POST), clock.now()
    if form.is_valid():
        since = now - SPANS[form.cleaned_data["span"]][1]
        try:
            number = services.webhook_replay_period(
                request.actor, webhook, since=since, until=now, every=form.cleaned_data["every"], now=now
            )
        except InvalidInput as error:
            add_errors(form, error)
        else:
            told = f"{number} sent again" if number else "There is nothing to send again"
            messages.success(request, f"{told}\nEach keeps its webhook-id.")
            return redirect("webhook", row.pk)
    return _endpoint(request, row, form=form)


@page("administration")
def delivery(request: PageRequest, webhook: int, delivery: int) -> HttpResponse:
    row = endpoint_get(request.rights, webhook)
    found = delivery_get(row, delivery)
    context = {
        "endpoint": row,
        "line": reading.delivery_line(found),
        "delivery": found,
        "attempts": reading.attempt_lines(attempts_of(found)),
        "body": reading.body_text(found),
    }
    return render(request, "webhooks/delivery.html", context)


@page("administration", methods=POST)
def delivery_replay(request: PageRequest, webhook: int, delivery: int) -> HttpResponse:
    services.webhook_replay(request.actor, webhook, delivery, now=clock.now())
    messages.success(request, "It is sent again\nWith the webhook-id it had.")
    return redirect("webhook-delivery", webhook, delivery)

"""What is wrong with an environment, in words, from its cluster: troubles, the last output, what hangs and its release.

The first answers as a fragment that the environment's page loads by itself, and as a page for browsers without script.
All of them ask the cluster while a person waits; none does so inside a transaction.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, Transient
from portal.forms.confirming import EMPTY, Confirmed
from portal.pages.environments import frame
from portal.pages.shell import FORM, page
from provisioning.models import Environment
from provisioning.selectors.environments import environment_get
from provisioning.selectors.health import Health, resource_log
from provisioning.selectors.health import environment_health as health_of
from provisioning.services.moving import former_of
from provisioning.services.releases import object_held, object_release, release_wait

PLACE = ("api_version", "kind", "name")


@never_cache
@page("environments")
def environment_health(request: HttpRequest, system: str, name: str) -> HttpResponse:
    found = environment_get(request.rights, system, name)  # type: ignore[attr-defined]
    context = {
        **frame(request, found, "overview"),
        "health": Health() if found.deleted_at is not None else health_of(found),
        "may_release": request.rights.may_administer(),  # type: ignore[attr-defined]
        "wait": release_wait(),
        "leaves": former_of(found),
    }
    return render(request, _part(request, "environments/health.html", "health"), context)


@never_cache
@page("environments")
def environment_log(request: HttpRequest, system: str, name: str, resource: str) -> HttpResponse:
    found = environment_get(request.rights, system, name)  # type: ignore[attr-defined]
    context = {**frame(request, found, "overview"), "resource": resource, "log": None}
    try:
        context["log"] = resource_log(request.rights, found, resource)  # type: ignore[attr-defined]
    except Transient as error:
        context["unanswered"] = error
    return render(request, _part(request, "environments/log.html", "log"), context)


@never_cache
@page("environments", methods=FORM)
def environment_release(request: HttpRequest, system: str, name: str) -> HttpResponse:
    found = environment_get(request.rights, system, name)  # type: ignore[attr-defined]
    sent = request.POST if request.method == "POST" else request.GET
    place = {key: sent.get(key, "")[:253] for key in PLACE}
    if request.method != "POST":
        return _ask(request, found, place)
    typed = Confirmed.of(request.POST)
    if typed.name != place["name"]:
        wrong = replace(typed, name_error="Type the name exactly as it is.")
        return _ask(request, found, place, wrong, status=422)
    try:
        gone = object_release(
            request.actor,  # type: ignore[attr-defined]
            found,
            **place,
            reason=typed.reason,
            now=clock.now(),
        ).gone
    except (InvalidInput, Conflict, Transient) as error:
        return _ask(request, found, place, typed.refused(error), status=422)
    rest = "It is gone." if gone else "It goes as soon as the cluster has taken note."
    messages.success(request, f"{place['kind']} {place['name']} is released\n{rest}")
    return redirect("environment", system, name)


def _ask(
    request: HttpRequest, found: Environment, place: dict[str, str], typed: Confirmed = EMPTY, *, status: int = 200
) -> HttpResponse:
    """The question before it, with what holds the object now."""
    context: dict[str, Any] = {**frame(request, found, "overview"), "place": place, "typed": typed, "held": None}
    try:
        context["held"] = object_held(request.actor, found, **place)  # type: ignore[attr-defined]
    except (Conflict, Transient) as refused:
        context["refused"] = refused
    held = context["held"]
    context["from_when"] = held.since + release_wait() if held is not None and held.since is not None else None
    context["early"] = context["from_when"] is not None and context["from_when"] > clock.now()
    context["losses"] = [f"Whatever {one.controller} would have cleaned up" for one in held.holders] if held else []
    return render(request, "environments/release.html", context, status=status)


def _part(request: HttpRequest, template: str, name: str) -> str:
    return f"{template}#{name}" if getattr(request, "htmx", False) else template

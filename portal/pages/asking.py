"""Looking at one kind of change before it is asked for: what it would do, who must agree, and one button."""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from idp.catalog.selectors import system_get
from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, NotFound, PolicyDenied, QuotaExceeded, SlipwayError
from portal.forms.asking import Asked, from_fields, intent_of
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, page
from portal.reading.asking import SPANS, WORDS, AskView, input_schemas, newer_versions
from provisioning.models import Environment
from provisioning.selectors.environments import environment_get
from provisioning.services.changes import ChangeRequest, change_plan, change_submit

TEMPLATE = "environments/ask.html"
Found = tuple[Environment | None, Environment | None, tuple[str, ...]]
"""The environment, the source of a promotion, and the resources to choose from."""


@page("environments", methods=FORM)
def environment_ask(request: PageRequest, system: str, name: str, kind: str) -> HttpResponse:
    if kind not in WORDS:
        raise NotFound("There is no such kind of change.")
    request.rights.require_request(system_get(request.rights, system))
    environment = _living(request, system, name)
    if environment is None and kind != "promote":
        raise NotFound(f"{system} has no environment “{name}”.")
    given = request.POST if request.method == "POST" else request.GET
    source = _living(request, system, given.get("from", "")) if kind == "promote" else None
    offered = tuple(source.observed.document["resources"]) if source and source.observed else ()
    asked = _begun(from_fields(kind, given, offered), environment)
    if request.method == "POST" and request.POST.get("do") == "submit":
        return _submitted(request, system, name, asked, (environment, source, offered))
    return _drawn(request, system, name, asked, (environment, source, offered))


def _living(request: PageRequest, system: str, name: str) -> Environment | None:
    try:
        found = environment_get(request.rights, system, name)
    except NotFound:
        return None
    return found if found.deleted_at is None else None


def _begun(asked: Asked, environment: Environment | None) -> Asked:
    """With the first of what there is to choose where nothing was chosen yet."""
    if asked.kind == "extend" and not asked.until:
        return replace(asked, until=SPANS[0][0])
    if asked.kind == "upgrade" and not asked.upgrade:
        return replace(asked, upgrade=next((value for value, _ in newer_versions(environment)), ""))
    return asked


def _intent(asked: Asked, system: str, name: str, found: Found) -> ChangeRequest:
    """The schemas are looked at only where inputs were typed."""
    environment, source, _ = found
    schemas = input_schemas(source if asked.kind == "promote" else environment) if asked.inputs else {}
    return intent_of(asked, system, name, schemas)


def _drawn(
    request: PageRequest,
    system: str,
    name: str,
    asked: Asked,
    found: Found,
    refused: SlipwayError | None = None,
) -> HttpResponse:
    now = clock.now()
    environment, source, offered = found
    planned = change_plan(request.actor, _intent(asked, system, name, found), now=now)
    view = AskView(planned.system, name, asked, planned, now, environment, source, offered, refused)
    status = 200 if refused is None else 409 if isinstance(refused, Conflict) else 422
    return render(request, TEMPLATE, view.context(), status=status)


def _submitted(
    request: PageRequest,
    system: str,
    name: str,
    asked: Asked,
    found: Found,
) -> HttpResponse:
    try:
        change = change_submit(request.actor, _intent(asked, system, name, found), now=clock.now())
    except (InvalidInput, PolicyDenied, QuotaExceeded, Conflict) as error:
        if error.code == "frozen" and error.change_id is not None:
            return redirect("change", error.change_id)
        return _drawn(request, system, name, asked, found, error)
    run = change.runs.order_by("-id").values_list("pk", flat=True).first()
    if run is not None:
        return redirect("run", run)
    told = "It starts when the people below agree." if change.state == "pending" else "It starts in a moment."
    messages.success(request, f"#{change.pk} is asked for\n{told}")
    return redirect("change", change.pk)

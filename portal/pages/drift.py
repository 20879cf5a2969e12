"""Drift of one environment: who changed what outside, and what its owners do about it, each looked at first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django_htmx.http import HttpResponseClientRefresh

from idp.kernel import clock, keyset
from idp.kernel.errors import Conflict, InvalidInput, NotFound, PolicyDenied, QuotaExceeded, SlipwayError
from portal.pages.environments import frame
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, page
from portal.reading import drift as reading
from portal.reading.drift import ACTS, Decision
from provisioning.models import Change, Drift, Environment
from provisioning.selectors.drift import THERE, drift_list, drift_mark, drift_there
from provisioning.selectors.environments import environment_get
from provisioning.services import drift as services
from provisioning.services.changes import change_plan

PAGE = 50
OVER = 12
"""Drift that is over, shown below: the newest."""


@page("environments")
def environment_drift(request: PageRequest, system: str, name: str) -> HttpResponse:
    """With ``seen``, the mark of what an open page shows: 204 while that is so, else to load it anew."""
    found = environment_get(request.rights, system, name)
    there = drift_list(found).filter(state__in=THERE)
    shown = drift_mark(found)
    if request.htmx and "seen" in request.GET:
        return HttpResponse(status=204) if request.GET["seen"] == shown else HttpResponseClientRefresh()
    listed = keyset.page(there, order=("-id",), cursor=request.GET.get("cursor"), limit=PAGE)
    context = {
        **frame(request, found, "drift"),
        "lines": reading.drift_lines(listed.items),
        "next": listed.next,
        "shown": shown,
        "over": reading.drift_lines(drift_list(found).exclude(state__in=THERE)[:OVER]),
    }
    return render(request, "environments/drift.html", context)


@page("environments", methods=FORM)
def environment_drift_decide(request: PageRequest, system: str, name: str) -> HttpResponse:
    """What one decision would do; posted with ``do=submit``, it is taken."""
    found = environment_get(request.rights, system, name)
    request.rights.require_request(found.system)
    given = request.POST if request.method == "POST" else request.GET
    decision = _decision(given, found)
    rows = drift_there(found, decision.drifts)
    if not rows:
        messages.info(request, "There is nothing to decide\nWhat you chose is no longer there, or somebody decided.")
        return redirect("environment-drift", system, name)
    if request.method == "POST" and request.POST.get("do") == "submit":
        return _taken(request, found, decision, rows)
    return _drawn(request, found, decision, rows)


def _decision(given: Any, found: Environment) -> Decision:
    act = given.get("act", "")
    if act not in ACTS:
        raise NotFound("There is no such decision.")
    ids = [int(one) for one in given.getlist("drift") if one.isascii() and one.isdigit() and len(one) <= 18]
    if not ids:
        ids = [row.pk for row in drift_there(found)]
    return Decision(act, tuple(dict.fromkeys(ids[:200])), given.get("reason", ""), given.get("days", "7")[:3])


def _drawn(
    request: PageRequest,
    found: Environment,
    decision: Decision,
    rows: Sequence[Drift],
    refused: SlipwayError | None = None,
) -> HttpResponse:
    where = f"{found.system.slug} / {found.name}"
    context = {
        **frame(request, found, "drift"),
        **reading.decision_context(decision, rows, where, refused),
        "rows": rows,
        "panel": _panel(request, found, decision, rows, refused),
    }
    status = 200 if refused is None else 409 if isinstance(refused, Conflict) else 422
    return render(request, "environments/drift_decide.html", context, status=status)


def _panel(
    request: PageRequest, found: Environment, decision: Decision, rows: Sequence[Drift], refused: SlipwayError | None
) -> Any:
    """The plan of the change; None for a snooze, which makes none."""
    if decision.act == "snooze":
        return None
    place: dict[str, Any] = {"system": found.system.slug, "environment": found.name, "drifts": [row.pk for row in rows]}
    now, adopting = clock.now(), None
    if decision.act == "adopt":
        adopting = services.drift_adoption(request.actor, **place)
        asked = adopting.request if adopting.patches else None
    else:
        asked = services.revert_request(request.actor, **place)
    planned = change_plan(request.actor, asked, now=now) if asked is not None else None
    return reading.decision_panel(decision, planned, adopting, refused, now)


def _taken(request: PageRequest, found: Environment, decision: Decision, rows: Sequence[Drift]) -> HttpResponse:
    place: dict[str, Any] = {"system": found.system.slug, "environment": found.name, "drifts": [row.pk for row in rows]}
    place |= {"reason": decision.reason, "now": clock.now()}
    try:
        if decision.act == "snooze":
            until = reading.snoozed_until(decision.days, place["now"])
            services.drift_snooze(request.actor, until=until, **place)
            messages.success(
                request, f"Snoozed until {until:%d %b %Y}\nIt is open again then, or when it changes anew."
            )
            return redirect("environment-drift", found.system.slug, found.name)
        decide = services.drift_adopt if decision.act == "adopt" else services.drift_revert
        return _asked(request, decide(request.actor, **place))
    except (InvalidInput, PolicyDenied, QuotaExceeded, Conflict) as error:
        left = drift_there(found, decision.drifts)
        return _drawn(request, found, decision, left or rows, error)


def _asked(request: PageRequest, change: Change) -> HttpResponse:
    run = change.runs.order_by("-id").values_list("pk", flat=True).first()
    if run is not None:
        return redirect("run", run)
    told = "It starts when the people below agree." if change.state == "pending" else "It starts in a moment."
    messages.success(request, f"#{change.pk} is asked for\n{told}")
    return redirect("change", change.pk)

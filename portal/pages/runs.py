"""Runs: what is it doing, what failed, what do I do? The live stream of a run is in ``live``."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from governance.access import Rights
from idp.kernel import clock
from portal.pages.shell import POST, page
from portal.reading import run as reading
from portal.reading.feedback import ask_on_run
from provisioning.domain.secret_slot import waits_for_people
from provisioning.models import Run
from provisioning.selectors.runs import run_events_latest, run_get, run_view
from provisioning.services import runs as run_services

STOP_POLLING = 286
SHOWN_EVENTS = 200


def run_context(rights: Rights, run_id: int) -> dict[str, Any]:
    """All that the page and its live part show; also read by the stream."""
    found = run_get(rights, run_id)
    view = run_view(rights, found, now=clock.now())
    events = run_events_latest(found, limit=SHOWN_EVENTS)
    return {
        "run": found,
        "view": view,
        "steps": reading.step_rows(view),
        "counts": reading.counts_words(view),
        "failure": reading.failure(view),
        "events": reading.event_rows(events, view),
        "newest": events[0].pk if events else 0,
        "over": view.is_over,
        "ask": ask_on_run(rights, found),
        "people_wanted": next((one for one in view.steps if waits_for_people(one.state, one.message)), None),
        "back_to": _back_to(found, view.is_over),
        "begin": found.started_at or found.created_at,
        "may_change": rights.may_request(found.environment.system) and found.environment.desired_id is not None,
    }


def _back_to(found: Run, over: bool) -> int | None:
    """The revision that the last successful run made, to which a run that failed or was stopped can be undone."""
    if not over or found.kind == "delete" or found.state == "succeeded" or found.environment.observed_id is None:
        return None
    environment = found.environment
    if environment.deleted_at is not None or environment.observed_id == environment.desired_id:
        return None
    return environment.observed.number if environment.observed else None


@page("changes")
def run(request: HttpRequest, run: int) -> HttpResponse:
    return render(request, "runs/run.html", run_context(request.rights, run))  # type: ignore[attr-defined]


@page("changes")
def run_progress(request: HttpRequest, run: int) -> HttpResponse:
    """The live part for browsers that poll; the last answer tells them to stop."""
    context = run_context(request.rights, run)  # type: ignore[attr-defined]
    return render(request, "runs/run.html#progress", context, status=STOP_POLLING if context["over"] else 200)


@page("changes", methods=POST)
def run_cancel(request: HttpRequest, run: int) -> HttpResponse:
    run_services.run_cancel(request.actor, run, now=clock.now())  # type: ignore[attr-defined]
    messages.info(request, "It stops between two steps\nWhat was made stays until it is resumed or deleted.")
    return redirect("run", run)

"""Runs: what they are doing, what failed, and their events as pages or as a stream."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from rest_framework.request import Request

from idp.kernel import clock
from portal.api import paths
from portal.api.answers import answer, listing, moment
from portal.api.endpoint import Endpoint
from portal.api.event_stream import last_event_id, stream_of, wants_stream
from portal.api.events import run_event_row
from portal.api.operation import PAGED, operation
from portal.api.shapes import environments as shapes
from portal.api.shapes.changes import NOTHING
from provisioning.models import Run, RunEvent, Step
from provisioning.selectors import runs as selectors
from provisioning.services.runs import run_cancel

AREA = "Runs"


class OneRun(Endpoint):
    @operation("runs_read", "Read a run", area=AREA, answers={200: shapes.RUN_DETAIL})
    def get(self, request: Request, run_id: int) -> HttpResponse:
        return answer(run_detail(self.rights, selectors.run_get(self.rights, run_id)))


class RunCancel(Endpoint):
    @operation(
        "runs_cancel",
        "Stop a run",
        area=AREA,
        answers={202: shapes.RUN_DETAIL},
        body=NOTHING,
        scope="change",
        problems=(409,),
        about="It stops between two steps; what was made stays until the change is resumed or the environment deleted.",
    )
    def post(self, request: Request, run_id: int) -> HttpResponse:
        run_cancel(self.actor, run_id, now=clock.now())
        return answer(run_detail(self.rights, selectors.run_get(self.rights, run_id)), 202)


class RunEvents(Endpoint):
    @operation(
        "runs_events",
        "Read a run's events",
        area=AREA,
        answers={200: shapes.RUN_EVENT_PAGE},
        query=PAGED,
        media=("text/event-stream",),
        about="Oldest first. With `Accept: text/event-stream` they are streamed as they come, for up to a minute: each "
        "event is named `event`, its data is a RunEvent; `end` says that the run is over. Come back with "
        "`Last-Event-ID`. A quarter of the threads of the server may stream at once (503 otherwise).",
    )
    def get(self, request: Request, run_id: int) -> HttpResponseBase:
        run = selectors.run_get(self.rights, run_id)
        if wants_stream(request):
            return stream_of(run.pk, after=last_event_id(request))
        return listing(request, self.query, RunEvent.objects.filter(run=run), ("id",), run_event_row)


def run_row(run: Run) -> dict[str, Any]:
    """Needs ``environment__system`` and ``revision`` joined."""
    return {
        "id": run.pk,
        "change": run.change_id,
        "system": run.environment.system.slug,
        "environment": run.environment.name,
        "kind": run.kind,
        "state": run.state,
        "revision": run.revision.number if run.revision else None,
        "error": run.error,
        "created_at": moment(run.created_at),
        "started_at": moment(run.started_at),
        "finished_at": moment(run.finished_at),
        "url": paths.run(run.pk),
    }


def run_detail(rights: Any, run: Run) -> dict[str, Any]:
    view = selectors.run_view(rights, run, now=clock.now())
    environment = run.environment
    return {
        **run_row(run),
        "error": view.error,
        "steps": [step_row(step) for step in view.steps],
        "done_count": view.done_count,
        "elapsed_seconds": round(view.elapsed.total_seconds(), 3),
        "may_cancel": view.may_cancel,
        "may_resume": view.may_resume,
        "links": {
            "change": paths.change(run.change_id),
            "environment": paths.environment(environment.system.slug, environment.name),
            "events": f"{paths.run(run.pk)}events/",
        },
    }


def step_row(step: Step) -> dict[str, Any]:
    return {
        "key": step.key,
        "kind": step.kind,
        "title": step.title,
        "detail": step.detail,
        "state": step.state,
        "needs": step.needs,
        "attempt": step.attempt,
        "message": step.message,
        "error": step.error,
        "due_at": moment(step.due_at),
        "started_at": moment(step.started_at),
        "finished_at": moment(step.finished_at),
    }

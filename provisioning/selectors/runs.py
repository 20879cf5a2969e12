"""Runs as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from governance.access import Rights
from idp.kernel.errors import NotFound
from idp.kernel.prepared import Prepared
from provisioning.domain.lifecycle import RESUMABLE_CHANGE_STATES
from provisioning.domain.run import TERMINAL_RUN_STATES
from provisioning.models import Run, RunEvent, Step

LATE: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class RunView:
    """One run with its steps. ``error`` is ``{"code", "message", "remedy", "raw", "step", "title"}`` or None."""

    run: Run
    steps: Sequence[Step]
    now: datetime
    may_cancel: bool
    may_resume: bool

    @property
    def done_count(self) -> int:
        return sum(step.state in ("done", "skipped") for step in self.steps)

    @property
    def is_over(self) -> bool:
        return self.run.state in TERMINAL_RUN_STATES

    @property
    def elapsed(self) -> timedelta:
        """From its creation to its end, or until now."""
        return (self.run.finished_at or self.now) - (self.run.started_at or self.run.created_at)

    @property
    def error(self) -> dict[str, Any] | None:
        """What stopped the run, or the first failed step while others still go on."""
        if self.run.error:
            return dict(self.run.error)
        failed = next((step for step in self.steps if step.state == "failed"), None)
        return None if failed is None else {**(failed.error or {}), "step": failed.key, "title": failed.title}

    @property
    def counts(self) -> dict[str, int]:
        """How many steps are in each state, in the order of the states; states without steps are left out."""
        order = ("done", "skipped", "running", "waiting", "failed", "cancelled", "next")
        found = {state: sum(step.state == state for step in self.steps) for state in order}
        return {state: number for state, number in found.items() if number}


def newest_run(environment_id: int) -> Run | None:
    """The last run of an environment, with its change, who asked for it, and the answer to its question."""
    return next(iter(_newest(environment=environment_id)), None)


@Prepared
def _newest(environment: int) -> QuerySet[Run]:
    rows = Run.objects.filter(environment_id=environment).select_related("change__requester", "feedback")
    unread = ("target", "plan", "facts", "verdicts", "intent")
    return rows.defer(*(f"change__{name}" for name in unread)).order_by("-id")[:1]


def run_get(rights: Rights, run_id: int) -> Run:
    """The run; NotFound also when the reader may not know of it."""
    run = (
        Run.objects.select_related(
            "environment__system__team",
            "environment__stage",
            "environment__cluster",
            "change__requester",
            "change__system__team",
            "change__base",
            "revision",
            "feedback",
        )
        .defer("environment__cluster__credentials")
        .filter(pk=run_id)
        .first()
    )
    if run is None or not rights.may_see(run.environment.system):
        raise NotFound(f"There is no run {run_id}.")
    return run


def run_view(rights: Rights, run: Run, *, now: datetime) -> RunView:
    may = rights.may_request(run.environment.system)
    return RunView(
        run=run,
        steps=list(Step.objects.filter(run=run).order_by("position")),
        now=now,
        may_cancel=may and run.state in ("queued", "running") and not run.cancel_requested_by,
        may_resume=may
        and run.state in ("failed", "cancelled")
        and run.change.state in RESUMABLE_CHANGE_STATES
        and _is_latest(run),
    )


def _is_latest(run: Run) -> bool:
    return not Run.objects.filter(environment_id=run.environment_id, pk__gt=run.pk).exists()


def run_events(run: Run, *, after: int = 0, limit: int = 200) -> list[RunEvent]:
    """Events after the one with id ``after``, oldest first."""
    return list(RunEvent.objects.filter(run=run, pk__gt=after).order_by("id")[:limit])


def run_events_latest(run: Run, *, limit: int = 100) -> list[RunEvent]:
    """The newest events, newest first."""
    return list(RunEvent.objects.filter(run=run).order_by("-id")[:limit])


def work_delayed(now: datetime) -> timedelta | None:
    """How long the oldest due work has been waiting for a worker, when that is longer than people should wait."""
    free = Q(lease_until=None) | Q(lease_until__lte=Now() - LATE)
    oldest = (
        Run.objects.filter(free, state__in=("queued", "running"), due_at__lte=now - LATE)
        .order_by("due_at")
        .values_list("due_at", flat=True)
        .first()
    )
    return None if oldest is None else now - oldest

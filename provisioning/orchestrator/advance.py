"""Claim a run, execute what is ready, store each outcome, give the run back."""

from __future__ import annotations

import os
import random
import secrets
import socket
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import F

from idp.kernel import clock
from idp.kernel.errors import SlipwayError
from idp.kernel.wake import wake
from provisioning.domain.driver import PermanentError, TemporaryError
from provisioning.domain.run import PATIENCE, Failed, Outcome, StepView, Wait, backoff, next_due, ready_steps, verdict
from provisioning.models import Run, Step
from provisioning.orchestrator.leaving import LEAVING
from provisioning.orchestrator.steps import HANDLERS, RunContext
from provisioning.services import run_outcomes, runs, starts
from provisioning.services.drift_rows import drift_url
from provisioning.services.letting_go import let_go_url

log = structlog.get_logger(__name__)
Clock = Callable[[], datetime]
ALL_HANDLERS = {**HANDLERS, **LEAVING}


def advance(run_id: int, *, now: Clock = clock.now) -> None:
    """Take the run as far as it goes now. Safe to call twice, late, never, or from many workers at once."""
    claim = runs.run_claim(run_id, owner=_owner(), lease=timedelta(seconds=settings.LEASE_SECONDS), now=now())
    if claim is None:
        return
    try:
        with structlog.contextvars.bound_contextvars(run=run_id, epoch=claim.epoch):
            _advance_claimed(claim, now)
    except runs.LeaseLost:
        log.warning("lease_lost", run=run_id, epoch=claim.epoch)


def sweep(*, now: Clock = clock.now) -> int:
    """Wake whatever is due or lost its lease, and start approved changes whose turn has come; how many."""
    started = starts.changes_start_due(now=now())
    due = runs.runs_due(now())
    for run_id in due:
        if not wake("run", run_id):
            break
    return len(due) + started


def _owner() -> str:
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(6)}"


def _advance_claimed(claim: runs.Claim, now: Clock) -> None:
    run = Run.objects.select_related(
        "environment__system__team", "environment__stage", "environment__cluster", "change", "revision"
    ).get(pk=claim.run_id)
    context = RunContext(run, claim, now)
    while True:
        rows = Step.objects.filter(run_id=run.pk).annotate(cancelled_by=F("run__cancel_requested_by"))
        steps = {step.key: step for step in rows.order_by("position")}
        if any(step.cancelled_by for step in steps.values()):
            if run_outcomes.run_end(claim, "cancel", now=now()):
                return
            continue
        views = [_view(step) for step in steps.values()]
        ending = verdict(views)
        if ending is not None:
            run_outcomes.run_end(claim, ending, now=now())
            return
        ready = ready_steps(views, now())
        if not ready:
            runs.run_release(claim, due_at=next_due(views, now()))
            return
        for key in ready:
            _execute(context, steps[key], now)


def _view(step: Step) -> StepView:
    return StepView(step.key, step.state, tuple(step.needs), step.due_at)


def _execute(context: RunContext, step: Step, now: Clock) -> None:
    runs.step_start(context.claim, step, now=now())
    outcome, failed_try = _attempt(context, step, now)
    runs.step_settle(context.claim, step, outcome, now=now(), failed_try=failed_try)


def _attempt(context: RunContext, step: Step, now: Clock) -> tuple[Outcome, bool]:
    """The outcome of one attempt, and whether it was a try that went wrong."""
    try:
        outcome = ALL_HANDLERS[step.kind](context, step)
    except TemporaryError as error:
        step.failures += 1
        return _try_again(context, step, error, now()), True
    except PermanentError as error:
        return Failed(error.code, error.message, _remedy(context, error), error.raw, step.progress), True
    except SlipwayError as error:
        return Failed(error.code, error.message, error.remedy, "", step.progress), True
    except (OperationalError, InterfaceError, runs.LeaseLost):
        raise
    except Exception as error:  # a fault of ours fails the step, in words, and never the worker
        log.exception("step_fault", step=step.key)
        return _fault(error), True
    if isinstance(outcome, Wait) and _is_late(step, outcome, now()):
        return _too_late(step, outcome), False
    return outcome, False


def _is_late(step: Step, outcome: Wait, now: datetime) -> bool:
    if outcome.patient:
        return step.started_at is not None and now >= step.started_at + PATIENCE
    return step.deadline_at is not None and now >= step.deadline_at


def _remedy(context: RunContext, error: PermanentError) -> str:
    """The driver's; where somebody else changed a field, the page on which that is decided."""
    if error.code != "field-conflict":
        return error.remedy
    environment = context.environment
    page = drift_url(environment.system.slug, environment.name)
    return (
        f"Open {page} and adopt, revert or snooze what was changed outside; then resume, or ask for the change again."
    )


def _try_again(context: RunContext, step: Step, error: TemporaryError, now: datetime) -> Outcome:
    if step.deadline_at is not None and now >= step.deadline_at:
        return Failed(
            error.code,
            f"{error.message} Slipway tried {step.failures} times.",
            f"Resume the run when it is reachable again.{_way_out(context, step)}",
            error.raw,
            step.progress,
        )
    delay = max(error.delay, backoff(step.failures, random.random()))  # noqa: S311 - jitter, not a secret
    told = f"Try {step.failures}: {error.message} Next try in {delay:.0f} s."
    return Wait(delay, told, step.progress)


def _way_out(context: RunContext, step: Step) -> str:
    """Where a place cannot be left, because its cluster may be gone for good."""
    if step.kind not in LEAVING:
        return ""
    environment = context.environment
    page = let_go_url(environment.system.slug, environment.name)
    return f" If it never will be, a platform admin may let go of what stands there: {page}"


def _too_late(step: Step, outcome: Wait) -> Failed:
    """Under the code of what the cluster said last, where it said why."""
    why = outcome.progress.get("why") or {}
    return Failed(
        why.get("code", "not-ready-in-time"),
        f"{step.title} was not ready in time: {outcome.reason}",
        why.get("remedy") or "Read the events, mend the cause, then resume; or ask for a change.",
        "",
        step.progress,
    )


def _fault(error: Exception) -> Failed:
    return Failed(
        "internal",
        "Slipway itself failed at this step. What was made so far is kept.",
        "Resume the run once. If it fails again, give the run's number to your platform team.",
        type(error).__name__,
    )

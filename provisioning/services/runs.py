"""What a worker writes: claims, steps, events. Every write is filtered on the claim's epoch.

A worker that lost its lease meets ``LeaseLost`` at its next write and must stop; nothing of it is stored. Leases are
counted on the database's clock, so that workers whose clocks differ never take a run from each other.
Called by the orchestrator only, but for ``run_cancel``, which a person asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce, Now

from governance.access import rights_of
from governance.services.audit import audit_append
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, NotFound
from idp.kernel.wake import wake_after_commit
from provisioning.domain.run import STEP_DEADLINE, Done, Failed, Outcome, Wait, next_step_state
from provisioning.models import Resource, Run, RunEvent, Step


class LeaseLost(Exception):
    """Another worker holds the run now; whatever this one still does is not stored."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to advance one run until the lease ends."""

    run_id: int
    epoch: int
    lease: timedelta


def run_claim(run_id: int, *, owner: str, lease: timedelta, now: datetime) -> Claim | None:
    """Claim a run that is due and free; None when it is neither. ``owner`` is unique for each attempt to claim."""
    free = Q(lease_until=None) | Q(lease_until__lte=Now())
    claimed = Run.objects.filter(free, pk=run_id, state__in=("queued", "running"), due_at__lte=now).update(
        state="running",
        lease_owner=owner,
        lease_until=Now() + lease,
        epoch=F("epoch") + 1,
        started_at=Coalesce("started_at", now),
    )
    if claimed != 1:
        return None
    epoch = Run.objects.filter(pk=run_id, lease_owner=owner).values_list("epoch", flat=True).first()
    return None if epoch is None else Claim(run_id, epoch, lease)


def _hold(claim: Claim, **fields: Any) -> None:
    """Renew the lease with ``fields`` written beside it; LeaseLost when the epoch moved on."""
    held = Run.objects.filter(pk=claim.run_id, epoch=claim.epoch, state="running").update(
        lease_until=Now() + claim.lease, **fields
    )
    if held != 1:
        raise LeaseLost


def lease_renew(claim: Claim) -> None:
    _hold(claim)


def run_release(claim: Claim, *, due_at: datetime) -> None:
    """Give the run back; it is due again at ``due_at``. Losing the lease meanwhile is no error.

    Who asked to cancel since the worker last looked has set the time already, and need not wait for the steps.
    """
    due = Case(When(cancel_requested_by="", then=Value(due_at)), default=F("due_at"))
    Run.objects.filter(pk=claim.run_id, epoch=claim.epoch, state="running").update(
        lease_owner="", lease_until=None, due_at=due
    )


@transaction.atomic
def step_start(claim: Claim, step: Step, *, now: datetime) -> None:
    """Note that the step is being executed; its deadline begins with its first attempt."""
    _hold(claim)
    step.state = next_step_state(step.state, "start")
    step.attempt += 1
    step.started_at = step.started_at or now
    step.deadline_at = step.deadline_at or now + STEP_DEADLINE
    Step.objects.filter(pk=step.pk).update(
        state=step.state, attempt=step.attempt, started_at=step.started_at, deadline_at=step.deadline_at
    )


@transaction.atomic
def resource_intend(claim: Claim, *, resource: Resource, objects: list[dict[str, str]], now: datetime) -> None:
    """Write down what is about to be made, before it is made, so that nothing made is ever unknown.

    ``resource`` is the row as this claim read it, or left it; only runs write ``objects_made``.
    """
    _hold(claim)
    known = {tuple(sorted(one.items())) for one in resource.objects_made}
    added = [one for one in objects if tuple(sorted(one.items())) not in known]
    if added or resource.state in ("pending", "failed"):
        resource.objects_made = [*resource.objects_made, *added]
        resource.state = "applying"
        resource.changed_at = now
        resource.save(update_fields=["objects_made", "state", "changed_at"])


@transaction.atomic
def step_settle(claim: Claim, step: Step, outcome: Outcome, *, now: datetime, failed_try: bool = False) -> None:
    """Store what an attempt came to: state, message, next time, events, and the resource's status, together."""
    _hold(claim)
    texts: list[tuple[str, str]] = []
    if isinstance(outcome, Done):
        _step_write(
            step, "finish", message=outcome.message, progress=outcome.progress, finished_at=now, error=None, due_at=None
        )
        texts = [("info", text) for text in (*outcome.events, outcome.message) if text]
        if outcome.resource is not None:
            _resource_write(outcome.resource[0], outcome.resource[1], now=now)
    elif isinstance(outcome, Wait):
        due = now + timedelta(seconds=outcome.delay)
        news = [] if outcome.reason == step.message else [outcome.reason]
        texts = [("warn" if failed_try else "info", text) for text in (*outcome.events, *news)]
        later = {"deadline_at": now + STEP_DEADLINE} if outcome.patient else {}
        _step_write(
            step,
            "wait",
            message=outcome.reason,
            progress=outcome.progress,
            due_at=due,
            failures=step.failures,
            **later,
        )
    elif isinstance(outcome, Failed):
        _step_write(
            step,
            "fail",
            message=outcome.message,
            error=outcome.as_dict(),
            finished_at=now,
            due_at=None,
            progress=outcome.progress,
        )
        texts = [("error", outcome.message)]
    events_append(claim.run_id, step.key, texts, now=now)


def _step_write(step: Step, event: str, **fields: Any) -> None:
    step.state = next_step_state(step.state, event)
    fields["message"] = str(fields["message"])[:400]
    fields["progress"] = dict(fields["progress"])
    for name, value in fields.items():
        setattr(step, name, value)
    Step.objects.filter(pk=step.pk).update(state=step.state, **fields)


def resource_observe(claim: Claim, resource_id: int, *, now: datetime, **fields: Any) -> None:
    """Store what was last seen of a resource (``state``, ``message``, ``outputs``, ``objects_made``)."""
    with transaction.atomic():
        _hold(claim)
        _resource_write(resource_id, fields, now=now)


def _resource_write(resource_id: int, fields: Mapping[str, Any], *, now: datetime) -> None:
    if "message" in fields:
        fields = {**fields, "message": fields["message"][:400]}
    Resource.objects.filter(pk=resource_id).update(changed_at=now, **fields)


def run_applied(claim: Claim, *, now: datetime) -> None:
    """Note when the first object was made; kept for measuring how long people wait."""
    Run.objects.filter(pk=claim.run_id, epoch=claim.epoch, applied_at=None).update(applied_at=now)


def events_append(run_id: int, step: str, texts: Iterable[tuple[str, str]], *, now: datetime) -> None:
    """Lines of the run's log as ``(level, text)``; levels are info, warn, error."""
    RunEvent.objects.bulk_create(
        RunEvent(run_id=run_id, step=step, at=now, level=level, text=text[:600]) for level, text in texts
    )


def run_cancel(actor: Actor, run_id: int, *, now: datetime) -> Run:
    """Ask a run to stop between two steps; what was made stays until it is resumed or deleted."""
    run = Run.objects.select_related("environment__system__team").filter(pk=run_id).first()
    rights = rights_of(actor)
    if run is None or not rights.may_see(run.environment.system):
        raise NotFound("There is no such run.")
    rights.require_request(run.environment.system)
    with transaction.atomic():
        asked = Run.objects.filter(pk=run_id, state__in=("queued", "running")).update(
            cancel_requested_by=actor.username, due_at=now
        )
        if asked != 1:
            raise Conflict(f"This run is {run.state}; there is nothing to cancel.", code="illegal-state")
        events_append(run_id, "", [("warn", f"{actor.username} asked to cancel. It stops between two steps.")], now=now)
        audit_append(
            actor,
            action="run.cancel",
            object_type="run",
            object_id=str(run_id),
            object_label=f"{run.environment.system.slug}/{run.environment.name}",
            team_slug=run.environment.system.team.slug,
            data={
                "before": {"cancel_requested_by": run.cancel_requested_by},
                "after": {"cancel_requested_by": actor.username},
            },
            now=now,
        )
        wake_after_commit("run", run_id)
    run.refresh_from_db()
    return run


def run_supersede(run: Run, change_id: int, *, now: datetime) -> None:
    """Ask a run to stop between two steps, because ``change_id`` goes further; a deletion goes on to its end.

    Called inside the transaction that holds the environment. Who asked to cancel it before stays who asked.
    """
    asked = Run.objects.filter(pk=run.pk, kind="apply", state__in=("queued", "running"), cancel_requested_by="").update(
        cancel_requested_by="slipway", superseded_by=change_id, due_at=now
    )
    if asked:
        told = f"Change #{change_id} contains this one and goes further. It stops between two steps."
        events_append(run.pk, "", [("info", told)], now=now)
        wake_after_commit("run", run.pk)


def run_goes_on(change_id: int, *, now: datetime) -> None:
    """The change that a run should have made room for will not start now; the run goes on if it has not stopped."""
    Run.objects.filter(superseded_by=change_id, state__in=("queued", "running")).update(
        cancel_requested_by="", superseded_by=None, due_at=now
    )


def runs_due(now: datetime, *, limit: int = 200) -> list[int]:
    """Runs that are due and that nobody holds, oldest first."""
    free = Q(lease_until=None) | Q(lease_until__lte=Now())
    return list(
        Run.objects.filter(free, state__in=("queued", "running"), due_at__lte=now)
        .order_by("due_at")
        .values_list("pk", flat=True)[:limit]
    )


def refs_as_data(refs: Iterable[Any]) -> list[dict[str, str]]:
    """References of objects as they are kept with a resource."""
    return [
        {"apiVersion": ref.api_version, "kind": ref.kind, "namespace": ref.namespace, "name": ref.name} for ref in refs
    ]

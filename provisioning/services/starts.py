"""Starts an approved change: its revision, its run and steps, and the quota that turns from held to used.

One run at a time per environment: an approved change whose environment is busy asks the run to stop at its next step,
because its own target contains what that run brings, and is started when the run has ended. When the base moved
meanwhile the change is planned anew, and asks again if its plan is another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, Max, OuterRef
from django.db.models.functions import Coalesce

from governance.access import rights_of
from governance.services.audit import audit_append
from governance.services.quota import quota_use
from idp.kernel.actor import PLATFORM, Actor
from idp.kernel.errors import Conflict, NotFound
from idp.kernel.wake import wake_after_commit
from provisioning.domain.lifecycle import RESUMABLE_CHANGE_STATES
from provisioning.domain.run import next_run_state, next_step_state
from provisioning.models import Change, Environment, Resource, Revision, Run, Step
from provisioning.selectors.amounts import amounts_after, amounts_while, extras_after
from provisioning.selectors.capabilities import Catalogue
from provisioning.selectors.departures import held_changes
from provisioning.selectors.desired import Desired, desired_of
from provisioning.selectors.freezes import frozen_changes
from provisioning.services import runs
from provisioning.services.change_states import change_lock, change_move, made_for
from provisioning.services.departures import start_held
from provisioning.services.freeze_gate import start_frozen
from provisioning.services.lending_gate import borrowings_begin, lending_holds
from provisioning.services.moved_changes import Moves, cause_of, moves_audit, stand_of
from provisioning.services.moving import former_of
from provisioning.services.places import place_turned
from provisioning.services.rejudging import change_stands
from provisioning.services.replanning import change_is_agreed, changes_replan
from provisioning.services.run_steps import dealt_with, steps_for_apply, steps_for_delete

log = structlog.get_logger(__name__)
BUSY = ("queued", "running")


def change_start(
    change: Change,
    *,
    moves: Moves,
    now: datetime,
    environment: Environment | None = None,
    made_now: bool = False,
    catalogue: Catalogue | None = None,
    judged: bool = False,
) -> Run | None:
    """Start an approved, locked change, or ask the run that keeps its environment busy to make room for it.

    Inside the caller's transaction. A deletion makes room for nothing. None also while it is frozen, when a policy
    does not let it through any more, for a promotion whose moment has not come, and when it became another plan.

    ``moves`` gets what becomes of this change and of others because of it; the caller has it audited, last of all.
    ``environment`` is the change's, as locked, where the caller has it with system, team, stage and desired revision.
    ``made_now``: this transaction made it, so that it has no run, revision, resource or other change yet.
    ``catalogue`` holds the contracts of the change's target; they are loaded when it is None.
    ``judged``: the gate has let it through in this transaction, so that no freeze holds it and no policy is asked.
    """
    if not judged and start_frozen(change, now=now):
        return None
    if start_held(change, environment=environment, moves=moves, now=now):
        return None
    environment = environment or _environment_of(change)
    busy = None if made_now else Run.objects.filter(environment=environment, state__in=BUSY).first()
    if busy is not None:
        runs.run_supersede(busy, change.pk, now=now)
        return None
    if not judged and not (
        change_is_agreed(change, environment, moves=moves, now=now)
        and change_stands(change, environment, moves=moves, now=now)
    ):
        return None
    if not lending_holds(change, environment, judged=judged, moves=moves, now=now):
        return None
    revision = None if change.kind == "delete" else _revision(change, environment, first=made_now, now=now)
    if change.plan.get("move"):
        place_turned(environment, change, now=now)
    desired = None
    if revision is not None:
        desired = desired_of(environment, revision.document, revision=revision.number, catalogue=catalogue)
    run = Run.objects.create(
        change=change,
        environment=environment,
        revision=revision,
        kind="delete" if revision is None else "apply",
        state="queued",
        due_at=now,
        created_at=now,
    )
    settled = environment.observed_id is not None and environment.observed_id == environment.desired_id
    _environment_begins(environment, change, revision, first=made_now, now=now)
    if desired is not None:
        _resources_begin(environment, desired, dealt_with(desired, change.plan), first=made_now, now=now)
        borrowings_begin(environment, desired.document, now=now)
    leaves = None if made_now else former_of(environment)
    if desired is None:
        steps = steps_for_delete(environment, leaves)
    else:
        backwards = change.kind == "sleep" and settled
        steps = steps_for_apply(desired, change.plan, backwards=backwards, leaves=leaves)
    Step.objects.bulk_create(
        Step(run=run, position=position, state="next", **fields) for position, fields in enumerate(steps)
    )
    change_move(change, "start", actor_name="slipway", now=now, revision=revision)
    newer = None if made_now else changes_replan(environment, except_change=change.pk, moves=moves, now=now)
    if newer is not None:
        runs.run_supersede(run, newer, now=now)
    wake_after_commit("run", run.pk)
    return run


def _environment_of(change: Change) -> Environment:
    return Environment.objects.select_related("system__team", "stage", "cluster", "desired", "former__cluster").get(
        pk=made_for(change)
    )


def _revision(change: Change, environment: Environment, *, first: bool, now: datetime) -> Revision:
    earlier = Revision.objects.filter(environment=environment)
    last = 0 if first else earlier.aggregate(last=Coalesce(Max("number"), 0))["last"]
    return Revision.objects.create(
        environment=environment,
        number=last + 1,
        document=change.target,
        digest=change.plan["target_digest"],
        change=change,
        created_at=now,
    )


def _environment_begins(
    environment: Environment, change: Change, revision: Revision | None, *, first: bool, now: datetime
) -> None:
    after = amounts_after(change.plan, "usage_after")
    unsettled = not first and environment.observed_id != environment.desired_id
    quota_use(
        change_id=change.pk,
        environment_id=environment.pk,
        team=environment.system.team,
        label=f"{environment.system.slug}/{environment.name}",
        amounts=amounts_while(change.plan),
        extras=extras_after(change.plan, "after").largest(extras_after(change.plan, "before")),
        first=first,
        unsettled=unsettled,
        now=now,
    )
    environment.state = "deleting" if revision is None else "progressing"
    environment.conditions = [
        {"type": "Ready", "status": "Unknown", "reason": "RunStarted", "message": "", "since": now.isoformat()},
        {
            "type": "Progressing",
            "status": "True",
            "reason": "RunStarted",
            "message": change.title,
            "since": now.isoformat(),
        },
    ]
    if revision is not None:
        environment.desired = revision
        environment.expires_at = _moment(revision.document.get("expires"))
        environment.cpu, environment.memory_gib = after.cpu, after.memory_gib
        environment.storage_gib, environment.monthly_cost = after.storage_gib, change.monthly_cost_after
    environment.changed_at = now
    environment.version += 1
    environment.save()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _resources_begin(
    environment: Environment, desired: Desired, names: Sequence[str], *, first: bool, now: datetime
) -> None:
    """A row for each resource that the run deals with; what the revision lacks stays until the run has removed it."""
    rows = {} if first else {row.name: row for row in Resource.objects.filter(environment=environment)}
    begun = []
    for name in names:
        row = rows.get(name) or Resource(environment=environment, name=name)
        row.contract_id, row.component_id = desired.contract_id(name), desired.component_id(name)
        row.borrowed = desired.is_borrowed(name)
        row.state, row.message, row.changed_at = "pending", "", now
        begun.append(row)
    known = [row for row in begun if row.pk is not None]
    Resource.objects.bulk_update(known, ["contract", "component", "borrowed", "state", "message", "changed_at"])
    Resource.objects.bulk_create(row for row in begun if row.pk is None)


def change_start_next(environment_id: int, *, now: datetime) -> None:
    """Start the oldest approved change of an environment, if any; in a transaction of its own.

    Not in that of the run that ended: a change that cannot start must not keep a run from ending, and the audit head,
    which the end of a run holds to the last, comes after the quota that a start needs.
    """
    waiting = Change.objects.filter(environment_id=environment_id, state="approved").order_by("id")
    waiting = waiting.exclude(pk__in=held_changes(now)).exclude(frozen_changes(now))
    change_id = waiting.values_list("pk", flat=True).first()
    if change_id is not None:
        _started(change_id, now=now)


def _started(change_id: int, *, now: datetime) -> bool:
    """Whether the change started; one that cannot is left as it is, for the log and for the next sweep."""
    try:
        with transaction.atomic():
            change, moves = change_lock(change_id), Moves()
            before = stand_of(change)
            begun = change.state == "approved" and change_start(change, moves=moves, now=now) is not None
            if begun:
                _audit(PLATFORM, change, "change.start", before, now=now)
            if moves:
                moves_audit(PLATFORM, moves, cause=cause_of(change), whom=change.requester.username, now=now)
            return begun
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # one change that cannot start must not stop the sweep; it is tried again
        log.exception("change_not_started", change=change_id)
        return False


def changes_start_due(*, now: datetime, limit: int = 50) -> int:
    """Start approved changes whose environment is free: the net under a crash between two transactions."""
    busy = Run.objects.filter(environment=OuterRef("environment"), state__in=BUSY)
    due = Change.objects.filter(~Exists(busy), state="approved").exclude(pk__in=held_changes(now))
    due = due.exclude(frozen_changes(now)).order_by("id")
    return sum(_started(change_id, now=now) for change_id in list(due.values_list("pk", flat=True)[:limit]))


@transaction.atomic
def change_resume(actor: Actor, change_id: int, *, now: datetime) -> Run:
    """Go on with a failed or cancelled run from the steps that failed; finished steps are not done again."""
    rights = rights_of(actor)
    found = Change.objects.select_related("system").filter(pk=change_id).first()
    if found is None or not rights.may_see(found.system):
        raise NotFound("There is no such change.")
    rights.require_request(found.system)
    change = change_lock(change_id)
    run = Run.objects.select_for_update(of=("self",)).filter(change=change).order_by("-id").first()
    if run is None or change.state not in RESUMABLE_CHANGE_STATES:
        message = f"This change is {change.state}; only one that failed or was stopped on its way can be resumed."
        raise Conflict(message, code="illegal-state")
    if Run.objects.filter(environment_id=made_for(change), state__in=BUSY).exists():
        raise Conflict("Another run of this environment is under way.", remedy="Resume when it has ended.")
    if Run.objects.filter(environment_id=made_for(change), pk__gt=run.pk).exists():
        raise Conflict("A later change of this environment has run since.", remedy="Ask for the change again.")
    _run_again(run, now=now)
    before = stand_of(change)
    change_move(change, "resume", actor_name=actor.username, now=now, finished_at=None)
    Environment.objects.filter(pk=made_for(change)).update(
        state="deleting" if run.kind == "delete" else "progressing", changed_at=now
    )
    runs.events_append(run.pk, "", [("info", f"Resumed by {actor.username}.")], now=now)
    _audit(actor, change, "change.resume", before, now=now)
    wake_after_commit("run", run.pk)
    run.refresh_from_db()
    return run


def _audit(actor: Actor, change: Change, action: str, before: dict[str, Any], *, now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="change",
        object_id=str(change.pk),
        object_label=change.title,
        team_slug=change.system.team.slug,
        place=f"{change.system.slug}/{change.environment_name}",
        behalf="" if actor.user_id else change.requester.username,
        data={"before": before, "after": stand_of(change)},
        now=now,
    )


def _run_again(run: Run, *, now: datetime) -> None:
    Run.objects.filter(pk=run.pk).update(
        state=next_run_state(run.state, "resume"),
        error=None,
        finished_at=None,
        due_at=now,
        lease_until=None,
        lease_owner="",
    )
    for state in ("failed", "cancelled"):
        Step.objects.filter(run=run, state=state).update(
            state=next_step_state(state, "resume"),
            error=None,
            finished_at=None,
            deadline_at=None,
            due_at=None,
            failures=0,
            message="",
            progress={},
        )

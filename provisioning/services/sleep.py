"""When environments sleep by themselves: the plan that people keep, activity that is reported, staying awake longer.

Called by faces. What the plan asks for is carried out by ``services.sleep_sweep``, as changes through the gate.
Locks: the sleep plan, then what the audit takes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Q

from governance.access import rights_of
from governance.domain.audit import difference
from governance.services.audit import audit_append
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput
from provisioning.domain.sleep_schedule import MAX_IDLE_HOURS, schedule_read, schedule_written
from provisioning.models import Environment, SleepPlan
from provisioning.selectors.environments import environment_get

LONGEST_HOLD: Final = timedelta(days=30)
NEWS: Final = timedelta(minutes=1)
"""Activity that is reported again within this time is not written again."""
FUTURE: Final = timedelta(minutes=5)
"""How far a reporter's clock may be ahead of ours."""
_SPAN = re.compile(r"^(\d{1,3})([hd])$")


@transaction.atomic
def sleep_plan_save(
    actor: Actor,
    *,
    system: str,
    environment: str,
    windows: Sequence[Mapping[str, Any]],
    time_zone: str,
    idle_hours: int | None = None,
    expected_version: int | None = None,
    now: datetime,
) -> SleepPlan:
    """Keep the weekly ``windows`` in which it sleeps; none of them: it never does by schedule.

    ``idle_hours``: after so many hours without reported activity, 0 never, None as the stage says. Nothing happens
    before the next transition: what is on now stays as people left it.
    """
    found = _living(actor, system, environment)
    _refuse_production(found)
    schedule, errors = schedule_read(windows, time_zone)
    if idle_hours is not None and not 0 <= idle_hours <= MAX_IDLE_HOURS:
        errors.append(FieldError("idle_hours", f"Write a number of hours from 1 to {MAX_IDLE_HOURS}, or 0 for never."))
    if errors:
        raise InvalidInput("The sleep plan was not stored.", errors=errors)
    plan = _plan(found, now=now)
    if expected_version is not None and plan.version != expected_version:
        raise Conflict("The sleep plan was changed meanwhile.", remedy="Read it again and redo your edit.")
    before = _stands(plan)
    plan.windows, plan.time_zone, plan.idle_hours = schedule_written(schedule), time_zone, idle_hours
    plan.handled_at, plan.due_at, plan.said = now, now, ""
    _stored(actor, plan, found, "save", before, now=now)
    return plan


@transaction.atomic
def sleep_hold(actor: Actor, *, system: str, environment: str, span: str, now: datetime) -> SleepPlan:
    """Stay awake for ``span`` (``4h``, ``2d``) whatever the plan says; ``0h`` ends that. An asleep one is not woken."""
    found = _living(actor, system, environment)
    _refuse_production(found)
    match = _SPAN.match(span)
    length = timedelta(hours=int(match[1]) * (24 if match[2] == "d" else 1)) if match else None
    if length is None or length > LONGEST_HOLD:
        told = f"Write hours or days such as 4h or 2d, at most {LONGEST_HOLD.days}d."
        raise InvalidInput("It was not asked to stay awake.", errors=[FieldError("for", told)])
    plan = _plan(found, now=now)
    before = _stands(plan)
    plan.awake_until = now + length if length else None
    plan.due_at = now
    _stored(actor, plan, found, "hold", before, now=now)
    return plan


def activity_report(
    actor: Actor, *, system: str, environment: str, at: datetime | None = None, now: datetime
) -> SleepPlan:
    """Somebody uses the environment, since ``at`` or now. Wakes nothing; kept once a minute, and in no audit log."""
    found = _living(actor, system, environment)
    moment = at or now
    if moment > now + FUTURE:
        raise InvalidInput("This is still to come.", errors=[FieldError("at", "Write a moment that has been.")])
    plan, made = SleepPlan.objects.get_or_create(
        environment=found, defaults={"handled_at": now, "active_at": moment, "due_at": now, "changed_at": now}
    )
    if not made and (plan.active_at is None or moment - plan.active_at >= NEWS):
        newer = Q(active_at=None) | Q(active_at__lt=moment)
        due = Q(due_at=None)
        SleepPlan.objects.filter(newer, pk=plan.pk).update(active_at=moment)
        SleepPlan.objects.filter(due, pk=plan.pk).update(due_at=now)
        plan.refresh_from_db()
    return plan


def stage_sleep_looked_at(stage_id: int, *, now: datetime) -> None:
    """The stage says something else of idle environments: look at those that report activity. One update."""
    SleepPlan.objects.filter(environment__stage_id=stage_id, environment__deleted_at=None, idle_hours=None).exclude(
        active_at=None
    ).update(due_at=now)


def _living(actor: Actor, system: str, environment: str) -> Environment:
    rights = rights_of(actor)
    found = environment_get(rights, system, environment)
    rights.require_request(found.system)
    if found.deleted_at is not None:
        raise Conflict(f"{system}/{environment} is gone.", remedy="Choose an environment that lives.")
    return found


def _refuse_production(found: Environment) -> None:
    if found.stage.production:
        told = "Production does not sleep by itself. Whoever means it puts it to sleep by hand."
        raise InvalidInput("The sleep plan was not stored.", errors=[FieldError("schedule", told)])


def _plan(found: Environment, *, now: datetime) -> SleepPlan:
    """The locked plan of an environment, made where there is none."""
    SleepPlan.objects.get_or_create(environment=found, defaults={"handled_at": now, "changed_at": now})
    return SleepPlan.objects.select_for_update(of=("self",)).get(environment=found)


def _stands(plan: SleepPlan) -> dict[str, Any]:
    """What people say about when it sleeps: one side of an entry."""
    return {
        "windows": plan.windows,
        "time_zone": plan.time_zone,
        "idle_hours": plan.idle_hours,
        "awake_until": plan.awake_until.isoformat() if plan.awake_until else None,
    }


def _stored(
    actor: Actor, plan: SleepPlan, found: Environment, verb: str, before: dict[str, Any], *, now: datetime
) -> None:
    plan.changed_at = now
    plan.save()
    SleepPlan.objects.filter(pk=plan.pk).update(version=F("version") + 1)
    plan.refresh_from_db(fields=["version"])
    audit_append(
        actor,
        action=f"sleep.{verb}",
        object_type="environment",
        object_id=str(found.pk),
        object_label=f"{found.system.slug}/{found.name}",
        team_slug=found.system.team.slug,
        data=difference(before, _stands(plan)),
        now=now,
    )

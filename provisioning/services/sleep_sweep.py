"""Carries sleep plans out: whatever the clock asks for becomes an ordinary change, asked for by the platform.

Called by a task every half minute. Each transition is one transaction: the plan's row is locked, what has been seen to
is written down, and the change is submitted through the gate, so that two sweeps, or one that dies, do nothing twice.
Locks: the sleep plan, then those of submitting a change.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import InterfaceError, OperationalError, transaction

from governance.selectors.people import team_people
from governance.services.accounts import platform_account
from governance.services.notice_events import About
from governance.services.notices import notify
from idp.kernel.actor import Actor, platform_for
from idp.kernel.errors import UserFault
from provisioning.domain.freeze import refusal
from provisioning.domain.lifecycle import OPEN_CHANGE_STATES
from provisioning.domain.sleep_schedule import Clockwork, Due, Power, due, schedule_read
from provisioning.models import Change, SleepPlan
from provisioning.selectors.freezes import environment_hold
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.decisions import change_cancel

log = structlog.get_logger(__name__)
SOON: Final = timedelta(minutes=5)
IDLE_LOOK: Final = timedelta(hours=1)
AT_REST: Final = ("ready", "degraded", "asleep", "unknown")
KINDS: Final = {"asleep": "sleep", "awake": "wake"}
OPPOSITE: Final = {"asleep": "wake", "awake": "sleep"}


def environments_power(*, now: datetime, limit: int = 50) -> int:
    """See to the plans that are due; how many were looked at."""
    rows = SleepPlan.objects.filter(due_at__lte=now, environment__deleted_at=None).order_by("due_at")
    return sum(_seen_to(plan_id, now=now) for plan_id in list(rows.values_list("pk", flat=True)[:limit]))


def clockwork_of(plan: SleepPlan) -> Clockwork:
    """The plan as the domain reads it; a new revision counts as activity. Needs environment, stage and desired."""
    environment = plan.environment
    schedule, _ = schedule_read(plan.windows, plan.time_zone)
    asked = environment.stage.idle_hours if plan.idle_hours is None else plan.idle_hours
    active = plan.active_at
    if active is not None and environment.desired is not None:
        active = max(active, environment.desired.created_at)
    return Clockwork(
        schedule,
        plan.handled_at,
        idle_hours=None if environment.stage.production else asked or None,
        active_at=active,
        awake_until=plan.awake_until,
    )


def power_of(plan: SleepPlan) -> Power:
    """What was agreed last for the plan's environment."""
    desired = plan.environment.desired
    return "asleep" if desired is not None and desired.document.get("power") == "asleep" else "awake"


def _seen_to(plan_id: int, *, now: datetime) -> bool:
    try:
        with transaction.atomic():
            return _carried_out(plan_id, now=now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # one plan that cannot be carried out must not stop the others
        log.exception("sleep_fault", plan=plan_id)
        SleepPlan.objects.filter(pk=plan_id).update(due_at=now + SOON)
        return False


def _carried_out(plan_id: int, *, now: datetime) -> bool:
    rows = SleepPlan.objects.select_for_update(of=("self",)).select_related(
        "environment__system__team", "environment__stage", "environment__desired"
    )
    plan = rows.filter(pk=plan_id, due_at__lte=now).first()
    if plan is None:
        return False
    clock = clockwork_of(plan)
    asked = due(clock, power_of(plan), now)
    waits = _waits_for(plan, asked, now=now) if asked.power is not None else ""
    if waits:
        SleepPlan.objects.filter(pk=plan.pk).update(due_at=now + SOON, said=waits)
        return True
    if asked.wanted is not None:
        _withdraw(plan, OPPOSITE[asked.wanted], now=now)
    said = "" if asked.power is None else _submitted(plan, asked, now=now)
    look_at = asked.look_at
    if clock.idle_hours and clock.active_at:
        look_at = min(look_at or now + IDLE_LOOK, now + IDLE_LOOK)
    SleepPlan.objects.filter(pk=plan.pk).update(
        handled_at=asked.handled, due_at=look_at, said=said if asked.wanted else plan.said
    )
    return True


def _waits_for(plan: SleepPlan, asked: Due, *, now: datetime) -> str:
    """What has to end first: a run, a freeze, or a change that people would have to look at again; else nothing."""
    environment = plan.environment
    if environment.state in ("requested", "progressing", "deleting"):
        return "A run is under way; it is looked at again when that has ended."
    if asked.power == "awake":
        return ""
    if hold := environment_hold(environment, "sleep", now=now):
        return f"It stays awake, because {refusal(hold)}"[:400]
    waiting = Change.objects.filter(environment=environment, state__in=OPEN_CHANGE_STATES).exclude(kind="sleep").first()
    return f"It stays awake while #{waiting.pk} is open, so that nobody must agree anew." if waiting else ""


def _submitted(plan: SleepPlan, asked: Due, *, now: datetime) -> str:
    """Ask for the change; why it was refused, or nothing."""
    environment = plan.environment
    assert asked.power is not None
    if environment.state not in AT_REST:
        return f"It is {environment.state}, so it is left as it is until somebody has looked at it."
    request = ChangeRequest(
        KINDS[asked.power],
        environment.system.slug,
        environment.name,
        reason=f"It falls asleep {asked.why}." if asked.power == "asleep" else f"It wakes {asked.why}.",
    )
    try:
        change_submit(_actor(plan), request, now=now)
    except UserFault as refusal:
        _refused(plan, asked.power, refusal, now=now)
        return refusal.message[:400]
    return ""


def _actor(plan: SleepPlan) -> Actor:
    """The platform, on behalf of the team whose environment it is."""
    return platform_for(f"team {plan.environment.system.team.slug}")


def _refused(plan: SleepPlan, power: Power, refusal: UserFault, *, now: datetime) -> None:
    environment = plan.environment
    place = f"{environment.system.slug} / {environment.name}"
    log.warning("sleep_refused", environment=environment.pk, code=refusal.code, message=refusal.message)
    notify(
        "sleep-refused",
        to=team_people(environment.system.team_id),
        title=f"{place} could not {'fall asleep' if power == 'asleep' else 'wake'} by itself",
        text=f"{refusal.message} {refusal.remedy}".strip(),
        url=f"/environments/{environment.system.slug}/{environment.name}/settings/",
        key=f"environment:{environment.pk}:{power}:{now:%Y%m%d%H}",
        now=now,
        about=About(system=environment.system),
    )


def _withdraw(plan: SleepPlan, kind: str, *, now: datetime) -> None:
    """Take back what the platform asked for at the last transition and nobody has agreed to since."""
    own = Change.objects.filter(
        environment=plan.environment, kind=kind, state__in=("pending", "approved"), requester=platform_account()
    )
    for change_id in list(own.values_list("pk", flat=True)):
        change_cancel(_actor(plan), change_id, now=now)

"""Holds an approved promotion until its moment: not before a time that was asked for, within its stage's windows, and
not into production on whose drift nobody has decided.

``starts`` asks ``start_held`` before it starts a promotion; ``changes`` calls ``start_asked`` when one is submitted. A
held change stays approved and keeps what it holds of the quota; the sweep starts it when the moment has come. It is
planned anew then: what became another plan meanwhile asks again, what may no longer run is denied.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from governance.services.transactions import require_version
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput
from idp.kernel.wake import wake_after_commit
from provisioning.domain.sleep_schedule import schedule_written
from provisioning.domain.windows import in_words, moment_in_words, moment_read, opens, windows_read
from provisioning.models import Change, Environment, Stage, StageWindows, StartHold
from provisioning.selectors.departures import windows_before, windows_of, windows_written
from provisioning.services.change_notices import change_waits_for_told
from provisioning.services.change_states import change_note
from provisioning.services.drift_gate import drift_blocks
from provisioning.services.moved_changes import Moves
from provisioning.services.replanning import change_still_holds
from provisioning.services.requests import ChangeRequest

LOOK_AGAIN = timedelta(minutes=1)


def start_asked(change: Change, request: ChangeRequest, *, now: datetime) -> StartHold | None:
    """Keep what ``request`` says about the start of its ``change``; InvalidInput for a moment that is none.

    Inside the transaction that made the change.
    """
    moment, errors = moment_read(request.not_before, now)
    if request.not_before and request.kind != "promote":
        errors = [FieldError("not_before", "Only a promotion can be put off; leave it out.")]
    if errors:
        raise InvalidInput("1 field needs fixing.", errors=errors)
    if request.kind != "promote" or (request.train is None and (moment is None or moment <= now)):
        return None
    starts = opens(windows_of(change.stage_id), max(now, moment or now))
    return StartHold.objects.create(change=change, train_id=request.train, not_before=moment, starts_at=starts)


def start_held(change: Change, *, environment: Environment | None = None, moves: Moves, now: datetime) -> bool:
    """Whether the locked, approved ``change`` may not start now; what held it until now has it planned anew.

    ``environment`` is the change's with its system and stage, where the caller has it. One query for other kinds than
    promotions: none. Its hold's ``starts_at`` is up to date afterwards, and ``moves`` has what became of it.
    """
    if change.kind != "promote":
        return False
    hold = StartHold.objects.filter(change=change).first()
    if hold is not None and hold.released_at is not None:
        return False
    if hold is not None and hold.train_id is not None:
        wake_after_commit("train", hold.train_id)
        return True
    schedule = windows_of(change.stage_id)
    moment = opens(schedule, max(now, hold.not_before if hold and hold.not_before else now))
    if moment > now:
        _hold(change, hold, moment, moment_in_words(moment, schedule), now=now)
        return True
    if told := start_blocked(change, environment):
        _hold_for(change, hold, told, now=now)
        return True
    if hold is None:
        return False
    if not change_still_holds(change, moves=moves, now=now):
        return True
    StartHold.objects.filter(pk=hold.pk).update(released_at=now, waits_for="")
    return False


def start_blocked(change: Change, environment: Environment | None = None) -> str:
    """What somebody has to decide before the promotion starts, though it is agreed to; empty when nothing is.

    It was looked at when it was asked for; what drifted while it waited would be overwritten unseen.
    """
    if environment is None and change.environment_id is not None:
        rows = Environment.objects.select_related("system", "stage")
        environment = rows.filter(pk=change.environment_id, drifted__gt=0).first()
    found = drift_blocks(change.kind, environment)
    return found[0].message if found else ""


def _hold(change: Change, hold: StartHold | None, moment: datetime, words: str, *, now: datetime) -> None:
    told = hold is not None and hold.starts_at == moment and change.events.filter(event="schedule").exists()
    StartHold.objects.update_or_create(change=change, defaults={"starts_at": moment, "waits_for": ""})
    if not told:
        change_note(
            change,
            "schedule",
            state=change.state,
            actor_name="slipway",
            now=now,
            text=f"It starts {words} at the earliest",
        )


def _hold_for(change: Change, hold: StartHold | None, told: str, *, now: datetime) -> None:
    """Look again in a minute; its people are told once for each thing that it waits for."""
    news = hold is None or hold.waits_for != told[:400]
    kept = {"starts_at": now + LOOK_AGAIN, "waits_for": told[:400]}
    StartHold.objects.update_or_create(change=change, defaults=kept)
    if news:
        change_note(change, "wait", state=change.state, actor_name="slipway", now=now, text=told)
        change_waits_for_told(change, told, now=now)


@transaction.atomic
def stage_windows_set(
    actor: Actor, stage: Stage, *, windows: Any, zone: str, expected_version: int | None = None, now: datetime
) -> StageWindows:
    """Say when promotions into ``stage`` may start; none means at any time. Admins only.

    ``windows`` are ``[{"days": ["mon"], "from": "09:00", "to": "16:00"}]`` in the time ``zone``. What waits for its
    moment is looked at again at the next sweep.
    """
    rights_of(actor).require_admin()
    schedule, errors = windows_read(windows, zone)
    if errors:
        raise InvalidInput("The windows were not stored.", errors=errors)
    row = StageWindows.objects.select_for_update().filter(stage=stage).first()
    if row is None:
        row = StageWindows(stage=stage)
    before = windows_written(row)
    require_version(row, row.version, expected_version)
    row.windows, row.zone, row.changed_at = schedule_written(schedule), schedule.zone, now
    row.version += 1
    row.save()
    StartHold.objects.filter(change__stage=stage, released_at=None, train=None).update(starts_at=now)
    audit_append(
        actor,
        action="stage.windows",
        object_type="stage",
        object_id=str(stage.pk),
        object_label=stage.name,
        data={"windows": in_words(schedule), "before": before, "after": windows_written(row)},
        now=now,
    )
    return row


@transaction.atomic
def stage_windows_take_back(
    actor: Actor, stage: Stage, *, expected_version: int | None = None, now: datetime
) -> StageWindows:
    """Make the windows what they were before the last edit; once more brings that edit again. Admins only."""
    rights_of(actor).require_admin()
    before = windows_before(stage)
    if before is None:
        raise Conflict("There is no edit of these windows to take back.", remedy="Edit them instead.")
    return stage_windows_set(actor, stage, **before, expected_version=expected_version, now=now)

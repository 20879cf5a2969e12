"""Advances promotion trains: lets them leave when every member may start, calls them off, and sees them arrive.

Called by a task every few seconds and after approvals. A lease keeps two sweeps apart; that nothing happens twice rests
on each move being filtered on the state that it leaves.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, Q

from governance.services.quota import quotas_lock
from idp.kernel.actor import PLATFORM, platform_for
from idp.kernel.errors import Conflict
from provisioning.domain.freeze import refusal
from provisioning.domain.train import LOST, OPEN_TRAIN_STATES, verdict
from provisioning.models import StartHold, Train
from provisioning.selectors.freezes import change_holds
from provisioning.selectors.trains import member_rows
from provisioning.services.change_states import change_lock
from provisioning.services.departures import start_blocked
from provisioning.services.moved_changes import Moves, moves_audit
from provisioning.services.replanning import change_still_holds
from provisioning.services.starts import change_start
from provisioning.services.trains import train_audit, train_call_off, train_lock, train_move, train_told

log = structlog.get_logger(__name__)
LEASE = timedelta(minutes=2)
PAUSE = timedelta(seconds=15)
AFTER_A_FAULT = timedelta(minutes=1)
FROZEN_PAUSE = timedelta(minutes=1)


def trains_advance_due(*, now: datetime, limit: int = 20) -> int:
    """Advance every train that is due and that nobody else advances; how many."""
    stopped = StartHold.objects.filter(train=OuterRef("pk"), change__state__in=("failed", *LOST))
    due = Q(state__in=OPEN_TRAIN_STATES, due_at__lte=now) | (Q(state="failed") & ~Exists(stopped))
    found = Train.objects.filter(due, _free(now)).order_by("id").values_list("pk", flat=True)[:limit]
    return sum(train_advance(train_id, now=now) for train_id in list(found))


def train_advance(train_id: int, *, now: datetime) -> bool:
    """Look at one train and do what is due; False when somebody else has it."""
    mine = now + LEASE
    if Train.objects.filter(_free(now), pk=train_id).update(lease_until=mine) != 1:
        return False
    look_at: datetime | None = now + AFTER_A_FAULT
    try:
        look_at = _advanced(train_id, now=now)
    except (OperationalError, InterfaceError):
        raise
    except Conflict as other:
        log.info("train_moved_meanwhile", train=train_id, message=other.message)
        look_at = now + PAUSE
    except Exception:  # one train at fault must not stop the others; it is looked at again when it is due
        log.exception("train_fault", train=train_id)
    finally:
        Train.objects.filter(pk=train_id, lease_until=mine).update(lease_until=None, due_at=look_at)
    return True


def _free(now: datetime) -> Q:
    return Q(lease_until=None) | Q(lease_until__lte=now)


@transaction.atomic
def _advanced(train_id: int, *, now: datetime) -> datetime | None:
    """Do what is due; when to look again."""
    train = train_lock(train_id)
    rows = member_rows([train.pk]).get(train.pk, [])
    said = verdict(train.state, [one.as_member(now, train.not_before) for one in rows], now)
    if said.step == "cancel":
        train_call_off(platform_for(train.requester.username), train, rows, said.why, now=now)
    elif said.step == "depart":
        moves = Moves()
        look_at = _depart(train, moves=moves, now=now)
        moves_audit(platform_for(train.requester.username), moves, cause=f"train {train.pk}", now=now)
        return look_at
    elif said.step:
        _end(train, said.step, said.why, now=now)
    elif said.why != train.state_reason and train.state == "waiting":
        Train.objects.filter(pk=train.pk).update(state_reason=said.why[:400])
    if train.state not in OPEN_TRAIN_STATES:
        return None
    return max(now + PAUSE, said.look_at) if said.look_at else now + PAUSE


def _depart(train: Train, *, moves: Moves, now: datetime) -> datetime:
    """Start every member in this transaction; one that cannot start takes the others back with it.

    A member that became another plan while it waited asks again, and the train waits on; as it does in a freeze, and
    while nobody has decided on drift where it goes.
    """
    rows = member_rows([train.pk])[train.pk]
    changes = [change_lock(one.change.pk) for one in sorted(rows, key=lambda one: one.change.environment_id or 0)]
    for change in changes:
        if change.state != "approved" or not change_still_holds(change, moves=moves, now=now):
            return now
    frozen = next((hold for change in changes for hold in change_holds(change, now=now)), None)
    if frozen is not None:
        Train.objects.filter(pk=train.pk).update(state_reason=refusal(frozen)[:400])
        return max(now + PAUSE, min(frozen.until or now + FROZEN_PAUSE, now + FROZEN_PAUSE))
    blocked = next((told for change in changes if (told := start_blocked(change))), "")
    if blocked:
        Train.objects.filter(pk=train.pk).update(state_reason=blocked[:400])
        return now + FROZEN_PAUSE
    quotas_lock(change.system.team_id for change in changes)
    StartHold.objects.filter(train=train).update(released_at=now)
    before = train.state
    train_move(train, "depart", departed_at=now, state_reason="")
    for change in changes:
        if change_start(change, moves=moves, now=now) is None:
            raise Conflict(f"{change.title} cannot start yet.")
    train_told(train, "train-moved", f"Left: {train.title}", "Every part of it runs now.", by=PLATFORM, now=now)
    train_audit(platform_for(train.requester.username), train, "depart", before=before, now=now)
    return now + PAUSE


def _end(train: Train, step: str, why: str, *, now: datetime) -> None:
    """It arrived, a part of it failed, or what failed goes on."""
    over = None if step == "resume" else now
    before = train.state
    train_move(train, step, state_reason=why[:400], finished_at=over)
    if step == "arrive":
        train_told(train, "train-moved", f"Arrived: {train.title}", "Every part is Ready.", by=PLATFORM, now=now)
    if step == "fail":
        text = f"{why}. Resume its run, or roll the others back; what arrived stays."
        train_told(train, "train-stopped", f"Failed: {train.title}", text, by=PLATFORM, now=now)
    train_audit(platform_for(train.requester.username), train, step, before=before, now=now)

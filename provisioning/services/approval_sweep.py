"""What becomes of decisions that nobody takes: the next people are asked, and after a longer time the change expires.

Called by a task every half minute. Each change is dealt with in a transaction of its own, with its locks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, transaction

from governance.domain.approval import source_label
from governance.models import Approval
from governance.services.approvals import approval_escalate
from governance.services.audit import audit_append
from idp.kernel.actor import platform_for
from provisioning.models import Change
from provisioning.services.change_ends import change_dropped
from provisioning.services.change_notices import change_waits_told
from provisioning.services.change_states import change_lock, change_move, change_note
from provisioning.services.moved_changes import stand_of

log = structlog.get_logger(__name__)
AT_ONCE = 50


def approvals_escalate(*, now: datetime) -> int:
    """Ask the next people where the time of the first is over; how many approvals."""
    late = Approval.objects.filter(state="waiting", escalated_at=None, escalates_at__lte=now)
    return sum(_dealt_with(one, _escalate, now=now) for one in list(late.order_by("escalates_at")[:AT_ONCE]))


def approvals_expire(*, now: datetime) -> int:
    """End changes that waited longer than their route lets them; how many."""
    over = Approval.objects.filter(state="waiting", expires_at__lte=now)
    return sum(_dealt_with(one, _expire, now=now) for one in list(over.order_by("expires_at")[:AT_ONCE]))


def _dealt_with(approval: Approval, act: Callable[[Approval, Change, datetime], bool], *, now: datetime) -> bool:
    """Whether it was done. A change that is gone, decided or planned anew meanwhile is left as it is."""
    try:
        with transaction.atomic():
            change = change_lock(approval.change_id)
            waits = change.state == "pending" and change.plan_digest == approval.plan_digest
            return waits and act(approval, change, now)
    except Change.DoesNotExist:
        return False
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # one approval at fault must not stop the others
        log.exception("approval_not_swept", approval=approval.pk)
        return False


def _escalate(approval: Approval, change: Change, now: datetime) -> bool:
    if not approval_escalate(approval, now=now):
        return False
    first, then = source_label(approval.source, approval.count), source_label(approval.escalate_to)
    told = f"{first[0].upper()}{first[1:]} did not decide in time; {then} may too"
    change_note(change, "escalate", state=change.state, actor_name="slipway", now=now, text=told)
    change_waits_told(change, asker=change.requester.username, now=now)
    _audit(change, "change.escalate", {"to": approval.escalate_to, "plan_digest": change.plan_digest}, now=now)
    return True


def _expire(approval: Approval, change: Change, now: datetime) -> bool:
    label = source_label(approval.source, approval.count)
    told = f"It waited too long for {label}; ask for it again if it is still wanted"
    before = stand_of(change)
    change_move(change, "expire", actor_name="slipway", now=now, text=told, decided_at=now, finished_at=now)
    change_dropped(change, now=now)
    _audit(change, "change.expire", {"before": before, "after": stand_of(change)}, now=now)
    return True


def _audit(change: Change, action: str, data: dict[str, Any], *, now: datetime) -> None:
    audit_append(
        platform_for(change.requester.username),
        action=action,
        object_type="change",
        object_id=str(change.pk),
        object_label=change.title,
        team_slug=change.system.team.slug,
        data=data,
        now=now,
    )

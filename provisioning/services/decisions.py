"""What people say to a change: approve, reject, comment, ask, cancel.

Each is one transaction: environment, change, (quota,) audit head are locked in this order, so two decisions at once
come one after the other, and the second meets what the first left.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from django.db import transaction

from governance.access import Rights, rights_of
from governance.services.approvals import Outcome, decide, remark
from governance.services.audit import audit_append
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound
from provisioning.models import Change
from provisioning.selectors.changes import subject_of
from provisioning.services.change_ends import change_dropped
from provisioning.services.change_notices import change_waits_told
from provisioning.services.change_states import change_lock, change_move, change_note
from provisioning.services.moved_changes import Moves, cause_of, moves_audit, stand_of
from provisioning.services.starts import change_start


def change_approve(actor: Actor, change_id: int, *, plan_digest: str, comment: str = "", now: datetime) -> Change:
    """Agree to the plan with ``plan_digest``; when nobody else must agree the change starts.

    Raises StalePlan when the plan is another one, Forbidden for one's own change or without the right to decide.
    """
    return _decide(actor, change_id, "approve", plan_digest=plan_digest, comment=comment, now=now)


def change_reject(actor: Actor, change_id: int, *, plan_digest: str = "", comment: str, now: datetime) -> Change:
    """Refuse the change, with a reason; it holds nothing afterwards."""
    if not comment.strip():
        raise InvalidInput("Say why.", errors=[FieldError("comment", "Write a sentence for the requester.")])
    return _decide(actor, change_id, "reject", plan_digest=plan_digest, comment=comment, now=now)


@transaction.atomic
def _decide(
    actor: Actor,
    change_id: int,
    verdict: Literal["approve", "reject"],
    *,
    plan_digest: str,
    comment: str,
    now: datetime,
) -> Change:
    change, _ = _seen(actor, change_id)
    if change.state != "pending":
        raise Conflict(
            f"This change is {change.state}; there is nothing left to decide.",
            code="illegal-state",
            remedy="Open the change again to see the outcome.",
        )
    moves = Moves()
    decide(
        actor,
        change=subject_of(change),
        verdict=verdict,
        plan_digest=plan_digest or change.plan_digest,
        comment=comment.strip(),
        now=now,
        then=lambda outcome: _follow(actor, change, verdict, outcome, comment=comment, moves=moves, now=now),
    )
    moves_audit(actor, moves, cause=cause_of(change), now=now)
    change.refresh_from_db()
    return change


def _follow(
    actor: Actor, change: Change, verdict: str, outcome: Outcome, *, comment: str, moves: Moves, now: datetime
) -> None:
    """What a decision means for the change: nothing yet, its end, or its start."""
    change_note(change, verdict, state=change.state, actor_name=actor.username, now=now, text=comment.strip())
    if outcome is Outcome.REJECTED:
        change_move(change, "reject", actor_name=actor.username, now=now, decided_at=now, finished_at=now)
        change_dropped(change, now=now)
    elif outcome is Outcome.NEXT:
        change_waits_told(change, asker=change.requester.username, now=now)
    elif outcome is Outcome.APPROVED:
        change_move(change, "approve", actor_name=actor.username, now=now, decided_at=now)
        change_start(change, moves=moves, now=now)


@transaction.atomic
def change_cancel(actor: Actor, change_id: int, *, now: datetime) -> Change:
    """Withdraw a change that has not started. The requester and the team's maintainers may."""
    change, rights = _seen(actor, change_id)
    rights.require_request(change.system)
    if change.requester_id != actor.user_id and not rights.may_manage(change.system.team):
        raise Forbidden(
            "Only the requester or a maintainer of the team may cancel this change.",
            remedy=f"Ask {change.requester.username} to cancel it.",
        )
    if change.state == "running":
        raise Conflict("This change is running.", code="illegal-state", remedy="Cancel its run instead.")
    before = stand_of(change)
    change_move(change, "cancel", actor_name=actor.username, now=now, decided_at=now, finished_at=now)
    change_dropped(change, now=now)
    _audit(actor, change, "cancel", before, now=now)
    return change


def change_comment(actor: Actor, change_id: int, *, comment: str, now: datetime) -> Change:
    """Say something to everybody who reads the change."""
    return _say(actor, change_id, "comment", comment, now=now)


def change_request_info(actor: Actor, change_id: int, *, comment: str, now: datetime) -> Change:
    """Ask the requester something before deciding."""
    return _say(actor, change_id, "request-info", comment, now=now)


@transaction.atomic
def _say(
    actor: Actor, change_id: int, verdict: Literal["comment", "request-info"], comment: str, *, now: datetime
) -> Change:
    change, rights = _seen(actor, change_id)
    if not rights.has_scope("approve"):
        rights.require_scope("change")
    change_note(change, verdict, state=change.state, actor_name=actor.username, now=now, text=comment.strip())
    remark(actor, change=subject_of(change), verdict=verdict, comment=comment, now=now)
    return change


def _seen(actor: Actor, change_id: int) -> tuple[Change, Rights]:
    """The locked change and the actor's rights; NotFound when the actor may not know of it."""
    rights = rights_of(actor)
    try:
        change = change_lock(change_id)
    except Change.DoesNotExist:
        raise NotFound(f"There is no change {change_id}.") from None
    if not rights.may_see(change.system):
        raise NotFound(f"There is no change {change_id}.")
    return change, rights


def _audit(actor: Actor, change: Change, verdict: str, before: dict[str, Any], *, now: datetime) -> None:
    audit_append(
        actor,
        action=f"change.{verdict}",
        object_type="change",
        object_id=str(change.pk),
        object_label=change.title,
        team_slug=change.system.team.slug,
        place=f"{change.system.slug}/{change.environment_name}",
        data={"before": before, "after": stand_of(change)},
        now=now,
    )

"""Breaking the glass of a freeze: one change goes on, with a reason, and somebody else looks at it afterwards.

A change that a freeze refused is asked for again, as it was; one that waits for the thaw starts. Policies, quota and
approvals hold as ever: the glass opens the freeze and nothing else. Lock order: what submitting or starting a change
locks, then the audit head.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from governance.access import Rights, admins, rights_of
from governance.selectors.people import team_people
from governance.services.audit import audit_append
from governance.services.notice_events import About
from governance.services.notices import notices_answered, notify
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound, PolicyDenied, QuotaExceeded
from provisioning.domain.freeze import LONGEST_REASON, POLICY, Hold, Place, covers_of, holds, touched
from provisioning.domain.targets import spec_of
from provisioning.models import Change, GlassBreak, Run
from provisioning.selectors.freezes import breaks_visible, change_holds, standing
from provisioning.services.change_states import change_lock, change_note
from provisioning.services.changes import change_submit
from provisioning.services.freeze_gate import may_break
from provisioning.services.moved_changes import Moves, cause_of, moves_audit
from provisioning.services.requests import ChangeRequest, request_again
from provisioning.services.starts import change_start

AGREE_WITHIN: Final = timedelta(days=3)
WAITING: Final = ("pending", "approved")


def glass_break(actor: Actor, change_id: int, *, reason: str, now: datetime) -> Change:
    """Let a change go on in spite of every freeze that holds it; answers the change that does.

    For platform admins, and maintainers of the team where the freezes let them. Raises what submitting raises, and
    Conflict for a change that no freeze holds. Admins are told, and one of them who did not break it has to agree
    within ``AGREE_WITHIN``.
    """
    found, rights = _seen(actor, change_id)
    if not reason.strip() or len(reason) > LONGEST_REASON:
        told = f"Say why it cannot wait, in at most {LONGEST_REASON} characters."
        raise InvalidInput("The glass was not broken.", errors=[FieldError("reason", told)])
    if found.state == "denied":
        return _asked_again(actor, rights, found, reason.strip(), now=now)
    return _started(actor, rights, found.pk, reason.strip(), now=now)


@transaction.atomic
def glass_review(actor: Actor, break_id: int, *, verdict: str, comment: str = "", now: datetime) -> GlassBreak:
    """Say afterwards whether breaking the glass was right. Platform admins only, never who broke it."""
    rights = rights_of(actor)
    rights.require_admin()
    row = breaks_visible(rights, GlassBreak.objects.select_for_update(of=("self",)).filter(pk=break_id)).first()
    if row is None:
        raise NotFound("There is no such break of the glass.")
    if row.broken_by_id == actor.user_id:
        raise Forbidden("Nobody agrees to their own.", code="own-change", remedy="Ask another platform admin.")
    if row.verdict:
        raise Conflict(
            f"{row.reviewed_by.username if row.reviewed_by else 'Somebody'} was first.", code="illegal-state"
        )
    wrong = []
    if verdict not in ("agreed", "objected"):
        wrong.append(FieldError("verdict", "Write agreed or objected."))
    if verdict == "objected" and not comment.strip():
        wrong.append(FieldError("comment", "Say what should have been done instead."))
    if wrong:
        raise InvalidInput("Nothing was said.", errors=wrong)
    row.verdict, row.comment = verdict, comment.strip()[:LONGEST_REASON]
    row.reviewed_by_id, row.reviewed_at = actor.user_id, now
    row.save(update_fields=["verdict", "comment", "reviewed_by", "reviewed_at"])
    notices_answered(key=_key(row), now=now)
    said = "agrees that" if verdict == "agreed" else "objects that"
    notify(
        "glass-reviewed",
        to=[row.broken_by_id],
        title=f"{actor.username} {said} you broke the glass for #{row.change_id}",
        text=row.comment or "Nothing is left to do.",
        url=f"/changes/{row.change_id}/",
        key=f"glass:{row.pk}:reviewed",
        now=now,
        about=About(
            system=row.change.system,
            title=f"{actor.username} {said} {row.broken_by.username} broke the glass for #{row.change_id}",
        ),
    )
    _audit(actor, row, f"glass-{verdict}", row.comment, now=now)
    return row


def glass_late_tell(*, now: datetime, limit: int = 50) -> int:
    """Tell admins and whoever broke it of each break that nobody agreed to in time; how many. For a task."""
    late = GlassBreak.objects.filter(verdict="", due_at__lte=now, late_told=False).values_list("pk", flat=True)
    return sum(_late(break_id, now=now) for break_id in list(late[:limit]))


@transaction.atomic
def _late(break_id: int, *, now: datetime) -> bool:
    if not GlassBreak.objects.filter(pk=break_id, late_told=False).update(late_told=True):
        return False
    row = GlassBreak.objects.select_related("change__system__team", "broken_by").get(pk=break_id)
    notify(
        "glass-broken",
        to={*admins().values_list("pk", flat=True), row.broken_by_id},
        title=f"Nobody has agreed yet that the glass was broken for #{row.change_id}",
        text=f"{row.broken_by.username} broke it: {row.reason} A platform admin who did not break it has to say.",
        url="/freezes/",
        key=f"glass:{row.pk}:late",
        now=now,
        about=About(system=row.change.system),
    )
    return True


@transaction.atomic
def _asked_again(actor: Actor, rights: Rights, denied: Change, reason: str, *, now: datetime) -> Change:
    found = _holds_of(actor, denied, now=now)
    if not found and any(one["policy"] == POLICY for one in denied.verdicts):
        raise Conflict("It has thawed.", code="illegal-state", remedy="Ask for the change again, as ever.")
    _require(rights, found, denied)
    try:
        change = change_submit(actor, _request(denied, reason), now=now)
    except (PolicyDenied, QuotaExceeded) as error:
        error.change_id = None  # it goes with this transaction; the change that was denied before stays
        raise
    row = _keep(actor, change, found, reason, now=now)
    change_note(change, "glass", state=change.state, actor_name=actor.username, now=now, text=reason)
    _audit(actor, row, "break-glass", reason, now=now)
    return change


@transaction.atomic
def _started(actor: Actor, rights: Rights, change_id: int, reason: str, *, now: datetime) -> Change:
    change = change_lock(change_id)
    if change.state not in WAITING:
        raise Conflict(f"This change is {change.state}; no glass keeps it.", code="illegal-state")
    found = change_holds(change, now=now)
    _require(rights, found, change)
    row, moves = _keep(actor, change, found, reason, now=now), Moves()
    change_note(change, "glass", state=change.state, actor_name=actor.username, now=now, text=reason)
    busy = Run.objects.filter(environment=change.environment_id, state__in=("queued", "running")).exists()
    if change.state == "approved" and not busy:
        change_start(change, moves=moves, now=now)
    _audit(actor, row, "break-glass", reason, now=now)
    moves_audit(actor, moves, cause=cause_of(change), now=now)
    return change


def _holds_of(actor: Actor, denied: Change, *, now: datetime) -> list[Hold]:
    """What holds the denied change now, as it would be asked for by ``actor``."""
    place = Place(
        denied.system.team.slug,
        denied.system.slug,
        denied.stage.name,
        touched(denied.plan, denied.target, denied.base.document if denied.base else None),
    )
    return holds(standing(), place, covers_of(denied.kind, by_clock=actor.is_platform), now)


def _require(rights: Rights, found: Sequence[Hold], change: Change) -> None:
    if not found:
        raise Conflict("No freeze holds this change.", code="illegal-state", remedy="Open it again to see what does.")
    for hold in found:
        if not may_break(rights, hold, change.system):
            who = "platform admins" if hold.freeze.glass == "admins" else "maintainers of the team and platform admins"
            raise Forbidden(
                f"Only {who} may break the glass of “{hold.freeze.title}”.",
                remedy=f"Ask one of them, or {hold.freeze.by}, who froze it.",
            )


def _request(denied: Change, reason: str) -> ChangeRequest:
    """The intent of a denied change: what was kept of it, and for whole documents the target."""
    request = request_again(
        denied.intent,
        kind=denied.kind,
        system=denied.system.slug,
        environment=denied.environment_name,
        reason=denied.reason,
    )
    written: dict[str, Any] = (
        {"spec": spec_of(denied.target)} if denied.kind in ("create", "update") and denied.target else {}
    )
    if written and denied.target and denied.target.get("expires"):
        written["spec"]["expires"] = denied.target["expires"]
    if denied.kind == "create":
        written["source"] = ""
    confirm = denied.environment_name if denied.kind == "delete" else ""
    return ChangeRequest(
        **{
            **{name: getattr(request, name) for name in ChangeRequest.__dataclass_fields__},
            **written,
            "confirm": confirm,
            "reason": denied.reason or reason,
            "glass": True,
        }
    )


def _keep(actor: Actor, change: Change, found: Sequence[Hold], reason: str, *, now: datetime) -> GlassBreak:
    assert actor.user_id is not None  # the platform breaks no glass
    row = GlassBreak.objects.create(
        change=change,
        freezes=[hold.freeze.id for hold in found],
        freeze_id=found[0].freeze.id,
        reason=reason,
        broken_by_id=actor.user_id,
        broken_at=now,
        due_at=now + AGREE_WITHIN,
    )
    told = {*admins().values_list("pk", flat=True), *team_people(change.system.team_id, roles=("maintainer",))}
    notify(
        "glass-broken",
        to=told - {actor.user_id},
        title=f"{actor.username} broke the glass: {change.title}",
        text=f"{reason} A platform admin has to agree by {row.due_at:%d %B %Y}.",
        url="/freezes/",
        key=_key(row),
        now=now,
        about=About(system=change.system),
    )
    return row


def _key(row: GlassBreak) -> str:
    return f"glass:{row.pk}"


def _seen(actor: Actor, change_id: int) -> tuple[Change, Rights]:
    rights = rights_of(actor)
    rows = Change.objects.select_related("system__team", "stage", "base", "requester")
    found = rows.filter(pk=change_id).first()
    if found is None or not rights.may_see(found.system):
        raise NotFound(f"There is no change {change_id}.")
    rights.require_request(found.system)
    return found, rights


def _audit(actor: Actor, row: GlassBreak, verb: str, reason: str, *, now: datetime) -> None:
    change = row.change
    audit_append(
        actor,
        action=f"change.{verb}",
        object_type="change",
        object_id=change.pk,
        object_label=change.title,
        team_slug=change.system.team.slug,
        place=f"{change.system.slug}/{change.environment_name}",
        data={"freezes": row.freezes, "reason": reason},
        now=now,
    )

"""A team asks for more quota; a platform admin grants it or not. Everything is audited, and both sides hear of it.

Locks: the request, the quota row, then the audit head.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from governance.access import MANAGE_TEAM, REQUEST_CHANGE, rights_of
from governance.domain.lending import in_words
from governance.domain.quota import NAMES, Amounts, plain
from governance.models import QuotaRequest
from governance.services.audit import audit_append
from governance.services.edits import edit_keep
from governance.services.quota import quotas_lock
from governance.services.quota_limits import entry_add, limits_shown, quota_write
from governance.services.quota_notices import request_told
from idp.catalog.models import Team
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound

MOST = 100_000
REASON, ANSWER = 1000, 1000


def request_make(actor: Actor, *, team: Team, amounts: Amounts, reason: str, now: datetime) -> QuotaRequest:
    """Ask for ``amounts`` on top of the team's limits; its developers and maintainers, one request at a time."""
    rights = rights_of(actor)
    rights.require_scope("change")
    held = rights.teams.get(team.pk, frozenset())
    if actor.user_id is None or not (rights.is_admin or {REQUEST_CHANGE, MANAGE_TEAM} & held):
        raise Forbidden(
            f"Only developers and maintainers of team {team.slug} may ask for more quota.",
            remedy=f"Ask one of {team.slug} to do it.",
        )
    if errors := _problems(amounts, reason):
        raise InvalidInput(f"This is not right yet: {errors[0].message}", errors=errors)
    try:
        with transaction.atomic():
            return _stored(actor, team, amounts, reason.strip(), now=now)
    except IntegrityError:
        raise Conflict(
            f"A request of team {team.slug} waits already.", remedy="Withdraw it, or wait until it is decided."
        ) from None


def _stored(actor: Actor, team: Team, amounts: Amounts, reason: str, *, now: datetime) -> QuotaRequest:
    made = QuotaRequest.objects.create(
        team=team, reason=reason, made_by_id=actor.user_id, made_at=now, **amounts.as_dict()
    )
    request_told(made, now=now)
    _audit(actor, made, "ask", before=None, after={"state": made.state}, now=now)
    return made


@transaction.atomic
def request_decide(actor: Actor, request_id: int, *, grant: bool, answer: str = "", now: datetime) -> QuotaRequest:
    """Grant or refuse; platform admins, never the person who asked. Granting raises the limits at once."""
    rights_of(actor).require_admin()
    request = _open(request_id)
    if request.made_by_id == actor.user_id:
        raise Forbidden("You asked for this yourself.", remedy="Let another platform admin decide.")
    if not grant and not answer.strip():
        raise InvalidInput("Say why not.", errors=[FieldError("answer", "Write a sentence for who asked.")])
    request.state = "granted" if grant else "refused"
    request.decided_by_id, request.decided_at, request.answer = actor.user_id, now, answer.strip()[:ANSWER]
    request.save(update_fields=["state", "decided_by", "decided_at", "answer"])
    before: dict[str, Any] = {"state": "open"}
    after: dict[str, Any] = {"state": request.state}
    if grant:
        before["limits"], after["limits"] = _raise_limits(actor, request, now=now)
    request_told(request, now=now)
    _audit(actor, request, "grant" if grant else "refuse", before=before, after=after, now=now)
    return request


@transaction.atomic
def request_withdraw(actor: Actor, request_id: int, *, now: datetime) -> QuotaRequest:
    """Whoever asked, and the team's maintainers, may think better of it."""
    rights = rights_of(actor)
    rights.require_scope("change")
    request = _open(request_id)
    if request.made_by_id != actor.user_id and not rights.may_manage(request.team):
        raise Forbidden("Only who asked and maintainers of the team may withdraw it.")
    request.state, request.decided_by_id, request.decided_at = "withdrawn", actor.user_id, now
    request.save(update_fields=["state", "decided_by", "decided_at"])
    _audit(actor, request, "withdraw", before={"state": "open"}, after={"state": request.state}, now=now)
    return request


def _raise_limits(actor: Actor, request: QuotaRequest, *, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """Raise the limits at once; what they were, and what they are."""
    quota = quotas_lock([request.team_id]).get(request.team_id)
    if quota is None:
        raise InvalidInput("The team has no quota yet.", remedy="Set its quota first.")
    before, more = limits_shown(quota), Amounts.of(request)
    entry_add(actor, team_id=request.team_id, kind="granted", by=more, request=request, now=now)
    quota_write(quota, Amounts.of(quota) + more, now=now)
    after = limits_shown(quota)
    edit_keep(actor, subject="quota", key=request.team_id, before=before, after=after, now=now)
    return before, after


def _open(request_id: int) -> QuotaRequest:
    rows = QuotaRequest.objects.select_for_update(of=("self",)).select_related("team")
    request = rows.filter(pk=request_id).first()
    if request is None:
        raise NotFound(f"There is no request {request_id} for quota.")
    if request.state != "open":
        raise Conflict(f"This request is {request.state} already.", code="illegal-state", remedy="Read it again.")
    return request


def _problems(amounts: Amounts, reason: str) -> list[FieldError]:
    errors = [
        FieldError(name, f"An amount is a number from 0 to {MOST}.")
        for name in NAMES
        if not 0 <= getattr(amounts, name) <= MOST
    ]
    if not amounts:
        errors.append(FieldError("cpu", "Say how much more: at least one amount above zero."))
    if not reason.strip() or len(reason) > REASON:
        errors.append(FieldError("reason", f"Say in at most {REASON} characters what it is for."))
    return errors


def _audit(
    actor: Actor,
    request: QuotaRequest,
    verb: str,
    *,
    before: dict[str, Any] | None,
    after: dict[str, Any],
    now: datetime,
) -> None:
    amounts = Amounts.of(request)
    audit_append(
        actor,
        action=f"quota-request.{verb}",
        object_type="quota-request",
        object_id=str(request.pk),
        object_label=f"{request.team.slug}: {in_words(amounts)}"[:200],
        team_slug=request.team.slug,
        data={
            "before": before,
            "after": after,
            "more": {name: plain(value) for name, value in amounts.as_dict().items()},
            "reason": request.reason,
            "answer": request.answer,
        },
        now=now,
    )

"""Submitting a change: the gate's plan, stored with quota, approvals and audit in one transaction.

Locks: environment (update, delete), quota, audit head.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from governance.domain.quota import OverQuota
from governance.services.accounts import platform_account
from governance.services.approvals import approvals_open
from governance.services.audit import audit_append
from governance.services.policy_notices import policy_errors_told
from governance.services.quota import quota_hold, quotas_lock
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput, PolicyDenied, QuotaExceeded, UserFault
from provisioning.domain.agent import VIA
from provisioning.domain.freeze import POLICY as FROZEN
from provisioning.models import Change, Environment
from provisioning.services.authors import authors_keep
from provisioning.services.change_notices import change_waits_told
from provisioning.services.change_states import change_begins
from provisioning.services.confirming import loss_confirmed
from provisioning.services.departures import start_asked
from provisioning.services.drift_rows import drifts_answered
from provisioning.services.gate import Planned, change_plan
from provisioning.services.hosts import hosts_take
from provisioning.services.moved_changes import Moves, cause_of, moves_audit
from provisioning.services.places import place_kept_alone
from provisioning.services.requests import ChangeRequest
from provisioning.services.starts import change_start
from provisioning.services.titles import title_of

__all__ = ["ChangeRequest", "Planned", "change_plan", "change_submit"]

MAX_REASON = 4000
Kept = Callable[[Environment], None]


def change_submit(actor: Actor, request: ChangeRequest, *, now: datetime, kept: Kept | None = None) -> Change:
    """Store the change and let it start, wait or be denied.

    ``kept`` writes what belongs to the environment as soon as its row is there, before anybody is told of the change.
    Raises InvalidInput with every field to fix (nothing is stored), PolicyDenied or QuotaExceeded (the denied
    change is stored and named by the error's ``change_id``), Conflict when somebody was faster.
    """
    if len(request.reason) > MAX_REASON:
        raise InvalidInput(
            "The reason is too long.", errors=[FieldError("reason", f"Write at most {MAX_REASON} characters.")]
        )
    try:
        planned, change = _submitted(actor, request, kept, now=now)
    except IntegrityError:
        raise Conflict(
            f"{request.system}/{request.environment} was made by somebody else at the same moment.",
            remedy="Open it, or choose another name.",
        ) from None
    if change.state == "denied":
        raise _denial(planned, change)
    return change


def _submitted(actor: Actor, request: ChangeRequest, kept: Kept | None, *, now: datetime) -> tuple[Planned, Change]:
    """One transaction; a second one when others took the quota between plan and lock, so that the denial is stored."""
    try:
        with transaction.atomic():
            return _submit(actor, request, kept, now=now)
    except QuotaExceeded:
        with transaction.atomic():
            return _submit(actor, request, kept, now=now)


def _submit(actor: Actor, request: ChangeRequest, kept: Kept | None, *, now: datetime) -> tuple[Planned, Change]:
    if request.kind != "create":
        list(
            Environment.objects.select_for_update(of=("self",))
            .filter(system__slug=request.system, name=request.environment, deleted_at=None)
            .values_list("pk")
        )
    planned = change_plan(actor, request, now=now, people=False)
    problems = [*planned.problems, *loss_confirmed(request, planned)]
    if problems:
        raise InvalidInput(_counted(len(problems)), errors=problems)
    if planned.outcome == "nothing":
        raise InvalidInput(
            "This changes nothing: the environment is already as you ask.",
            code="nothing-to-change",
            errors=[_unchanged(request)],
        )
    policy_errors_told(planned.verdicts, now=now)
    if planned.outcome == "denied":
        change = _store(actor, request, planned, None, "denied", now=now)
        _audit(actor, change, planned, "change.deny", now=now)
        return planned, change
    environment = planned.environment or _environment(actor, planned, now=now)
    if kept is not None:
        kept(environment)
    change = _store(actor, request, planned, environment, "pending" if planned.needs else "approved", now=now)
    authors_keep(change, actor, request)
    start_asked(change, request, now=now)
    if actor.via == VIA:
        quotas_lock([planned.system.team_id])  # what an agent asks for is held against its cap, too
    quota_hold(
        team=planned.system.team,
        environment_id=environment.pk,
        change_id=change.pk,
        label=_label(planned),
        before=planned.amounts_before,
        after=planned.amounts_after,
        extras_before=planned.extras_before,
        extras=planned.extras_after,
        now=now,
    )
    approvals_open(
        change_id=change.pk,
        plan_digest=planned.plan_digest,
        rules=(*planned.needs, *planned.skipped),
        team_id=planned.system.team_id,
        team_slug=planned.system.team.slug,
        first=True,
        now=now,
    )
    if planned.needs:
        change_waits_told(change, asker=actor.username, now=now)
    moves = Moves()
    if not planned.needs:
        # The environment is locked, or made by this transaction; nobody else can know of the change.
        change_start(
            change,
            environment=environment,
            made_now=planned.environment is None,
            catalogue=planned.catalogue,
            judged=True,
            moves=moves,
            now=now,
        )
    drifts_answered(change, by=actor.user_id, automatic=actor.is_platform, now=now)
    new = {host for hosts in planned.hosts.values() for host in hosts} - planned.hosts_held
    if new:
        hosts_take(actor, planned.system, new, now=now)
    _audit(actor, change, planned, "change.submit", now=now)
    moves_audit(actor, moves, cause=cause_of(change), now=now)
    return planned, change


def _unchanged(request: ChangeRequest) -> FieldError:
    if request.kind == "update":
        return FieldError("spec", "Change at least one input, resource or the expiry.")
    return FieldError("kind", "Nothing is left to do; ask for something else.")


def _counted(number: int) -> str:
    return "1 field needs fixing." if number == 1 else f"{number} fields need fixing."


def _label(planned: Planned) -> str:
    return f"{planned.system.slug}/{planned.environment_name}"


def _environment(actor: Actor, planned: Planned, *, now: datetime) -> Environment:
    assert planned.stage is not None
    place_kept_alone(planned.place, planned.home.isolation, planned.system)
    return Environment.objects.create(
        system=planned.system,
        name=planned.environment_name,
        stage=planned.stage,
        cluster=planned.place,
        namespace=planned.home.namespace,
        isolation=planned.home.isolation,
        state="requested",
        conditions=[
            {
                "type": "Ready",
                "status": "False",
                "reason": "Requested",
                "message": "It is not made yet.",
                "since": now.isoformat(),
            }
        ],
        created_by_id=actor.user_id,
        created_at=now,
        changed_at=now,
    )


def _store(
    actor: Actor,
    request: ChangeRequest,
    planned: Planned,
    environment: Environment | None,
    state: str,
    *,
    now: datetime,
) -> Change:
    """The change as it begins: ``pending``, ``denied``, or ``approved`` where nobody needs to agree."""
    assert planned.stage is not None
    change = Change.objects.create(
        kind=planned.kind,
        state=state,
        system=planned.system,
        stage=planned.stage,
        environment=environment or planned.environment,
        environment_name=planned.environment_name,
        base=planned.base,
        intent=planned.intent,
        target=planned.target,
        plan=planned.plan,
        plan_digest=planned.plan_digest,
        facts=planned.facts,
        verdicts=[one.as_dict() for one in planned.verdicts],
        title=title_of(planned)[:200],
        reason=request.reason.strip(),
        via=actor.via,
        requester_id=_person(actor),
        monthly_cost_before=_cents(planned.plan["cost_before"]),
        monthly_cost_after=_cents(planned.plan["cost_after"]),
        created_at=now,
        decided_at=now if state == "approved" else None,
        finished_at=now if state == "denied" else None,
    )
    change_begins(change, actor_name=actor.username, now=now)
    return change


def _audit(actor: Actor, change: Change, planned: Planned, action: str, *, now: datetime) -> None:
    """The entry of a submit; last of all, because the audit head is the last lock."""
    audit_append(
        actor,
        action=action,
        object_type="change",
        object_id=str(change.pk),
        object_label=change.title,
        team_slug=planned.system.team.slug,
        data={
            "kind": planned.kind,
            "environment": _label(planned),
            "plan_digest": planned.plan_digest,
            "outcome": planned.outcome,
        },
        now=now,
    )


def _person(actor: Actor) -> int:
    """The account that asks; the platform has one of its own."""
    if actor.is_platform:
        return platform_account().pk
    if actor.user_id is None:
        raise Forbidden("Only a signed-in person or a token can ask for a change.")
    return actor.user_id


def _cents(cost: Any) -> Decimal:
    return Decimal(f"{cost:.2f}")


def _denial(planned: Planned, change: Change) -> UserFault:
    """The error a denied submit ends with: policies first, else the quota."""
    error: UserFault
    if planned.denials:
        first = planned.denials[0]
        error = PolicyDenied(
            first.message,
            remedy=first.remedy,
            errors=[FieldError(f"policy.{one.policy}", one.message) for one in planned.denials],
            code="frozen" if first.policy == FROZEN else None,
        )
    else:
        error = OverQuota(planned.system.team.slug, planned.shortages)
    error.change_id = change.pk
    return error

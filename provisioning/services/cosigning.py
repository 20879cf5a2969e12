"""Signing beside an agent: a person who may ask for the change takes part in asking for it.

Who stands in for one of those signs in their place, as they decide in their place. It is no agreement. Whoever signs
had a part in the change from then on and agrees to it no more, as its requester does not; who agreed before does not
sign. A signature is bound to the digest of the plan that was read. Lock order: environment, change, quota, audit head.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from governance.access import Rights, StandsFor, rights_of
from governance.domain.approval import source_cosigned
from governance.models import Approval, Decision
from governance.selectors.people import team_people
from governance.services.approvals import agreement, cosignature_settle
from governance.services.audit import audit_append
from idp.catalog.models import User
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, Forbidden, NotFound, StalePlan
from provisioning.models import AgentChange, Change, ChangeAuthor
from provisioning.services.change_notices import change_waits_no_more, change_waits_told
from provisioning.services.change_states import change_lock, change_move, change_note
from provisioning.services.moved_changes import Moves, cause_of, moves_audit
from provisioning.services.starts import change_start

PART = "signed it beside the agent that asked"
PART_LENT = "let somebody stand in who signed it beside the agent that asked"


@transaction.atomic
def change_cosign(actor: Actor, change_id: int, *, plan_digest: str, now: datetime) -> Change:
    """Sign the plan with ``plan_digest`` of a change that an agent asked for; it starts when nobody else must agree.

    Raises NotFound for who may not see it, Forbidden for who may not sign, StalePlan for another plan, and Conflict
    where it waits for no signature.
    """
    try:
        change = change_lock(change_id)
    except Change.DoesNotExist:
        raise NotFound(f"There is no change {change_id}.") from None
    rights = rights_of(actor)
    if not rights.may_see(change.system):
        raise NotFound(f"There is no change {change_id}.")
    why = cosign_refusal(rights, change)
    if why:
        raise Forbidden(why, code="may-not-sign", remedy="Ask the agent's owner, or a developer of the team.")
    if change.plan_digest != plan_digest:
        raise StalePlan("The plan has changed since you read it.")
    settled = change.state == "pending" and cosignature_settle(
        change_id=change.pk, plan_digest=change.plan_digest, now=now
    )
    if not settled:
        raise Conflict("It waits for no signature.", code="illegal-state", remedy="Open the change again.")
    other = None if rights.may_request(change.system) else signs_for(rights, change)
    _sign(actor, change, other, now=now)
    moves = _go_on(actor, change, now=now)
    audit_append(
        actor,
        action="change.cosign",
        object_type="change",
        object_id=change.pk,
        object_label=change.title,
        team_slug=change.system.team.slug,
        place=f"{change.system.slug}/{change.environment_name}",
        data={"plan_digest": change.plan_digest, "outcome": change.state} | ({"for": other.username} if other else {}),
        now=now,
    )
    moves_audit(actor, moves, cause=cause_of(change), now=now)
    change.refresh_from_db()
    return change


def cosign_refusal(rights: Rights, change: Change) -> str:
    """Why this person may not sign, as a sentence; empty when they may. At most three queries."""
    actor = rights.actor
    if actor.user_id is None or actor.agent or not rights.signed_in:
        return "Only a person signs what an agent asks for."
    if not (actor.has_scope("change") and actor.has_scope("approve")):
        return "A token signs only with the scopes “change” and “approve”."
    other = None if rights.may_request(change.system) else signs_for(rights, change)
    if other is None and not rights.may_request(change.system):
        return f"Only developers and maintainers of {change.system.team.slug}, and who stands in for one, may sign."
    if User.objects.filter(pk=actor.user_id).exclude(service_of=None).exists():
        return "A service account is no person, so it does not sign."
    whose = [actor.user_id] if other is None else [actor.user_id, other.user_id]
    agreed = Decision.objects.filter(
        Q(user__in=whose) | Q(on_behalf_of__in=whose),
        change_id=change.pk,
        plan_digest=change.plan_digest,
        verdict="approve",
    )
    if not agreed.exists():
        return ""
    who = "You have" if other is None else f"You or {other.username} have"
    return f"{who} agreed to it already, so somebody else signs."


def signs_for(rights: Rights, change: Change) -> StandsFor | None:
    """For whom the person may sign: the first of those they stand in for who may ask for the change themselves.

    What they may not see themselves they sign for nobody. At most one query.
    """
    if not rights.stands_for or not rights.may_see(change.system):
        return None
    team_id = change.system.team_id
    members = set(team_people(team_id))
    may = (one for one in rights.stands_for if one.is_admin or team_id in one.teams or one.user_id in members)
    return next(may, None)


def cosign_waits(change: Change) -> bool:
    """Whether a pending change waits for a signature. One query."""
    asked = Approval.objects.filter(change_id=change.pk, plan_digest=change.plan_digest, state="waiting")
    return any(source_cosigned(one) for one in asked.values_list("source", flat=True))


def _sign(actor: Actor, change: Change, other: StandsFor | None, *, now: datetime) -> None:
    """Keep who signed; they, and in whose place they did, agree to it no more."""
    AgentChange.objects.filter(change=change).update(
        signed_by_id=actor.user_id, signed_at=now, signed_digest=change.plan_digest
    )
    assert actor.user_id is not None  # cosign_refusal lets nobody through who is no person
    parts = {actor.user_id: PART} | ({other.user_id: PART_LENT} if other else {})
    parts.pop(change.requester_id, None)
    for user_id, part in parts.items():
        ChangeAuthor.objects.get_or_create(change=change, user_id=user_id, defaults={"part": part})
    text = f"In the place of {other.username}" if other else ""
    change_note(change, "cosign", state=change.state, actor_name=actor.username, now=now, text=text)


def _go_on(actor: Actor, change: Change, *, now: datetime) -> Moves:
    """Start it when nobody else must agree; else tell those who still must."""
    moves = Moves()
    if agreement(change_id=change.pk, plan_digest=change.plan_digest) != "whole":
        change_waits_no_more(change, now=now)
        change_waits_told(change, asker=change.requester.username, now=now)
        return moves
    change_move(
        change, "approve", actor_name=actor.username, now=now, text="Signed, and nobody else must agree", decided_at=now
    )
    change_start(change, moves=moves, now=now)
    return moves

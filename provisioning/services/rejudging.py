"""Asks the policies again when a change starts: since the gate let it through, facts may have moved, and policies too.

The plan is the one that was agreed to; what is new is the hour, the quota, what drifted, and which policies hold. One
that a policy denies now is denied; one that a policy asks about, and did not before, waits for that approval.
Called by ``starts``, inside the transaction of the start, unless the gate has spoken in the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, cast

from governance.domain.approval import needed_approvals
from governance.domain.policy import Verdict
from governance.selectors.quota import quota_state
from governance.services.approvals import approvals_open
from governance.services.policies import active_policies, evaluate
from governance.services.policy_notices import policy_errors_told
from governance.services.routing import needs_routed
from idp.kernel.actor import Actor, Via
from provisioning.models import Change, Environment
from provisioning.selectors.amounts import amounts_after
from provisioning.selectors.owners import owners_of
from provisioning.selectors.quota_lines import quota_lines
from provisioning.services.agent_cap import change_within_cap
from provisioning.services.change_ends import change_dropped
from provisioning.services.change_notices import change_waits_told
from provisioning.services.change_states import change_move
from provisioning.services.facts import facts_of
from provisioning.services.git_ownership import change_given_up, git_verdicts
from provisioning.services.moved_changes import Moved, Moves, stand_of


def change_stands(change: Change, environment: Environment, *, moves: Moves, now: datetime) -> bool:
    """Whether every policy, and the cap of an agent that asked, still lets the approved, locked ``change`` start.

    Two queries when they do, two more for an agent's change.

    ``environment`` has its system, team, stage and desired revision joined. ``moves`` gets what becomes of one that may
    not.
    """
    if owned := git_verdicts(_requester(change), change.kind, environment):
        change_given_up(change, owned[0], moves=moves, now=now)
        return False
    if not change_within_cap(change, moves=moves, now=now):
        return False
    policies = active_policies()
    if not policies:
        return True
    facts = _facts(change, environment, now)
    said = evaluate(policies, facts)
    policy_errors_told(said, now=now)
    denials = [one for one in said if one.blocks]
    before, asks = stand_of(change), _new_asks(change, said)
    if denials:
        why = denials[0].message
        _keep(change, facts, said)
        change_move(change, "deny", actor_name="slipway", now=now, text=why, finished_at=now)
        change_dropped(change, now=now)
    else:
        why = _asked(change, environment, facts, said, asks, now=now) if asks else ""
    if why:
        moves.append(Moved(change, before, stand_of(change), why))
    return not why


def _requester(change: Change) -> Actor:
    """Who asked, as the gate met them; the platform has an account of its own, by which changes are kept."""
    name = change.facts.get("change", {}).get("requester", "")
    return Actor(None if change.via == "system" else change.requester_id, name, via=cast(Via, change.via))


def _facts(change: Change, environment: Environment, now: datetime) -> dict[str, Any]:
    """The facts of this moment. The change holds its part of the quota already, so it asks for nothing on top."""
    held = amounts_after(change.plan, "usage_after")
    team = environment.system.team
    quota, _ = quota_lines(quota_state(team.pk), before=held, after=held)
    recorded = change.facts.get("change", {})
    return dict(
        facts_of(
            kind=change.kind,
            system=environment.system,
            stage=environment.stage,
            environment=environment,
            environment_name=change.environment_name,
            base=environment.desired.document if environment.desired else None,
            target=change.target,
            plan=change.plan,
            quota=quota,
            requester=recorded.get("requester", ""),
            via=change.via,
            reason=change.reason,
            untested="" if change.facts.get("plan", {}).get("tested", True) else "It had not proven itself.",
            now=now,
        )
    )


def _new_asks(change: Change, said: Iterable[Verdict]) -> list[Verdict]:
    """Verdicts that ask and did not when the change was agreed to."""
    asked = {one["policy"] for one in change.verdicts if one["outcome"] == "asks"}
    return [one for one in said if one.outcome == "asks" and one.policy not in asked]


def _asked(
    change: Change,
    environment: Environment,
    facts: dict[str, Any],
    said: Sequence[Verdict],
    asks: Sequence[Verdict],
    *,
    now: datetime,
) -> str:
    """Why somebody must agree; empty where the condition of a route leaves everybody out."""
    team = environment.system.team
    needs, skipped = needs_routed(
        needed_approvals(asks, team.slug),
        team=team.slug,
        facts=facts,
        digest=change.plan_digest,
        owners=owners_of(environment.system, change.plan),
    )
    _keep(change, facts, said)
    approvals_open(
        change_id=change.pk,
        plan_digest=change.plan_digest,
        rules=(*needs, *skipped),
        team_id=team.pk,
        team_slug=team.slug,
        beside=True,
        now=now,
    )
    if not needs:
        return ""
    told = f"{asks[0].title}: this is asked for since it was agreed to"
    change_move(change, "ask-again", actor_name="slipway", now=now, text=told, decided_at=None)
    change_waits_told(change, asker=change.requester.username, now=now)
    return told


def _keep(change: Change, facts: dict[str, Any], said: Sequence[Verdict]) -> None:
    """The change is shown and replayed with what it was judged by last; what the platform itself said stays."""
    spoken = {one.policy for one in said}
    own = [one for one in change.verdicts if one["policy"] not in spoken]
    change.facts, change.verdicts = facts, [*(one.as_dict() for one in said), *own]
    Change.objects.filter(pk=change.pk).update(facts=change.facts, verdicts=change.verdicts)

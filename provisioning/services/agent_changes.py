"""Planning and asking for changes, for agents: through the one gate, after the agent's own scope and cap.

What an agent asks for is what it was shown: a plan is kept with its request, and only its digest is sent back. Lock
order: agent (so that parallel submits count each other), then what submitting a change locks, its team's ledger always.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from idp.kernel.canonical import canonical
from idp.kernel.errors import Forbidden, PolicyDenied, QuotaExceeded, StalePlan, UserFault
from provisioning.domain.agent import PLAN_HOLDS, beyond_scope
from provisioning.models import Agent, AgentChange, AgentPlan, Change
from provisioning.services.agent_cap import agent_spent, too_much
from provisioning.services.agents import AgentCaller
from provisioning.services.change_notices import cosign_waits_told
from provisioning.services.changes import ChangeRequest, Planned, change_plan, change_submit

LISTS = ("resources", "objects")


@dataclass(frozen=True, slots=True)
class AgentPlanned:
    """``planned`` as the gate says; ``refusal`` is why the agent may not ask for it all the same."""

    planned: Planned
    refusal: str
    spent: Decimal
    asked: Decimal

    @property
    def may_submit(self) -> bool:
        return not self.refusal and self.planned.outcome in ("starts", "waits")


class OverCap(QuotaExceeded):
    """It would cost more than the agent's owner lets it add."""

    code = "over-spend-cap"


def agent_plan(caller: AgentCaller, request: ChangeRequest, *, now: datetime) -> AgentPlanned:
    """What the request would do. One that may be submitted is kept for ``PLAN_HOLDS``; nothing else is written.

    Raises what planning raises, and Forbidden for what is beyond the agent's scope.
    """
    _require_scope(caller.agent, request.kind, None)
    planned = change_plan(caller.actor, request, now=now)
    _require_scope(caller.agent, request.kind, planned.stage.name if planned.stage else None)
    spent, asked = agent_spent(caller.agent), _asked(planned.plan)
    found = AgentPlanned(planned, too_much(caller.agent, spent, asked), spent, asked)
    if found.may_submit:
        AgentPlan.objects.create(
            agent=caller.agent,
            digest=planned.plan_digest,
            request=canonical(asdict(_pinned(request, planned))),
            created_at=now,
        )
    return found


def agent_submit(caller: AgentCaller, *, plan_digest: str, now: datetime) -> Change:
    """Ask for exactly what this agent was shown with that digest.

    StalePlan (code ``plan-first``) without such a plan in the last minutes, or when the plan would be another one now;
    OverCap when others of its changes took the room; Forbidden when its scope became narrower; else what submitting
    raises. A change that policy or quota denies is stored, as ever.
    """
    denial: UserFault | None = None
    with transaction.atomic():
        agent = Agent.objects.select_for_update(of=("self",)).get(pk=caller.agent.pk)
        if agent.state != "active":
            raise Forbidden(f"The agent {agent.name} is {agent.state}.", code="agent-paused", remedy="Ask its owner.")
        shown = AgentPlan.objects.filter(agent=agent, digest=plan_digest, created_at__gt=now - PLAN_HOLDS).first()
        if shown is None:
            raise StalePlan(
                "You were shown no such plan in the last 15 minutes.",
                code="plan-first",
                remedy="Call the tool “plan” and send the digest that it answers with.",
            )
        request = _request(shown.request)
        _require_scope(agent, request.kind, None)
        try:
            change = change_submit(caller.actor, request, now=now)
        except (PolicyDenied, QuotaExceeded) as error:
            if error.change_id is None:
                raise
            denial, change = error, Change.objects.select_related("stage").get(pk=error.change_id)
        _require_scope(agent, request.kind, change.stage.name)
        if change.plan_digest != plan_digest:
            raise StalePlan(
                "The plan would be another one now, because something moved since it was made.",
                code="plan-moved",
                remedy="Call the tool “plan” again, read what it says now, and send the new digest.",
            )
        spent = agent_spent(agent)  # after the gate, which holds the ledger: nothing of the agent's moves any more
        if told := too_much(agent, spent, change.monthly_cost_after - change.monthly_cost_before):
            raise OverCap(told, remedy=f"Ask for less, or ask {caller.actor.username} for a higher cap.")
        AgentPlan.objects.filter(agent=agent, digest=plan_digest).delete()
        AgentChange.objects.create(change=change, agent=agent)
        if change.state == "pending":
            cosign_waits_told(change, now=now)
    if denial is not None:
        raise denial
    return change


def _asked(plan: Mapping[str, Any]) -> Decimal:
    if not plan:
        return Decimal(0)
    return Decimal(f"{plan['cost_after']:.2f}") - Decimal(f"{plan['cost_before']:.2f}")


def _require_scope(agent: Agent, kind: str, stage: str | None) -> None:
    told = beyond_scope(kind=kind, stage=stage, kinds=agent.kinds, stages=agent.stages, name=agent.name)
    if told:
        raise Forbidden(told, code="agent-scope", remedy="Its owner sets this in the portal, under Agents.")


def _pinned(request: ChangeRequest, planned: Planned) -> ChangeRequest:
    """The request with the moments that were shown instead of spans from now, so that it asks for the same later."""
    if request.kind == "extend":
        return replace(request, until=planned.intent["until"])
    ends = planned.target.get("expires") if planned.target else None
    starts_anew = planned.environment is None or request.spec is not None
    if ends and starts_anew and request.kind in ("create", "update", "promote"):
        return replace(request, spec={**(request.spec or {}), "expires": ends})
    return request


def _request(kept: Mapping[str, Any]) -> ChangeRequest:
    fields = {name: value for name, value in kept.items() if name in ChangeRequest.__dataclass_fields__}
    for name in LISTS:
        if fields.get(name) is not None:
            fields[name] = tuple(fields[name])
    fields["authors"], fields["glass"] = (), False
    return ChangeRequest(**fields)

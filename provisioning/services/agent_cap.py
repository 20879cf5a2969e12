"""How much an agent's changes add to the cost of a month, and whether one of them is too much now.

Asked when an agent plans and submits, and again by whatever moves a change of its later: planned anew, its change may
cost more; started, its cap may be lower, or others of its changes dearer than when it was let through. Whoever counts
holds the ledger of the agent's team until what was let through is stored, so that two at the same moment see each
other. It is the row that starting and holding quota lock anyway, after environment and change and before audit head.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from django.conf import settings

from governance.domain.policy import Verdict
from governance.services.quota import quotas_lock
from provisioning.domain.agent import CAP_RULE, VIA, added_cost, over_cap
from provisioning.models import Agent, AgentChange, Change
from provisioning.services.change_ends import change_dropped
from provisioning.services.change_states import change_move
from provisioning.services.moved_changes import Moved, Moves, stand_of

_COSTS: Final = ("monthly_cost_before", "monthly_cost_after")


def agent_spent(agent: Agent, *, without: int | None = None) -> Decimal:
    """What the agent's changes add to the cost of a month, in environments that are still there, leaving out the one
    change ``without``. One query."""
    rows = Change.objects.filter(by_agent__agent=agent, environment__deleted_at=None).order_by()
    if without is not None:
        rows = rows.exclude(pk=without)
    return added_cost(rows.values_list("environment_id", "state", "revision_id", *_COSTS))


def too_much(agent: Agent, spent: Decimal, asked: Decimal) -> str:
    """Why the agent may not add ``asked`` to what it has ``spent``, as a sentence; empty while it may."""
    return over_cap(spent=spent, asked=asked, cap=agent.monthly_cap, name=agent.name, currency=settings.CURRENCY)


def cap_refusal(change: Change, *, before: Decimal | float, after: Decimal | float) -> str:
    """Why a stored change of an agent may not cost what it costs now; empty while it may, and for people's changes.

    ``before`` and ``after`` are the costs of a month in the plan that it has or is to get; the caller stores them in
    the same transaction. Locks the ledger of the agent's team. No query for what people ask for, three for an agent's.
    """
    if change.via != VIA:
        return ""
    row = AgentChange.objects.select_related("agent").filter(change=change.pk).first()
    asked = Decimal(f"{after:.2f}") - Decimal(f"{before:.2f}")
    if row is None or asked <= 0:
        return ""
    quotas_lock([row.agent.team_id])
    return too_much(row.agent, agent_spent(row.agent, without=change.pk), asked)


def change_within_cap(change: Change, *, moves: Moves, now: datetime) -> bool:
    """Whether the approved, locked ``change`` fits the cap of the agent that asked; one that does not is denied."""
    why = cap_refusal(change, before=change.monthly_cost_before, after=change.monthly_cost_after)
    if not why:
        return True
    before = stand_of(change)
    said = Verdict(policy=CAP_RULE, title="An agent adds no more than its cap", outcome="denies", message=why)
    change.verdicts = [*(one for one in change.verdicts if one["policy"] != CAP_RULE), said.as_dict()]
    Change.objects.filter(pk=change.pk).update(verdicts=change.verdicts)
    change_move(change, "deny", actor_name="slipway", now=now, text=why, finished_at=now)
    change_dropped(change, now=now)
    moves.append(Moved(change, before, stand_of(change), why))
    return False

"""What platform admins say of all agents: at which stages their changes need no co-signature. Every edit can be taken
back. Lock order: the one row, then audit head.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from governance.services.transactions import require_version
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput
from provisioning.models import Agent, AgentRules, Stage

ROW = 1


def agent_rules_now() -> AgentRules:
    """The row that holds, as it would be saved anew where there is none yet. One query."""
    return AgentRules.objects.select_related("updated_by").first() or AgentRules(pk=ROW, version=0)


@transaction.atomic
def agent_rules_save(
    actor: Actor, *, unsigned: Sequence[str], expected_version: int | None = None, now: datetime
) -> AgentRules:
    """Let changes of agents at the stages ``unsigned`` go without a co-signature. Platform admins only.

    InvalidInput for an unknown stage and for one of production, where a person always signs. What waits for a signature
    now still waits for it.
    """
    rights_of(actor).require_admin()
    wanted = agent_rules_checked(unsigned)
    AgentRules.objects.get_or_create(pk=ROW, defaults={"version": 0})
    row = AgentRules.objects.select_for_update().get(pk=ROW)
    require_version(row, row.version, expected_version)
    if row.unsigned == wanted and row.version:
        return row
    before = row.unsigned
    row.before, row.unsigned = before, wanted
    row.version += 1
    row.updated_at, row.updated_by_id = now, actor.user_id
    row.save()
    audit_append(
        actor,
        action="agent-rules.update",
        object_type="agent-rules",
        object_id=row.pk,
        object_label="Agents",
        data={"before": {"unsigned": before}, "after": {"unsigned": wanted}},
        now=now,
    )
    return row


def agent_rules_take_back(actor: Actor, *, now: datetime) -> AgentRules:
    """What held before the last edit, as a new edit."""
    rights_of(actor).require_admin()
    row = agent_rules_now()
    if row.before is None:
        raise Conflict("Nothing was edited yet.", code="illegal-state")
    return agent_rules_save(actor, unsigned=row.before, now=now)


def agent_rules_checked(unsigned: Sequence[str]) -> list[str]:
    """The stages in their order; InvalidInput for those that may not be."""
    known = dict(Stage.objects.order_by("order", "name").values_list("name", "production"))
    errors = [FieldError("unsigned", _wrong(name, known=name in known)) for name in unsigned if known.get(name, True)]
    if errors:
        raise InvalidInput(errors[0].message, errors=errors)
    return [name for name in known if name in set(unsigned)]


def _wrong(name: str, *, known: bool) -> str:
    return f"{name} is production, where a person always signs." if known else f"There is no stage “{name}”."


def agents_affected(unsigned: Sequence[str]) -> list[dict[str, Any]]:
    """Whose changes would need a signature no more, or again, by stage: names of agents. Two queries."""
    held = set(agent_rules_now().unsigned)
    moved = [
        *((name, True) for name in unsigned if name not in held),
        *((name, False) for name in held - set(unsigned)),
    ]
    agents = (
        list(Agent.objects.exclude(state="removed").order_by("name").values_list("name", "stages")) if moved else []
    )
    return [
        {"stage": name, "freed": freed, "agents": [agent for agent, stages in agents if not stages or name in stages]}
        for name, freed in sorted(moved)
    ]

"""The tools that ask: plan, and submit what was planned. They only translate into ``services.agent_changes``."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from idp.kernel import clock
from portal.mcp import rows
from portal.mcp.session import Call
from provisioning.models import Agent
from provisioning.selectors.changes import change_view
from provisioning.services.agent_changes import AgentPlanned, agent_plan, agent_submit
from provisioning.services.requests import ChangeRequest


def plan(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    planned = agent_plan(call.caller, _request(given), now=clock.now())
    return planned_row(planned, call.caller.agent)


def submit_change(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    change = agent_submit(call.caller, plan_digest=given["plan_digest"], now=clock.now())
    view = change_view(call.rights, change)
    waits = [one.label for one in view.approvals if one.state in ("waiting", "later")]
    return {
        "change_id": change.pk,
        "state": change.state,
        "title": change.title,
        "waits_for": waits if change.state == "pending" else [],
        "url": rows.page_of("change", change.pk),
    }


def planned_row(found: AgentPlanned, agent: Agent) -> dict[str, Any]:
    """``refusal`` is the agent's own limit; what is wrong with the request stands in ``problems`` and ``verdicts``."""
    planned = found.planned
    return {
        "outcome": planned.outcome,
        "may_submit": found.may_submit,
        "plan_digest": planned.plan_digest if found.may_submit else "",
        "refusal": found.refusal,
        "system": planned.system.slug,
        "environment": planned.environment_name,
        "stage": planned.stage.name if planned.stage else None,
        "base": planned.base.number if planned.base else None,
        "plan": rows.plan_row(planned.plan),
        "problems": [one.as_dict() for one in planned.problems],
        "verdicts": rows.verdict_rows(one.as_dict() for one in planned.verdicts),
        "approvals": [
            {"label": one.label, "count": one.count, "reason": one.reason, "who": list(one.who)}
            for one in planned.approvals
        ],
        "quota": [one.as_dict() for one in planned.quota],
        "spend": {
            "adds": float(found.asked),
            "taken": float(found.spent),
            "cap": float(agent.monthly_cap),
            "currency": settings.CURRENCY,
        },
    }


def _request(given: dict[str, Any]) -> ChangeRequest:
    fields = {name: value for name, value in given.items() if name != "from"}
    if "resources" in fields:
        fields["resources"] = tuple(fields["resources"])
    return ChangeRequest(**fields, source=given.get("from", ""))

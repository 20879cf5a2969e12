"""Agents as people read them: the list, one with what it did, a session as a timeline, and who asked for a change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import yaml
from django.conf import settings
from django.urls import reverse

from governance.access import Rights
from portal.drawing import words
from portal.reading.plan_words import listed
from provisioning.models import Agent, AgentCall, AgentChange, AgentSession, Change
from provisioning.selectors.agents import agent_calls_of, agent_sessions_of, agents_of, may_look
from provisioning.selectors.changes import LISTED, change_list
from provisioning.services.agent_cap import agent_spent
from provisioning.services.agents import may_hold
from provisioning.services.cosigning import cosign_refusal, cosign_waits

MOST: Final = 200
SESSIONS: Final = 20
CHANGES: Final = 10
CALLS: Final = 500
STATES: Final = {"done": ("succeeded", "Done"), "refused": ("denied", "Refused"), "failed": ("failed", "Failed")}


@dataclass(frozen=True, slots=True)
class AgentLine:
    """One agent with its state (as of a change, for its colour), in words."""

    agent: Agent
    state: str
    word: str
    scope: str
    may: str
    cap: str


def agents_seen(rights: Rights, now: datetime) -> list[AgentLine]:
    """One's own, those of teams that one maintains, and all for admins and auditors. One query."""
    return [agent_line(one, now) for one in agents_of(rights).order_by("name")[:MOST]]


def agent_line(agent: Agent, now: datetime) -> AgentLine:
    state, word = _state(agent, now)
    systems = listed(agent.systems) if agent.systems else f"All systems of {agent.team.slug}"
    stages = f", at {listed(agent.stages)}" if agent.stages else ""
    return AgentLine(
        agent, state, word, f"{systems}{stages}", listed(agent.kinds), words.money(agent.monthly_cap, settings.CURRENCY)
    )


def _state(agent: Agent, now: datetime) -> tuple[str, str]:
    if agent.state == "paused":
        return "cancelled", "Paused"
    if not agent.owner.is_active:
        return "cancelled", "Its owner is gone"
    if agent.expires_at is None or agent.expires_at <= now:
        return "expired", "Its token ended"
    return "approved", "May call"


def agent_context(rights: Rights, agent: Agent, now: datetime) -> dict[str, Any]:
    """What the page of one agent shows; four queries."""
    spent = agent_spent(agent)
    changes = change_list(rights).filter(by_agent__agent=agent).only(*LISTED)
    return {
        "line": agent_line(agent, now),
        "agent": agent,
        "spent": words.money(spent, settings.CURRENCY),
        "left": words.money(max(agent.monthly_cap - spent, type(spent)(0)), settings.CURRENCY),
        "changes": list(changes[:CHANGES]),
        "sessions": list(agent_sessions_of(agent)[:SESSIONS]),
        "own": agent.owner_id == rights.actor.user_id,
        "may_hold": may_hold(rights, agent),
        "address": f"{settings.BASE_URL}{reverse('mcp')}",
    }


@dataclass(frozen=True, slots=True)
class CallLine:
    """One call; ``sent`` are its arguments as text."""

    call: AgentCall
    state: str
    word: str
    sent: str


def call_lines(session: AgentSession) -> list[CallLine]:
    """The calls of a session, oldest first; arguments are as they were kept. One query."""
    return [_call_line(one) for one in agent_calls_of(session)[:CALLS]]


def _call_line(call: AgentCall) -> CallLine:
    state, word = STATES.get(call.outcome, ("failed", call.outcome))
    sent = yaml.safe_dump(call.arguments, sort_keys=False, allow_unicode=True).rstrip() if call.arguments else ""
    return CallLine(call, state, word, sent)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which agent asked for a change, and its signature: given, or waited for."""

    row: AgentChange
    waits: bool
    may_sign: bool
    why_not: str
    may_look: bool

    @property
    def signed(self) -> bool:
        return bool(self.row.signed_by_id) and self.row.signed_digest == self.row.change.plan_digest


def asked_by_agent(rights: Rights, change: Change) -> Asked | None:
    """None, and no query, for what people ask for."""
    if change.via != "mcp":
        return None
    rows = AgentChange.objects.select_related("agent__owner", "agent__team", "signed_by", "change")
    row = rows.filter(change=change).first()
    if row is None:
        return None
    waits = change.state == "pending" and cosign_waits(change)
    why_not = cosign_refusal(rights, change) if waits else ""
    looks = row.agent.state != "removed" and may_look(rights, row.agent)
    return Asked(row, waits, waits and not why_not, why_not, looks)


def affected_words(affected: Iterable[dict[str, Any]]) -> list[str]:
    """Whose changes an edit of the rules would free of a signature, or bind to one again."""
    return [
        f"{one['stage']}: changes of {listed(one['agents']) or 'no agent yet'} "
        + ("would go without a signature." if one["freed"] else "would wait for a signature again.")
        for one in affected
    ]

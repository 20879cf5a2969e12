"""Agents as tests need them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from provisioning.models import Agent
from provisioning.services.agents import AgentCaller, AgentWish, agent_authenticate, agent_create
from tests.personas import NOW, Organisation

KINDS = ("create", "update", "promote", "extend", "delete")


def wish(**given: Any) -> AgentWish:
    fields: dict[str, Any] = {
        "purpose": "Looks after development.",
        "team": "payments",
        "systems": (),
        "stages": (),
        "kinds": KINDS,
        "monthly_cap": Decimal(10_000),
    }
    return AgentWish(**{**fields, **given})


def agent(
    organisation: Organisation, name: str = "triage", *, owner: str = "developer", now: datetime = NOW, **given: Any
) -> tuple[Agent, str]:
    """An agent of ``owner`` and its token."""
    return agent_create(organisation.actor(owner), name=name, wish=wish(**given), days=30, now=now)


def caller(organisation: Organisation, name: str = "triage", *, now: datetime = NOW, **given: Any) -> AgentCaller:
    """The same, as it calls."""
    return agent_authenticate(agent(organisation, name, now=now, **given)[1], now)

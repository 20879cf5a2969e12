"""Agents over the API: made, edited, switched off and given tokens by people who are signed in; their sessions to read.

A token reads here as far as its owner may look, and writes nothing: who could make agents with a token would have
given it a life of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from idp.catalog.selectors import team_get
from idp.kernel import clock
from portal.api import paths
from portal.api.answers import answer, created, empty, figure, listing, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import agents as shapes
from portal.api.shapes.changes import NOTHING
from portal.api.shapes.words import slug
from provisioning.models import Agent, AgentCall, AgentSession
from provisioning.selectors import agents as reading
from provisioning.services import agents as services
from provisioning.services.agent_cap import agent_spent

AREA = "Agents"
USUAL_DAYS = 30
LOOK = "Its owner, maintainers of its team, platform admins and auditors."
SIGNED_IN = "By session only: a token neither makes nor changes agents."
OWNER = f"Its owner. {SIGNED_IN}"
HOLD = f"Its owner, maintainers of its team and platform admins. {SIGNED_IN}"


class Agents(Endpoint):
    @operation(
        "agents_list",
        "List agents",
        area=AREA,
        answers={200: shapes.AGENT_PAGE},
        query=(Query("team", slug("Only this team's.")), *PAGED),
        about="One's own, those of teams that one maintains; all of them for platform admins and auditors.",
    )
    def get(self, request: Request) -> HttpResponse:
        team = team_get(self.rights, self.query["team"]) if "team" in self.query else None
        return listing(request, self.query, reading.agents_of(self.rights, team=team), ("name", "id"), agent_row)

    @operation(
        "agents_create",
        "Make an agent",
        area=AREA,
        answers={201: shapes.AGENT_MADE},
        body=shapes.AGENT_CREATE,
        scope=None,
        kept=False,
        about="One of one's own, for a team in which one may ask for changes. Its token is in this answer and nowhere "
        f"else; it lasts {USUAL_DAYS} days if days are left out. {SIGNED_IN}",
    )
    def post(self, request: Request) -> HttpResponse:
        services.person_rights(self.actor)
        row, plaintext = services.agent_create(
            self.actor,
            name=self.sent["name"],
            wish=_wish(self.sent, {}),
            days=self.sent.get("days", USUAL_DAYS),
            now=clock.now(),
        )
        return created({"agent": agent_detail(row), "token": plaintext}, paths.agent(row.name))


class OneAgent(Endpoint):
    @operation(
        "agents_read", "Read an agent", area=AREA, answers={200: shapes.AGENT_DETAIL}, versioned=True, about=LOOK
    )
    def get(self, request: Request, agent: str) -> HttpResponse:
        row = reading.agent_get(self.rights, agent)
        return versioned(agent_detail(row), row.version)

    @operation(
        "agents_edit",
        "Change an agent",
        area=AREA,
        answers={200: shapes.AGENT_DETAIL},
        body=shapes.AGENT_EDIT,
        scope=None,
        versioned=True,
        about=f"What is left out stays as it is; the rest counts from its next call on. {OWNER}",
    )
    def patch(self, request: Request, agent: str) -> HttpResponse:
        row = reading.agent_get(services.person_rights(self.actor), agent)
        version = require_if_match(request, row.version)
        wish = _wish(self.sent, services.agent_sides(row))
        row = services.agent_update(self.actor, name=agent, wish=wish, expected_version=version, now=clock.now())
        return versioned(agent_detail(row), row.version)

    @operation(
        "agents_remove",
        "Remove an agent",
        area=AREA,
        answers={204: None},
        scope=None,
        versioned=True,
        about=f"For good, and its token with it. What it did stays in the audit log. {HOLD}",
    )
    def delete(self, request: Request, agent: str) -> HttpResponse:
        row = reading.agent_get(services.person_rights(self.actor), agent)
        version = require_if_match(request, row.version)
        services.agent_act(self.actor, name=agent, act="remove", expected_version=version, now=clock.now())
        return empty()


def _switch(act: str, summary: str, about: str) -> type[Endpoint]:
    """An endpoint that switches one off or on."""

    class Switch(Endpoint):
        @operation(
            f"agents_{act}",
            summary,
            area=AREA,
            answers={200: shapes.AGENT_DETAIL},
            body=NOTHING,
            scope=None,
            about=f"{about} {HOLD}",
        )
        def post(self, request: Request, agent: str) -> HttpResponse:
            services.person_rights(self.actor)
            return answer(agent_detail(services.agent_act(self.actor, name=agent, act=act, now=clock.now())))

    return Switch


AgentPause = _switch("pause", "Switch an agent off", "It is refused at once; what it asked for goes its way.")
AgentResume = _switch("resume", "Let an agent call again", "With the token it has, while that lasts.")


class AgentTakeBack(Endpoint):
    @operation(
        "agents_take_back",
        "Take the last edit of an agent back",
        area=AREA,
        answers={200: shapes.AGENT_DETAIL},
        body=NOTHING,
        scope=None,
        about=f"Its scope, cap and purpose are as before; that can be taken back in the same way. {OWNER}",
    )
    def post(self, request: Request, agent: str) -> HttpResponse:
        services.person_rights(self.actor)
        return answer(agent_detail(services.agent_take_back(self.actor, name=agent, now=clock.now())))


class AgentToken(Endpoint):
    @operation(
        "agents_token",
        "Give an agent another token",
        area=AREA,
        answers={200: shapes.AGENT_MADE},
        body=shapes.AGENT_TOKEN,
        scope=None,
        kept=False,
        about=f"It is in this answer and nowhere else; the one before it ends at once. {OWNER}",
    )
    def post(self, request: Request, agent: str) -> HttpResponse:
        services.person_rights(self.actor)
        days = self.sent.get("days", USUAL_DAYS)
        row, plaintext = services.agent_rotate(self.actor, name=agent, days=days, now=clock.now())
        return answer({"agent": agent_detail(row), "token": plaintext})


class AgentSessions(Endpoint):
    @operation(
        "agents_sessions",
        "List sessions of an agent",
        area=AREA,
        answers={200: shapes.AGENT_SESSION_PAGE},
        query=PAGED,
        about=f"Newest first; they are kept for half a year. {LOOK}",
    )
    def get(self, request: Request, agent: str) -> HttpResponse:
        row = reading.agent_get(self.rights, agent)
        rows = reading.agent_sessions_of(row)
        return listing(request, self.query, rows, reading.SESSION_ORDER, lambda one: session_row(row, one))


class OneAgentSession(Endpoint):
    @operation(
        "agents_session", "Read a session of an agent", area=AREA, answers={200: shapes.AGENT_SESSION}, about=LOOK
    )
    def get(self, request: Request, agent: str, session_id: int) -> HttpResponse:
        row = reading.agent_get(self.rights, agent)
        return answer(session_row(row, reading.agent_session_get(row, session_id)))


class AgentCalls(Endpoint):
    @operation(
        "agents_calls",
        "Read what an agent called",
        area=AREA,
        answers={200: shapes.AGENT_CALL_PAGE},
        query=PAGED,
        about=f"Of one session, oldest first. {LOOK}",
    )
    def get(self, request: Request, agent: str, session_id: int) -> HttpResponse:
        session = reading.agent_session_get(reading.agent_get(self.rights, agent), session_id)
        return listing(request, self.query, reading.agent_calls_of(session), reading.CALL_ORDER, call_row)


def agent_row(row: Agent) -> dict[str, Any]:
    """Needs ``owner`` and ``team`` joined."""
    return {
        "name": row.name,
        "purpose": row.purpose,
        "owner": row.owner.username,
        "team": row.team.slug,
        "systems": row.systems,
        "stages": row.stages,
        "kinds": row.kinds,
        "monthly_cap": figure(row.monthly_cap),
        "currency": settings.CURRENCY,
        "state": row.state,
        "may_call": services.may_call(row, clock.now()),
        "token": {
            "prefix": row.prefix,
            "expires_at": moment(row.expires_at),
            "last_used_at": moment(row.last_used_at),
        },
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "url": paths.agent(row.name),
    }


def agent_detail(row: Agent) -> dict[str, Any]:
    """``agent_row`` with what it has spent; one query."""
    return {
        **agent_row(row),
        "spent": figure(agent_spent(row)),
        "sessions": paths.agent_sessions(row.name),
    }


def session_row(agent: Agent, row: AgentSession) -> dict[str, Any]:
    return {
        "id": row.pk,
        "client": row.client,
        "address": row.address,
        "began_at": moment(row.began_at),
        "seen_at": moment(row.seen_at),
        "calls": row.calls,
        "refused": row.refused,
        "url": f"{paths.agent_sessions(agent.name)}{row.pk}/",
    }


def call_row(row: AgentCall) -> dict[str, Any]:
    return {
        "id": row.pk,
        "at": moment(row.at),
        "tool": row.tool,
        "arguments": row.arguments,
        "outcome": row.outcome,
        "code": row.code,
        "text": row.text,
        "change": paths.change(row.change_id) if row.change_id else None,
    }


def _wish(sent: Mapping[str, Any], held: Mapping[str, Any]) -> services.AgentWish:
    """What is sent, and of what is left out what there is already."""
    wanted = {"purpose": "", "systems": (), "stages": (), **held, **sent}
    return services.AgentWish(
        purpose=wanted["purpose"],
        team=wanted["team"],
        systems=tuple(wanted["systems"]),
        stages=tuple(wanted["stages"]),
        kinds=tuple(wanted["kinds"]),
        monthly_cap=Decimal(str(wanted["monthly_cap"])),
    )

"""Which agents a person may look at, and what of them. Read by the portal and the API; ``services.agents`` asks too."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from governance.access import MANAGE_TEAM, Rights
from idp.catalog.models import Team
from idp.kernel.errors import NotFound
from provisioning.models import Agent, AgentCall, AgentSession

SESSION_ORDER = ("-id",)
CALL_ORDER = ("id",)


def agents_of(rights: Rights, *, team: Team | None = None) -> QuerySet[Agent]:
    """One's own, those of teams that one maintains, and all for admins and auditors; with owner and team joined.

    Nothing for a token without the scope ``read``, nor for one that is bound to systems. ``team`` keeps one team's.
    """
    rows = Agent.objects.exclude(state="removed").select_related("owner", "team")
    if not rights.has_scope("read") or rights.actor.systems:
        return rows.none()
    if not (rights.is_admin or rights.is_auditor):
        managed = [key for key, held in rights.teams.items() if MANAGE_TEAM in held]
        rows = rows.filter(Q(owner=rights.actor.user_id) | Q(team__in=managed))
    return rows if team is None else rows.filter(team=team)


def may_look(rights: Rights, agent: Agent) -> bool:
    """What ``agents_of`` keeps, asked of one that is at hand. No query."""
    if not rights.has_scope("read") or rights.actor.systems:
        return False
    own = rights.actor.user_id is not None and rights.actor.user_id == agent.owner_id
    return own or rights.is_admin or rights.is_auditor or MANAGE_TEAM in rights.teams.get(agent.team_id, ())


def agent_get(rights: Rights, name: str) -> Agent:
    """An agent that the reader may look at: its owner, maintainers of its team, platform admins and auditors."""
    found = agents_of(rights).filter(name=name).first()
    if found is None:
        raise NotFound(f"There is no agent “{name}” that you may see.")
    return found


def agent_sessions_of(agent: Agent) -> QuerySet[AgentSession]:
    """Newest first, to be paged by ``SESSION_ORDER``."""
    return AgentSession.objects.filter(agent=agent).order_by(*SESSION_ORDER)


def agent_session_get(agent: Agent, session_id: int) -> AgentSession:
    found = AgentSession.objects.filter(agent=agent, pk=session_id).first()
    if found is None:
        raise NotFound("There is no such session.", remedy="Sessions are kept for half a year.")
    return found


def agent_calls_of(session: AgentSession) -> QuerySet[AgentCall]:
    """In the order in which they came, to be paged by ``CALL_ORDER``."""
    return AgentCall.objects.filter(session=session).order_by(*CALL_ORDER)

"""What agents did, kept so that people can read it: sessions and their calls. Called by the door that agents use.

A session is what a client says it is, by the key that it was given at its beginning; the calls of a client that says
nothing belong together while no long pause is between them. Every call is in the audit log too.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from governance.services.audit import audit_append
from provisioning.domain.agent import KEPT, SESSION_LONGEST, SESSION_PAUSE, cut, told
from provisioning.models import AgentCall, AgentPlan, AgentSession
from provisioning.services.agents import AgentCaller

OUTCOMES = ("done", "refused", "failed")
PLANS_KEPT = timedelta(days=1)
PURGED_AT_ONCE = 500


def agent_session_begin(caller: AgentCaller, *, client: str, now: datetime) -> AgentSession:
    """A new session, with a key that the client may send with its calls."""
    return AgentSession.objects.create(
        agent=caller.agent,
        key=secrets.token_urlsafe(24),
        client=cut(client, 120),
        address=caller.actor.address[:45],
        began_at=now,
        seen_at=now,
    )


def agent_session_of(caller: AgentCaller, *, key: str, client: str, now: datetime) -> AgentSession:
    """The session that a call belongs to: by its key, else the client's last one without a long pause, else a new one.

    A key of another agent counts for nothing.
    """
    mine = AgentSession.objects.filter(agent=caller.agent, began_at__gt=now - SESSION_LONGEST)
    found = mine.filter(key=key).first() if key else None
    if found is None:
        found = mine.filter(client=cut(client, 120), seen_at__gt=now - SESSION_PAUSE).order_by("-id").first()
    return found or agent_session_begin(caller, client=client, now=now)


@transaction.atomic
def agent_call_keep(
    caller: AgentCaller,
    session: AgentSession,
    *,
    tool: str,
    arguments: Mapping[str, Any],
    outcome: str,
    code: str = "",
    text: str = "",
    change_id: int | None = None,
    now: datetime,
) -> AgentCall:
    """Keep one call and its entry in the audit log. ``outcome`` is one of ``OUTCOMES``; secrets do not stay."""
    call = AgentCall.objects.create(
        session=session,
        at=now,
        tool=cut(tool, 60),
        arguments=told(arguments),
        outcome=outcome,
        code=cut(code, 60),
        text=cut(text),
        change_id=change_id,
    )
    AgentSession.objects.filter(pk=session.pk).update(
        seen_at=now, calls=F("calls") + 1, refused=F("refused") + (outcome != "done")
    )
    data = {"tool": call.tool, "outcome": outcome, "code": call.code, "session": session.pk, "change": change_id}
    audit_append(
        caller.actor,
        action="agent.call",
        object_type="agent",
        object_id=caller.agent.pk,
        object_label=caller.agent.name,
        team_slug=caller.agent.team.slug,
        data=data,
        now=now,
    )
    return call


def agent_sessions_purge(now: datetime) -> int:
    """Forget sessions that are too old to be read, and plans that nobody can ask for any more; how many sessions.

    At most ``PURGED_AT_ONCE`` each time.
    """
    AgentPlan.objects.filter(created_at__lt=now - PLANS_KEPT).delete()
    old = AgentSession.objects.filter(seen_at__lt=now - KEPT).order_by("pk").values_list("pk", flat=True)
    gone = list(old[:PURGED_AT_ONCE])
    AgentSession.objects.filter(pk__in=gone).delete()
    return len(gone)

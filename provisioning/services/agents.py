"""Agents: made, edited, paused, removed and given tokens by their owners; and turned into an Actor on every call.

An agent is its owner, narrowed: it has the owner's rights as they are at that moment, within its systems, and never
more than to read and to ask for changes. A developer makes agents for themselves, signed in to the portal. Maintainers
of its team and platform admins may pause and remove one. Lock order: agent, then audit head.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.core.cache import cache
from django.db import transaction

from governance.access import REQUEST_CHANGE, Rights, rights_of
from governance.domain.token import hash_of, new_token, parts_of
from governance.services.audit import audit_append
from governance.services.transactions import require_version
from idp.catalog.models import System, Team
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound, NotSignedIn
from provisioning.domain.agent import VIA, agent_errors
from provisioning.models import Agent, Stage
from provisioning.selectors.agents import may_look

SCOPES: Final = frozenset({"read", "change"})
MOST_PER_OWNER: Final = 20
USE_NOTED_EVERY: Final = timedelta(minutes=1)
REFUSAL_SAME_FOR: Final = 600
NOWHERE: Final = frozenset({""})
"""Systems of an agent whose team has none: an empty set would mean all."""
_NO_HASH: Final = "0" * 64
ACTS: Final = ("pause", "resume", "remove")


@dataclass(frozen=True, slots=True)
class AgentWish:
    """What an agent is to be. ``systems`` and ``stages`` are names, empty for all of the team's and all there are."""

    purpose: str
    team: str
    systems: tuple[str, ...]
    stages: tuple[str, ...]
    kinds: tuple[str, ...]
    monthly_cap: Decimal


@dataclass(frozen=True, slots=True)
class AgentCaller:
    """An agent that calls, and the Actor that services get."""

    agent: Agent
    actor: Actor


@transaction.atomic
def agent_create(actor: Actor, *, name: str, wish: AgentWish, days: int, now: datetime) -> tuple[Agent, str]:
    """An agent of the actor's own and its token's plaintext, which is shown once and never again.

    InvalidInput names each field that is wrong; Forbidden for who may not ask for changes of the team.
    """
    rights = person_rights(actor)
    team = _checked(rights, name, wish, days=days)
    mine = Agent.objects.filter(owner=actor.user_id).exclude(state="removed")
    if mine.count() >= MOST_PER_OWNER:
        raise _invalid("name", f"You have {MOST_PER_OWNER} agents; remove one first.")
    if Agent.objects.filter(name=name).exclude(state="removed").exists():
        raise _invalid("name", "There is an agent of this name already; choose another.")
    prefix, secret_hash, plaintext = new_token()
    agent = Agent.objects.create(
        name=name,
        owner_id=_id(actor),
        prefix=prefix,
        secret_hash=secret_hash,
        expires_at=now + timedelta(days=days),
        created_at=now,
        updated_at=now,
        **_fields(wish, team),
    )
    _audit(actor, agent, "agent.create", None, agent_sides(agent), now)
    return agent, plaintext


@transaction.atomic
def agent_update(
    actor: Actor, *, name: str, wish: AgentWish, expected_version: int | None = None, now: datetime
) -> Agent:
    """Another scope, cap or purpose. Its owner only: the scope is part of what they answer for."""
    agent = _locked(name)
    rights = person_rights(actor)
    _require_owner(rights, agent)
    require_version(agent, agent.version, expected_version)
    team = _checked(rights, agent.name, wish, days=None)
    return _edited(actor, agent, _fields(wish, team), now=now)


@transaction.atomic
def agent_take_back(actor: Actor, *, name: str, now: datetime) -> Agent:
    """Its scope, cap and purpose before the last edit, which becomes what can be taken back next."""
    agent = _locked(name)
    rights = person_rights(actor)
    _require_owner(rights, agent)
    if not agent.before:
        raise Conflict("It was not edited yet.", code="illegal-state")
    held = agent.before
    wish = AgentWish(
        purpose=held["purpose"],
        team=held["team"],
        systems=tuple(held["systems"]),
        stages=tuple(held["stages"]),
        kinds=tuple(held["kinds"]),
        monthly_cap=Decimal(held["monthly_cap"]),
    )
    return _edited(actor, agent, _fields(wish, _checked(rights, agent.name, wish, days=None)), now=now)


@transaction.atomic
def agent_act(actor: Actor, *, name: str, act: str, expected_version: int | None = None, now: datetime) -> Agent:
    """``pause``, ``resume`` or ``remove``: its owner, maintainers of its team and platform admins. May be repeated.

    A paused agent is refused at once; what it asked for already goes its way. A removed one never comes back, and its
    name is free.
    """
    if act not in ACTS:
        raise InvalidInput(f"Choose one of {', '.join(ACTS)}.")
    agent = _locked(name)
    _require_hold(person_rights(actor), agent)
    require_version(agent, agent.version, expected_version)
    state = {"pause": "paused", "resume": "active", "remove": "removed"}[act]
    if agent.state == state:
        return agent
    before = agent_sides(agent)
    agent.state, agent.updated_at = state, now
    agent.version += 1
    if state == "removed":
        agent.prefix, agent.secret_hash = "", ""
    agent.save(update_fields=["state", "updated_at", "version", "prefix", "secret_hash"])
    _audit(actor, agent, f"agent.{act}", before, agent_sides(agent), now)
    return agent


@transaction.atomic
def agent_rotate(actor: Actor, *, name: str, days: int, now: datetime) -> tuple[Agent, str]:
    """Another token, for ``days``, and its plaintext; the one before it ends at once. Its owner only."""
    agent = _locked(name)
    _require_owner(person_rights(actor), agent)
    if not 1 <= days <= 366:
        raise _invalid("days", "Its token lasts between 1 and 366 days.")
    before = agent_sides(agent)
    agent.prefix, agent.secret_hash, plaintext = new_token()
    agent.expires_at, agent.updated_at = now + timedelta(days=days), now
    agent.version += 1
    agent.save(update_fields=["prefix", "secret_hash", "expires_at", "updated_at", "version"])
    _audit(actor, agent, "agent.rotate", before, agent_sides(agent), now)
    return agent, plaintext


def agent_authenticate(plaintext: str, now: datetime, *, request_id: str = "", address: str = "") -> AgentCaller:
    """The agent of a token and the Actor it is; NotSignedIn, always with the same sentence, when it may not call now.

    Two queries, and an update once a minute. The comparison takes as long for an unknown prefix as for a wrong secret.
    A known agent that is refused is in the audit log.
    """
    prefix, secret = parts_of(plaintext) or ("", "")
    rows = Agent.objects.select_related("owner", "team")
    agent = rows.filter(prefix=prefix).first() if prefix else None
    same = hmac.compare_digest(agent.secret_hash if agent else _NO_HASH, hash_of(secret))
    why = "" if agent is None else _refusal(agent, same, now)
    if agent is None or why:
        if agent is not None:
            _note_refusal(agent, why, now, request_id=request_id, address=address)
        raise NotSignedIn(
            "This is not the token of an agent that may call now: it is unknown, expired, paused or removed.",
            code="bad-token",
            remedy="Ask the agent's owner to look at it in the portal, under Agents.",
        )
    if agent.last_used_at is None or agent.last_used_at < now - USE_NOTED_EVERY:
        Agent.objects.filter(pk=agent.pk).update(last_used_at=now)
    return AgentCaller(agent, _actor(agent, request_id=request_id, address=address))


def person_rights(actor: Actor) -> Rights:
    """Of a person who is signed in; Forbidden for a token and an agent, which neither make nor change agents."""
    if actor.token_id is not None or actor.scopes is not None or actor.agent:
        raise Forbidden("A token cannot manage agents.", remedy="Sign in to the portal and do it there.")
    rights = rights_of(actor)
    if not rights.signed_in or actor.user_id is None:
        raise NotSignedIn("Nobody is signed in.")
    return rights


def may_call(agent: Agent, now: datetime) -> bool:
    """Whether its token opens the door now. No query with ``owner`` joined."""
    return not _refusal(agent, True, now)


def may_hold(rights: Rights, agent: Agent) -> bool:
    """Whether the person may pause and remove it."""
    return _is_owner(rights.actor, agent) or rights.may_manage(agent.team) or rights.may_administer()


def agent_sides(agent: Agent) -> dict[str, Any]:
    """An agent as the log and an undo keep it; nothing of its secret."""
    return {
        "purpose": agent.purpose,
        "team": agent.team.slug,
        "systems": agent.systems,
        "stages": agent.stages,
        "kinds": agent.kinds,
        "monthly_cap": f"{agent.monthly_cap:.2f}",
        "state": agent.state,
        "prefix": agent.prefix,
        "expires_at": agent.expires_at.isoformat() if agent.expires_at else None,
    }


def _edited(actor: Actor, agent: Agent, fields: Mapping[str, Any], *, now: datetime) -> Agent:
    before = agent_sides(agent)
    for field, value in fields.items():
        setattr(agent, field, value)
    agent.before, agent.updated_at = before, now
    agent.version += 1
    agent.save(update_fields=[*fields, "before", "updated_at", "version"])
    _audit(actor, agent, "agent.update", before, agent_sides(agent), now)
    return agent


def _checked(rights: Rights, name: str, wish: AgentWish, *, days: int | None) -> Team:
    """The agent's team; InvalidInput and Forbidden for what may not be. At most three queries."""
    errors = agent_errors(name=name, purpose=wish.purpose, kinds=wish.kinds, monthly_cap=wish.monthly_cap, days=days)
    team = Team.objects.filter(slug=wish.team).first()
    if team is None:
        errors.append(FieldError("team", "Choose a team of yours."))
    elif not (rights.is_admin or REQUEST_CHANGE in rights.teams.get(team.pk, ())):
        raise Forbidden(
            f"Only developers and maintainers of team {team.slug} may have agents there.",
            remedy=f"Ask a maintainer of {team.slug} to make you a developer.",
        )
    else:
        mine = System.objects.filter(rights.sees(), team=team, slug__in=wish.systems)
        seen = set(mine.values_list("slug", flat=True)) if wish.systems else set()
        errors += [
            FieldError("systems", f"{team.slug} has no system “{one}” that you may see.")
            for one in wish.systems
            if one not in seen
        ]
    known = set(Stage.objects.filter(name__in=wish.stages).values_list("name", flat=True)) if wish.stages else set()
    errors += [FieldError("stages", f"There is no stage “{one}”.") for one in wish.stages if one not in known]
    if errors or team is None:
        raise InvalidInput(f"This agent is not right yet: {errors[0].message}", errors=errors)
    return team


def _fields(wish: AgentWish, team: Team) -> dict[str, Any]:
    return {
        "purpose": wish.purpose.strip(),
        "team": team,
        "systems": sorted(set(wish.systems)),
        "stages": list(dict.fromkeys(wish.stages)),
        "kinds": list(dict.fromkeys(wish.kinds)),
        "monthly_cap": wish.monthly_cap,
    }


def _locked(name: str) -> Agent:
    rows = Agent.objects.select_for_update(of=("self",)).select_related("owner", "team")
    agent = rows.filter(name=name).exclude(state="removed").first()
    if agent is None:
        raise NotFound(f"There is no agent “{name}” that you may see.")
    return agent


def _is_owner(actor: Actor, agent: Agent) -> bool:
    return actor.user_id is not None and actor.user_id == agent.owner_id


def _require_owner(rights: Rights, agent: Agent) -> None:
    _require_sight(rights, agent)
    if not _is_owner(rights.actor, agent):
        raise Forbidden(
            f"Only {agent.owner.username} may do this: it is their agent.", remedy="You can make one of your own."
        )


def _require_sight(rights: Rights, agent: Agent) -> None:
    if not may_look(rights, agent):
        raise NotFound(f"There is no agent “{agent.name}” that you may see.")


def _require_hold(rights: Rights, agent: Agent) -> None:
    _require_sight(rights, agent)
    if may_hold(rights, agent):
        return
    raise Forbidden(
        f"Only {agent.owner.username}, maintainers of {agent.team.slug} and platform admins may do this.",
        remedy=f"Ask {agent.owner.username}.",
    )


def _refusal(agent: Agent, same: bool, now: datetime) -> str:
    if not same:
        return "The secret is wrong."
    if agent.state != "active":
        return f"It is {agent.state}."
    if not agent.owner.is_active:
        return "Its owner is switched off."
    return "Its token has ended." if agent.expires_at is None or agent.expires_at <= now else ""


def _note_refusal(agent: Agent, why: str, now: datetime, *, request_id: str, address: str) -> None:
    """Once in ten minutes for each address and reason."""
    if not cache.add(f"audit.agent-refused:{agent.pk}:{hash_of(why)[:8]}:{address}", True, REFUSAL_SAME_FOR):
        return
    with transaction.atomic():
        audit_append(
            Actor(None, "", via=VIA, request_id=request_id, address=address),
            action="agent.refused",
            object_type="agent",
            object_id=agent.pk,
            object_label=agent.name,
            team_slug=agent.team.slug,
            data={"why": why},
            now=now,
        )


def _actor(agent: Agent, *, request_id: str, address: str) -> Actor:
    """The agent's owner, narrowed to reading and to asking for changes, in those of the agent's systems that its team
    still has: one that was handed to another team is no longer its."""
    mine = System.objects.filter(team=agent.team_id).values_list("slug", flat=True)
    systems = mine.filter(slug__in=agent.systems) if agent.systems else mine
    return Actor(
        user_id=agent.owner_id,
        username=agent.owner.username,
        via=VIA,
        scopes=SCOPES,
        systems=frozenset(systems) or NOWHERE,
        request_id=request_id,
        address=address,
        agent=f"agent:{agent.name}",
    )


def _id(actor: Actor) -> int:
    assert actor.user_id is not None
    return actor.user_id


def _invalid(path: str, message: str) -> InvalidInput:
    return InvalidInput(f"This agent is not right yet: {message}", errors=[FieldError(path, message)])


def _audit(actor: Actor, agent: Agent, action: str, before: Any, after: Any, now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="agent",
        object_id=agent.pk,
        object_label=agent.name,
        team_slug=agent.team.slug,
        data={"before": before, "after": after},
        now=now,
    )

"""Grants: who may use a resource of whose environment. Given and taken back by the maintainers of its owner.

A grant alone changes nothing; what is used by it is asked for like any change. While somebody uses it, it cannot be
taken back, only be given an end after which nobody begins to. Lock order: the giver's environment, grants, audit head.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from governance.access import Rights, rights_of
from governance.services.audit import audit_append
from idp.catalog.models import System, Team
from idp.catalog.selectors import system_get
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound, PreconditionFailed
from provisioning.domain.score.names import is_shared_identity
from provisioning.models import Borrowing, Environment, ResourceGrant
from provisioning.selectors.environments import environment_get
from provisioning.selectors.lending import as_users, lendable, told_users

MOST = 100
"""Grants of one environment."""


@dataclass(frozen=True, slots=True)
class GrantWish:
    """Whom to lend ``resource`` of ``system``/``environment``: ``to_system`` (one ``to_environment`` of it alone), or
    all systems of the own team with ``to_team``.
    """

    system: str
    environment: str
    resource: str
    to_system: str = ""
    to_environment: str = ""
    to_team: bool = False
    beyond: bool = False
    score_id: str = ""
    ends_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class GrantPlan:
    """What a wish comes to: the giver, who it is for, and what stands in its way."""

    giver: Environment
    to_system: System | None
    to_team: Team | None
    problems: tuple[FieldError, ...]
    outputs: tuple[str, ...] = ()


def grant_plan(actor: Actor, wish: GrantWish, *, now: datetime) -> GrantPlan:
    """What giving it would mean; writes nothing. Maintainers of the owner. Raises NotFound and Forbidden."""
    rights = rights_of(actor)
    giver = environment_get(rights, wish.system, wish.environment)
    rights.require_manage_system(giver.system)
    if giver.deleted_at is not None:
        raise NotFound(f"{wish.system} has no environment “{wish.environment}”.")
    problems: list[FieldError] = []
    contract, told = lendable(giver, wish.resource)
    if told:
        problems.append(FieldError("resource", told))
    to_system = _system(rights, wish, giver, problems)
    if wish.to_team and wish.to_environment:
        problems.append(FieldError("to_environment", "Leave it out: it is for all environments of the team."))
    if wish.score_id and not is_shared_identity(wish.score_id):
        problems.append(FieldError("score_id", "Write it as Score names it, such as redis.default#main."))
    if wish.ends_at is not None and wish.ends_at <= now:
        problems.append(FieldError("ends_at", "Write a moment that is still to come."))
    if wish.beyond and not giver.stage.production:
        problems.append(FieldError("beyond", f"{giver.name} is not in production, so this says nothing."))
    outputs = tuple(contract.publish) if contract else ()
    return GrantPlan(giver, to_system, giver.system.team if wish.to_team else None, tuple(problems), outputs)


@transaction.atomic
def grant_give(actor: Actor, wish: GrantWish, *, now: datetime) -> ResourceGrant:
    """Lend a resource. Raises InvalidInput with every problem, Conflict for a grant that there is already."""
    plan = grant_plan(actor, wish, now=now)
    if plan.problems:
        raise InvalidInput(plan.problems[0].message, errors=plan.problems)
    giver = _locked(plan.giver.pk)
    there = ResourceGrant.objects.filter(environment=giver, ended_at=None)
    if there.count() >= MOST:
        raise Conflict(f"An environment has at most {MOST} grants; take one back that nobody needs.")
    to = {"to_system": plan.to_system, "to_team": plan.to_team, "to_environment": wish.to_environment}
    if there.filter(resource=wish.resource, **to).exists():
        raise Conflict("There is such a grant already.", remedy="Change that one, or take it back.")
    grant = ResourceGrant.objects.create(
        environment=plan.giver,
        resource=wish.resource,
        **to,
        beyond=wish.beyond,
        score_id=wish.score_id,
        note=wish.note[:200],
        ends_at=wish.ends_at,
        given_by_id=actor.user_id,
        given_at=now,
    )
    _audit(actor, grant, "grant.give", None, _stands(grant), now=now)
    return grant


@transaction.atomic
def grant_end_set(
    actor: Actor, grant_id: int, *, ends_at: datetime | None, expected_version: int | None = None, now: datetime
) -> ResourceGrant:
    """Say when nobody begins to use it any more; None for never. Who uses it then goes on.

    Raises InvalidInput for a moment that is over, PreconditionFailed when it was changed meanwhile.
    """
    grant = _held(actor, grant_id, expected_version)
    if ends_at is not None and ends_at < now:
        told = "Write a moment that is still to come."
        raise InvalidInput(told, errors=[FieldError("ends_at", told)])
    before = _stands(grant)
    if grant.ends_at == ends_at:
        return grant
    grant.ends_at = ends_at
    grant.version += 1
    grant.save(update_fields=["ends_at", "version"])
    _audit(actor, grant, "grant.end-set", before, _stands(grant), now=now)
    return grant


@transaction.atomic
def grant_take_back(
    actor: Actor, grant_id: int, *, expected_version: int | None = None, now: datetime
) -> ResourceGrant:
    """End a grant that nobody uses; Conflict that says who does."""
    grant = _held(actor, grant_id, expected_version)
    using = Borrowing.objects.filter(grant=grant).select_related("environment__system__team")
    if users := as_users(using):
        raise Conflict(
            f"{told_users(rights_of(actor), users)} uses it; taking it back would break that.",
            code="grant-in-use",
            remedy="Set an end, so that nobody else begins to use it, and ask them to give it back.",
        )
    before = _stands(grant)
    grant.ended_at = now
    grant.version += 1
    grant.save(update_fields=["ended_at", "version"])
    _audit(actor, grant, "grant.take-back", before, None, now=now)
    return grant


def grant_managed(actor: Actor, grant_id: int) -> ResourceGrant:
    """A grant that the actor may change; NotFound when they may not even see whose it is."""
    joined = ("environment__system__team", "environment__stage", "to_system__team", "to_team", "given_by")
    rows = ResourceGrant.objects.select_related(*joined)
    grant = rows.prefetch_related("borrowings__environment__system__team").filter(pk=grant_id, ended_at=None).first()
    rights = rights_of(actor)
    if grant is None or grant.environment.deleted_at is not None or not rights.may_see(grant.environment.system):
        raise NotFound("There is no such grant.")
    rights.require_manage_system(grant.environment.system)
    return grant


def _system(rights: Rights, wish: GrantWish, giver: Environment, problems: list[FieldError]) -> System | None:
    """The system that it is for; one that the actor may not see is not there."""
    if wish.to_team:
        if wish.to_system:
            problems.append(FieldError("to_system", "Choose one: a system, or all of the team's."))
        return None
    if not wish.to_system:
        problems.append(FieldError("to_system", "Write which system may use it."))
        return None
    try:
        system = system_get(rights, wish.to_system)
    except NotFound as error:
        problems.append(FieldError("to_system", error.message))
        return None
    if system.pk == giver.system_id and wish.to_environment == giver.name:
        problems.append(FieldError("to_environment", "It has it already; write another environment."))
    return system


def _held(actor: Actor, grant_id: int, expected_version: int | None) -> ResourceGrant:
    """The grant, locked together with the environment that lends."""
    seen = grant_managed(actor, grant_id)
    _locked(seen.environment_id)
    grant = (
        ResourceGrant.objects.select_for_update(of=("self",))
        .select_related("environment__system__team", "to_system", "to_team")
        .filter(pk=grant_id, ended_at=None)
        .first()
    )
    if grant is None:
        raise NotFound("There is no such grant any more.")
    if expected_version is not None and grant.version != expected_version:
        raise PreconditionFailed("The grant was changed meanwhile.", remedy="Read it again and redo your edit.")
    return grant


def _locked(environment_id: int) -> Environment:
    return Environment.objects.select_for_update(of=("self",)).get(pk=environment_id)


def _stands(grant: ResourceGrant) -> dict[str, Any]:
    return {
        "resource": grant.resource,
        "to": to_of(grant),
        "beyond": grant.beyond,
        "score_id": grant.score_id,
        "ends_at": grant.ends_at.isoformat() if grant.ends_at else None,
        "note": grant.note,
    }


def to_of(grant: ResourceGrant) -> str:
    """Whom it is for: ``payments``, ``payments/test`` or ``team shop``."""
    if grant.to_team is not None:
        return f"team {grant.to_team.slug}"
    assert grant.to_system is not None
    return f"{grant.to_system.slug}/{grant.to_environment}" if grant.to_environment else grant.to_system.slug


def _audit(
    actor: Actor,
    grant: ResourceGrant,
    action: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    *,
    now: datetime,
) -> None:
    system = grant.environment.system
    place = f"{system.slug}/{grant.environment.name}"
    audit_append(
        actor,
        action=action,
        object_type="grant",
        object_id=grant.pk,
        object_label=f"{grant.resource} of {place} for {to_of(grant)}",
        team_slug=system.team.slug,
        place=place,
        data={"before": before, "after": after},
        now=now,
    )

"""Plans open changes anew when the base under them moved.

An approval is bound to the digest of the plan it was given for; a moved base is another plan, so approvals no longer
count and are asked for again. Called inside the transaction that moved the base, or made a version defective.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, cast

from governance.services.approvals import agreement, approvals_dismiss, approvals_open
from governance.services.quota import quota_hold, quota_release_hold
from idp.kernel.actor import Actor, Via
from idp.kernel.canonical import digest
from provisioning.domain.input_changes import forbidden_changes
from provisioning.domain.plan import changes_nothing
from provisioning.models import Change, Contract, Environment
from provisioning.selectors.contracts import lookup_for
from provisioning.selectors.departures import held_changes
from provisioning.selectors.desired import desired_of
from provisioning.services.agent_cap import cap_refusal
from provisioning.services.change_notices import change_waits_no_more, change_waits_told
from provisioning.services.change_states import change_move, change_note
from provisioning.services.gate import Planned, judge, targeted, with_plan
from provisioning.services.moved_changes import Moved, Moves, stand_of
from provisioning.services.moving import moved_again
from provisioning.services.requests import request_again
from provisioning.services.targeting import sources_of

WHOLE = ("create", "update", "delete")
"""Kinds whose target is a whole document, written by a person; that of the others is computed anew."""
NO_QUOTA: Final = "The quota no longer suffices"


def changes_replan(environment: Environment, *, except_change: int, moves: Moves, now: datetime) -> int | None:
    """Every other open change of ``environment`` gets the plan it has now; those left without sense are superseded.

    Answers the first that is still approved, so that it starts next; None when there is none. ``moves`` gets what
    became of each, for the end of the transaction.
    """
    rows = (
        Change.objects.select_for_update(of=("self",))
        .select_related("system__team", "stage__cluster", "requester")
        .filter(environment=environment, state__in=("pending", "approved"))
        .exclude(pk=except_change)
        .order_by("pk")
    )
    open_now = list(rows)
    for change in open_now:
        _replan(change, environment, moves=moves, now=now)
    approved = [change.pk for change in open_now if change.state == "approved"]
    held = set(held_changes(now).filter(change__in=approved)) if approved else set()
    return next((pk for pk in approved if pk not in held), None)


def change_still_holds(change: Change, *, moves: Moves, now: datetime) -> bool:
    """Whether the approved, locked ``change`` still is what was agreed; it waited for its moment meanwhile.

    What may no longer run is denied. What became another plan is asked for again, or goes on with the new one when
    nobody has to agree. The change holds its part of the quota already.
    """
    assert change.environment_id is not None  # only a denied create has none
    environment = Environment.objects.select_related("system__team", "stage", "cluster", "desired").get(
        pk=change.environment_id
    )
    planned = _planned_now(change, environment, now=now)
    refusal = "" if not planned.problems else planned.problems[0].message
    refusal = refusal or ("" if not planned.denials else planned.denials[0].message)
    if planned.plan_digest == change.plan_digest and not refusal and not _takes_no_new_use(planned, environment):
        return True
    _replan(change, environment, moves=moves, now=now)
    change.refresh_from_db()
    return change.state == "approved"


def change_is_agreed(change: Change, environment: Environment, *, moves: Moves, now: datetime) -> bool:
    """Whether the approved, locked ``change`` may start with the plan that it has; the last look before a run.

    However a change came to its start: its plan must begin at what is wanted of ``environment`` now, put back the drift
    that is there now, and have every approval that it needs. One that does not is planned anew, and asks again or goes
    on. One query while it stands; a revert is planned once more to see that.
    """
    said = agreement(change_id=change.pk, plan_digest=change.plan_digest)
    if change.base_id == environment.desired_id and said == "whole":
        return change.kind != "revert" or change_still_holds(change, moves=moves, now=now)
    if change.base_id == environment.desired_id and said == "unsettled":
        told, before = "Not everybody who is asked has agreed to it", stand_of(change)
        change_move(change, "ask-again", actor_name="slipway", now=now, text=told, decided_at=None)
        moves.append(Moved(change, before, stand_of(change), told))
        return False
    _replan(change, environment, anew=True, moves=moves, now=now)
    change.refresh_from_db()
    return change.state == "approved"


def changes_refuse(contract: Contract, *, moves: Moves, now: datetime) -> None:
    """Deny the open changes that would begin to use ``contract``, which takes no new use any more.

    Called inside the transaction that made it defective. Locks each environment, then its changes.
    """
    wanted = (contract.capability.name, contract.version)
    rows = Change.objects.filter(state__in=("pending", "approved"), target__isnull=False).exclude(environment=None)
    struck = {
        place
        for place, target in rows.values_list("environment", "target")
        if target is not None and wanted in _versions_of(target["resources"])
    }
    environments = Environment.objects.select_for_update(of=("self",)).select_related("desired")
    for environment in environments.filter(pk__in=struck).order_by("pk"):
        open_now = Change.objects.select_for_update(of=("self",)).select_related("system__team")
        for change in open_now.filter(environment=environment, state__in=("pending", "approved")).order_by("pk"):
            if told := _takes_no_new_use(change, environment):
                before = stand_of(change)
                quota_release_hold(change_id=change.pk, now=now)
                _deny(change, told, now=now)
                moves.append(Moved(change, before, stand_of(change), told))


def _versions_of(resources: Mapping[str, Mapping[str, Any]]) -> set[tuple[str, str]]:
    return {(one["capability"], one["contract"]) for one in resources.values()}


def _replan(change: Change, environment: Environment, *, anew: bool = False, moves: Moves, now: datetime) -> None:
    """Plan an open change anew. What was agreed to stays agreed to where the plan is the same one, unless ``anew``."""
    before = stand_of(change)
    if why := _moved(change, environment, anew=anew, now=now):
        moves.append(Moved(change, before, stand_of(change), why))


def _moved(change: Change, environment: Environment, *, anew: bool, now: datetime) -> str:
    """What the history of the change says about it; empty when it stays as it is."""
    if environment.state == "deleting":
        return _supersede(change, "The environment is being deleted", now=now)
    planned = _planned_now(change, environment, now=now)
    if changes_nothing(planned.plan):
        return _supersede(change, "A later change made it so already", now=now)
    told = _cannot_follow(planned, environment) or _takes_no_new_use(planned, environment) or _refusal(planned)
    told = told or cap_refusal(change, before=planned.plan["cost_before"], after=planned.plan["cost_after"])
    if not told and not anew and planned.plan_digest == change.plan_digest:
        return ""
    quota_release_hold(change_id=change.pk, now=now)
    if told:
        return _deny(change, told, now=now)
    return _ask_again(change, planned, environment, now=now)


def _planned_now(change: Change, environment: Environment, *, now: datetime) -> Planned:
    """What the gate says to the change as things are now."""
    actor = Actor(change.requester_id, change.requester.username, via=cast(Via, change.via))
    bare = Planned(
        kind=change.kind,
        system=change.system,
        environment_name=change.environment_name,
        stage=change.stage,
        environment=environment,
        base=environment.desired,
        target=change.target,
    )
    planned = _planned_again(change, bare, now=now)
    return judge(planned, actor, reason=change.reason, now=now, people=False)


def _deny(change: Change, told: str, *, now: datetime) -> str:
    change_move(change, "deny", actor_name="slipway", now=now, text=told, finished_at=now)
    approvals_dismiss(change_id=change.pk, now=now)
    return told


def _planned_again(change: Change, bare: Planned, *, now: datetime) -> Planned:
    """The plan from the new base: to the same document, or to what the intent makes of the new base."""
    if change.kind in WHOLE:
        target = _with_the_life_of(change, bare)
        return with_plan(replace(bare, target=target), order=_order(change), digest=digest(target) if target else "")
    request = request_again(
        change.intent,
        kind=change.kind,
        system=change.system.slug,
        environment=change.environment_name,
        reason=change.reason,
    )
    sources = sources_of(request, change.system, bare.environment)
    bare = replace(bare, intent=change.intent)
    if change.kind == "move":
        return moved_again(bare, change.plan["move"], lambda at: targeted(at, request, sources, now=now))
    planned = targeted(bare, request, sources, now=now)
    return replace(planned, problems=(*sources.problems, *planned.problems))


def _with_the_life_of(change: Change, bare: Planned) -> dict[str, Any] | None:
    """The target as it was written; power and expiry follow the base where the change did not ask for others."""
    if bare.target is None or bare.base is None:
        return bare.target
    base, plan = bare.base.document, change.plan
    follows = [key for key in ("power", "expires") if plan.get(f"{key}_before") == plan.get(f"{key}_after")]
    return {**bare.target, **{key: base.get(key) for key in follows}}


def _refusal(planned: Planned) -> str:
    if planned.problems:
        return planned.problems[0].message
    if planned.denials:
        return planned.denials[0].message
    return NO_QUOTA if planned.shortages else ""


def _cannot_follow(change: Planned, environment: Environment) -> str:
    """Why the target cannot come after what is there now: storage would shrink, or a name became something else."""
    if change.target is None or environment.desired is None:
        return ""
    desired = desired_of(environment, change.target, revision=environment.desired.number)
    for name, held in environment.desired.document["resources"].items():
        if name not in desired.names:
            continue
        if held["capability"] != desired.capability(name):
            return f"{name} is a {held['capability']} meanwhile"
        wrong = forbidden_changes(desired.contract(name).inputs, held["inputs"], desired.inputs(name), name)
        if wrong:
            return f"{wrong[0].path} {wrong[0].message}"
    return ""


def _takes_no_new_use(change: Change | Planned, environment: Environment) -> str:
    """Which version of the target takes no new use meanwhile, because it became defective or a preview was left."""
    if change.target is None:
        return ""
    base = environment.desired.document if environment.desired else None
    refused = lookup_for(change.target, base).refused(change.target, base, team=change.system.team_id)
    return f"{refused[0].message}." if refused else ""


def _ask_again(change: Change, planned: Planned, environment: Environment, *, now: datetime) -> str:
    change_waits_no_more(change, now=now)
    Change.objects.filter(pk=change.pk).update(
        base=environment.desired,
        target=planned.target,
        plan=planned.plan,
        plan_digest=planned.plan_digest,
        facts=planned.facts,
        verdicts=[one.as_dict() for one in planned.verdicts],
        monthly_cost_before=planned.plan["cost_before"],
        monthly_cost_after=planned.plan["cost_after"],
    )
    quota_hold(
        team=change.system.team,
        environment_id=environment.pk,
        change_id=change.pk,
        label=f"{change.system.slug}/{change.environment_name}",
        before=planned.amounts_before,
        after=planned.amounts_after,
        extras_before=planned.extras_before,
        extras=planned.extras_after,
        now=now,
    )
    approvals_dismiss(change_id=change.pk, now=now)
    approvals_open(
        change_id=change.pk,
        plan_digest=planned.plan_digest,
        rules=(*planned.needs, *planned.skipped),
        team_id=change.system.team_id,
        now=now,
    )
    change.plan_digest, change.monthly_cost_after = planned.plan_digest, planned.plan["cost_after"]
    change_waits_told(change, asker=change.requester.username, now=now)
    told = f"The environment moved to r{environment.desired.number if environment.desired else 0}; planned anew"
    if change.state == "approved" and planned.needs:
        change_move(change, "ask-again", actor_name="slipway", now=now, text=told, decided_at=None)
        return told
    change_note(change, "replan", state=change.state, actor_name="slipway", now=now, text=told)
    if change.state == "pending" and not planned.needs:
        change_move(change, "approve", actor_name="slipway", now=now, text="No approval is needed", decided_at=now)
    return told


def _order(change: Change) -> list[str]:
    return [one["name"] for one in change.plan["resources"]]


def _supersede(change: Change, why: str, *, now: datetime) -> str:
    change_move(change, "supersede", actor_name="slipway", now=now, text=why, finished_at=now)
    quota_release_hold(change_id=change.pk, now=now)
    approvals_dismiss(change_id=change.pk, now=now)
    return why

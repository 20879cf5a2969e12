"""Promotion trains: several promotions asked for as one, which start together or not at all.

Called by faces; the sweep is in ``train_sweep``. Every member is an ordinary change through the gate, with approvals
and a run of its own. Lock order: train, environments by their keys, changes, quotas by team, audit head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from governance.access import Rights, rights_of
from governance.services.audit import audit_append
from governance.services.notice_events import about_all
from governance.services.notices import notify
from governance.services.quota import quotas_lock
from idp.catalog.models import System
from idp.catalog.selectors import system_get
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound, PolicyDenied, QuotaExceeded
from idp.kernel.wake import wake_after_commit
from provisioning.domain.train import MOST_MEMBERS, next_train_state
from provisioning.domain.windows import moment_read
from provisioning.models import Environment, StartHold, Train
from provisioning.selectors.trains import MemberRow, member_rows, train_get
from provisioning.services.change_ends import change_dropped
from provisioning.services.change_states import change_lock, change_move
from provisioning.services.changes import ChangeRequest, Planned, change_plan, change_submit
from provisioning.services.moved_changes import Moved, Moves, moves_audit, stand_of

MAX_TITLE = 120
MAX_REASON = 4000


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """``members`` are promotions, one for each environment; ``not_before`` is a moment as text, for all of them."""

    members: tuple[ChangeRequest, ...]
    title: str = ""
    reason: str = ""
    not_before: str = ""


def train_plan(actor: Actor, request: TrainRequest, *, now: datetime) -> list[Planned]:
    """What each member would do, in order; writes nothing. NotFound and Forbidden as for a single change."""
    _checked(request, now)
    return [change_plan(actor, one, now=now) for one in _members(request)]


@transaction.atomic
def train_submit(actor: Actor, request: TrainRequest, *, now: datetime) -> Train:
    """Submit every member, or none: what is wrong with one is raised with its place, and nothing is stored.

    It leaves by itself as soon as all are approved and can start.
    """
    moment = _checked(request, now)
    rights = rights_of(actor)
    systems = [system_get(rights, one.system) for one in request.members]
    for system in systems:
        rights.require_request(system)
    if actor.user_id is None:
        raise Forbidden("Only a signed-in person or a token can ask for a train.")
    _lock(request)
    quotas_lock(system.team_id for system in systems)
    train = Train.objects.create(
        title=(request.title.strip() or _title(request))[:MAX_TITLE],
        reason=request.reason.strip(),
        not_before=moment,
        requester_id=actor.user_id,
        due_at=now,
        created_at=now,
    )
    for place, one in enumerate(_members(request)):
        _submit(actor, replace(one, train=train.pk), place, now=now)
    members = [f"{one.system}/{one.environment}" for one in request.members]
    train_audit(actor, train, "submit", before=None, now=now, members=members)
    wake_after_commit("train", train.pk)
    return train


def _submit(actor: Actor, one: ChangeRequest, place: int, *, now: datetime) -> None:
    """One member; its errors say which it is, and no longer lead to a change, because none is kept."""
    try:
        change_submit(actor, one, now=now)
    except InvalidInput as error:
        wrong = error.errors or [FieldError("", error.message)]
        errors = [FieldError(f"members.{place}.{each.path}".rstrip("."), each.message) for each in wrong]
        label = f"{one.system} / {one.environment}"
        raise InvalidInput(f"{label}: {error.message}", errors=errors, code=error.code) from None
    except (PolicyDenied, QuotaExceeded) as error:
        error.message = f"{one.system} / {one.environment}: {error.message}"
        error.change_id = None
        raise


def _members(request: TrainRequest) -> list[ChangeRequest]:
    """The promotions with the train's reason and moment, where they have none of their own."""
    return [
        replace(one, kind="promote", reason=one.reason or request.reason, not_before=request.not_before)
        for one in request.members
    ]


def _checked(request: TrainRequest, now: datetime) -> datetime | None:
    moment, errors = moment_read(request.not_before, now)
    places = [(one.system, one.environment) for one in request.members]
    if not 2 <= len(places) <= MOST_MEMBERS:
        errors.append(FieldError("members", f"Name 2 to {MOST_MEMBERS} promotions."))
    twice = sorted({f"{system}/{name}" for system, name in places if places.count((system, name)) > 1})
    errors += [FieldError("members", f"Name {one} once.") for one in twice]
    if len(request.title) > MAX_TITLE:
        errors.append(FieldError("title", f"Write at most {MAX_TITLE} characters."))
    if len(request.reason) > MAX_REASON:
        errors.append(FieldError("reason", f"Write at most {MAX_REASON} characters."))
    if errors:
        raise InvalidInput("The train is not right yet.", errors=errors)
    return moment


def _lock(request: TrainRequest) -> None:
    """The members' environments, in the order of their keys."""
    wanted = Q(pk__in=())
    for one in request.members:
        wanted |= Q(system__slug=one.system, name=one.environment)
    rows = Environment.objects.select_for_update(of=("self",)).filter(wanted, deleted_at=None).order_by("pk")
    list(rows.values_list("pk"))


def _title(request: TrainRequest) -> str:
    names = list(dict.fromkeys(one.system for one in request.members))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"Promote {', '.join(names[:3])}{more}"


@transaction.atomic
def train_cancel(actor: Actor, train_id: int, *, reason: str = "", now: datetime) -> Train:
    """Call a waiting train off, with all its changes. The requester may, and who maintains a team of a member."""
    rights = rights_of(actor)
    train_get(rights, train_id)
    train = train_lock(train_id)
    rows = member_rows([train.pk]).get(train.pk, [])
    _require_cancel(rights, train, rows)
    train_call_off(actor, train, rows, reason.strip() or f"{actor.username} called it off", now=now)
    return train


def may_cancel(rights: Rights, train: Train, rows: Sequence[MemberRow]) -> bool:
    if train.requester_id == rights.actor.user_id:
        return rights.has_scope("change")
    return any(rights.may_manage(one.change.system.team) for one in rows)


def _require_cancel(rights: Rights, train: Train, rows: Sequence[MemberRow]) -> None:
    rights.require_scope("change")
    if not may_cancel(rights, train, rows):
        raise Forbidden(
            "Only the requester, or a maintainer of one of its teams, may call this train off.",
            remedy=f"Ask {train.requester.username} to do it.",
        )


def train_call_off(actor: Actor, train: Train, rows: Sequence[MemberRow], why: str, *, now: datetime) -> None:
    """The locked train ends before it left, and every member that is still open with it."""
    stood = train.state
    train_move(train, "cancel", state_reason=why[:400], finished_at=now, due_at=None)
    moves: Moves = []
    locked = [change_lock(one.change.pk) for one in sorted(rows, key=lambda one: one.change.environment_id or 0)]
    for change in locked:
        if change.state not in ("pending", "approved"):
            continue
        told, before = f"Its train is called off: {why}", stand_of(change)
        change_move(
            change, "cancel", actor_name=actor.username, now=now, text=told[:400], decided_at=now, finished_at=now
        )
        change_dropped(change, now=now)
        moves.append(Moved(change, before, stand_of(change), told))
    train_told(train, "train-stopped", f"Called off: {train.title}", why, by=actor, now=now)
    train_audit(actor, train, "cancel", before=stood, now=now, reason=why)
    moves_audit(actor, moves, cause=f"train {train.pk}", now=now)


def train_lock(train_id: int) -> Train:
    found = Train.objects.select_for_update(of=("self",)).select_related("requester").filter(pk=train_id).first()
    if found is None:
        raise NotFound(f"There is no train {train_id}.")
    return found


def train_move(train: Train, event: str, **fields: Any) -> None:
    """The locked train in its next state; Conflict when somebody else was first."""
    state = next_train_state(train.state, event)
    moved = Train.objects.filter(pk=train.pk, state=train.state).update(state=state, version=F("version") + 1, **fields)
    if moved != 1:
        raise Conflict("Somebody else acted at the same moment.", remedy="Open the train again to see the outcome.")
    for name, value in {"state": state, "version": train.version + 1, **fields}.items():
        setattr(train, name, value)


def train_told(train: Train, kind: str, title: str, text: str, *, by: Actor, now: datetime) -> None:
    """Tell who asked for it, unless they did it themselves; once for each version of the train."""
    if train.requester_id == by.user_id:
        return
    key = f"train:{train.pk}:{train.state}:{train.version}"
    members = StartHold.objects.filter(train=train).values("change__system")
    notify(
        kind,
        to=[train.requester_id],
        title=title,
        text=text,
        url=f"/trains/{train.pk}/",
        key=key,
        now=now,
        about=about_all(System.objects.select_related("team").filter(pk__in=members)),
    )


def train_audit(actor: Actor, train: Train, verb: str, *, before: str | None, now: datetime, **data: Any) -> None:
    """``before`` is the state that the train left; None for one that was just made."""
    audit_append(
        actor,
        action=f"train.{verb}",
        object_type="train",
        object_id=str(train.pk),
        object_label=train.title,
        data={"before": {"state": before} if before else None, "after": {"state": train.state}, **data},
        now=now,
    )

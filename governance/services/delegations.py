"""Standing in: somebody decides for another for a while, as when that person is on holiday.

A stand-in gains nothing but the right to decide, never on what they asked for themselves, nor on what the person they
stand in for asked for. It does not go on from one stand-in to the next. Lock order: delegation row, then audit head.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from governance.access import PLATFORM_ADMINS, admins, rights_of
from governance.domain.approval import source_people
from governance.domain.route import compiled
from governance.models import ApprovalRoute, Delegation
from governance.services.audit import audit_append
from governance.services.notice_events import About
from governance.services.notices import notify
from idp.catalog.models import User
from idp.kernel.actor import Actor
from idp.kernel.errors import FieldError, Forbidden, InvalidInput, NotFound

LONGEST = timedelta(days=92)
MAX_REASON = 200


@transaction.atomic
def delegation_create(
    actor: Actor,
    *,
    stand_in: str,
    starts_at: datetime,
    ends_at: datetime,
    reason: str = "",
    person: str = "",
    now: datetime,
) -> Delegation:
    """Let ``stand_in`` decide for the actor in that time; an admin may arrange it for another ``person``.

    Forbidden through a token. InvalidInput names each field that is wrong: the stand-in must be somebody who decides
    beside the person anyway, in a team, in a group or in a route.
    """
    owner = _owner(actor, person)
    other = User.objects.filter(username=stand_in).first()
    errors = [*_times(starts_at, ends_at, reason, now), *_unfit(owner, other, stand_in)]
    if owner.pk != actor.user_id and other is not None and other.pk == actor.user_id:
        errors.append(FieldError("stand_in", "Choose somebody else than yourself, who arranges it."))
    if errors:
        raise InvalidInput(f"This is not right yet: {errors[0].message}", errors=errors)
    assert other is not None  # an unknown one is among the errors
    row = Delegation.objects.create(
        person=owner, stand_in=other, starts_at=starts_at, ends_at=ends_at, reason=reason.strip(), created_at=now
    )
    # Why somebody is away is theirs to tell, so channels hear the time alone.
    lasts = f"From {starts_at:%d %B} until {ends_at:%d %B %Y, %H:%M} UTC."
    notify(
        "stand-in",
        to=[one for one in (owner.pk, other.pk) if one != actor.user_id],
        title=f"{other.username} stands in for {owner.username}",
        text=f"{lasts} {row.reason}".strip(),
        url="/account/stand-ins",
        key=f"delegation:{row.pk}",
        now=now,
        about=About(text=lasts),
    )
    _audit(actor, "delegation.create", row, None, _stands(row), now)
    return row


@transaction.atomic
def delegation_withdraw(actor: Actor, *, delegation_id: int, now: datetime) -> Delegation:
    """Take the right back at once: from the person, the stand-in or an admin. May be repeated.

    What the stand-in agreed to for a change that still waits counts no more.
    """
    row = Delegation.objects.select_for_update(of=("self",)).select_related("person", "stand_in")
    found = row.filter(pk=delegation_id).first()
    mine = found is not None and actor.user_id in (found.person_id, found.stand_in_id)
    if found is None or not (mine or rights_of(actor).may_administer()):
        raise NotFound("There is no such stand-in of yours.")
    if found.withdrawn_at is None:
        before, found.withdrawn_at = _stands(found), now
        found.save(update_fields=["withdrawn_at"])
        _audit(actor, "delegation.withdraw", found, before, None, now)
    return found


def delegations_of(user_id: int, *, now: datetime) -> QuerySet[Delegation]:
    """What a person lent or was lent and is not over, soonest first, and what ended in the last month."""
    rows = Delegation.objects.filter(Q(person=user_id) | Q(stand_in=user_id), ends_at__gt=now - timedelta(days=31))
    return rows.select_related("person", "stand_in").order_by("starts_at", "id")


def stand_ins_for(person: User) -> QuerySet[User]:
    """Who may stand in for a person: who decides beside them in a team, in a group or in a route. Four queries."""
    teams = list(person.memberships.filter(role="maintainer").values_list("team_id", flat=True))
    groups = list(person.groups.exclude(name__startswith="team:").values_list("name", flat=True))
    chosen = Q(memberships__team_id__in=teams, memberships__role="maintainer") | Q(groups__name__in=groups)
    chosen |= Q(username__in=_named_beside(person.username))
    if person.is_superuser or PLATFORM_ADMINS in groups:
        chosen |= Q(pk__in=admins().order_by().values("pk"))
    people = User.objects.filter(chosen, is_active=True, service_of=None).exclude(pk=person.pk)
    return people.distinct().order_by("username")


def _named_beside(username: str) -> set[str]:
    """Everybody who is named in a stage of a route beside the person."""
    found: set[str] = set()
    for document in ApprovalRoute.objects.filter(state="active").values_list("document", flat=True):
        for stage in compiled(document).stages:
            names = {name for rule in stage.approvers for name in source_people(rule.source)}
            if username in names:
                found |= names
    return found


def _owner(actor: Actor, person: str) -> User:
    if actor.user_id is None or actor.scopes is not None:
        raise Forbidden("A token cannot arrange who stands in for somebody.", remedy="Sign in and do it there.")
    if not person or person == actor.username:
        return User.objects.get(pk=actor.user_id)
    rights_of(actor).require_admin()
    found = User.objects.filter(username=person, service_of=None).first()
    if found is None:
        message = f"There is nobody called “{person}”."
        raise InvalidInput(message, errors=[FieldError("person", message)])
    return found


def _times(starts_at: datetime, ends_at: datetime, reason: str, now: datetime) -> list[FieldError]:
    errors = []
    if ends_at <= starts_at or ends_at <= now:
        errors.append(FieldError("ends_at", "It must end after it begins, and in the future."))
    if ends_at - starts_at > LONGEST:
        errors.append(FieldError("ends_at", f"It lasts at most {LONGEST.days} days."))
    if starts_at < now - timedelta(days=1):
        errors.append(FieldError("starts_at", "It cannot have begun before today."))
    if len(reason) > MAX_REASON:
        errors.append(FieldError("reason", f"Write at most {MAX_REASON} characters."))
    return errors


def _unfit(owner: User, other: User | None, name: str) -> list[FieldError]:
    if other is not None and stand_ins_for(owner).filter(pk=other.pk).exists():
        return []
    if other is not None and other.pk == owner.pk:
        return [FieldError("stand_in", "Nobody stands in for themselves.")]
    who = "you" if not name else f"{owner.username}"
    return [FieldError("stand_in", f"Choose somebody who decides beside {who}: in a team, a group or a route.")]


def _stands(row: Delegation) -> dict[str, Any]:
    """One side of an entry: whose right it is, who has it, and for how long."""
    names = {"person": row.person.username, "stand_in": row.stand_in.username, "reason": row.reason}
    return {**names, "from": row.starts_at, "until": row.ends_at}


def _audit(
    actor: Actor,
    action: str,
    row: Delegation,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    now: datetime,
) -> None:
    audit_append(
        actor,
        action=action,
        object_type="delegation",
        object_id=row.pk,
        object_label=f"{row.stand_in.username} for {row.person.username}",
        data={"before": before, "after": after},
        now=now,
    )

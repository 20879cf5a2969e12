"""Ownership that stays true: who owns a system says so once a period, and what nobody owns comes to rest.

A sweep looks at teams without people. What they own is told to whoever takes over; outside production it sleeps after a
week and goes two weeks after a month, each with notice, as ordinary changes of the platform. Production is left as it
is. Lock order: the ownership row, then what a change locks.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from governance.access import admins, rights_of
from governance.domain.ownership import ENDS_AFTER, LAST_DAYS, SLEEPS_AFTER, TeamView, successor
from governance.models import Ownership
from governance.selectors.people import team_people
from governance.services.audit import audit_append
from governance.services.notice_events import About
from governance.services.notices import notify
from idp.catalog.models import System
from idp.kernel.actor import Actor, platform_for
from idp.kernel.errors import Forbidden, UserFault
from provisioning.domain.lifecycle import OPEN_CHANGE_STATES
from provisioning.models import Change, Environment
from provisioning.selectors.ownership import team_views
from provisioning.services.changes import ChangeRequest, change_submit

log = structlog.get_logger(__name__)
FOUND, ASLEEP, ENDS = 1, 2, 3
AT_ONCE = 50
PAUSE = timedelta(days=1)


@transaction.atomic
def ownership_confirm(actor: Actor, *, system: System, now: datetime) -> Ownership:
    """Say that the system's team still owns it. Its developers and maintainers, and platform admins."""
    rights_of(actor).require_request(system)
    if actor.user_id is None:
        raise Forbidden("Only people confirm that they own something.")
    before = Ownership.objects.filter(system=system).values_list("confirmed_at", flat=True).first()
    row, _ = Ownership.objects.update_or_create(
        system=system, defaults={"confirmed_at": now, "confirmed_by_id": actor.user_id}
    )
    audit_append(
        actor,
        action="system.confirm-owner",
        object_type="system",
        object_id=system.pk,
        object_label=system.slug,
        team_slug=system.team.slug,
        data={"before": {"confirmed_at": before}, "after": {"confirmed_at": now}},
        now=now,
    )
    return row


def ownership_sweep(*, now: datetime) -> int:
    """See to the systems of teams without people; how many were looked at. For a task."""
    teams = team_views()
    lonely = [view.id for view in teams.values() if view.alone]
    for row in Ownership.objects.filter(alone_since__isnull=False).exclude(system__team__in=lonely):
        _over(row.pk, now=now)
    if not lonely:
        return 0
    systems = list(System.objects.filter(team__in=lonely).select_related("team").order_by("pk")[: AT_ONCE * 10])
    for system in systems:
        _seen_to(system, successor(system.team_id, teams), now=now)
    return len(systems)


@transaction.atomic
def _over(key: int, *, now: datetime) -> None:
    """Somebody is in the system's team again, or it has another team."""
    rows = Ownership.objects.select_for_update(of=("self",)).select_related("system__team")
    row = rows.filter(pk=key, alone_since__isnull=False).first()
    if row is None:
        return
    before, row.alone_since, row.told = row.alone_since, None, 0
    row.save(update_fields=["alone_since", "told"])
    _audit(row.system, "system.owned-again", before, None, now=now)


def _seen_to(system: System, above: TeamView | None, *, now: datetime) -> None:
    row = _begun(system, above, now=now)
    assert row.alone_since is not None
    alone = now - row.alone_since
    if alone >= SLEEPS_AFTER:
        _each(system, "sleep", now=now)
        _told(row, system, above, ASLEEP, "falls asleep, because nobody owns it", now=now)
    if alone >= ENDS_AFTER:
        _each(system, "extend", now=now)
        _told(row, system, above, ENDS, f"goes in {LAST_DAYS.days} days, because nobody owns it", now=now)


@transaction.atomic
def _begun(system: System, above: TeamView | None, *, now: datetime) -> Ownership:
    """The row with the moment at which the team was found without people; whoever takes over is told of it once."""
    Ownership.objects.get_or_create(system=system)
    row = Ownership.objects.select_for_update().get(system=system)
    begins = row.alone_since is None
    if begins:
        row.alone_since = now
        row.save(update_fields=["alone_since"])
    _tell(row, system, above, FOUND, "needs an owner", now=now)
    if begins:
        _audit(system, "system.alone", None, now, now=now)
    return row


def _audit(system: System, action: str, before: datetime | None, after: datetime | None, *, now: datetime) -> None:
    audit_append(
        _actor(system),
        action=action,
        object_type="system",
        object_id=system.pk,
        object_label=system.slug,
        team_slug=system.team.slug,
        data={"before": {"alone_since": before}, "after": {"alone_since": after}},
        now=now,
    )


def _actor(system: System) -> Actor:
    """The platform, for the team whose system it is, though nobody is left in it."""
    return platform_for(f"team {system.team.slug}")


@transaction.atomic
def _told(row: Ownership, system: System, above: TeamView | None, step: int, what: str, *, now: datetime) -> None:
    _tell(row, system, above, step, what, now=now)


def _tell(row: Ownership, system: System, above: TeamView | None, step: int, what: str, *, now: datetime) -> None:
    if Ownership.objects.filter(pk=row.pk, told__lt=step).update(told=step) != 1:
        return
    people = set(team_people(above.id, roles=("maintainer",))) if above else set()
    notify(
        "system-alone",
        to=people or set(admins().values_list("pk", flat=True)),
        title=f"{system.slug} {what}",
        text=f"Nobody is left in {system.team.name} who may change it. Transfer it to a team, or add people. "
        "Production stays as it is; all else sleeps after a week and goes after a month.",
        url="/ownership/",
        key=f"alone:{system.pk}:{row.alone_since:%Y%m%d}:{step}",
        now=now,
        about=About(system=system),
    )


def _each(system: System, kind: str, *, now: datetime) -> None:
    """Ask for ``kind`` of every environment outside production that has not come to it yet; once a day at most."""
    asked = Change.objects.filter(environment=OuterRef("pk"), kind=kind)
    asked = asked.filter(Q(state__in=OPEN_CHANGE_STATES) | Q(created_at__gt=now - PAUSE))
    rows = Environment.objects.filter(
        ~Exists(asked), system=system, deleted_at=None, stage__production=False, state__in=_AT_REST
    )
    for environment in rows.select_related("desired").order_by("pk")[:AT_ONCE]:
        document = environment.desired.document if environment.desired else {}
        ends_soon = environment.expires_at is not None and environment.expires_at <= now + LAST_DAYS
        if (kind == "sleep" and document.get("power") == "asleep") or (kind == "extend" and ends_soon):
            continue
        until = f"{LAST_DAYS.days}d" if kind == "extend" else ""
        request = ChangeRequest(kind, system.slug, environment.name, until=until, reason="Nobody owns it.")
        try:
            change_submit(_actor(system), request, now=now)
        except UserFault as refusal:
            log.warning("alone_refused", environment=environment.pk, kind=kind, message=refusal.message)


_AT_REST = ("ready", "degraded", "asleep", "unknown")

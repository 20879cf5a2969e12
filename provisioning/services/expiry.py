"""Deletes environments whose time is over, as an ordinary change through the gate, asked for by the platform.

Called by a periodic task. A policy may still ask somebody to agree; then the change waits like any other. One that
the platform may not delete is passed over for a day, and its team and the platform's admins are told why.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from governance.access import admins
from governance.selectors.people import team_people
from governance.services.notice_events import About
from governance.services.notices import notify
from idp.kernel.actor import platform_for
from idp.kernel.errors import UserFault
from provisioning.models import Change, Environment, ExpiryWatch
from provisioning.selectors.freezes import environment_hold, frozen_places
from provisioning.services.changes import ChangeRequest, change_submit

log = structlog.get_logger(__name__)
OPEN = ("pending", "approved", "running")
PAUSE = timedelta(days=1)


def environments_expire(*, now: datetime, limit: int = 50) -> list[Change]:
    """Ask for the deletion of living environments that are past their moment; production never expires.

    Whoever has an open or failed deletion is left to people; one that was refused is asked for again a day later, and
    one that is frozen as soon as it has thawed.
    """
    deletions = Change.objects.filter(environment=OuterRef("pk"), kind="delete")
    asked_for = deletions.filter(Q(state__in=(*OPEN, "failed")) | Q(created_at__gt=now - PAUSE))
    refused = ExpiryWatch.objects.filter(environment=OuterRef("pk"), refused_at__gt=now - PAUSE)
    due = (
        Environment.objects.filter(~Exists(asked_for), ~Exists(refused), deleted_at=None, expires_at__lte=now)
        .exclude(stage__production=True)
        .exclude(frozen_places("expiry", now=now))
        .select_related("system__team", "stage", "desired")
        .order_by("expires_at")[:limit]
    )
    asked = []
    for environment in due:
        if environment_hold(environment, "expiry", now=now):
            continue
        try:
            asked.append(_expire(environment, now=now))
        except UserFault as refusal:
            log.warning("expiry_refused", environment=environment.pk, code=refusal.code, message=refusal.message)
            _refused(environment, refusal, now=now)
    return asked


def _expire(environment: Environment, *, now: datetime) -> Change:
    assert environment.expires_at is not None
    request = ChangeRequest(
        kind="delete",
        system=environment.system.slug,
        environment=environment.name,
        reason=f"Its time was over on {environment.expires_at:%d %B %Y at %H:%M} UTC.",
        confirm=environment.name,
    )
    return change_submit(platform_for(f"team {environment.system.team.slug}"), request, now=now)


@transaction.atomic
def _refused(environment: Environment, refusal: UserFault, *, now: datetime) -> None:
    """Keep it from being asked for again today, so that others have their turn, and tell who can do something."""
    assert environment.expires_at is not None
    why = " ".join(dict.fromkeys([refusal.message, *(one.message for one in refusal.errors)]))[:400]
    kept = {"moment": environment.expires_at, "refused_at": now, "refusal": why}
    ExpiryWatch.objects.update_or_create(environment=environment, defaults=kept)
    place = f"{environment.system.slug} / {environment.name}"
    people = {*team_people(environment.system.team_id), *admins().values_list("pk", flat=True)}
    notify(
        "expiry-refused",
        to=people,
        title=f"{place} cannot be deleted, though its time is over",
        text=f"{why} {refusal.remedy}".strip(),
        url=f"/environments/{environment.system.slug}/{environment.name}/settings/",
        key=f"expires:{environment.pk}:refused:{now:%Y%m%d}",
        now=now,
        about=About(system=environment.system),
    )

"""Tells teams that environments of theirs go away: a week, a day and an hour before, each once for each end.

Called by the periodic task of expiry. What was told is kept per environment and end, so that a sweep finds only what it
still has to tell; another end begins anew.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Value, When

from governance.selectors.people import team_people
from governance.services.notices import notify
from provisioning.domain.expiring import THRESHOLDS, WORDS, expiring, extension, notice_level, worth_telling
from provisioning.domain.observation import with_since
from provisioning.models import Environment, ExpiryWatch
from provisioning.services.event_lines import expiry_event_told

SETS_AN_END = ("create", "extend")


def expiries_tell(*, now: datetime, limit: int = 200) -> int:
    """Tell of ends that come near; how many environments were told of. One query when there is nothing to tell."""
    return sum(_told(row, now=now) for row in list(_untold(now)[:limit]))


def _untold(now: datetime) -> QuerySet[Environment]:
    """Environments with a notice due that nobody has looked at; by the index of ends."""
    last = len(THRESHOLDS)
    levels = [
        When(expires_at__lte=now + span, then=Value(last - place)) for place, span in enumerate(reversed(THRESHOLDS))
    ]
    told = ExpiryWatch.objects.filter(
        environment=OuterRef("pk"), moment=OuterRef("expires_at"), told__gte=OuterRef("level")
    )
    return (
        Environment.objects.filter(
            deleted_at=None, expires_at__gt=now, expires_at__lte=now + THRESHOLDS[0], stage__production=False
        )
        .exclude(state__in=("deleting", "gone"))
        .annotate(level=Case(*levels, default=Value(0)))
        .filter(~Exists(told))
        .select_related("system", "stage", "desired__change")
        .defer("desired__document", "desired__change__plan", "desired__change__facts", "desired__change__target")
        .order_by("expires_at")
    )


@transaction.atomic
def _told(environment: Environment, *, now: datetime) -> bool:
    assert environment.expires_at is not None
    level = notice_level(environment.expires_at, now)
    kept: dict[str, Any] = {"moment": environment.expires_at, "told": level}
    watch, made = ExpiryWatch.objects.get_or_create(environment=environment, defaults=kept)
    if not made:
        # Another sweep that was here first has written the same moment and level, and tells.
        stale = ~Q(moment=environment.expires_at) | Q(told__lt=level)
        if not ExpiryWatch.objects.filter(stale, pk=watch.pk).update(refused_at=None, refusal="", **kept):
            return False
    _marked(environment, now=now)
    if not worth_telling(level, environment.expires_at, _set_at(environment)):
        return False
    _notify(environment, environment.expires_at, level, now=now)
    expiry_event_told(environment, environment.expires_at, now=now)
    return True


def _marked(environment: Environment, *, now: datetime) -> None:
    """Keep on its row that it expires, where neither a run nor a controller has written that yet."""
    row = Environment.objects.select_for_update(of=("self",)).only("pk", "conditions").get(pk=environment.pk)
    if any(one.get("type") == "Expiring" for one in row.conditions):
        return
    told = with_since(expiring(environment.expires_at, now), (), now)
    Environment.objects.filter(pk=row.pk).update(conditions=[*row.conditions, *told])


def _set_at(environment: Environment) -> datetime:
    change = environment.desired.change if environment.desired else None
    return change.created_at if change and change.kind in SETS_AN_END else environment.created_at


def _notify(environment: Environment, ends: datetime, level: int, *, now: datetime) -> None:
    place = f"{environment.system.slug} / {environment.name}"
    stage = environment.stage
    longer = extension(ends, created=environment.created_at, default_days=stage.default_days, max_days=stage.max_days)
    way = (
        f"One click keeps it until {longer:%d %B}." if longer else "To keep it longer, a maintainer of the team agrees."
    )
    notify(
        "environment-expires",
        to=team_people(environment.system.team_id),
        title=f"{place} goes away {WORDS[level]}",
        text=f"On {ends:%d %B %Y at %H:%M} UTC it is deleted with all that it holds. {way}",
        url=f"/environments/{environment.system.slug}/{environment.name}/ask/extend",
        key=f"expires:{environment.pk}:{ends:%Y%m%d%H%M}:{level}",
        now=now,
    )

"""What of a team's environments could make room: asleep, going soon, failed, or as large as production.

Read by the page that a refusal leads to. It suggests; nothing here decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Max

from governance.access import Rights, visible
from idp.catalog.models import Team
from provisioning.models import Environment

SOON = timedelta(days=7)
MOST = 200
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Freeable:
    """``why`` is a sentence; ``act`` is ``delete``, ``sleep`` or ``shrink``."""

    environment: Environment
    why: str
    act: str


def freeable(rights: Rights, team: Team, *, now: datetime) -> list[Freeable]:
    """What would free most first, as far as the reader may see it. Two queries."""
    living = Environment.objects.filter(system__team=team, deleted_at=None, desired__isnull=False)
    rows = visible(living, rights).select_related("system", "stage").defer("conditions")
    largest = dict(living.filter(stage__production=True).order_by().values_list("system").annotate(Max("cpu")))
    found = [
        Freeable(row, *said)
        for row in rows.order_by("-cpu", "-storage_gib", "pk")[:MOST]
        if (said := _reason(row, largest.get(row.system_id), now=now))
    ]
    return found[:SHOWN]


def _reason(environment: Environment, production: Decimal | None, *, now: datetime) -> tuple[str, str] | None:
    if environment.stage.production:
        return None
    if environment.state == "asleep":
        return "It sleeps: nobody uses it, and its storage and its place stay taken.", "delete"
    if environment.state == "failed":
        return "Its last run failed, and what was made so far stays counted.", "delete"
    if environment.expires_at is not None and environment.expires_at <= now + SOON:
        return f"It goes by itself on {environment.expires_at:%d %B}.", "delete"
    if production and environment.cpu >= production:
        return f"It takes {environment.cpu.normalize():f} cores, as much as production of the same system.", "shrink"
    if environment.cpu > 0 and environment.changed_at <= now - timedelta(days=30):
        return "Nobody has changed it for a month.", "sleep"
    return None

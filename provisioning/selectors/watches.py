"""How clusters are watched, from what controllers note beside their leases. Called by the metrics."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Case, CharField, Q, Value, When
from django.db.models.functions import Now

from provisioning.models import Cluster


@dataclass(frozen=True, slots=True)
class WatchFigures:
    """``state``: watched, unreachable, syncing, or unwatched when no controller holds the cluster."""

    state: str
    objects: int = 0
    backlog: int = 0
    lag: float = 0.0


def watch_figures() -> list[WatchFigures]:
    """One for each registered cluster; one query. Leases are judged by the database's clock, as they are written."""
    held = Q(watch__lease_until__gt=Now())
    state = Case(
        When(held & Q(watch__unreachable_since__isnull=False), then=Value("unreachable")),
        When(held & Q(watch__synced_at=None), then=Value("syncing")),
        When(held, then=Value("watched")),
        default=Value("unwatched"),
        output_field=CharField(),
    )
    figures = Cluster.objects.order_by().annotate(told=state)
    told = figures.values_list("told", "watch__objects_seen", "watch__backlog", "watch__lag_seconds")
    return [
        WatchFigures(state) if state == "unwatched" else WatchFigures(state, objects or 0, backlog or 0, lag or 0.0)
        for state, objects, backlog, lag in told
    ]

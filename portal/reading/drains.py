"""A cluster's drain for its page: how far it is, and what became of each environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Q, QuerySet

from governance.access import Rights, visible
from provisioning.models import Cluster, Drain, DrainItem

MARKS: Final = {
    "waiting": ("next", "Waits"),
    "moving": ("progressing", "Moves"),
    "moved": ("ready", "Moved"),
    "held": ("degraded", "Held"),
    "failed": ("failed", "Stopped"),
}
STATES: Final = {
    "running": ("progressing", "Under way"),
    "paused": ("degraded", "Paused"),
    "done": ("ready", "Done"),
    "ended": ("unknown", "Ended"),
}


@dataclass(frozen=True, slots=True)
class DrainView:
    """The newest drain of a cluster. ``counts`` are by state of an item, in the order of ``MARKS``."""

    drain: Drain
    counts: tuple[tuple[str, int], ...]
    total: int

    @property
    def mark(self) -> str:
        return STATES[self.drain.state][0]

    @property
    def word(self) -> str:
        return STATES[self.drain.state][1]

    @property
    def is_open(self) -> bool:
        return self.drain.finished_at is None

    @property
    def moved(self) -> int:
        return dict(self.counts).get(MARKS["moved"][1], 0)


@dataclass(frozen=True, slots=True)
class ItemLine:
    """One environment of a drain."""

    item: DrainItem

    @property
    def mark(self) -> str:
        return MARKS[self.item.state][0]

    @property
    def word(self) -> str:
        return MARKS[self.item.state][1]


def drain_of(cluster: Cluster) -> DrainView | None:
    """The newest drain, in one query."""
    numbers = {f"items_{state}": Count("items", filter=Q(items__state=state)) for state in MARKS}
    rows = Drain.objects.filter(cluster=cluster).select_related("cluster", "started_by")
    drain = rows.defer("cluster__credentials").annotate(**numbers).order_by("-id").first()
    if drain is None:
        return None
    counts = tuple((word, number) for state, (_, word) in MARKS.items() if (number := getattr(drain, f"items_{state}")))
    return DrainView(drain, counts, sum(number for _, number in counts))


def items_of(drain: Drain, rights: Rights) -> QuerySet[DrainItem]:
    """What the person may see of it, what needs people first."""
    rows = drain.items.select_related("environment__system", "environment__cluster")
    rows = rows.defer("environment__cluster__credentials", "environment__conditions")
    return visible(rows, rights, "environment__system").order_by("state", "wave", "pk")

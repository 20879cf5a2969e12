"""Clusters for their pages: how full they are, whether they answer, and what lives there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet

from governance.access import Rights, visible
from portal.drawing import words
from provisioning.domain.placement import DIMENSIONS
from provisioning.domain.plan import Footprint
from provisioning.models import Cluster, Environment, Stage
from provisioning.selectors.offers import joined_offer
from provisioning.selectors.placing import Health, capacity_of, clusters_seen, health_of, used_of
from provisioning.selectors.stages import stage_list

LABELS: Final = {"cpu": ("CPU", ""), "memory_gib": ("Memory", "GiB"), "storage_gib": ("Storage", "GiB")}
HEALTH: Final = {
    "answers": ("ready", "Answers"),
    "silent": ("failed", "Does not answer"),
    "unwatched": ("unknown", "Not watched"),
}
NEAR: Final = 0.85


@dataclass(frozen=True, slots=True)
class Room:
    """One dimension of a cluster; ``limit`` is None where nobody has said how much there is."""

    label: str
    unit: str
    used: float
    limit: float | None

    @property
    def state(self) -> str:
        """``over``, ``near`` or nothing."""
        if self.limit is None:
            return ""
        if self.used > self.limit:
            return "over"
        return "near" if self.limit and self.used >= self.limit * NEAR else ""

    @property
    def rest(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if self.limit is None:
            return "Nobody has said how much there is."
        left = self.limit - self.used
        return f"{words.number(left)}{unit} free" if left >= 0 else f"{words.number(-left)}{unit} more than there is"


@dataclass(frozen=True, slots=True)
class ClusterLine:
    """A cluster in a list, or at the head of its page."""

    cluster: Cluster
    lives: int
    health: Health
    rooms: tuple[Room, ...]

    @property
    def mark(self) -> str:
        return HEALTH[self.health.state][0]

    @property
    def word(self) -> str:
        return HEALTH[self.health.state][1]

    @property
    def labels(self) -> list[str]:
        return [f"{key}={value}" if value else key for key, value in sorted(self.cluster.labels.items())]


def cluster_lines() -> list[ClusterLine]:
    """All clusters by name; two queries."""
    rows = list(clusters_seen())
    used = used_of(one.pk for one in rows)
    return [_line(one, used) for one in rows]


def cluster_line(cluster: Cluster) -> ClusterLine:
    """``cluster`` as ``cluster_seen`` gives it; one query."""
    return _line(cluster, used_of([cluster.pk]))


def _line(cluster: Cluster, used: Mapping[int, Footprint]) -> ClusterLine:
    taken, room = used.get(cluster.pk, Footprint()), capacity_of(cluster)
    rooms = tuple(Room(*LABELS[name], float(getattr(taken, name)), room.get(name)) for name, _ in DIMENSIONS)
    return ClusterLine(cluster, cluster.lives, health_of(cluster), rooms)  # type: ignore[attr-defined]


def stages_leading_to(cluster: Cluster) -> list[tuple[Stage, str]]:
    """Stages whose new environments may go there, each with why; one query."""
    found = []
    for stage in stage_list():
        wanted = stage.cluster_labels
        if wanted and all(cluster.labels.get(key) == value for key, value in wanted.items()):
            found.append((stage, "by " + ", ".join(f"{key}={value}" for key, value in sorted(wanted.items()))))
        elif stage.cluster_id == cluster.pk:
            found.append((stage, "names it; its labels choose among others" if wanted else "names it"))
    return found


def living_there(cluster: Cluster, rights: Rights) -> QuerySet[Environment]:
    """What the person may see of the environments there, those that take most first."""
    rows = Environment.objects.filter(cluster=cluster, deleted_at=None).select_related("system", "stage")
    return visible(rows, rights).order_by("-cpu", "-memory_gib", "system__slug", "name")


def offered(cluster: Cluster) -> Sequence[str]:
    """Features and custom kinds that the cluster has, as far as somebody looked."""
    offer = joined_offer(cluster)
    return [*sorted(offer.features), *sorted(offer.apis)]

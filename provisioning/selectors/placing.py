"""What is known of clusters when an environment is placed, and how full each of them is.

Called by the gate for new environments, and by the pages and answers about clusters. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, CharField, IntegerField, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Cast, Coalesce, Now

from idp.catalog.models import System
from idp.kernel.errors import NotFound
from idp.kernel.tallies import total
from provisioning.domain.isolation import DEDICATED
from provisioning.domain.lifecycle import OPEN_CHANGE_STATES
from provisioning.domain.placement import DIMENSIONS, Candidate
from provisioning.domain.plan import Footprint
from provisioning.models import Change, Cluster, ClusterWatch, Environment, FormerPlace, PlaceTally, Stage

LISTED = 10
"""How many environments a refusal names."""


def candidates_of(stage: Stage, system: System) -> list[tuple[Cluster, Candidate]]:
    """Every cluster that the stage might mean, with what is known of it.

    A stage without labels means its own cluster alone: no query then, or one where its capacity is known. Else three.
    One or two more where clusters have labels, by which some are one system's alone.
    """
    clusters = [stage.cluster]
    silent: Collection[int] = ()
    if stage.cluster_labels:
        clusters = list(Cluster.objects.defer("credentials"))
        rows = ClusterWatch.objects.exclude(unreachable_since=None)
        silent = frozenset(rows.values_list("cluster_id", flat=True))
    used = used_of(one.pk for one in clusters if capacity_of(one))
    closed = others_alone([one.pk for one in clusters if one.labels], stage.isolation, system)
    return [
        (one, _candidate(one, stage, used.get(one.pk, Footprint()), one.pk in silent, closed.get(one.pk, "")))
        for one in clusters
    ]


def others_alone(cluster_ids: Collection[int], isolation: str, system: System) -> dict[int, str]:
    """Clusters that an environment of ``system`` with that isolation may not share with who is there, each with why.

    Dedicated ones take nothing of a second system, however either came there. One query, two for a dedicated one.
    """
    if not cluster_ids:
        return {}
    rows = Environment.objects.filter(cluster__in=cluster_ids, deleted_at=None).exclude(system=system)
    if isolation != DEDICATED:
        taken = rows.filter(isolation=DEDICATED).order_by().values_list("cluster", flat=True).distinct()
        return dict.fromkeys(taken, "Another system has it for itself.")
    leaving = FormerPlace.objects.filter(cluster__in=cluster_ids, environment__deleted_at=None)
    there = set(rows.order_by().values_list("cluster", flat=True).distinct())
    there |= set(leaving.exclude(environment__system=system).values_list("cluster", flat=True))
    return dict.fromkeys(there, "Environments of other systems are there.")


def _candidate(cluster: Cluster, stage: Stage, used: Footprint, silent: bool, closed: str) -> Candidate:
    return Candidate(
        name=cluster.name,
        labels=cluster.labels,
        capacity=capacity_of(cluster),
        used=used,
        cordoned=cordon_words(cluster) or closed,
        unreachable=silent,
        home=cluster.pk == stage.cluster_id,
    )


def cordon_words(cluster: Cluster) -> str:
    """Why the cluster takes nothing new, in a sentence; empty when it is open."""
    if cluster.cordoned_at is None:
        return ""
    why = f": {cluster.cordon_reason.rstrip('.')}." if cluster.cordon_reason else "."
    return f"It is cordoned and takes no new environment{why}"


def capacity_of(cluster: Cluster) -> dict[str, float]:
    """By dimension; one that nobody has said is missing."""
    told = {name: getattr(cluster, f"capacity_{name}") for name, _ in DIMENSIONS}
    return {name: float(value) for name, value in told.items() if value is not None}


def used_of(cluster_ids: Iterable[int]) -> dict[int, Footprint]:
    """What living environments take of each cluster, as they are wanted now; one query, none for no cluster."""
    wanted = list(cluster_ids)
    if not wanted:
        return {}
    rows = PlaceTally.objects.filter(cluster__in=wanted).order_by().values_list("cluster_id")
    summed = rows.annotate(lives=Sum("living"), **{f"of_{name}": total(name) for name, _ in DIMENSIONS})
    return {pk: Footprint(*map(float, amounts)) for pk, lives, *amounts in summed if lives}


@dataclass(frozen=True, slots=True)
class Health:
    """What a controller knows of a cluster: it ``answers``, is ``silent`` since a moment, or is ``unwatched``."""

    state: str
    since: datetime | None = None
    why: str = ""
    owner: str = ""
    synced_at: datetime | None = None


def health_of(cluster: Cluster) -> Health:
    """Needs a row of ``clusters_seen``: leases are judged by the database's clock, as they are written.

    An unreachable cluster whose controller died still counts as unreachable.
    """
    watch: ClusterWatch | None = getattr(cluster, "watch", None)
    if watch is None:
        return Health("unwatched")
    if watch.unreachable_since is not None:
        return Health("silent", watch.unreachable_since, watch.unreachable_why, watch.owner)
    if not cluster.held or watch.synced_at is None:  # type: ignore[attr-defined]
        return Health("unwatched")
    return Health("answers", owner=watch.owner, synced_at=watch.synced_at)


def clusters_seen() -> QuerySet[Cluster]:
    """All clusters with watch and offer joined, ``lives``, ``has_credentials`` and ``held``: whether a controller has
    the watch now; never the credentials.
    """
    lives = (
        PlaceTally.objects.filter(cluster=OuterRef("pk"))
        .order_by()
        .values("cluster")
        .annotate(n=Sum("living"))
        .values("n")
    )
    return (
        Cluster.objects.defer("credentials")
        .select_related("watch", "offer")
        .annotate(
            lives=Coalesce(Subquery(lives, output_field=IntegerField()), Value(0)),
            has_credentials=Case(When(credentials="", then=Value(False)), default=Value(True)),
            held=Case(When(watch__lease_until__gt=Now(), then=Value(True)), default=Value(False)),
        )
    )


def cluster_seen(name: str) -> Cluster:
    cluster = clusters_seen().filter(name=name).first()
    if cluster is None:
        raise NotFound(f"There is no cluster “{name}”.")
    return cluster


def cluster_blockers(cluster: Cluster) -> list[str]:
    """What keeps the cluster from being removed, in words: stages that name it, what lives there, leaves or comes.

    One query, for the page of a cluster asks much else.
    """
    stages = Stage.objects.filter(cluster=cluster).annotate(of_none=Value(""))
    living = Environment.objects.filter(cluster=cluster, deleted_at=None).order_by("system__slug", "name")
    leaving = FormerPlace.objects.filter(cluster=cluster, environment__deleted_at=None)
    coming = Change.objects.filter(kind="move", state__in=OPEN_CHANGE_STATES, plan__move__to__cluster=cluster.name)
    named = (
        _named(stages, "stage", "of_none", "name", at="order"),
        _named(_first_of(living, LISTED + 1), "living", "system__slug", "name"),
        _named(_first_of(leaving, LISTED), "leaving", "environment__system__slug", "environment__name"),
        _named(_first_of(coming, LISTED), "coming", "system__slug", "environment_name"),
    )
    rows = sorted(named[0].union(*named[1:], all=True))
    of = {what: [(system, name) for kind, _, system, name in rows if kind == what] for what in _KINDS}
    return [
        *(f"stage {name} sends its environments there" for _, name in of["stage"]),
        *_living_words([f"{system}/{name}" for system, name in of["living"]]),
        *(f"environment {system}/{name} is leaving it" for system, name in of["leaving"]),
        *(f"environment {system}/{name} is to move there" for system, name in of["coming"]),
    ]


_KINDS = ("stage", "living", "leaving", "coming")


def _first_of(rows: QuerySet[Any], most: int) -> QuerySet[Any]:
    """The first ``most`` of them without order or limit of their own, which SQLite takes in no part of a union."""
    return rows.model._default_manager.filter(pk__in=rows.values("pk")[:most]).order_by()


def _named(rows: QuerySet[Any], kind: str, system: str, name: str, *, at: str = "") -> QuerySet[Any]:
    """Rows of (kind, place among its kind, system, name), as they stand together in one union."""
    told = rows.order_by().annotate(
        kind_of_row=Value(kind, output_field=CharField()),
        place_of_row=Cast(at or Value(0), IntegerField()),
        system_of_row=Cast(system, CharField()),
        name_of_row=Cast(name, CharField()),
    )
    return told.values_list("kind_of_row", "place_of_row", "system_of_row", "name_of_row")


def _living_words(living: Sequence[str]) -> list[str]:
    if not living:
        return []
    more = " and more" if len(living) > LISTED else ""
    word, verb = ("environment", "lives") if len(living) == 1 else ("environments", "live")
    return [f"{word} {', '.join(living[:LISTED])}{more} {verb} there"]

"""Whose word counts on an object of a custom kind, and keeping what clusters say.

An object is held against the definition that its contract brings and against that of every registered cluster that
serves the kind; where there is neither, against the one that comes along. Where there is none at all it is published
as it is: the cluster that gets it judges it before anything is made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from functools import cache

import structlog

from idp.kernel.errors import FieldError, SlipwayError
from provisioning.domain.availability import is_own
from provisioning.domain.custom_kinds import CustomKind, kind_of, known_custom_kinds
from provisioning.domain.driver import Driver, DriverError, Manifest
from provisioning.domain.kubernetes_schema import MOST_ERRORS, unusable, validate_object
from provisioning.drivers import open_driver
from provisioning.models import Cluster, ClusterDefinition
from provisioning.selectors.clusters import driver_settings
from provisioning.selectors.definitions import cluster_kinds, kinds_made

PATIENCE = 5.0
"""Seconds for one answer of a cluster while somebody waits for the checks of a contract."""
log = structlog.get_logger(__name__)


def judge_of(brought: Mapping[str, CustomKind], *, ask_clusters: bool = True) -> Callable[[Manifest], list[FieldError]]:
    """What stands against an object that an example makes; reads what is stored of clusters once for each kind."""

    @cache
    def clusters(key: str) -> list[tuple[str, CustomKind]]:
        return cluster_kinds(key) if ask_clusters else []

    def judge(manifest: Manifest) -> list[FieldError]:
        api_version = str(manifest.get("apiVersion"))
        key = f"{api_version}/{manifest.get('kind')}"
        if is_own(api_version):
            return validate_object(manifest)
        told = clusters(key)
        kind = brought.get(key) or (None if told else known_custom_kinds().get(key))
        found = validate_object(manifest, {key: kind}) if kind else []
        return [*found, *_of_clusters(manifest, key, told, found)][:MOST_ERRORS]

    return judge


def _of_clusters(
    manifest: Manifest, key: str, told: Iterable[tuple[str, CustomKind]], said: Iterable[FieldError]
) -> list[FieldError]:
    """Each finding once, with all clusters that have it, unless it was ``said`` already."""
    known = {(one.path, one.message) for one in said}
    names: dict[tuple[str, str], list[str]] = {}
    for cluster, kind in told:
        for one in validate_object(manifest, {key: kind}):
            if (one.path, one.message) not in known:
                names.setdefault((one.path, one.message), []).append(cluster)
    return [
        FieldError(path, f"On the {'clusters' if len(found) > 1 else 'cluster'} {', '.join(found)}: {message}")
        for (path, message), found in names.items()
    ]


def definitions_look(cluster: Cluster, driver: Driver, served: Collection[str], *, now: datetime) -> None:
    """Keep what the cluster says about the kinds that published contracts make, and forget what it no longer serves.

    A cluster that does not tell keeps what it told before.
    """
    if cluster.driver == "sandbox":
        return
    wanted = kinds_made() & set(served)
    ClusterDefinition.objects.filter(cluster=cluster).exclude(key__in=wanted).delete()
    _keep(cluster, driver, wanted, now=now)


def definitions_seek(kinds: Collection[str], *, now: datetime) -> None:
    """Ask the clusters that serve ``kinds`` and were not asked about them yet; for the first contract of a kind.

    Waits for clusters, so it is called outside of transactions. One that does not answer is left out.
    """
    if not kinds:
        return
    asked = Cluster.objects.exclude(driver="sandbox").filter(offer__problem="").select_related("offer")
    for cluster in asked:
        served = set(kinds) & set(cluster.offer.apis)
        have = ClusterDefinition.objects.filter(cluster=cluster, key__in=served).values_list("key", flat=True)
        if missing := served - set(have):
            settings = {**driver_settings(cluster), "answer_within": PATIENCE}
            try:
                driver = open_driver(cluster.driver, settings)
            except (DriverError, SlipwayError) as error:
                log.warning("cluster.definitions_failed", cluster=cluster.name, reason=error.message)
            else:
                _keep(cluster, driver, missing, now=now)


def _keep(cluster: Cluster, driver: Driver, kinds: Collection[str], *, now: datetime) -> None:
    if not kinds:
        return
    rows = ClusterDefinition.objects.filter(cluster=cluster, key__in=kinds)
    try:
        told = driver.definitions(kinds, dict(rows.values_list("key", "mark")))
    except DriverError as error:
        log.warning("cluster.definitions_failed", cluster=cluster.name, reason=error.message)
        return
    for key, one in told.items():
        if one.schema is None:
            continue
        if reason := unusable(kind_of(key, one.schema)):
            log.warning("cluster.definition_unusable", cluster=cluster.name, kind=key, reason=reason)
            continue
        fields = {"schema": one.schema, "mark": one.mark[:200], "seen_at": now}
        ClusterDefinition.objects.update_or_create(cluster=cluster, key=key, defaults=fields)

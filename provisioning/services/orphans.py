"""Objects with Slipway's labels that no environment knows: found by a sweep, deleted by an admin and never by itself.

The sweep lists each cluster outside any transaction, then reads what is known: a run writes down what it makes before
it makes it, so whatever was listed and is not known afterwards is nobody's. Called by a task, the pages and the API.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from django.db import transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, InvalidInput, NotFound, Transient
from provisioning.domain.driver import (
    FIELD_MANAGER,
    LABEL_ENVIRONMENT,
    LABEL_RESOURCE,
    LABEL_SYSTEM,
    Driver,
    DriverError,
    Manifest,
    ObjectRef,
    PermanentError,
    Scope,
    TemporaryError,
)
from provisioning.domain.isolation import SHARED_SYSTEM
from provisioning.drivers import open_driver
from provisioning.models import Cluster, Environment, FormerPlace, Orphan, Resource, Run, SharedNamespace
from provisioning.selectors.clusters import driver_settings
from provisioning.selectors.health import asking, recorded_refs, unanswered
from provisioning.selectors.observing import living_kinds

log = structlog.get_logger(__name__)

MOST: Final = 500
"""Orphans of one cluster that are kept at once; whoever has more begins with these."""


@dataclass(frozen=True, slots=True)
class Found:
    """One object that nobody knows. ``scope`` is what its labels say."""

    ref: ObjectRef
    scope: Scope
    reason: str


def orphans_sweep(*, now: datetime) -> int:
    """Look at every cluster; how many orphans are open afterwards. A cluster that does not answer is passed over,
    and what was left behind there stays listed.
    """
    for cluster in Cluster.objects.all():
        try:
            driver = open_driver(cluster.driver, driver_settings(cluster))
            found = _orphans_on(cluster, driver)
        except DriverError as error:
            log.warning("orphans_not_seen", cluster=cluster.name, code=error.code)
            continue
        _store(cluster, found, now=now)
    return Orphan.objects.filter(state="open").count()


def orphan_delete(actor: Actor, orphan_id: int, *, confirm: str, now: datetime) -> Orphan:
    """Delete one orphan from its cluster. Admins only; ``confirm`` is its name.

    What an environment knows by now is not deleted. The audit entry comes before the call: better one that is recorded
    and failed than one that nobody knows of. Raises NotFound, InvalidInput, Conflict, Transient.
    """
    rights_of(actor).require_admin()
    orphan = Orphan.objects.select_related("cluster").filter(pk=orphan_id, state="open").first()
    if orphan is None:
        raise NotFound("There is no such orphan any more.")
    if confirm != orphan.name:
        raise InvalidInput("The name is not the one of what would be deleted.", code="name-differs")
    ref, scope = _ref(orphan), Scope(orphan.system, orphan.environment)
    try:
        with asking(orphan.cluster) as driver:
            live = driver.observe([ref])[0]
            known = live.manifest is not None and not list(_unknown(orphan.cluster, [live.manifest]))
            if known:
                raise Conflict(f"{ref} belongs to an environment by now.", remedy="Look at the list again.")
            _written_down(actor, orphan, now=now)
            driver.delete([ref], scope)
    except DriverError as error:
        raise _told(error) from None
    Orphan.objects.filter(pk=orphan.pk, state="open").update(state="deleted", ended_at=now, ended_by=actor.user_id)
    orphan.refresh_from_db()
    return orphan


def _orphans_on(cluster: Cluster, driver: Driver) -> list[Found]:
    candidates = list(_unknown(cluster, _listed(driver, living_kinds(cluster.pk))))[:MOST]
    # What was deleted since it was listed is nobody's, and no orphan.
    still = driver.observe([one.ref for one in candidates])
    return [one for one, seen in zip(candidates, still, strict=True) if seen.exists and not seen.deleting]


def _listed(driver: Driver, kinds: Iterable[str]) -> list[Manifest]:
    """All that Slipway itself made there; controllers copy labels onto what they make."""
    found: list[Manifest] = []
    for feed in driver.feeds(tuple(kinds)):
        try:
            objects = driver.list_feed(feed).objects
        except PermanentError as error:
            if error.code != "kind-not-served":
                raise
            continue
        found += [one for one in objects if _is_made_by_us(one)]
    return found


def _is_made_by_us(manifest: Manifest) -> bool:
    metadata = manifest["metadata"]
    made = any(entry.get("manager") == FIELD_MANAGER for entry in metadata.get("managedFields") or [])
    return made and "deletionTimestamp" not in metadata


def _unknown(cluster: Cluster, manifests: Iterable[Manifest]) -> Iterator[Found]:
    """Those that no environment of the cluster knows; one that is leaving a place is known at both.

    Reads rows after ``manifests`` were listed: seven queries.
    """
    listed = list(manifests)
    clusters = _same_place(cluster)
    rows = Environment.objects.filter(deleted_at=None).values_list("pk", "system__slug", "name", "cluster_id")
    living = {(system, name): (pk, cluster_id) for pk, system, name, cluster_id in rows}
    busy = set(
        Run.objects.filter(state__in=("queued", "running")).values_list(
            "environment__system__slug", "environment__name"
        )
    )
    left = {one.environment_id: one for one in FormerPlace.objects.filter(cluster__in=clusters)}
    recorded = _recorded(clusters, left.values())
    shared = _shared(clusters)
    for manifest in listed:
        labels = manifest["metadata"].get("labels") or {}
        place = (labels.get(LABEL_SYSTEM, ""), labels.get(LABEL_ENVIRONMENT, ""))
        ref = ObjectRef.of(manifest)
        if place in busy or (place[0] == SHARED_SYSTEM and (ref.namespace or ref.name) in shared):
            continue
        if place not in living or (living[place][1] not in clusters and living[place][0] not in left):
            yield Found(ref, Scope(*place), "no-environment")
        elif labels.get(LABEL_RESOURCE) and ref not in recorded.get(living[place][0], set()):
            yield Found(ref, Scope(*place), "not-recorded")


def _recorded(clusters: set[int], left: Iterable[FormerPlace]) -> dict[int, set[ObjectRef]]:
    found: dict[int, set[ObjectRef]] = {}
    rows = Resource.objects.filter(environment__cluster_id__in=clusters, environment__deleted_at=None)
    for row in rows.only("environment_id", "objects_made").iterator():
        found.setdefault(row.environment_id, set()).update(recorded_refs(row))
    for place in left:
        for made in place.objects_made.values():
            known = found.setdefault(place.environment_id, set())
            known.update(ObjectRef(one["apiVersion"], one["kind"], one["namespace"], one["name"]) for one in made)
    return found


def _shared(clusters: set[int]) -> set[str]:
    """Namespaces that environments share; what is in them for all is nobody's alone."""
    return set(SharedNamespace.objects.filter(cluster__in=clusters).values_list("namespace", flat=True))


def _same_place(cluster: Cluster) -> set[int]:
    """Rows that lead to the same cluster: what lives by one of them is no orphan of another."""
    if cluster.driver == "sandbox":
        path = driver_settings(cluster).get("path")
        others = [one for one in Cluster.objects.filter(driver="sandbox") if driver_settings(one).get("path") == path]
        return {cluster.pk, *(one.pk for one in others)}
    same = Cluster.objects.filter(driver=cluster.driver, server=cluster.server).exclude(server="")
    return {cluster.pk, *same.values_list("pk", flat=True)}


@transaction.atomic
def _store(cluster: Cluster, found: list[Found], *, now: datetime) -> None:
    """Open a row for each that is new, end those that are no longer there or belong to somebody."""
    known = {_ref(row): row.pk for row in Orphan.objects.select_for_update().filter(cluster=cluster, state="open")}
    seen = {one.ref for one in found}
    Orphan.objects.bulk_create(
        (
            Orphan(
                cluster=cluster,
                api_version=one.ref.api_version,
                kind=one.ref.kind,
                namespace=one.ref.namespace,
                name=one.ref.name,
                system=one.scope.system[:63],
                environment=one.scope.environment[:63],
                reason=one.reason,
                first_seen_at=now,
            )
            for one in found
            if one.ref not in known
        ),
        ignore_conflicts=True,
    )
    over = [pk for ref, pk in known.items() if ref not in seen]
    Orphan.objects.filter(pk__in=over, state="open").update(state="vanished", ended_at=now)


def _ref(orphan: Orphan) -> ObjectRef:
    return ObjectRef(orphan.api_version, orphan.kind, orphan.namespace, orphan.name)


@transaction.atomic
def _written_down(actor: Actor, orphan: Orphan, *, now: datetime) -> None:
    audit_append(
        actor,
        action="orphan.delete",
        object_type="cluster",
        object_id=str(orphan.cluster_id),
        object_label=orphan.cluster.name,
        data={
            "before": {
                "object": f"{orphan.api_version} {orphan.kind} {orphan.name}",
                "namespace": orphan.namespace,
                "labels": f"{orphan.system}/{orphan.environment}",
            },
            "after": None,
        },
        now=now,
    )


def _told(error: DriverError) -> Exception:
    if isinstance(error, TemporaryError):
        return Transient(
            "The cluster does not answer now.", code="cluster-unreachable", delay=error.delay, remedy="Try again soon."
        )
    remedy: Any = getattr(error, "remedy", "")
    return Conflict(unanswered(error), remedy=remedy)

"""Namespaces that environments share: how much all of them take together, and who is the last to leave.

Called by steps of runs, outside of any other transaction. The namespace's row is the lock: whoever counts the others
counts while nobody comes or goes. A resource quota cannot choose by label, so the namespace has one for the sum.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Sum as Total

from governance.models import Reservation
from provisioning.domain.isolation import SHARED
from provisioning.domain.plan import Footprint
from provisioning.models import Cluster, Environment, FormerPlace, SharedNamespace


@dataclass(frozen=True, slots=True)
class Sum:
    """What ``environments`` take together. ``serial`` tells it from older and newer ones."""

    serial: int
    usage: Footprint
    environments: int


@transaction.atomic
def shared_join(cluster: Cluster, namespace: str) -> Sum | None:
    """The sum with the environment that comes, whose row is there already; None while the last one deletes it."""
    SharedNamespace.objects.get_or_create(cluster=cluster, namespace=namespace)
    row = SharedNamespace.objects.select_for_update().get(cluster=cluster, namespace=namespace)
    return None if row.closing else _counted(row, _there(row))


@transaction.atomic
def shared_leave(cluster: Cluster, namespace: str, *, environment_id: int) -> Sum | None:
    """The sum of the others; None when there are none, and the caller deletes the namespace, then ``shared_closed``."""
    SharedNamespace.objects.get_or_create(cluster=cluster, namespace=namespace)
    row = SharedNamespace.objects.select_for_update().get(cluster=cluster, namespace=namespace)
    others = _there(row) - {environment_id}
    if others and not row.closing:
        return _counted(row, others)
    if not row.closing:
        row.closing = True
        row.save(update_fields=["closing"])
    return None


def shared_closed(cluster: Cluster, namespace: str) -> None:
    """The namespace is gone; who waited for that makes it anew. May be repeated."""
    SharedNamespace.objects.filter(cluster=cluster, namespace=namespace, closing=True).delete()


def shared_forgotten(cluster: Cluster, namespace: str) -> None:
    """An environment will never say there that it has left; nobody waits for the one that would have deleted it.

    Inside the transaction that forgets its place. A namespace that nobody is in any more is not known any more, so that
    the sweep of orphans lists it.
    """
    row = SharedNamespace.objects.select_for_update().filter(cluster=cluster, namespace=namespace).first()
    if row is None:
        return
    if not _there(row):
        row.delete()
    elif row.closing:
        row.closing = False
        row.save(update_fields=["closing"])


def shared_is_current(cluster: Cluster, namespace: str, serial: int) -> bool:
    """Whether nobody worked out a newer sum since."""
    return SharedNamespace.objects.filter(cluster=cluster, namespace=namespace, serial=serial).exists()


def _there(row: SharedNamespace) -> set[int]:
    """Environments that live in the namespace or are leaving it."""
    place = {"cluster": row.cluster_id, "namespace": row.namespace, "isolation": SHARED}
    living = Environment.objects.filter(**place, deleted_at=None).values_list("pk", flat=True)
    leaving = FormerPlace.objects.filter(**place, environment__deleted_at=None)
    return {*living, *leaving.values_list("environment", flat=True)}


def _counted(row: SharedNamespace, environments: set[int]) -> Sum:
    """By the ledger, which counts the larger of before and after as long as a run is on its way."""
    row.serial += 1
    row.save(update_fields=["serial"])
    used = Reservation.objects.filter(state="used", environment_id__in=environments)
    sums = used.aggregate(cpu=Total("cpu"), memory=Total("memory_gib"), storage=Total("storage_gib"))
    usage = Footprint(*(float(sums[name] or 0) for name in ("cpu", "memory", "storage")))
    return Sum(row.serial, usage, len(environments))

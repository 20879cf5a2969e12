"""Where an environment is, and the place that it is leaving: turned round when a move starts, forgotten at its end.

Called by the start of changes and by steps of runs. A move back turns the same two places round again, so that what was
built up half-way is what is left then.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from idp.catalog.models import System
from idp.kernel.errors import Conflict
from provisioning.domain.isolation import DEDICATED
from provisioning.models import Change, Cluster, Environment, FormerPlace, Resource
from provisioning.selectors.clusters import price_book
from provisioning.selectors.placing import others_alone
from provisioning.services import runs
from provisioning.services.closed_costs import costs_disturb
from provisioning.services.moving import former_of


def place_turned(environment: Environment, change: Change, *, now: datetime) -> None:
    """The environment is at the place to which the plan of ``change`` leads from here on, and leaves the one before.

    Inside the transaction that starts the change, with the environment locked and no run of it under way; the caller
    saves ``environment``. What is recorded as made goes with its place.
    """
    goes, former = change.plan["move"]["to"], former_of(environment)
    known = former.objects_made if former else {}
    made = _records_taken(environment, known)
    left = {
        "cluster": environment.cluster,
        "namespace": environment.namespace,
        "isolation": environment.isolation,
        "objects_made": made,
        "change": change,
        "since": now,
    }
    environment.former, _ = FormerPlace.objects.update_or_create(environment=environment, defaults=left)
    comes_to = Cluster.objects.get(name=goes["cluster"])
    if price_book(comes_to) != price_book(environment.cluster):
        transaction.on_commit(costs_disturb)
    environment.cluster = comes_to
    environment.namespace, environment.isolation = goes["namespace"], goes["isolation"]
    place_kept_alone(environment.cluster, environment.isolation, environment.system)


def place_kept_alone(cluster: Cluster, isolation: str, system: System) -> None:
    """Conflict when two systems would meet on a dedicated cluster because they were asked for at the same moment.

    Inside the transaction that puts an environment there. Locks the cluster's row, for which whoever puts another one
    there waits.
    """
    if isolation != DEDICATED:
        return
    Cluster.objects.select_for_update().only("pk").get(pk=cluster.pk)
    if others_alone([cluster.pk], isolation, system):
        raise Conflict(f"Another system came to {cluster.name} at the same moment.", remedy="Ask again.")


def _records_taken(environment: Environment, known: dict[str, list[dict[str, str]]]) -> dict[str, list[dict[str, str]]]:
    """What is recorded as made of each resource, which is ``known`` of the other place from here on."""
    rows = {row.name: row for row in Resource.objects.filter(environment=environment)}
    made = {name: row.objects_made for name, row in rows.items() if row.objects_made}
    for name, row in rows.items():
        row.objects_made = known.get(name, [])
    Resource.objects.bulk_update(rows.values(), ["objects_made"])
    return made


@transaction.atomic
def place_left(claim: runs.Claim, environment_id: int) -> None:
    """Nothing is left at the former place; may be repeated. Raises LeaseLost when the claim no longer counts."""
    runs.lease_renew(claim)
    FormerPlace.objects.filter(environment=environment_id).delete()

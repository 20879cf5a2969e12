"""What a controller stores: the lease on its cluster, and what it saw of environments.

Every write is made under the lease's epoch: a controller whose lease another one took stores nothing more. Leases
are counted on the database's clock, so that hosts whose clocks differ agree about them. Called by the reconciler only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from governance.services.audit import audit_append
from idp.kernel.actor import PLATFORM
from idp.kernel.wake import wake_after_commit
from provisioning.domain.expiring import expiring
from provisioning.domain.observation import (
    JUDGED_STATES,
    ResourceSeen,
    Seen,
    conditions_of,
    same_conditions,
    state_of,
    unreachable_conditions,
    with_since,
)
from provisioning.models import Cluster, ClusterWatch, Drift, Environment, Resource, Run, Step
from provisioning.services.drift_rows import drift_store, key_of
from provisioning.services.event_lines import environment_event_told

LEASE = timedelta(seconds=10)
"""A controller that is gone is followed by another within this and one look of the stand-by."""


class WatchLost(Exception):
    """Another controller watches the cluster now; whatever this one still saw is not stored."""


@dataclass(frozen=True, slots=True)
class Watching:
    """The right to say how a cluster's environments are, until the lease ends."""

    cluster_id: int
    epoch: int


def watch_claim(cluster: Cluster, *, owner: str) -> Watching | None:
    """Claim the watch of ``cluster`` when it is free; None while another controller has it."""
    ClusterWatch.objects.get_or_create(cluster=cluster)
    free = Q(lease_until=None) | Q(lease_until__lte=Now())
    claimed = ClusterWatch.objects.filter(free, cluster=cluster).update(
        owner=owner, epoch=F("epoch") + 1, lease_until=Now() + LEASE, synced_at=None
    )
    if claimed != 1:
        return None
    epoch = ClusterWatch.objects.filter(cluster=cluster, owner=owner).values_list("epoch", flat=True).first()
    return None if epoch is None else Watching(cluster.pk, epoch)


def watch_renew(watching: Watching, **fields: Any) -> None:
    """Keep the watch, with ``fields`` of the row beside it; raises WatchLost when another one has it."""
    held = ClusterWatch.objects.filter(cluster_id=watching.cluster_id, epoch=watching.epoch).update(
        lease_until=Now() + LEASE, **fields
    )
    if held != 1:
        raise WatchLost


def watch_release(watching: Watching) -> None:
    """Let another controller have it at once."""
    ClusterWatch.objects.filter(cluster_id=watching.cluster_id, epoch=watching.epoch).update(
        lease_until=None, owner="", synced_at=None
    )


@transaction.atomic
def cluster_unreachable(watching: Watching, why: str, *, now: datetime) -> None:
    """The cluster stopped answering: of all that lives on it, nothing is known any more."""
    watch_renew(watching, unreachable_since=now, unreachable_why=why[:400])
    living = Environment.objects.filter(cluster_id=watching.cluster_id, deleted_at=None)
    unknown = with_since(unreachable_conditions(why[:400]), (), now)
    living.filter(state__in=("ready", "degraded", "asleep")).update(state="unknown", conditions=unknown)
    _noted(watching, "cluster.unreachable", {"why": why[:400]}, now=now)


@transaction.atomic
def cluster_reachable(watching: Watching, *, now: datetime) -> None:
    """It answers again; its environments are judged anew by what is seen.

    What was Ready before has not proven itself meanwhile: that time is taken off what it has run.
    """
    since = (
        ClusterWatch.objects.filter(cluster_id=watching.cluster_id).values_list("unreachable_since", flat=True).get()
    )
    if since is not None and since < now:
        waited = Environment.objects.filter(cluster_id=watching.cluster_id, deleted_at=None, ready_since__lte=since)
        waited.update(ready_since=F("ready_since") + (now - since))
    watch_renew(watching, unreachable_since=None, unreachable_why="")
    _noted(watching, "cluster.reachable", {}, now=now)


def _noted(watching: Watching, action: str, data: Mapping[str, Any], *, now: datetime) -> None:
    cluster = Cluster.objects.get(pk=watching.cluster_id)
    audit_append(
        PLATFORM,
        action=action,
        object_type="cluster",
        object_id=str(cluster.pk),
        object_label=cluster.name,
        data=dict(data),
        now=now,
    )


@dataclass(frozen=True, slots=True)
class EnvironmentSeen:
    """What was seen of one environment, judged by the revision ``revision_id`` that its last run made."""

    environment_id: int
    revision_id: int
    power: str
    seen: Seen


def environments_observed(watching: Watching, batch: Sequence[EnvironmentSeen], *, now: datetime) -> int:
    """Store what differs from what is known, and only that; how many environments did.

    What was judged by a revision that a run has replaced meanwhile is dropped: the controller looks again. One
    transaction; locks: the watch, then the environments in order of their id.
    """
    known = _unchanged(batch, now)
    news = [one for one in batch if one.environment_id not in known]
    if not news:
        return 0
    with transaction.atomic():
        if (
            not ClusterWatch.objects.select_for_update()
            .filter(cluster_id=watching.cluster_id, epoch=watching.epoch)
            .exists()
        ):
            raise WatchLost
        locked = Environment.objects.select_for_update(of=("self",)).filter(
            pk__in=[one.environment_id for one in news], deleted_at=None, state__in=JUDGED_STATES
        )
        environments = {row.pk: row for row in locked.order_by("pk")}
        busy = set(
            Run.objects.filter(environment__in=environments, state__in=("queued", "running")).values_list(
                "environment_id", flat=True
            )
        )
        stored = 0
        for one in news:
            environment = environments.get(one.environment_id)
            if environment is None or environment.pk in busy or environment.observed_id != one.revision_id:
                continue
            stored += _store(environment, one, now=now)
    return stored


def _unchanged(batch: Sequence[EnvironmentSeen], now: datetime) -> set[int]:
    """Environments of which everything is stored already; three queries for the whole batch, no lock."""
    ids = [one.environment_id for one in batch]
    rows = {
        row.pk: row for row in Environment.objects.filter(pk__in=ids).only("pk", "state", "conditions", "expires_at")
    }
    resources = _by_environment(Resource.objects.filter(environment__in=ids).exclude(state="gone"))
    drifts = _by_environment(Drift.objects.filter(environment__in=ids, state__in=("open", "snoozed")))
    return {
        one.environment_id
        for one in batch
        if one.environment_id in rows
        and not _news_of_environment(rows[one.environment_id], one, now)
        and not _news_of_resources(resources.get(one.environment_id, []), one)
        and not _news_of_drift(drifts.get(one.environment_id, []), one)
    }


def _by_environment(rows: Any) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.environment_id, []).append(row)
    return found


def _told_of(environment: Environment, one: EnvironmentSeen, now: datetime) -> list[dict[str, str]]:
    return [*conditions_of(one.seen, one.power), *expiring(environment.expires_at, now)]


def _news_of_environment(environment: Environment, one: EnvironmentSeen, now: datetime) -> bool:
    told = _told_of(environment, one, now)
    return environment.state != state_of(one.seen, one.power) or not same_conditions(environment.conditions, told)


def _news_of_resources(rows: Sequence[Resource], one: EnvironmentSeen) -> list[tuple[Resource, ResourceSeen]]:
    seen = {each.name: each for each in one.seen.resources}
    return [
        (row, seen[row.name])
        for row in rows
        if row.name in seen and (row.state, row.message) != (seen[row.name].state, seen[row.name].message[:400])
    ]


def _news_of_drift(rows: Sequence[Drift], one: EnvironmentSeen) -> bool:
    known = {(row.api_version, row.kind, row.namespace, row.name): row.fingerprint for row in rows}
    return known != {key_of(each): each.fingerprint for each in one.seen.drift}


def _store(environment: Environment, one: EnvironmentSeen, *, now: datetime) -> int:
    """Write what differs of one locked environment; 1 when something did."""
    stored = 0
    for row, seen in _news_of_resources(list(environment.resources.exclude(state="gone")), one):
        Resource.objects.filter(pk=row.pk).update(state=seen.state, message=seen.message[:400], changed_at=now)
        stored = 1
    stored |= drift_store(environment, one.seen.drift, now=now)
    if _news_of_environment(environment, one, now):
        told = with_since(_told_of(environment, one, now), environment.conditions, now)
        state = state_of(one.seen, one.power)
        Environment.objects.filter(pk=environment.pk).update(
            state=state, conditions=told, ready_since=_ready_since(environment, state, now)
        )
        if state != environment.state:
            environment_event_told(environment, state, told, now=now)
        stored = 1
    return stored


def _ready_since(environment: Environment, state: str, now: datetime) -> datetime | None:
    """A resource that was seen not ready broke it; that a cluster did not answer for a while proves nothing."""
    return (environment.ready_since or now) if state == "ready" else None


def runs_hint(environment_ids: Sequence[int], *, now: datetime) -> int:
    """Have runs of these environments look now at what they wait for, instead of at their next turn; how many.

    Steps that wait because a call failed keep their backoff.
    """
    waiting = Step.objects.filter(
        run__environment__in=environment_ids, run__state="running", state="waiting", failures=0, due_at__gt=now
    )
    run_ids = sorted(set(waiting.values_list("run_id", flat=True)))
    if not run_ids:
        return 0
    with transaction.atomic():
        waiting.filter(run__in=run_ids).update(due_at=now)
        Run.objects.filter(pk__in=run_ids, state="running", due_at__gt=now).update(due_at=now)
        for run_id in run_ids:
            wake_after_commit("run", run_id)
    return len(run_ids)

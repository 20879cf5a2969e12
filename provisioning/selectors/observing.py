"""What a controller needs to know of the environments it looks at: what was agreed, rendered, in few queries.

Called by the reconciler only. Reads rows, renders objects, decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now

from provisioning.domain.driver import Manifest, ObjectRef, Observed, Scope
from provisioning.domain.observation import GUARDRAILS, JUDGED_STATES, Wanted
from provisioning.domain.readiness import Readiness
from provisioning.models import ClusterWatch, Contract, Environment, Revision, Run
from provisioning.selectors.capabilities import Catalogue, parsed
from provisioning.selectors.desired import Desired, desired_of


@dataclass(frozen=True)
class Watched:
    """One environment to judge, with what its last successful run made; ``catalogue`` is shared by many."""

    scope: Scope
    environment: Environment
    revision: Revision
    catalogue: Catalogue

    @cached_property
    def desired(self) -> Desired:
        """Made when it is judged, so that one document that cannot be read stops no other environment's judgement."""
        return desired_of(
            self.environment, self.revision.document, revision=self.revision.number, catalogue=self.catalogue
        )

    @property
    def power(self) -> str:
        return str(self.revision.document.get("power", "awake"))

    @cached_property
    def outputs(self) -> Mapping[str, Mapping[str, Any]]:
        return {one.name: one.outputs for one in self.environment.resources.all()}

    def compared(self, live: Mapping[ObjectRef, Manifest]) -> list[Wanted]:
        """Every object that was agreed beside the one that lives."""
        found = [
            Wanted(GUARDRAILS, manifest, live.get(ObjectRef.of(manifest)), _NOT_JUDGED)
            for manifest in self.desired.guardrails()
        ]
        for name in self.desired.order:
            for one in self.desired.render(name, self.outputs):
                ref = ObjectRef.of(one.manifest)
                seen = live.get(ref)
                found.append(Wanted(name, one.manifest, seen, self.desired.readiness(one, Observed(ref, seen))))
        return found


_NOT_JUDGED = Readiness("current", "ready", "")


def watched(cluster_id: int, scopes: Sequence[Scope]) -> list[Watched]:
    """The environments of ``scopes`` that are to be judged: alive, settled, and made by a run that succeeded."""
    wanted = Q()
    for scope in scopes:
        wanted |= Q(system__slug=scope.system, name=scope.environment)
    rows = (
        Environment.objects.filter(wanted, cluster_id=cluster_id, deleted_at=None, state__in=JUDGED_STATES)
        .exclude(observed=None)
        .select_related("system__team", "stage", "cluster", "observed")
        .prefetch_related("resources")
    )
    environments = list(rows)
    names = {
        one["capability"] for row in environments if row.observed for one in row.observed.document["resources"].values()
    }
    catalogue = Catalogue(names)
    return [
        Watched(Scope(row.system.slug, row.name), row, row.observed, catalogue) for row in environments if row.observed
    ]


def scopes_changed(cluster_id: int, since: datetime) -> dict[Scope, tuple[int, datetime]]:
    """Environments that a run or a person changed after ``since``, with what differs after each such change."""
    rows = Environment.objects.filter(cluster_id=cluster_id, changed_at__gt=since)
    found = rows.values_list("system__slug", "name", "version", "changed_at")
    return {Scope(system, name): (version, at) for system, name, version, at in found}


def is_unreachable(cluster_id: int) -> bool:
    """Whether the cluster did not answer when a controller asked last."""
    return ClusterWatch.objects.filter(cluster_id=cluster_id, unreachable_since__isnull=False).exists()


def is_watched(cluster_id: int) -> bool:
    """Whether a controller sees everything of the cluster now and will wake whoever waits for it."""
    held = ClusterWatch.objects.filter(cluster_id=cluster_id, lease_until__gt=Now(), unreachable_since=None)
    return held.exclude(synced_at=None).exists()


def judged_scopes(cluster_id: int) -> list[Scope]:
    """All environments of a cluster that are to be judged, also those of which nothing lives any more."""
    rows = Environment.objects.filter(cluster_id=cluster_id, deleted_at=None, state__in=JUDGED_STATES)
    return [Scope(system, name) for system, name in rows.values_list("system__slug", "name")]


def waiting_environments(cluster_id: int, scopes: Sequence[Scope]) -> list[int]:
    """Those of ``scopes`` whose run is open, and that are on the cluster or are leaving it; one query."""
    asked = {(one.system, one.environment) for one in scopes}
    there = Q(environment__cluster_id=cluster_id) | Q(environment__former__cluster_id=cluster_id)
    rows = Run.objects.filter(there, state="running")
    found = rows.values_list("environment_id", "environment__system__slug", "environment__name")
    return [pk for pk, system, name in found if (system, name) in asked]


def living_kinds(cluster_id: int) -> frozenset[str]:
    """``apiVersion/Kind`` of all that living resources of a cluster are made of."""
    rows = Contract.objects.filter(
        resources__environment__cluster_id=cluster_id, resources__environment__deleted_at=None
    )
    kinds: set[str] = set()
    for row in rows.distinct().defer("document"):
        kinds |= _kinds_of(row.digest, row.pk)
    return frozenset(kinds)


@lru_cache(maxsize=2000)
def _kinds_of(digest: str, contract_id: int) -> frozenset[str]:
    """A published contract never changes; a kind that is worked out by an expression cannot be followed."""
    contract = parsed(Contract.objects.get(pk=contract_id))
    pairs = [(one.manifest.get("apiVersion", ""), one.manifest.get("kind", "")) for one in contract.objects]
    return frozenset(f"{version}/{kind}" for version, kind in pairs if "${" not in f"{version}{kind}")

"""Which custom kinds published contracts make, and what is known of them: from contracts, and from clusters."""

from __future__ import annotations

from collections.abc import Mapping

from provisioning.domain.availability import requires_of, uses_of
from provisioning.domain.custom_kinds import CustomKind, kind_of
from provisioning.models import ClusterDefinition, Contract, ContractDefinition


def kinds_made() -> frozenset[str]:
    """Keys of the custom kinds that published contracts require or use; one query that reads only those parts."""
    parts = ("document__spec__requires", "document__spec__uses")
    rows = Contract.objects.exclude(state="retired").order_by().values_list(*parts).iterator()
    found: set[str] = set()
    for requires, uses in rows:
        spec = {"requires": requires, "uses": uses}
        found.update(requires_of(spec).apis, uses_of(spec))
    return frozenset(found)


def cluster_kinds(key: str) -> list[tuple[str, CustomKind]]:
    """What each registered cluster says about the kind ``key``, with the cluster's name; one query."""
    rows = ClusterDefinition.objects.filter(key=key, cluster__removed_at=None).order_by("cluster__name")
    return [(name, kind_of(key, schema)) for name, schema in rows.values_list("cluster__name", "schema")]


def digests_of(contract: Contract) -> dict[str, str]:
    """Digests of the definitions that were published with it, by key."""
    return dict(ContractDefinition.objects.filter(contract=contract).order_by("key").values_list("key", "digest"))


def contract_kinds(contract: Contract) -> Mapping[str, CustomKind]:
    """The kinds that were defined with it, by key."""
    rows = ContractDefinition.objects.filter(contract=contract).values_list("key", "schema")
    return {key: kind_of(key, schema) for key, schema in rows}

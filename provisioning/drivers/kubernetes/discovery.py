"""What a cluster serves beside Kubernetes itself. Used by the Kubernetes driver only.

One request where the server aggregates its discovery (Kubernetes 1.27 and newer), else one for each group version. Any
account that is known may ask. A group whose own server is away is left out, as nothing could be made of it now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provisioning.domain.availability import is_own
from provisioning.domain.driver import DriverError
from provisioning.drivers.kubernetes.connection import Connection
from provisioning.drivers.kubernetes.errors import is_missing

AGGREGATED = ",".join(
    [
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
        "application/json",
    ]
)
MOST = 3000
"""Kinds that are told at most; a cluster with every well-known operator has some hundreds."""


def served(connection: Connection) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All API groups, and the kinds of those that a plain Kubernetes does not have, as ``group/version/Kind``."""
    told = connection.request("GET", "/apis", accept=AGGREGATED)
    if told.get("kind") == "APIGroupDiscoveryList":
        groups, kinds = _aggregated(told)
    else:
        groups, kinds = _one_by_one(connection, told)
    return tuple(sorted(groups)), tuple(sorted(set(kinds))[:MOST])


def _aggregated(told: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    groups, kinds = [], []
    for item in told.get("items") or []:
        group = item["metadata"].get("name", "")
        groups.append(group)
        if not is_own(group):
            kinds += [
                f"{group}/{version['version']}/{resource['responseKind']['kind']}"
                for version in item.get("versions") or []
                for resource in version.get("resources") or []
                if (resource.get("responseKind") or {}).get("kind")
            ]
    return groups, kinds


def _one_by_one(connection: Connection, told: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    groups, kinds = [], []
    for group in told.get("groups") or []:
        groups.append(group["name"])
        if not is_own(group["name"]):
            for version in group.get("versions") or []:
                kinds += list(_kinds_of(connection, version["groupVersion"]))
    return groups, kinds


def _kinds_of(connection: Connection, group_version: str) -> Iterator[str]:
    try:
        told = connection.request("GET", f"/apis/{group_version}")
    except DriverError as error:
        if is_missing(error) or error.code == "cluster-busy":  # what aggregated servers that are away answer, too
            return
        raise
    for resource in told.get("resources") or []:
        if "/" not in resource["name"]:
            yield f"{group_version}/{resource['kind']}"

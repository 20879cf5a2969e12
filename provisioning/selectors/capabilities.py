"""Capabilities and their published contracts, as rows for pages and parsed for planning.

A published contract never changes, so its parsed form is kept per process by digest.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.db.models import Count, Q, QuerySet

from governance.access import Rights
from idp.kernel.errors import NotFound
from provisioning.domain.contract import Contract as ParsedContract
from provisioning.domain.contract import parse_contract
from provisioning.models import Capability, Contract, Resource


def capability_list() -> QuerySet[Capability]:
    """All capabilities by category and name, with their owner and the number of published versions."""
    return (
        Capability.objects.select_related("owner")
        .annotate(versions=Count("contracts", filter=~Q(contracts__state="retired")))
        .order_by("category", "name")
    )


def capability_get(name: str) -> Capability:
    capability = Capability.objects.select_related("owner").filter(name=name).first()
    if capability is None:
        raise NotFound(f"There is no capability “{name}”.")
    return capability


def contracts_of(capability: Capability) -> QuerySet[Contract]:
    """Published versions, newest first."""
    return Contract.objects.filter(capability=capability).order_by("-major", "-minor", "-patch")


def contract_get(capability: str, version: str) -> Contract:
    contract = (
        Contract.objects.select_related("capability").filter(capability__name=capability, version=version).first()
    )
    if contract is None:
        raise NotFound(f"{capability} has no version {version}.")
    return contract


def latest_contracts(names: Iterable[str] | None = None) -> dict[str, Contract]:
    """The newest stable contract of each capability (or of those named), by capability name; one query."""
    rows = Contract.objects.select_related("capability").filter(state="stable")
    if names is not None:
        rows = rows.filter(capability__name__in=list(names))
    latest: dict[str, Contract] = {}
    for row in rows.order_by("major", "minor", "patch"):
        latest[row.capability.name] = row
    return latest


@lru_cache(maxsize=512)
def _parsed(digest: str, row_id: int) -> ParsedContract:
    return parse_contract(Contract.objects.only("document").get(pk=row_id).document)


def parsed(row: Contract) -> ParsedContract:
    """The row's document as the domain knows it; no query when this process has seen it."""
    return _parsed(row.digest, row.pk)


class Catalogue:
    """The published contracts that one request needs, loaded in one query, looked up by capability and version.

    Rows come without their documents; those are parsed once per process.
    """

    def __init__(self, names: Iterable[str]) -> None:
        rows = (
            Contract.objects.filter(capability__name__in=set(names))
            .select_related("capability")
            .defer("document", "capability__readme")
        )
        self._rows = {(row.capability.name, row.version): row for row in rows}

    def row(self, capability: str, version: str) -> Contract:
        try:
            return self._rows[capability, version]
        except KeyError:
            raise NotFound(f"{capability} has no version {version}.") from None

    def contract(self, capability: str, version: str) -> ParsedContract:
        return parsed(self.row(capability, version))

    def offered(self, capability: str) -> list[tuple[str, str]]:
        """Version and state of everything published of one capability."""
        return [(version, row.state) for (name, version), row in self._rows.items() if name == capability]


def usage_by_version(capability: Capability, rights: Rights) -> list[dict[str, Any]]:
    """Who uses which version: live resources the reader may see, newest version first."""
    rows = (
        Resource.objects.filter(contract__capability=capability, environment__deleted_at=None)
        .exclude(state="gone")
        .select_related("contract", "environment__system__team", "environment__stage")
        .order_by("-contract__major", "-contract__minor", "-contract__patch", "environment__system__slug", "name")
    )
    return [
        {"version": row.contract.version, "state": row.contract.state, "resource": row, "environment": row.environment}
        for row in rows[:500]
        if rights.may_see(row.environment.system)
    ]

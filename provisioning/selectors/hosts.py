"""Host names: what a desired state asks for, who holds which, and whether the holder still uses it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q, QuerySet

from governance.access import Rights
from idp.catalog.models import System
from idp.kernel.errors import InvalidInput
from idp.kernel.prepared import Prepared
from provisioning.domain.hosts import covering, hosts_in, routes
from provisioning.models import Change, Environment, HostClaim, Stage
from provisioning.selectors.capabilities import Catalogue
from provisioning.selectors.desired import desired_at

OPEN_CHANGES = ("pending", "approved", "running")


def hosts_wanted(
    document: Mapping[str, Any], *, system: System, stage: Stage, name: str, catalogue: Catalogue | None = None
) -> dict[str, tuple[str, ...]]:
    """The hosts that each resource of a revision's ``document`` routes, by resource; those without are left out.

    Rendered only where a contract makes routes. A host that is not known before something is applied is left out.
    """
    desired = desired_at(document, system=system, stage=stage, name=name, catalogue=catalogue)
    found = {}
    for resource in desired.order:
        kinds = [(one.manifest["apiVersion"], one.manifest["kind"]) for one in desired.contract(resource).objects]
        if not any(routes(*kind) for kind in kinds):
            continue
        try:
            hosts = hosts_in(one.manifest for one in desired.render_expected(resource))
        except InvalidInput:  # an invalid document; who asks for its objects is told
            continue
        if known := tuple(host for host in hosts if "${" not in host):
            found[resource] = known
    return found


def claims_on(hosts: Iterable[str]) -> dict[str, HostClaim]:
    """For each of ``hosts`` the claim that decides, with team and system; hosts that nobody holds are left out."""
    wanted = {host: covering(host) for host in hosts}
    by_host = {row.host: row for row in _claims(hosts=sorted({one for names in wanted.values() for one in names}))}
    decided = {host: next((by_host[one] for one in names if one in by_host), None) for host, names in wanted.items()}
    return {host: row for host, row in decided.items() if row is not None}


@Prepared
def _claims(hosts: list[str]) -> QuerySet[HostClaim]:
    return HostClaim.objects.select_related("team", "system__team").filter(host__in=hosts)


def is_in_use(claim: HostClaim) -> bool:
    """Whether the team that took a host still routes it: in what its systems have, or in what was asked for them.

    Reads the documents of their environments and open changes; asked only when another team wants the host.
    """
    environments = Environment.objects.filter(system__team=claim.team, deleted_at=None).select_related(
        "system__team", "stage", "desired"
    )
    for one in environments:
        documents = [one.desired.document] if one.desired else []
        documents += (
            Change.objects.filter(environment=one, state__in=OPEN_CHANGES)
            .exclude(target=None)
            .values_list("target", flat=True)
        )
        for document in documents:
            hosts = hosts_wanted(document, system=one.system, stage=one.stage, name=one.name)
            if any(claim.host in names for names in hosts.values()):
                return True
    return False


def host_claims(rights: Rights, *, query: str = "", team: str = "") -> QuerySet[HostClaim]:
    """Claims that the reader may see, by host: those for whole teams, and those of systems that are visible."""
    rows = HostClaim.objects.select_related("team", "system", "made_by")
    if seen := rights.sees("system"):  # empty, and so lost in an "or", for who sees all
        rows = rows.filter(Q(system=None) | seen)
    rows = rows.order_by("host")
    if query:
        rows = rows.filter(host__icontains=query)
    return rows.filter(team__slug=team) if team else rows

"""Environments, their resources and revisions, as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from django.db.models import OuterRef, Q, QuerySet, Subquery

from governance.access import Rights, visible
from idp.kernel.errors import NotFound
from idp.kernel.prepared import Prepared
from provisioning.domain.plan import Footprint
from provisioning.domain.targets import resource_spec
from provisioning.models import ClusterWatch, Environment, Resource, Revision
from provisioning.selectors.clusters import prices_of
from provisioning.selectors.desired import desired_of


def _joined() -> QuerySet[Environment]:
    return Environment.objects.select_related("system__team", "stage", "cluster__watch", "desired", "observed").defer(
        "cluster__credentials", "desired__document", "observed__document"
    )


def unreachable_since(environment: Environment) -> datetime | None:
    """Since when its cluster has not answered; needs ``cluster__watch`` joined."""
    watch = getattr(environment.cluster, "watch", None)
    return None if watch is None else watch.unreachable_since


def environment_list(
    rights: Rights,
    *,
    query: str = "",
    stage: str = "",
    state: str = "",
    team: str = "",
    system: str = "",
    drift: str = "",
) -> QuerySet[Environment]:
    """Living environments the reader may see, last changed first. Filters that are empty do not filter.

    ``drift``: anything that is not empty leaves those with drift on which nobody has decided.
    """
    rows = visible(_joined().filter(deleted_at=None), rights, "system")
    if query:
        rows = rows.filter(Q(name__icontains=query) | Q(system__slug__icontains=query))
    filters = {"stage__name": stage, "state": state, "system__team__slug": team, "system__slug": system}
    rows = rows.filter(**{key: value for key, value in filters.items() if value})
    if drift:
        rows = rows.filter(drifted__gt=0)
    return rows.order_by("-changed_at", "-id")


class EnvironmentRow(Protocol):
    """What a line of the list shows of one environment, and no more."""

    id: int
    name: str
    state: str
    drifted: int
    expires_at: datetime | None
    monthly_cost: Decimal
    changed_at: datetime
    desired_id: int | None
    observed_id: int | None
    system__slug: str
    system__team__slug: str
    system__team__name: str
    stage__name: str
    desired_number: int | None
    observed_number: int | None
    unreachable_since: datetime | None


ROW = tuple(EnvironmentRow.__annotations__)


def environment_rows(rights: Rights, **filters: str) -> QuerySet[Any, Any]:
    """The same as ``EnvironmentRow``. What a line only tells is looked up for the lines that are shown.

    With eight tables to join, PostgreSQL plans ten times longer than it reads.
    """
    numbers = {
        f"{which}_number": Subquery(Revision.objects.filter(pk=OuterRef(which)).order_by().values("number")[:1])
        for which in ("desired", "observed")
    }
    watch = ClusterWatch.objects.filter(cluster=OuterRef("cluster")).values("unreachable_since")[:1]
    rows = environment_list(rights, **filters).annotate(**numbers, unreachable_since=Subquery(watch))
    return rows.values_list(*ROW, named=True)


def environment_get(rights: Rights, system: str, name: str) -> Environment:
    """The living environment of that name, else the last that had it; NotFound when the reader may know of neither."""
    found = _named(system=system, name=name)
    living = next((one for one in found if one.deleted_at is None), found[0] if found else None)
    if living is None or not rights.may_see(living.system):
        raise NotFound(f"There is no environment “{name}” of a system “{system}”.")
    return living


@Prepared
def _named(system: str, name: str) -> QuerySet[Environment]:
    rows = Environment.objects.select_related(
        "system__team", "stage", "cluster__watch", "desired", "observed", "preview"
    )
    return rows.filter(system__slug=system, name=name).order_by("-id")[:5]


@dataclass(frozen=True, slots=True)
class ResourceView:
    """One resource: what is wanted of it, and what was last seen. ``inputs`` keep their references as text."""

    name: str
    capability: str
    title: str
    icon: str
    contract: str
    contract_state: str
    component: str
    state: str
    message: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    secret_outputs: dict[str, Any]
    depends_on: Sequence[str]
    footprint: Footprint
    cost: float
    objects: Sequence[dict[str, str]] = field(default_factory=list)


def environment_resources(environment: Environment) -> list[ResourceView]:
    """The resources of the desired revision with their observed state, in dependency order; then what is leaving."""
    rows = {row.name: row for row in _resources(environment=environment.pk)}
    if environment.desired is None:
        return [_leaving(row) for row in rows.values()]
    desired = desired_of(environment, environment.desired.document, revision=environment.desired.number)
    prices = prices_of(environment.cluster, stage=environment.stage.name)
    shown = []
    for name in desired.order:
        row, contract = rows.pop(name, None), desired.contract(name)
        outputs = dict(row.outputs) if row else {}
        secret = {key: outputs.pop(key) for key in list(outputs) if desired.is_secret(name, key)}
        footprint = desired.footprint(name)
        shown.append(
            ResourceView(
                name=name,
                capability=contract.capability,
                title=contract.title,
                icon=contract.icon,
                contract=str(contract.version),
                contract_state=desired.contract_state(name),
                component=desired.component(name) or "",
                state=row.state if row else "pending",
                message=row.message if row else "",
                inputs=dict(desired.inputs(name)),
                outputs=outputs,
                secret_outputs=secret,
                depends_on=sorted(desired.needs(name)),
                footprint=footprint,
                cost=prices.of(footprint),
                objects=row.objects_made if row else [],
            )
        )
    return shown + [_leaving(row) for row in rows.values() if row.state != "gone"]


@Prepared
def _resources(environment: int) -> QuerySet[Resource]:
    rows = Resource.objects.filter(environment=environment).select_related("contract__capability", "component")
    return rows.defer("contract__document", "contract__capability__readme")


def _leaving(row: Resource) -> ResourceView:
    capability = row.contract.capability
    return ResourceView(
        name=row.name,
        capability=capability.name,
        title=capability.title,
        icon=capability.icon,
        contract=row.contract.version,
        contract_state=row.contract.state,
        component=row.component.slug if row.component else "",
        state=row.state,
        message=row.message,
        inputs={},
        outputs={},
        secret_outputs={},
        depends_on=[],
        footprint=Footprint(),
        cost=0.0,
        objects=row.objects_made,
    )


def revisions(environment: Environment) -> QuerySet[Revision]:
    """Newest first, without their documents."""
    return Revision.objects.filter(environment=environment).select_related("change__requester").defer("document")


def environment_document(environment: Environment, revision: Revision | None = None) -> dict[str, Any]:
    """The environment as the document people write, to edit, copy or keep in Git; pinned to its versions."""
    shown = revision or environment.desired
    document = shown.document if shown else {"resources": {}, "expires": None}
    resources = {name: resource_spec(wanted) for name, wanted in document["resources"].items()}
    spec: dict[str, Any] = {"stage": environment.stage.name, "resources": resources}
    if document.get("expires"):
        spec["expires"] = document["expires"]
    return {
        "apiVersion": "slipway.dev/v1",
        "kind": "Environment",
        "metadata": {"system": environment.system.slug, "name": environment.name},
        "spec": spec,
    }

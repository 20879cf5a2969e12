"""What environments lend to others: the grants, who uses what, and what a taker gets. Reads only.

A grant tells the taker's people the giver's name, and nothing tells the giver's readers the name of a restricted taker:
whoever may not see it is told that there is one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from governance.access import Rights, visible
from idp.catalog.models import System
from idp.kernel.errors import Conflict, NotFound
from provisioning.domain.contract import Contract as ParsedContract
from provisioning.domain.isolation import prefix_of, prefixed
from provisioning.domain.lending import (
    LendSource,
    Lent,
    Origin,
    circle_problem,
    is_borrowed,
    lenders_by_step,
    lending_problem,
    lent_of,
    stages_problem,
)
from provisioning.domain.score.outcome import Lending
from provisioning.models import Borrowing, Cluster, Contract, Environment, Resource, ResourceGrant, Stage
from provisioning.selectors.capabilities import parsed
from provisioning.selectors.desired import desired_of

MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Taker:
    """Who would use what is lent. ``environment`` is None while it is not there yet."""

    system: System
    name: str
    stage: Stage
    cluster: Cluster
    environment: Environment | None = None

    @property
    def place(self) -> str:
        return f"{self.system.slug}/{self.name}"


@dataclass(frozen=True, slots=True)
class User:
    """One borrowed resource, for whoever lends it."""

    system: System
    environment: str
    resource: str
    since: datetime

    @property
    def place(self) -> str:
        return f"{self.system.slug}/{self.environment}"


def lends() -> Exists:
    """Whether anything of an environment is used by another; an annotation of environments."""
    return Exists(Borrowing.objects.filter(grant__environment=OuterRef("pk")))


def _open() -> QuerySet[ResourceGrant]:
    joined = ("environment__system__team", "environment__stage", "to_system__team", "to_team", "given_by")
    return ResourceGrant.objects.filter(ended_at=None, environment__deleted_at=None).select_related(*joined)


def grants_given(environment: Environment, resource: str = "") -> list[ResourceGrant]:
    """What it lends, by resource, or of one resource alone; with the borrowings. Two queries."""
    rows = _open().filter(environment=environment, **({"resource": resource} if resource else {}))
    rows = rows.prefetch_related("borrowings__environment__system__team")
    return list(rows.order_by("resource", "pk")[:MOST_SHOWN])


def grants_of_system(rights: Rights, system: System) -> QuerySet[ResourceGrant]:
    """What the environments of a system lend, as its readers see it."""
    rows = visible(_open(), rights, "environment__system").filter(environment__system=system)
    return rows.prefetch_related("borrowings__environment__system__team").order_by(
        "environment__name", "resource", "pk"
    )


def grants_to_system(system: System, environment: str | None = None) -> QuerySet[ResourceGrant]:
    """What others, and its own other environments, lend to a system; to one ``environment`` of it where it is named."""
    own = Q(to_system=system)
    if environment is not None:
        own &= Q(to_environment__in=("", environment))
    rows = _open().filter(own | Q(to_team=system.team_id))
    return rows.order_by("environment__system__slug", "environment__name", "resource", "pk")


def lent_by_identity(system: System, environment: str, *, now: datetime) -> dict[str, tuple[Lending, ...]]:
    """What ``environment`` of ``system`` may begin to use under an identity of Score. One query, two when there is any.

    Each once, however many grants speak of it.
    """
    rows = grants_to_system(system, environment).exclude(score_id="")
    rows = rows.exclude(environment__system=system, environment__name=environment)
    grants = [one for one in rows[:MOST_SHOWN] if in_force(one, now)]
    if not grants:
        return {}
    wanted = {(one.environment_id, one.resource) for one in grants}
    there = Resource.objects.filter(
        environment__in={place for place, _ in wanted}, name__in={name for _, name in wanted}
    )
    columns = ("environment", "name", "contract__capability__name", "contract__version")
    contracts = {(place, name): made for place, name, *made in there.exclude(state="gone").values_list(*columns)}
    found: dict[str, dict[tuple[int, str], Lending]] = {}
    for one in grants:
        key = (one.environment_id, one.resource)
        if key in contracts:
            origin = Origin(one.environment.system.slug, one.environment.name, one.resource).as_data()
            found.setdefault(one.score_id, {}).setdefault(key, Lending(origin, *contracts[key]))
    return {identity: tuple(lent.values()) for identity, lent in found.items()}


def in_force(grant: ResourceGrant, now: datetime) -> bool:
    """Whether somebody may begin to use it."""
    return grant.ended_at is None and (grant.ends_at is None or grant.ends_at > now)


def users_of(grants: Iterable[ResourceGrant]) -> list[User]:
    """Who uses what ``grants`` (with borrowings prefetched) lend."""
    return [
        User(one.environment.system, one.environment.name, one.name, one.since)
        for grant in grants
        for one in grant.borrowings.all()
    ]


def told_to(grant: ResourceGrant, rights: Rights) -> dict[str, Any]:
    """Whom a grant is for; a restricted system that the reader may not see has no name."""
    if grant.to_team is not None:
        return {"to_system": "", "to_environment": "", "to_team": True}
    assert grant.to_system is not None
    if not rights.may_see(grant.to_system):
        return {"to_system": "", "to_environment": "", "to_team": False}
    return {"to_system": grant.to_system.slug, "to_environment": grant.to_environment, "to_team": False}


def told_users(rights: Rights | None, users: Iterable[User]) -> str:
    """``payments/test, shop/dev and 2 that you may not see``; without ``rights`` their number alone."""
    places: dict[str, System] = {one.place: one.system for one in users}
    seen = sorted(place for place, system in places.items() if rights is not None and rights.may_see(system))
    hidden = len(places) - len(seen)
    if not seen:
        return "1 environment" if hidden == 1 else f"{hidden} environments"
    more = [f"{hidden} that you may not see"] if hidden else []
    *before, last = [*seen, *more]
    return f"{', '.join(before)} and {last}" if before else last


def borrowings_from(environment: Environment) -> list[Borrowing]:
    """Who uses what of an environment; one query."""
    rows = Borrowing.objects.filter(grant__environment=environment, environment__deleted_at=None)
    return list(rows.select_related("grant", "environment__system__team").order_by("grant__resource", "pk"))


def as_users(borrowings: Iterable[Borrowing]) -> list[User]:
    return [User(one.environment.system, one.environment.name, one.name, one.since) for one in borrowings]


def lend_source(taker: Taker, base: Mapping[str, Any] | None, *, now: datetime) -> LendSource:
    """What is lent to ``taker`` now; five queries for each resource that is asked for, and one for each environment
    on the way to the last that lends.

    What it uses already it may go on using when the grant has ended, and while its giver is being changed.
    """

    def lend(origin: Origin, name: str) -> Lent:
        giver = _giver(origin)
        grant = _grant(giver, origin, taker, name, now) if giver is not None else None
        if giver is None or grant is None:
            raise NotFound(
                f"No grant lets {taker.place} use {origin}.",
                remedy=f"Ask the maintainers of {origin.system} to share it.",
            )
        _require_near(giver, grant, taker, origin)
        return _lent(giver, origin, _held(base, name, origin))

    return lend


def capabilities_lent(origins: Iterable[Origin]) -> dict[Origin, str]:
    """The capability of each that is there; one query."""
    wanted = Q(pk__in=())
    for one in origins:
        wanted |= Q(environment__system__slug=one.system, environment__name=one.environment, name=one.resource)
    rows = Resource.objects.filter(wanted, environment__deleted_at=None)
    names = ("environment__system__slug", "environment__name", "name", "contract__capability__name")
    return {Origin(*place): capability for *place, capability in rows.values_list(*names)}


def grant_for(environment: Environment, name: str, origin: Origin, *, now: datetime) -> ResourceGrant | None:
    """The grant by which a resource of ``environment`` is, or may become, the one at ``origin``."""
    giver = _giver(origin)
    taker = Taker(environment.system, environment.name, environment.stage, environment.cluster, environment)
    return None if giver is None else _grant(giver, origin, taker, name, now)


def lendable_names(environment: Environment) -> list[str]:
    """Its resources that can be lent, in the document's order. One query."""
    document = environment.desired.document if environment.desired else {"resources": {}}
    own = {name: one for name, one in document["resources"].items() if not is_borrowed(one)}
    wanted = Q(pk__in=())
    for one in own.values():
        wanted |= Q(capability__name=one["capability"], version=one["contract"])
    rows = Contract.objects.filter(wanted).defer("document").select_related("capability")
    fit = {(row.capability.name, row.version): not lending_problem(parsed(row)) for row in rows}
    return [name for name, one in own.items() if fit.get((one["capability"], one["contract"]))]


def lendable(environment: Environment, resource: str) -> tuple[ParsedContract | None, str]:
    """The contract of a resource that could be lent; or why it cannot be. One query."""
    document = environment.desired.document if environment.desired else {"resources": {}}
    entry = document["resources"].get(resource)
    if entry is None:
        return None, f"{environment.name} has no resource “{resource[:63]}”."
    if is_borrowed(entry):
        return None, f"“{resource}” is lent to {environment.name} itself; who lends it can share it with others, too."
    contract = _contract(entry)
    told = lending_problem(contract)
    return (None, told) if told else (contract, "")


def _giver(origin: Origin) -> Environment | None:
    rows = Environment.objects.select_related("system__team", "stage", "cluster", "observed").defer(
        "cluster__credentials"
    )
    return rows.filter(system__slug=origin.system, name=origin.environment, deleted_at=None).first()


def _grant(giver: Environment, origin: Origin, taker: Taker, name: str, now: datetime) -> ResourceGrant | None:
    """The grant that speaks of the taker: one in force, or the one by which it uses the resource already."""
    to = Q(to_system=taker.system, to_environment__in=("", taker.name)) | Q(to_team=taker.system.team_id)
    using = Borrowing.objects.filter(grant=OuterRef("pk"), environment=taker.environment, name=name)
    rows = ResourceGrant.objects.filter(to, environment=giver, resource=origin.resource, ended_at=None)
    found = list(rows.annotate(used=Exists(using)).order_by("-beyond", "pk"))
    held = next((one for one in found if taker.environment is not None and one.used), None)
    return held or next((one for one in found if in_force(one, now)), None)


def _require_near(giver: Environment, grant: ResourceGrant, taker: Taker, origin: Origin) -> None:
    if taker.environment is not None and taker.environment.pk == giver.pk:
        raise Conflict(f"{origin} is its own; name it without “from”.")
    if giver.cluster_id != taker.cluster.pk:
        told = f"{origin} is on cluster {giver.cluster.name} and {taker.place} on {taker.cluster.name}"
        raise Conflict(f"{told}; a resource is shared on one cluster only.")
    if why := stages_problem(
        giver_production=giver.stage.production, taker_production=taker.stage.production, beyond=grant.beyond
    ):
        raise Conflict(f"{origin} {why}.")
    if giver.state == "deleting":
        raise Conflict(f"{origin.place} is being deleted.")
    if taker.environment is not None:
        steps = lenders_by_step([giver.pk], _lenders)
        if told := circle_problem(origin.place, taker.place, taker.environment.pk, steps):
            raise Conflict(told)


def all_lenders(environments: Iterable[int]) -> set[int]:
    """Environments with all that they use something of, directly or through others; a query for each step."""
    return set().union(*lenders_by_step(list(environments), _lenders))


def _lenders(environments: Collection[int]) -> Iterable[int]:
    rows = Borrowing.objects.filter(environment__in=environments).order_by()
    return rows.values_list("grant__environment", flat=True).distinct()


def _held(base: Mapping[str, Any] | None, name: str, origin: Origin) -> Mapping[str, Any] | None:
    """The entry of the base that uses the same already."""
    entry = (base or {}).get("resources", {}).get(name, {})
    return entry if is_borrowed(entry) and Origin.of(entry["from"]) == origin else None


def _lent(giver: Environment, origin: Origin, held: Mapping[str, Any] | None) -> Lent:
    entry = (giver.observed.document if giver.observed else {"resources": {}})["resources"].get(origin.resource)
    if entry is not None and is_borrowed(entry):
        raise Conflict(f"{origin} is lent to it by {Origin.of(entry['from']).place}; ask there.")
    row = Resource.objects.filter(environment=giver, name=origin.resource).exclude(state="gone").first()
    found = None
    if entry is not None and row is not None:
        contract = _contract(entry)
        if told := lending_problem(contract):
            raise Conflict(told)
        found = lent_of(
            contract,
            origin,
            namespace=giver.namespace,
            name=_name_of(giver, origin),
            outputs=row.outputs,
            made=_made(giver, origin.resource),
        )
    if found is None and held is not None:
        return Lent(origin, _contract(held), **held["lent"])
    if found is None:
        raise Conflict(f"{origin} has not been Ready yet; there is nothing to use.")
    return found


def _made(giver: Environment, resource: str) -> list[dict[str, Any]]:
    assert giver.observed is not None
    desired = desired_of(giver, giver.observed.document, revision=giver.observed.number)
    return [dict(one.manifest) for one in desired.render_expected(resource)]


def _name_of(giver: Environment, origin: Origin) -> str:
    prefix = prefix_of(giver.isolation, system=origin.system, environment=origin.environment)
    return prefixed(prefix, origin.resource)


def _contract(entry: Mapping[str, Any]) -> ParsedContract:
    rows = Contract.objects.filter(capability__name=entry["capability"], version=entry["contract"])
    return parsed(rows.defer("document").get())

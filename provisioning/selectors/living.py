"""Everything that lives of one capability, ready to be judged by ``provisioning.domain.blast_radius``.

Called when a version is previewed, a blast radius is worked out or a campaign is planned. Streams: environments come in
chunks, each with what its resources have agreed; the number of queries does not depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from idp.kernel.canonical import digest
from provisioning.domain.blast_radius import Living, Read
from provisioning.domain.references import references
from provisioning.domain.revision import resolve_inputs
from provisioning.models import Capability, Environment, Resource, Revision
from provisioning.selectors.capabilities import Catalogue
from provisioning.selectors.clusters import prices_of
from provisioning.selectors.desired import Desired, desired_of, place_of
from provisioning.selectors.offers import joined_offer

CHUNK = 200
"""Environments held in memory at once."""

_ORDER: Final = ("environment__system__team__slug", "environment__system__slug", "environment__name")
_MEANT: Final = (
    "pk",
    "environment__stage__name",
    "environment__stage__production",
    "environment__cluster__price_cpu",
    "environment__cluster__price_memory_gib",
    "environment__cluster__price_storage_gib",
    "environment__cluster__offer__apis",
    "environment__namespace",
    "environment__isolation",
    "environment__system__slug",
    "environment__system__team__slug",
    "environment__system__team__name",
)
"""All that decides what a resource becomes, and that is not of the revision itself."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The revisions that use a capability, in the order of a report; ``digest`` moves when anything of it does."""

    revisions: tuple[int, ...]
    digest: str


def fleet_of(capability: str, majors: Collection[int]) -> Fleet:
    """What lives of these majors now. One query."""
    rows = list(_revisions(capability, majors).order_by(*_ORDER).values_list(*_MEANT))
    return Fleet(tuple(row[0] for row in rows), digest([[str(value) for value in row] for row in rows]))


def versions_beyond(capability: str, majors: Collection[int]) -> dict[str, int]:
    """How many living resources each version of other majors has. One query."""
    rows = (
        Resource.objects.filter(contract__capability__name=capability, borrowed=False, environment__deleted_at=None)
        .exclude(state="gone")
        .exclude(contract__major__in=majors)
        .order_by("contract__major", "contract__minor", "contract__patch")
        .values_list("contract__version")
        .annotate(count=Count("pk"))
    )
    return dict(rows)


def living_resources(capability: str, *, major: int | None = None) -> Iterator[Living]:
    """One after the other, by team, system and environment; ``major`` leaves out those of other majors.

    What others in the environment publish is what is expected of them, as a plan would show it.
    """
    majors = None if major is None else {major}
    rows = _with_places(_revisions(capability, majors).order_by(*_ORDER))
    catalogue = whole_catalogue()
    for revision in rows.iterator(chunk_size=CHUNK):
        yield from living_in(revision, capability, majors=majors, catalogue=catalogue)


def revisions_of(ids: Sequence[int]) -> list[Revision]:
    """These revisions with their places, in the order given; one that is gone is left out. One query."""
    found = {one.pk: one for one in _with_places(Revision.objects.filter(pk__in=ids))}
    return [found[one] for one in ids if one in found]


def whole_catalogue() -> Catalogue:
    """Every version of every capability, for who looks at many environments. Two queries."""
    return Catalogue(Capability.objects.values_list("name", flat=True))


def living_in(
    revision: Revision, capability: str, *, majors: Collection[int] | None, catalogue: Catalogue
) -> Iterator[Living]:
    """The resources of one revision (with its place joined) that use ``capability`` in one of ``majors``."""
    environment = revision.environment
    desired = desired_of(environment, revision.document, revision=revision.number, catalogue=catalogue)
    for name in desired.order:
        if desired.capability(name) == capability and not desired.is_borrowed(name):
            one = _living(environment, desired, name, revision.number)
            if majors is None or one.contract.semver.major in majors:
                yield one


def _revisions(capability: str, majors: Collection[int] | None) -> QuerySet[Revision]:
    """Agreed states of environments in which something of the capability lives."""
    uses = Q(contract__capability__name=capability, borrowed=False) & ~Q(state="gone")
    if majors is not None:
        uses &= Q(contract__major__in=majors)
    living = Environment.objects.filter(
        Exists(Resource.objects.filter(uses, environment=OuterRef("pk"))), deleted_at=None
    )
    return Revision.objects.filter(pk__in=living.values("desired"))


def _with_places(rows: QuerySet[Revision]) -> QuerySet[Revision]:
    joined = ("system__team", "stage", "cluster__offer")
    return rows.select_related(*(f"environment__{one}" for one in joined)).defer("environment__cluster__credentials")


def _living(environment: Environment, desired: Desired, name: str, revision: int) -> Living:
    contract, system = desired.contract(name), environment.system
    place = place_of(
        system=system,
        stage=environment.stage,
        name=environment.name,
        namespace=environment.namespace,
        isolation=environment.isolation,
        power=desired.document.get("power", "awake"),
        revision=revision,
    ).of(name, contract, desired.component(name), desired.apis(name))
    outputs = desired.expected_outputs
    return Living(
        team=system.team.slug,
        system=system.slug,
        environment=environment.name,
        stage=environment.stage.name,
        name=name,
        contract=contract,
        inputs=resolve_inputs(
            desired.document, name, outputs, context=place.facts, pending=True, schema=contract.inputs
        ),
        place=place,
        served=joined_offer(environment.cluster).apis,
        outputs=outputs,
        prices=prices_of(environment.cluster, stage=environment.stage.name),
        read_by=tuple(_read_by(desired, name)),
        team_id=system.team_id,
        system_id=system.pk,
        environment_id=environment.pk,
    )


def _read_by(desired: Desired, name: str) -> Iterator[Read]:
    """Who in the environment reads what of ``name``, each once."""
    for other in desired.order:
        if name in desired.needs(other):
            found, _ = references(desired.inputs(other))
            outputs = {one.output for one in found if one.resource == name}
            yield from (Read(other, output) for output in sorted(outputs))

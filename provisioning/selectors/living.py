"""Everything that lives of one capability, ready to be judged by ``provisioning.domain.blast_radius``.

Called when a version is previewed or a campaign is planned. Streams: environments come in chunks, each with what its
resources have agreed; the number of queries does not depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, OuterRef, Q

from provisioning.domain.blast_radius import Living
from provisioning.domain.revision import resolve_inputs
from provisioning.models import Capability, Environment, Resource
from provisioning.selectors.capabilities import Catalogue
from provisioning.selectors.clusters import prices_of
from provisioning.selectors.desired import Desired, desired_of, place_of

CHUNK = 200
"""Environments held in memory at once."""


def living_resources(capability: str, *, major: int | None = None) -> Iterator[Living]:
    """One after the other, by system and environment; ``major`` leaves out those of other majors.

    What others in the environment publish is what is expected of them, as a plan would show it.
    """
    uses = Q(contract__capability__name=capability) & ~Q(state="gone")
    if major is not None:
        uses &= Q(contract__major=major)
    rows = (
        Environment.objects.filter(Exists(Resource.objects.filter(uses, environment=OuterRef("pk"))))
        .filter(deleted_at=None)
        .exclude(desired=None)
        .select_related("system__team", "stage", "cluster", "desired")
        .defer("cluster__credentials")
        .order_by("system__slug", "name")
    )
    catalogue = Catalogue(Capability.objects.values_list("name", flat=True))
    for environment in rows.iterator(chunk_size=CHUNK):
        revision = environment.desired
        assert revision is not None
        desired = desired_of(environment, revision.document, revision=revision.number, catalogue=catalogue)
        for name in desired.order:
            if desired.capability(name) == capability:
                one = _living(environment, desired, name, revision.number)
                if major is None or one.contract.semver.major == major:
                    yield one


def _living(environment: Environment, desired: Desired, name: str, revision: int) -> Living:
    contract = desired.contract(name)
    place = place_of(
        system=environment.system,
        stage=environment.stage,
        name=environment.name,
        namespace=environment.namespace,
        power=desired.document.get("power", "awake"),
        revision=revision,
    ).of(name, contract, desired.component(name))
    outputs = desired.expected_outputs
    return Living(
        team=environment.system.team.slug,
        system=environment.system.slug,
        environment=environment.name,
        stage=environment.stage.name,
        name=name,
        contract=contract,
        inputs=resolve_inputs(desired.document, name, outputs, context=place.facts, pending=True),
        place=place,
        outputs=outputs,
        prices=prices_of(environment.cluster),
    )

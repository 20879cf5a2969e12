"""Two revisions of one system side by side: what differs in their documents and in the objects they make.

Read by pages and by the API. Both are rendered as they would be in the place of the second, so that what differs comes
from the documents and not from the names of environments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from governance.access import Rights
from idp.kernel.errors import NotFound
from provisioning.domain.plan import Prices, build_plan
from provisioning.models import Environment, Revision
from provisioning.selectors.capabilities import Catalogue
from provisioning.selectors.clusters import prices_of
from provisioning.selectors.desired import side_of
from provisioning.selectors.environments import environment_get

NEWEST = 80
"""How many revisions of a system are offered to choose from; older ones are named by their number."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """One revision of an environment, written ``staging:7``."""

    environment: Environment
    revision: Revision

    @property
    def key(self) -> str:
        return f"{self.environment.name}:{self.revision.number}"

    @property
    def label(self) -> str:
        return f"{self.environment.name} r{self.revision.number}"


def chosen(rights: Rights, here: Environment, written: str) -> Chosen:
    """The revision that ``written`` names: ``7`` of ``here``, or ``staging:7`` of another environment of its system.

    NotFound says what there is not, and how it is written.
    """
    name, _, number = written.strip().rpartition(":")
    name, number = name or here.name, number.removeprefix("r")
    if not (number.isascii() and number.isdigit() and len(number) <= 9):
        raise NotFound(f"“{written[:80]}” names no revision.", remedy="Write one as 7, or as staging:7.")
    place = here if name == here.name else environment_get(rights, here.system.slug, name)
    found = Revision.objects.select_related("change__requester").filter(environment=place, number=int(number)).first()
    if found is None:
        raise NotFound(f"{place.system.slug} / {place.name} has no revision r{int(number)}.")
    return Chosen(place, found)


def offered(here: Environment) -> list[tuple[str, str]]:
    """What can be chosen, as ``staging:7`` with words: the newest revisions of living environments of the system.

    One query. Those of ``here`` come first, then by stage.
    """
    rows = (
        Revision.objects.filter(environment__system=here.system_id, environment__deleted_at=None)
        .order_by("-id")
        .values_list("environment__stage__order", "environment__name", "number", "environment__observed__number")
    )
    found = sorted(rows[:NEWEST], key=lambda row: (row[1] != here.name, row[0], row[1], -row[2]))
    return [
        (f"{name}:{number}", f"{name} r{number}{', runs now' if number == runs else ''}")
        for _, name, number, runs in found
    ]


def comparison(before: Chosen, after: Chosen) -> dict[str, Any]:
    """What would change if ``before`` became ``after``, as a plan: resources with their fields and objects.

    Two queries.
    """
    place = after.environment
    names = {one["capability"] for side in (before, after) for one in side.revision.document["resources"].values()}
    common: dict[str, Any] = {
        "system": place.system,
        "stage": place.stage,
        "name": place.name,
        "namespace": place.namespace,
        "isolation": place.isolation,
        "objects": True,
        "catalogue": Catalogue(names),
    }
    sides = [side_of(one.revision.document, digest=one.revision.digest, **common) for one in (before, after)]
    prices: Prices = prices_of(place.cluster, stage=place.stage.name)
    return build_plan(
        "update",
        *sides,
        base_number=before.revision.number,
        stage=place.stage.name,
        prices=prices,
        currency=settings.CURRENCY,
        order=tuple(sides[1].resources),
        objects=True,
    )

"""Where a contract can be had: for the page and the answer about it, and for the picker of one stage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models.fields.json import KeyTransform

from idp.kernel.prepared import Prepared
from provisioning.domain.availability import Offer, Requires, missing, reason, remedy, requires_of
from provisioning.models import Contract, Stage
from provisioning.selectors.capabilities import Catalogue
from provisioning.selectors.offers import offers_of
from provisioning.selectors.stages import stage_list


@dataclass(frozen=True, slots=True)
class StageAvailability:
    """Whether a version can be had at a stage, and if not, why and what to do.

    ``leads_to`` is the version that the capability's name alone leads to there, empty where there is none.
    ``seen_at`` is when somebody looked at the cluster last, None before that.
    """

    stage: str
    title: str
    cluster: str
    available: bool
    reason: str
    remedy: str
    leads_to: str
    seen_at: datetime | None

    @property
    def why(self) -> str:
        """Reason and remedy in one piece, for people."""
        return f"{self.reason} {self.remedy}".strip()


def availability_of(capability: str, version: str, catalogue: Catalogue | None = None) -> list[StageAvailability]:
    """One for each stage in order, for new environments there. Two queries; a third without a ``catalogue``."""
    known = catalogue or Catalogue([capability])
    stages = _stages()
    offers = offers_of({stage.cluster_id: stage.cluster for stage in stages}.values())
    return [_at(stage, offers[stage.cluster_id], capability, version, known) for stage in stages]


_stages = Prepared(stage_list)


def _at(stage: Stage, offer: Offer, capability: str, version: str, catalogue: Catalogue) -> StageAvailability:
    requires = catalogue.requires(capability, version)
    leads_to = catalogue.choose(capability, "", fits=fits(offer)) or ""
    instead = f"{capability}@{leads_to.partition('.')[0]}" if leads_to else ""
    why = reason(requires, offer)
    return StageAvailability(
        stage=stage.name,
        title=stage.title,
        cluster=stage.cluster.name,
        available=not why,
        reason=f"{capability} {version} {why}." if why else "",
        remedy=remedy(requires, offer, instead=instead),
        leads_to=leads_to,
        seen_at=offer.seen_at,
    )


def fits(offer: Offer) -> Callable[[Requires], bool]:
    """For ``Catalogue.choose``: whether the requirements of a version are met there."""
    return lambda requires: not missing(requires, offer)


_REQUIRES: dict[str, Requires] = {}
MOST_KNOWN: Final = 4_000


def requirements(rows: Iterable[Contract]) -> dict[str, Requires]:
    """What each of ``rows`` (one for each capability) requires, by capability; those that require nothing are left out.

    A published version never changes, so each process asks once for each; one query when there are new ones.
    """
    wanted = list(rows)
    unknown = [row.pk for row in wanted if row.digest not in _REQUIRES]
    if unknown:
        if len(_REQUIRES) > MOST_KNOWN:
            _REQUIRES.clear()
            unknown = [row.pk for row in wanted]
        part = KeyTransform("requires", KeyTransform("spec", "document"))
        for digest, told in Contract.objects.filter(pk__in=unknown).values_list("digest", part):
            _REQUIRES[digest] = requires_of({"requires": told})
    return {row.capability.name: _REQUIRES[row.digest] for row in wanted if _REQUIRES[row.digest]}


def best_at(offer: Offer, wanted: Mapping[str, Requires]) -> dict[str, tuple[str, str]]:
    """For capabilities by what their newest version requires: the version to offer there, and why none can be.

    Only those whose newest version cannot be had are in the answer; the version is empty where there is no other.
    One query, none when all can be had.
    """
    lacking = {name: why for name, requires in wanted.items() if (why := reason(requires, offer))}
    catalogue = Catalogue(lacking) if lacking else None
    found = {}
    for name, why in lacking.items():
        assert catalogue is not None
        other = catalogue.choose(name, "", fits=fits(offer))
        found[name] = (other, "") if other else ("", f"It {why}.")
    return found

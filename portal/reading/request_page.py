"""What the form of an environment needs beside the draft: stages, names that are taken, components, contracts.

Read by the views that make and edit environments. Reads only, within the rights that are passed in; the number of
queries does not grow with the draft.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from governance.access import Rights
from idp.catalog.models import Component, System
from idp.kernel.errors import NotFound
from portal.drawing import words
from portal.forms.environment_draft import Draft
from portal.forms.schema_inputs import Option
from provisioning.domain.availability import Offer as ClusterOffer
from provisioning.domain.availability import Requires, missing
from provisioning.domain.contract import Contract
from provisioning.domain.version import parse_version
from provisioning.models import Cluster, Environment, Stage
from provisioning.models import Contract as ContractRow
from provisioning.selectors.availability import best_at, requirements
from provisioning.selectors.capabilities import Catalogue, latest_contracts
from provisioning.selectors.offers import offer_source
from provisioning.selectors.stages import stages_in_order

SPANS: Final = (1, 3, 7, 14, 30, 90, 180)


class DraftContracts:
    """The contracts that a draft names, from ``postgres@1``; one query, and none for what was seen before.

    With ``cluster`` a constraint leads to what can be had there, as it does in the gate; one more query then, and only
    when a contract requires something.
    """

    def __init__(self, names: Iterable[str], cluster: Cluster | None = None) -> None:
        self._names = {name.partition("@")[0] for name in names}
        self._catalogue = Catalogue(self._names)
        self.offer = offer_source(cluster) if cluster is not None else None

    def __call__(self, reference: str) -> Contract:
        capability, _, constraint = reference.partition("@")
        if capability not in self._names:
            self._names.add(capability)
            self._catalogue = Catalogue(self._names)
        version = self._choose(capability, constraint)
        if version is None:
            raise NotFound(f"There is no capability “{reference}”.", remedy="Remove it, and add one from the list.")
        return self._catalogue.contract(capability, version)

    def _choose(self, capability: str, constraint: str) -> str | None:
        """What the cluster can have; failing that what there is, and the plan says what is missing."""
        fitting = self._catalogue.choose(capability, constraint, fits=self._fits)
        return fitting or self._catalogue.choose(capability, constraint)

    def _fits(self, requires: Requires) -> bool:
        return self.offer is None or not requires or not missing(requires, self.offer())

    def versions(self, reference: str) -> list[tuple[str, str]]:
        """Ways to say which version, where there is more than one: each major as it moves on, then each by itself."""
        capability = reference.partition("@")[0]
        offered = {parse_version(text): state for text, state in self._catalogue.offered(capability)}
        usable = sorted((one for one, state in offered.items() if state in ("stable", "deprecated")), reverse=True)
        if len(usable) < 2:
            return []
        majors = dict.fromkeys(str(one.major) for one in usable)
        newest = ((major, self._choose(capability, major)) for major in majors)
        moving = [
            (f"{capability}@{major}", f"{major}.x, now {now}{self._elsewhere(capability, now)}")
            for major, now in newest
        ]
        fixed = [
            (f"{capability}@{one}", f"{one}{_about(offered[one])}{self._elsewhere(capability, str(one))}")
            for one in usable
        ]
        return [*moving, *fixed]

    def _elsewhere(self, capability: str, version: str | None) -> str:
        """Said of a version that this stage's cluster cannot have."""
        if version is None or self._fits(self._catalogue.requires(capability, version)):
            return ""
        return " (not at this stage)"


def _about(state: str) -> str:
    return ", deprecated" if state == "deprecated" else ""


@dataclass(frozen=True, slots=True)
class StageCard:
    name: str
    title: str
    hint: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """One capability in the picker; with ``missing`` it cannot be had at the stage, and that says why."""

    name: str
    version: str
    title: str
    summary: str
    icon: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``taken``: environments of the system by name, with their stage."""

    system: System
    stages: Sequence[Stage]
    taken: dict[str, str]
    components: tuple[tuple[str, str], ...]

    def stage(self, name: str) -> Stage | None:
        return next((stage for stage in self.stages if stage.name == name), None)

    def cluster_of(self, stage: str, environment: Environment | None = None) -> Cluster | None:
        """Where the environment lives, or a new one at ``stage`` would; of an unknown stage the first one's."""
        if environment is not None:
            return environment.cluster
        found = self.stage(stage) or next(iter(self.stages), None)
        return found.cluster if found else None

    def free_name(self, stage: str) -> str:
        """The stage's own name when no environment has it, else nothing: then a person must choose."""
        return "" if stage in self.taken else stage

    def cards(self, chosen: str) -> list[StageCard]:
        return [StageCard(one.name, one.title, self._hint(one), one.name == chosen) for one in self.stages]

    def _hint(self, stage: Stage) -> str:
        if stage.max_days is not None:
            return f"At most {words.count(stage.max_days, 'day,days')}"
        if stage.name in self.taken.values():
            return f"{self.system.slug} has one already"
        if stage.promotes_from is not None:
            return f"Comes after {stage.promotes_from.name}"
        return "Stays until deleted"

    @property
    def copy_from(self) -> str:
        """The environment that a new one is most likely to resemble: of the last stage that is not production."""
        order = {stage.name: (not stage.production, stage.order) for stage in self.stages}
        names = sorted(self.taken, key=lambda name: (order.get(self.taken[name], (False, 0)), name))
        return names[-1] if names else ""


def surroundings(rights: Rights, system: System) -> Surroundings:
    """Three queries."""
    living = Environment.objects.filter(system=system, deleted_at=None).order_by("name")
    components = Component.objects.filter(system=system).order_by("slug")
    return Surroundings(
        system=system,
        stages=stages_in_order(),
        taken=dict(living.values_list("name", "stage__name")),
        components=tuple(components.values_list("slug", "slug")),
    )


def picker(offer: Callable[[], ClusterOffer] | None = None) -> list[Offer]:
    """What can be added where a cluster has ``offer``, by category and name: the newest version that it can have.

    One query; more when a newest version requires something of a cluster.
    """
    rows = latest_contracts()
    needs = requirements(rows.values())
    told = best_at(offer(), needs) if needs and offer is not None else {}
    ordered = sorted(rows.values(), key=lambda row: (row.capability.category, row.capability.name))
    return [_offer(row, *told.get(row.capability.name, (row.version, ""))) for row in ordered]


def _offer(row: ContractRow, version: str, missing: str) -> Offer:
    one = row.capability
    return Offer(one.name, version or row.version, one.title, one.summary, one.icon, missing)


def expiry_options(
    stage: Stage | None, chosen: str, *, now: datetime, held: str | None = None, editing: bool
) -> list[Option]:
    """How long it may live at ``stage``; ``held`` is what it has now. ``chosen`` is among them."""
    options = [Option("", _as_it_is(held), not chosen)] if editing else []
    if stage is None:
        return options or [Option("", "As the stage says", selected=True)]
    default = f"{stage.default_days}d" if stage.default_days else "never"
    wanted = chosen or ("" if editing else default)
    for days in _spans(stage):
        label = f"{words.count(days, 'day,days')}, until {words.day(now + timedelta(days=days))}"
        options.append(Option(f"{days}d", label, wanted == f"{days}d"))
    if stage.max_days is None:
        options.append(Option("never", "Never", wanted == "never"))
    if wanted and all(option.value != wanted for option in options):
        options.append(Option(wanted, wanted, selected=True))
    return options


def _spans(stage: Stage) -> list[int]:
    longest = stage.max_days
    own = [days for days in (stage.default_days, stage.max_days) if days]
    return sorted({*own, *(days for days in SPANS if longest is None or days <= longest)})


def _as_it_is(held: str | None) -> str:
    return f"As it is: {words.day(datetime.fromisoformat(held))}" if held else "As it is: never"


def with_defaults(draft: Draft, around: Surroundings, shown_stage: str | None) -> Draft:
    """The draft after its stage was changed: a name and an expiry that only came from the other stage follow."""
    stage = around.stage(draft.stage)
    if shown_stage is None or stage is None or shown_stage == draft.stage:
        return draft
    name = around.free_name(stage.name) if draft.name in ("", shown_stage) else draft.name
    return replace(draft, name=name, expires="")

"""What the form of an environment needs beside the draft: stages, names that are taken, components, contracts.

Read by the views that make and edit environments. Reads only, within the rights that are passed in; the number of
queries does not grow with the draft.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from governance.access import Rights
from idp.catalog.models import Component, System
from idp.kernel.errors import NotFound
from portal.drawing import words
from portal.forms.environment_draft import Draft
from portal.forms.schema_inputs import Option
from provisioning.domain.contract import Contract
from provisioning.domain.version import parse_version
from provisioning.models import Environment, Stage
from provisioning.selectors.capabilities import Catalogue, latest_contracts
from provisioning.selectors.stages import stage_list

SPANS: Final = (1, 3, 7, 14, 30, 90, 180)


class DraftContracts:
    """The contracts that a draft names, from ``postgres@1``; one query, and none for what was seen before."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {name.partition("@")[0] for name in names}
        self._catalogue = Catalogue(self._names)

    def __call__(self, reference: str) -> Contract:
        capability, _, constraint = reference.partition("@")
        if capability not in self._names:
            self._names.add(capability)
            self._catalogue = Catalogue(self._names)
        version = self._catalogue.choose(capability, constraint)
        if version is None:
            raise NotFound(f"There is no capability “{reference}”.", remedy="Remove it, and add one from the list.")
        return self._catalogue.contract(capability, version)

    def versions(self, reference: str) -> list[tuple[str, str]]:
        """Ways to say which version, where there is more than one: each major as it moves on, then each by itself."""
        capability = reference.partition("@")[0]
        offered = {parse_version(text): state for text, state in self._catalogue.offered(capability)}
        usable = sorted((one for one, state in offered.items() if state in ("stable", "deprecated")), reverse=True)
        if len(usable) < 2:
            return []
        majors = dict.fromkeys(str(one.major) for one in usable)
        newest = ((major, self._catalogue.choose(capability, major)) for major in majors)
        moving = [(f"{capability}@{major}", f"{major}.x, now {now}") for major, now in newest]
        fixed = [(f"{capability}@{one}", f"{one}{_about(offered[one])}") for one in usable]
        return [*moving, *fixed]


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
    """One capability in the picker."""

    name: str
    version: str
    title: str
    summary: str
    icon: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``taken``: environments of the system by name, with their stage."""

    system: System
    stages: Sequence[Stage]
    taken: dict[str, str]
    components: tuple[tuple[str, str], ...]

    def stage(self, name: str) -> Stage | None:
        return next((stage for stage in self.stages if stage.name == name), None)

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
        stages=list(stage_list()),
        taken=dict(living.values_list("name", "stage__name")),
        components=tuple(components.values_list("slug", "slug")),
    )


def picker() -> list[Offer]:
    """What can be added, by category and name; one query."""
    rows = latest_contracts().values()
    ordered = sorted(rows, key=lambda row: (row.capability.category, row.capability.name))
    return [
        Offer(row.capability.name, row.version, row.capability.title, row.capability.summary, row.capability.icon)
        for row in ordered
    ]


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

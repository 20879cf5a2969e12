"""Systems by stages: which environment stands in which cell. Read by the systems page and by home. Pure over rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from idp.catalog.models import System
from portal.addresses import address
from provisioning.models import Environment, Stage


@dataclass(frozen=True, slots=True)
class Cell:
    """One stage of one system. ``more`` counts environments of that stage beside the shown one, where ``url`` leads."""

    stage: Stage
    environment: Environment | None
    more: int = 0
    url: str = ""

    @property
    def short_word(self) -> str:
        """For narrow tables: the one word of a state that is too long for them."""
        return "Rolling" if self.environment is not None and self.environment.state == "progressing" else ""


@dataclass(frozen=True, slots=True)
class Line:
    """One system with a cell for each stage."""

    system: System
    cells: tuple[Cell, ...]
    cost: Decimal
    open_changes: int = 0


def main_environment(stage: Stage, environments: Sequence[Environment]) -> Environment | None:
    """The one that stands for its stage: named like the stage, else the oldest."""
    if not environments:
        return None
    named = [one for one in environments if one.name == stage.name]
    return named[0] if named else min(environments, key=lambda one: (one.created_at, one.pk))


def lines(
    systems: Iterable[System],
    stages: Sequence[Stage],
    environments: Iterable[Environment],
    open_changes: dict[int, int] | None = None,
) -> list[Line]:
    """One line per system in the order given; ``open_changes`` counts by the system's key.

    ``environments`` are all there are, or those of ``systems.standing_of``, which know of the others by figures.
    """
    by_place: dict[tuple[int, int], list[Environment]] = defaultdict(list)
    cost: dict[int, Decimal] = defaultdict(Decimal)
    for one in environments:
        by_place[one.system_id, one.stage_id].append(one)
        together = getattr(one, "cost_of_system", None)
        cost[one.system_id] = cost[one.system_id] + one.monthly_cost if together is None else together
    return [
        Line(
            system,
            tuple(_cell(system, stage, by_place.get((system.pk, stage.pk), [])) for stage in stages),
            cost[system.pk],
            (open_changes or {}).get(system.pk, 0),
        )
        for system in systems
    ]


def _cell(system: System, stage: Stage, environments: list[Environment]) -> Cell:
    shown = main_environment(stage, environments)
    if shown is None:
        return Cell(stage, None)
    alike = sum(getattr(one, "alike", 1) for one in environments)
    return Cell(stage, shown, max(alike - 1, 0), address("environment", system.slug, shown.name))


def stages_of(environments: Iterable[Environment]) -> list[Stage]:
    """The stages that these environments have, in order; needs ``stage`` selected."""
    return sorted({one.stage for one in environments}, key=lambda stage: stage.order)

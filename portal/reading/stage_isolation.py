"""The three ways to keep a stage's environments from others, and which of what lives there is kept otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from governance.access import Rights, visible
from provisioning.domain.isolation import WAYS, Way, isolation_problem
from provisioning.models import Environment, Stage

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Choice:
    way: Way
    chosen: bool
    held: bool


@dataclass(frozen=True, slots=True)
class IsolationView:
    """``others`` are environments of the stage that are isolated otherwise than ``chosen``, and ``hidden`` more."""

    stage: Stage
    choices: tuple[Choice, ...]
    chosen: Way
    others: tuple[Environment, ...]
    hidden: int
    problem: str

    @property
    def differs(self) -> bool:
        return self.chosen.key != self.stage.isolation


def isolation_view(stage: Stage, chosen: str, rights: Rights) -> IsolationView:
    """What choosing ``chosen`` (the stage's own when it is no way) would mean; two queries."""
    way = WAYS.get(chosen) or WAYS[stage.isolation]
    rows = Environment.objects.filter(stage=stage, deleted_at=None).exclude(isolation=way.key)
    seen = visible(rows.select_related("system"), rights).order_by("system__slug", "name")[:SHOWN]
    others = tuple(seen)
    return IsolationView(
        stage=stage,
        choices=tuple(Choice(one, one == way, one.key == stage.isolation) for one in WAYS.values()),
        chosen=way,
        others=others,
        hidden=rows.count() - len(others),
        problem=isolation_problem(way.key, stage.cluster_labels),
    )

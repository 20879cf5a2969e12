"""Finds the cluster for a new environment by planning it there. Called by the gate only; writes nothing.

What an environment takes is known only once it is planned, and what can be had differs from cluster to cluster; so the
clusters are tried in the order of the ranking.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from idp.kernel.errors import FieldError
from provisioning.domain.placement import Candidate, PassedOver, chosen, lacking, rank
from provisioning.domain.plan import Footprint
from provisioning.models import Cluster, Stage
from provisioning.selectors.placing import candidates_of

if TYPE_CHECKING:
    from provisioning.services.gate import Planned

CANNOT_BE_HAD = "What is asked for cannot be had there."


def placed(planned: Planned, plan: Callable[[Planned], Planned]) -> Planned:
    """``planned`` where the environment is, or on the best cluster that can take a new one.

    Best is the emptiest with room where nothing is wrong, failing that the emptiest with room. Where none has room,
    that is a problem of the stage. Capacity is a figure to plan with: open changes of others are not counted.
    """
    if planned.environment is not None:
        return plan(planned)
    assert planned.stage is not None
    stage, rows = planned.stage, candidates_of(planned.stage, planned.system)
    ranking = rank((one for _, one in rows), stage.cluster_labels)
    passed = list(ranking.passed_over)
    found = _first(ranking.order, {one.name: row for row, one in rows}, planned, plan, passed)
    if found is None:
        at_home = plan(planned)
        return replace(at_home, problems=(*at_home.problems, _nowhere(stage, passed)))
    candidate, tried = found
    outdone = len(ranking.order) - ranking.order.index(candidate) - 1
    others = [one for one in passed if one.cluster != candidate.name]
    placement = chosen(candidate, outdone, stage.cluster_labels, others)
    tried.plan["placement"] = placement.as_dict()
    return replace(tried, placement=placement)


def _first(
    order: Sequence[Candidate],
    rows: dict[str, Cluster],
    planned: Planned,
    plan: Callable[[Planned], Planned],
    passed: list[PassedOver],
) -> tuple[Candidate, Planned] | None:
    """The cluster to take, with the plan for it; those that were tried before it are added to ``passed``."""
    second_best: tuple[Candidate, Planned] | None = None
    for candidate in order:
        tried = plan(replace(planned, cluster=rows[candidate.name]))
        short = lacking(candidate, _need(tried))
        if not short and not tried.problems:
            return candidate, tried
        if not short and second_best is None:
            second_best = candidate, tried
        passed.append(PassedOver(candidate.name, short or CANNOT_BE_HAD))
    return second_best


def _need(planned: Planned) -> Footprint:
    usage = planned.plan["usage_after"]
    return Footprint(usage["cpu"], usage["memory_gib"], usage["storage_gib"])


def _nowhere(stage: Stage, passed: Sequence[PassedOver]) -> FieldError:
    """That no cluster of the stage can take it, with each one's reason."""
    if not passed:
        labels = ", ".join(f"{key}={value}" for key, value in sorted(stage.cluster_labels.items()))
        told = f"No cluster has the labels of {stage.name} ({labels}). Ask a platform admin."
        return FieldError("spec.stage", told)
    reasons = " ".join(f"{one.cluster}: {one.why}" for one in sorted(passed, key=lambda one: one.cluster))
    return FieldError("spec.stage", f"No cluster of {stage.name} can take it now. {reasons}")

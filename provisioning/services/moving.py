"""Where a move takes an environment: the cluster, the namespace, the isolation of its stage. Called by the gate.

A stage says where its environments belong; a move brings one of them there, or to another cluster that it allows. While
an environment is leaving a place, the only move is the way back to it. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from idp.kernel.errors import FieldError
from provisioning.domain.isolation import SHARED, Place, namespace_name
from provisioning.domain.move import move_notes, move_of
from provisioning.domain.placement import Candidate, chosen, lacking, rank
from provisioning.domain.plan import Footprint
from provisioning.models import Cluster, Environment, FormerPlace
from provisioning.selectors.desired import desired_at
from provisioning.selectors.hosts import hosts_wanted
from provisioning.selectors.placing import candidates_of

if TYPE_CHECKING:
    from provisioning.services.gate import Planned

PATH = "cluster"
SAME = "It is the same cluster under another name."
Plan = Callable[["Planned"], "Planned"]


def place_of_environment(environment: Environment) -> Place:
    return Place(environment.cluster.name, environment.namespace, environment.isolation)


def former_of(environment: Environment) -> FormerPlace | None:
    """The place that it is leaving; no query where ``former`` is joined."""
    return getattr(environment, "former", None)


def moved(planned: Planned, asked: str, plan: Plan) -> Planned:
    """``planned`` at the place that a move to the cluster ``asked`` (any when empty) leads to; at most four queries."""
    assert planned.environment is not None
    former = former_of(planned.environment)
    if former is not None:
        return _back(planned, asked, former, plan)
    assert planned.stage is not None
    rows = candidates_of(planned.stage, planned.system)
    ranking = rank((one for _, one in rows), planned.stage.cluster_labels)
    clusters = {one.name: row for row, one in rows}
    alike = {one.name for one in ranking.order if _is_same(clusters[one.name], planned.environment.cluster)}
    passed = {one.cluster: one.why for one in ranking.passed_over} | dict.fromkeys(alike, SAME)
    order = [one for one in ranking.order if one.name not in alike]
    allowed, refused = _allowed(planned, asked, order, passed)
    if refused:
        return _nowhere(planned, refused, plan)
    short = []
    for candidate in allowed:
        tried = _at(planned, clusters[candidate.name], plan)
        if lack := lacking(candidate, _need(tried)):
            short.append(f"{candidate.name}: {lack}")
            continue
        placement = chosen(candidate, len(allowed) - 1, planned.stage.cluster_labels, ())
        tried.plan["placement"] = placement.as_dict()
        return replace(tried, placement=placement)
    told = f"No cluster of {planned.stage.name} has room for it. {' '.join(short)}"
    return _nowhere(planned, told, plan)


def _is_same(cluster: Cluster, here: Cluster) -> bool:
    """Whether another row leads to the cluster where it is: tearing down there would take what was built up."""
    return cluster.pk != here.pk and bool(here.server) and cluster.server == here.server


def moved_again(planned: Planned, move: dict[str, dict[str, str]], plan: Plan) -> Planned:
    """``planned`` at the place of an earlier plan's ``move``; a move that is done already plans nothing."""
    assert planned.environment is not None
    to = move["to"]
    former = former_of(planned.environment)
    if former is not None:
        return _back(planned, to["cluster"], former, plan)
    row = Cluster.objects.filter(name=to["cluster"]).first()
    if row is None:
        return _nowhere(planned, f"There is no cluster {to['cluster']} any more.", plan)
    return plan(replace(planned, cluster=row, goes=Place(**to)))


def _allowed(
    planned: Planned, asked: str, order: Sequence[Candidate], passed: dict[str, str]
) -> tuple[Sequence[Candidate], str]:
    """Clusters to try, best first; or why there is none."""
    assert planned.environment is not None
    assert planned.stage is not None
    here, stage = planned.environment.cluster.name, planned.stage
    stays = planned.environment.isolation != stage.isolation
    if asked:
        named = [one for one in order if one.name == asked]
        if named and (asked != here or stays):
            return named, ""
        if asked == here:
            return (), passed.get(asked) or f"It is on {asked} already, isolated as {stage.name} says."
        return (), passed.get(asked) or _not_allowed(stage.name, asked, [one.name for one in order])
    at_home = [one for one in order if one.name == here] if stays else []
    elsewhere = [one for one in order if one.name != here]
    if found := [*at_home, *elsewhere]:
        return found, ""
    why = " ".join(f"{name}: {told}" for name, told in sorted(passed.items()) if name != here)
    return (), f"There is no other cluster that {stage.name} allows. {why}".strip()


def _not_allowed(stage: str, asked: str, names: Sequence[str]) -> str:
    others = f"it allows {', '.join(names)}" if names else "it allows none now"
    return f"{stage} sends nothing to {asked}; {others}."


def _at(planned: Planned, cluster: Cluster, plan: Plan) -> Planned:
    assert planned.environment is not None
    assert planned.stage is not None
    isolation = planned.stage.isolation
    name = namespace_name(
        isolation,
        stage=planned.stage.name,
        system=planned.system.slug,
        environment=planned.environment_name,
        taken=cluster.pk in planned.taken_on,
    )
    return plan(replace(planned, cluster=cluster, goes=Place(cluster.name, name, isolation)))


def _back(planned: Planned, asked: str, former: FormerPlace, plan: Plan) -> Planned:
    if asked not in ("", former.cluster.name):
        told = f"It has not left {former.cluster.name} yet. Resume its last change, or move it back there first."
        return _nowhere(planned, told, plan)
    taken = Environment.objects.filter(cluster=former.cluster, namespace=former.namespace, deleted_at=None).exclude(
        pk=former.environment_id
    )
    if former.isolation != SHARED and taken.exists():
        return _nowhere(planned, f"Another environment has {former.namespace} on {former.cluster.name} by now.", plan)
    goes = Place(former.cluster.name, former.namespace, former.isolation)
    return plan(replace(planned, cluster=former.cluster, goes=goes))


def _nowhere(planned: Planned, told: str, plan: Plan) -> Planned:
    """A plan where it is, with what keeps it from going anywhere."""
    at_home = plan(planned)
    return replace(at_home, problems=(*at_home.problems, FieldError(PATH, told)))


def _need(planned: Planned) -> Footprint:
    usage = planned.plan["usage_after"]
    return Footprint(usage["cpu"], usage["memory_gib"], usage["storage_gib"])


def with_move(planned: Planned) -> Planned:
    """The plan with what the move means; as it is where the place stays the same."""
    environment, base = planned.environment, planned.base
    if planned.goes is None or environment is None or base is None or planned.target is None:
        return planned
    leaves, goes = place_of_environment(environment), planned.goes
    if leaves == goes:
        return planned
    common: dict[str, Any] = {
        "system": planned.system,
        "stage": planned.stage,
        "name": planned.environment_name,
        "catalogue": planned.catalogue,
    }
    before, after = (
        desired_at(document, **common, **place.names).expected_outputs
        for document, place in ((base.document, leaves), (planned.target, goes))
    )
    back = former_of(environment) is not None
    resources = planned.plan["resources"]
    move = move_of(leaves, goes, back=back, resources=resources, before=before, after=after)
    routed = hosts_wanted(planned.target, **common)
    notes = move_notes(move, sorted({host for names in routed.values() for host in names}))
    plan = {**planned.plan, "move": move, "notes": [*planned.plan["notes"], *notes]}
    return replace(planned, plan=plan, notes=(*planned.notes, *notes))

"""Templates of links, and the links that an environment gets of them."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from provisioning.domain.links import KINDS, WORKLOADS, Link, LinkPlace, LinkTemplate, Workload, links_of
from provisioning.models import Environment, Stage, StageLink
from provisioning.selectors.environments import ResourceView


def stage_links(stage: Stage) -> QuerySet[StageLink]:
    """Templates of one stage, by name."""
    return StageLink.objects.filter(stage=stage).select_related("changed_by").order_by("name")


def templates_at(stage_id: int) -> list[LinkTemplate]:
    """Templates of a stage in the order of their kinds, then by name. One query."""
    rows = StageLink.objects.filter(stage=stage_id).order_by("name").values_list("name", "kind", "url")
    order = list(KINDS)
    return sorted((LinkTemplate(*row) for row in rows), key=lambda one: order.index(one.kind))


def environment_links(environment: Environment, resources: Iterable[ResourceView]) -> list[Link]:
    """The links of an environment and of its workloads. One query; needs system, team, stage and cluster joined."""
    return links_of(templates_at(environment.stage_id), place_of_links(environment), workloads_of(resources))


def workloads_of(resources: Iterable[ResourceView]) -> list[Workload]:
    """Resources that have made something that runs."""
    return [
        Workload(one.name, one.capability, one.component)
        for one in resources
        if any(made["kind"] in WORKLOADS for made in one.objects) and one.state != "gone"
    ]


def place_of_links(environment: Environment) -> LinkPlace:
    return LinkPlace(
        system=environment.system.slug,
        environment=environment.name,
        namespace=environment.namespace,
        stage=environment.stage.name,
        team=environment.system.team.slug,
        cluster=environment.cluster.name,
    )

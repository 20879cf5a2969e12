"""Templates of links, and the links that an environment gets of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet

from idp.kernel.errors import NotFound
from provisioning.domain.links import KINDS, WORKLOADS, Link, LinkPlace, LinkTemplate, Workload, links_of
from provisioning.models import Environment, Stage, StageLink
from provisioning.selectors.environments import ResourceView

_KEY: Final = "links.templates"
_KNOWN_FOR: Final = 10


def stage_links(stage: Stage) -> QuerySet[StageLink]:
    """Templates of one stage, by name."""
    return StageLink.objects.filter(stage=stage).select_related("changed_by").order_by("name")


def stage_link(stage: Stage, link_id: int) -> StageLink:
    """One template of the stage, or NotFound."""
    row = stage_links(stage).filter(pk=link_id).first()
    if row is None:
        raise NotFound(f"Stage {stage.name} has no such link.")
    return row


def templates_at(stage_id: int) -> Sequence[LinkTemplate]:
    """Templates of a stage in the order of their kinds, then by name; at most one query, and that once in ten seconds.

    There are few and they seldom change, so those of all stages are kept for seconds in the process.
    """
    known: Mapping[int, Sequence[LinkTemplate]] = cache.get_or_set(_KEY, _templates, _KNOWN_FOR) or {}
    return known.get(stage_id, ())


def _templates() -> dict[int, list[LinkTemplate]]:
    order = list(KINDS)
    found: dict[int, list[LinkTemplate]] = {}
    rows = StageLink.objects.order_by("name").values_list("stage_id", "name", "kind", "url")
    for stage_id, *row in sorted(rows, key=lambda row: order.index(row[2])):
        found.setdefault(stage_id, []).append(LinkTemplate(*row))
    return found


def templates_forget() -> None:
    """Look again: at once, and once more when what this transaction wrote is there for everyone."""
    cache.delete(_KEY)
    transaction.on_commit(lambda: cache.delete(_KEY))


def environment_links(environment: Environment, resources: Iterable[ResourceView]) -> list[Link]:
    """The links of an environment and of its workloads; at most one query. Needs its names joined."""
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

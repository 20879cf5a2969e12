"""The rules of Score that hold, their versions, and what Score workloads an environment has. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet

from idp.catalog.models import System
from idp.kernel.errors import NotFound
from provisioning.domain.score.outcome import Before
from provisioning.domain.score.rules import Rule, rules_of, shipped
from provisioning.models import Environment, ScoreRules, ScoreWorkload

IN_FORCE: Final = ("approved", "running", "succeeded", "failed")
"""States of a change that has become what its environment should be."""

MOST_AFFECTED: Final = 500


@dataclass(frozen=True, slots=True)
class RulesNow:
    """``version`` 0: those that ship."""

    version: int
    document: Mapping[str, Any]
    row: ScoreRules | None = None

    @property
    def rules(self) -> tuple[Rule, ...]:
        return rules_of(self.document)


def rules_now() -> RulesNow:
    """One query."""
    row = ScoreRules.objects.first()
    return RulesNow(row.version, row.document, row) if row else RulesNow(0, shipped())


def rules_versions() -> QuerySet[ScoreRules]:
    """Newest first, without their documents."""
    return ScoreRules.objects.defer("document")


def rules_at(version: int) -> Mapping[str, Any]:
    """The document of a version; NotFound when there was none. 0 are those that ship."""
    if version == 0:
        return shipped()
    row = ScoreRules.objects.filter(version=version).first()
    if row is None:
        raise NotFound(f"The Score rules have no version {version}.")
    document: Mapping[str, Any] = row.document
    return document


def workloads_in_force(environment: Environment | None) -> dict[str, ScoreWorkload]:
    """The newest file of each workload that the environment follows, by name. One query, none without environment."""
    if environment is None:
        return {}
    rows = ScoreWorkload.objects.filter(
        system=environment.system_id,
        environment_name=environment.name,
        change__environment=environment,
        change__state__in=IN_FORCE,
    )
    found: dict[str, ScoreWorkload] = {}
    for row in rows.order_by("-id"):
        found.setdefault(row.name, row)
    return found


def before_of(
    environment: Environment | None, there: Mapping[str, ScoreWorkload], *, without: Iterable[str] = ()
) -> Before:
    """What a translation has to know of ``environment``; ``without`` are the workloads that are asked for anew."""
    base = environment.desired.document if environment and environment.desired else {}
    resources: Mapping[str, Any] = base.get("resources", {})
    claims = {name: claim for row in there.values() for name, claim in row.claims.items() if name in resources}
    params: dict[str, tuple[str, Any]] = {}
    for row in there.values():
        if row.name not in without:
            params |= _params(row)
    return Before(resources, claims, params)


def latest_everywhere(system: System | None = None) -> list[ScoreWorkload]:
    """The newest file of every workload of every living environment, at most ``MOST_AFFECTED``. One query."""
    rows = ScoreWorkload.objects.filter(change__state__in=IN_FORCE, change__environment__deleted_at=None)
    rows = rows.filter(system=system) if system else rows
    joined = rows.select_related("system", "change__environment__desired", "change__environment__stage")
    found: dict[tuple[int, str, str], ScoreWorkload] = {}
    for row in joined.order_by("-id")[: MOST_AFFECTED * 4]:
        found.setdefault((row.system_id, row.environment_name, row.name), row)
    return list(found.values())[:MOST_AFFECTED]


def _params(row: ScoreWorkload) -> dict[str, tuple[str, Any]]:
    """What a workload says of resources that it may share, by identity."""
    return {
        f"{one['type']}.{one.get('class', 'default')}#{one['id']}": (row.name, one["params"])
        for one in row.document.get("resources", {}).values()
        if "id" in one and "params" in one
    }

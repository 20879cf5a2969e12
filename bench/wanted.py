"""What the seeded environments want, planned by the gate itself, so that stored plans are what Slipway would store.

Called by ``bench.history``. There are a few shapes of environments and a few kinds of edits; each pair is planned once
for each stage, and the many changes of the history share these plans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.domain.approval import ApprovalNeed
from idp.catalog.models import System, User
from idp.kernel.actor import Actor
from provisioning.models import Contract, Revision, Stage
from provisioning.services.gate import Planned, change_plan, judge, with_plan
from provisioning.services.requests import ChangeRequest

IMAGE = "registry.example/shop/api"


def _service(version: str, replicas: int = 2, database: str = "db") -> dict[str, Any]:
    return {
        "capability": "web-service@1",
        "inputs": {
            "image": f"{IMAGE}:{version}",
            "replicas": replicas,
            "env": {
                "DATABASE_HOST": f"${{resources.{database}.outputs.host}}",
                "DATABASE_PASSWORD": f"${{resources.{database}.outputs.credentials.password}}",
            },
        },
    }


def _database(storage: int) -> dict[str, Any]:
    return {"capability": "postgres@1", "inputs": {"storageGiB": storage}}


def _route(host: str, to: str = "api") -> dict[str, Any]:
    return {
        "capability": "route@1",
        "inputs": {"host": f"{host}.example", "to": f"${{resources.{to}.outputs.service}}"},
    }


def small(version: str) -> dict[str, Any]:
    """One service that needs nothing."""
    return {"api": {"capability": "web-service@1", "inputs": {"image": f"{IMAGE}:{version}", "replicas": 2}}}


def usual(version: str) -> dict[str, Any]:
    """A service, its database and an address."""
    return {"db": _database(5), "api": _service(version), "shop": _route("shop")}


def large(version: str) -> dict[str, Any]:
    """Three services, two databases, two addresses."""
    return {
        "db": _database(5),
        "reports-db": _database(5),
        "api": _service(version),
        "web": _service(version, 3),
        "reports": _service(version, 2, "reports-db"),
        "shop": _route("shop", "web"),
        "reports-route": _route("reports", "reports"),
    }


SHAPES = (small, usual, large)
WEIGHTS = (30, 55, 15)
"""Of 100 environments, how many have each shape."""

VERSIONS = ("1.0.0", "1.1.0", "1.2.0")
"""Of the image; what the desired states that an environment goes through, again and again, differ in."""


@dataclass(frozen=True, slots=True)
class Template:
    """One change as the gate planned it; without the names of the place."""

    target: Mapping[str, Any] | None
    plan: Mapping[str, Any]
    facts: Mapping[str, Any]
    verdicts: Sequence[Mapping[str, Any]]
    needs: Sequence[ApprovalNeed]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Templates by (shape, stage, state before or None, state after or None); contracts by capability."""

    templates: Mapping[tuple[int, int, int | None, int | None], Template]
    contracts: Mapping[str, int]

    def of(self, shape: int, stage: int, before: int | None, after: int | None) -> Template:
        return self.templates[shape, stage, before, after]


def plan_all(system: System, stages: Sequence[Stage], requester: User, *, now: datetime) -> Catalogue:
    """Every template there is: create, each edit to the next state, delete; for each shape and stage."""
    actor = Actor(requester.pk, requester.username, via="portal")
    templates: dict[tuple[int, int, int | None, int | None], Template] = {}
    for shape, write in enumerate(SHAPES):
        for place, stage in enumerate(stages):
            created = [_create(actor, system, stage, write(version), now) for version in VERSIONS]
            for number, planned in enumerate(created):
                templates[shape, place, None, number] = _template(planned)
                after = (number + 1) % len(created)
                templates[shape, place, number, after] = _template(_edit(actor, planned, created[after], now))
                templates[shape, place, number, None] = _template(_delete(actor, planned, now))
    contracts = {row.capability.name: row.pk for row in Contract.objects.select_related("capability")}
    return Catalogue(templates, contracts)


def _create(actor: Actor, system: System, stage: Stage, resources: dict[str, Any], now: datetime) -> Planned:
    spec = {"stage": stage.name, "resources": resources}
    planned = change_plan(actor, ChangeRequest("create", system.slug, "planned", spec=spec), now=now)
    if planned.problems or planned.denials:
        raise RuntimeError(f"The seeded specification is not right: {planned.problems or planned.denials}")
    return planned


def _based(planned: Planned) -> Revision:
    return Revision(number=1, document=planned.target, digest=planned.plan["target_digest"])


def _edit(actor: Actor, before: Planned, after: Planned, now: datetime) -> Planned:
    bare = Planned(
        kind="update",
        system=before.system,
        environment_name=before.environment_name,
        stage=before.stage,
        base=_based(before),
        target=after.target,
    )
    order = [one["name"] for one in after.plan["resources"]]
    planned = with_plan(bare, order=order, digest=after.plan["target_digest"])
    return judge(planned, actor, reason="A new version.", now=now)


def _delete(actor: Actor, before: Planned, now: datetime) -> Planned:
    bare = Planned(
        kind="delete",
        system=before.system,
        environment_name=before.environment_name,
        stage=before.stage,
        base=_based(before),
    )
    return judge(with_plan(bare), actor, reason="No longer needed.", now=now)


def _template(planned: Planned) -> Template:
    return Template(
        planned.target, planned.plan, planned.facts, [one.as_dict() for one in planned.verdicts], planned.needs
    )

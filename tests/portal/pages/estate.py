"""Rows in numbers for the tests of pages: stages, environments, changes, made in bulk and without a gate."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from governance.models import Reservation
from idp.catalog.models import System, Team, User
from idp.kernel.actor import PLATFORM
from provisioning.models import Change, Contract, Environment, Resource, Revision, Run, Stage
from provisioning.services.setup import sandbox_install
from tests.personas import NOW
from tests.provisioning.builtin import install_contracts

RESOURCES = {
    "api": {
        "capability": "web-service",
        "contract": "1.0.0",
        "component": None,
        "inputs": {"image": "registry.example/checkout-api:1.8.3"},
    },
    "db": {"capability": "postgres", "contract": "1.0.0", "component": None, "inputs": {"storageGiB": 10}},
}


def install() -> dict[str, Stage]:
    """The built-in contracts and the stages of a new installation."""
    install_contracts(now=NOW)
    sandbox_install(PLATFORM, now=NOW)
    return {stage.name: stage for stage in Stage.objects.all()}


def environment(
    system: System, stage: Stage, by: User, *, name: str = "", state: str = "ready", expires: datetime | None = None
) -> Environment:
    """One environment with a change that made it, a revision, resources and its share of the quota."""
    name = name or stage.name
    made = Environment.objects.create(
        system=system,
        name=name,
        stage=stage,
        cluster_id=stage.cluster_id,
        namespace=f"{system.slug}-{name}",
        state=state,
        expires_at=expires,
        monthly_cost=Decimal("10.50"),
        created_at=NOW,
        changed_at=NOW,
    )
    request = change(made, by, state="succeeded", title=f"Create {system.slug} / {name}")
    document = {"stage": stage.name, "power": "awake", "expires": None, "resources": RESOURCES}
    made.desired = Revision.objects.create(
        environment=made, number=7, document=document, digest="a" * 64, change=request, created_at=NOW
    )
    made.save()
    for key, wanted in RESOURCES.items():
        contract = Contract.objects.get(capability__name=wanted["capability"], version=wanted["contract"])
        Resource.objects.create(environment=made, name=key, contract=contract, state="ready", changed_at=NOW)
    Reservation.objects.create(
        team=system.team,
        environment_id=made.pk,
        label=f"{system.slug}/{name}",
        state="used",
        cpu=1,
        memory_gib=2,
        storage_gib=10,
        environments=1,
        created_at=NOW,
    )
    return made


def change(of: Environment, by: User, *, state: str = "pending", title: str = "Update it") -> Change:
    return Change.objects.create(
        kind="update",
        state=state,
        system=of.system,
        stage=of.stage,
        environment=of,
        environment_name=of.name,
        plan={"resources": []},
        plan_digest="d" * 64,
        title=title,
        via="portal",
        requester=by,
        monthly_cost_after=Decimal("3.00"),
        created_at=NOW,
    )


def failed_run(of: Environment, by: User, *, message: str, step: str = "api") -> Run:
    return Run.objects.create(
        change=change(of, by, state="failed"),
        environment=of,
        kind="create",
        state="failed",
        error={"code": "image-not-found", "message": message, "step": step},
        created_at=NOW,
    )


def systems(team: Team, number: int, *, prefix: str = "many") -> list[System]:
    made = [
        System(slug=f"{prefix}-{index:03}", name=f"{prefix} {index}", team=team, created_at=NOW)
        for index in range(number)
    ]
    return System.objects.bulk_create(made)


def environments(of: Iterable[System], stages: Iterable[Stage], *, state: str = "failed") -> list[Environment]:
    """One environment per system and stage, each with a revision, two queries each kind."""
    rows = [
        Environment(
            system=system,
            name=stage.name,
            stage=stage,
            cluster_id=stage.cluster_id,
            namespace=f"{system.slug}-{stage.name}",
            state=state,
            expires_at=NOW + timedelta(hours=5),
            created_at=NOW,
            changed_at=NOW,
        )
        for system in of
        for stage in stages
    ]
    made = Environment.objects.bulk_create(rows)
    document = {"stage": "dev", "power": "awake", "expires": None, "resources": RESOURCES}
    revisions = Revision.objects.bulk_create(
        [Revision(environment=one, number=1, document=document, digest="b" * 64, created_at=NOW) for one in made]
    )
    for one, revision in zip(made, revisions, strict=True):
        one.desired = revision
    Environment.objects.bulk_update(made, ["desired"])
    return made

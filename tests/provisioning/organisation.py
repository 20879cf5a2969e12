"""An organisation with stages, contracts and policies, and how tests carry runs out: by hand, with a clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import sleep
from typing import Any

from django.conf import settings

from governance.services.policies import policy_save
from idp.kernel.actor import PLATFORM
from provisioning.drivers import open_driver
from provisioning.models import Change, Run
from provisioning.orchestrator import advance
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.setup import sandbox_install
from tests.personas import NOW, Organisation
from tests.provisioning.builtin import install_contracts
from tests.recording import once

PROD_NEEDS_A_MAINTAINER = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "prod-needs-a-maintainer"},
    "spec": {
        "title": "A maintainer agrees on production",
        "mode": "enforce",
        "when": "stage.production",
        "effect": "require-approval",
        "approvals": [{"from": "team:maintainer", "count": 1}],
        "message": "Production changes need a maintainer of the team.",
        "tests": [{"name": "dev is free", "facts": {"environment": {"stage": "dev"}}, "expect": "pass"}],
    },
}

SPEC: dict[str, Any] = {
    "stage": "dev",
    "resources": {
        "db": {"capability": "postgres@1", "inputs": {"storageGiB": 5}},
        "api": {
            "capability": "web-service@1",
            "inputs": {
                "image": "registry.example/checkout-api:1.8.3",
                "replicas": 2,
                "env": {
                    "DATABASE_HOST": "${resources.db.outputs.host}",
                    "DATABASE_PASSWORD": "${resources.db.outputs.credentials.password}",
                },
            },
        },
        "shop": {
            "capability": "route@1",
            "inputs": {"host": "shop.dev.example", "to": "${resources.api.outputs.service}"},
        },
    },
}


def equip(organisation: Organisation, *, policies: tuple[dict[str, Any], ...] = (PROD_NEEDS_A_MAINTAINER,)) -> None:
    """Stages on a sandbox, the built-in contracts, and policies."""
    once(("equipment", repr(policies)), lambda: _equip(policies))


def _equip(policies: tuple[dict[str, Any], ...]) -> None:
    sandbox_install(now=NOW)
    install_contracts(now=NOW)
    for document in policies:
        policy_save(PLATFORM, document=document, now=NOW)


def spec(stage: str = "dev", **resources: dict[str, Any]) -> dict[str, Any]:
    """``SPEC`` at a stage, with inputs of resources changed: ``spec(api={"replicas": 3})``."""
    made = {
        name: {**one, "inputs": {**one["inputs"], **resources.get(name, {})}} for name, one in SPEC["resources"].items()
    }
    return {"stage": stage, "resources": made}


def create(
    organisation: Organisation,
    name: str = "try",
    *,
    who: str = "developer",
    stage: str = "dev",
    now: datetime = NOW,
    **resources: dict[str, Any],
) -> Change:
    """Submit a create of ``checkout/<name>``."""
    request = ChangeRequest("create", "checkout", name, spec=spec(stage, **resources), reason="Because.")
    return change_submit(organisation.actor(who), request, now=now)


class Clock:
    """A clock that moves when told; every reading moves it a little, as time does."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def __call__(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def carry_out(run: Run, clock: Clock | None = None, *, rounds: int = 60, pause: float = 0) -> Run:
    """Advance a run as workers would until it ends; the clock goes on 5 s between two looks.

    ``pause`` is seconds of real time between them, for a sandbox whose objects take some to be ready.
    """
    clock = clock or Clock()
    for _ in range(rounds):
        advance(run.pk, now=clock)
        run.refresh_from_db()
        if run.state in ("succeeded", "failed", "cancelled"):
            return run
        clock.forward(5)
        sleep(pause)
    raise AssertionError(f"run {run.pk} is still {run.state} after {rounds} rounds")


def sandbox() -> Any:
    """The sandbox driver that the stages of ``equip`` use."""
    return open_driver(
        "sandbox", {"path": str(settings.SANDBOX_PATH), "ready_after": float(settings.SANDBOX_READY_SECONDS)}
    )

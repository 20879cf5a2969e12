"""One environment with every built-in capability, carried out on the sandbox: first, with a new migration, and gone."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.contracts import builtin_documents
from provisioning.domain.driver import Scope
from provisioning.models import Environment, Resource, Run, Step
from provisioning.orchestrator import advance
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.secret_slots import slot_fill, slots_read
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, equip, sandbox

pytestmark = pytest.mark.django_db

SCOPE = Scope("checkout", "all")
IMAGE = "registry.example/shop-api:1.8.3"


def everything(image: str = IMAGE) -> dict[str, Any]:
    """Wired as a shop would be: a migration before the service, a worker that reads the queue."""
    password = "${resources.orders.outputs.credentials.password}"
    resources: dict[str, tuple[str, dict[str, Any]]] = {
        "settings": ("config", {"values": {"LEVEL": "info"}, "files": {"a.yaml": "a: 1"}}),
        "exports": ("volume", {"storageGiB": 5}),
        "db": ("postgres", {"storageGiB": 5}),
        "sessions": ("cache", {}),
        "orders": ("queue", {"storageGiB": 1}),
        "uploads": ("object-bucket", {"storageGiB": 5}),
        "partner": ("secret-slot", {"keys": [{"key": "API_KEY"}]}),
        "migrate": ("job", {"image": image, "env": {"DB": "${resources.db.outputs.host}"}}),
        "api": (
            "web-service",
            {"image": image, "env": {"MIGRATED": "${resources.migrate.outputs.done}",
                                     "CACHE": "${resources.sessions.outputs.url}",
                                     "BUCKET": "${resources.uploads.outputs.bucket}",
                                     "PARTNER_KEY": "${resources.partner.outputs.credentials.API_KEY}"}},
        ),
        "mailer": (
            "worker",
            {"image": "registry.example/mailer:1", "env": {"QUEUE_PASSWORD": password},
             "volumes": [{"claim": "${resources.exports.outputs.claim}", "path": "/exports"}],
             "files": [{"config": "${resources.settings.outputs.files}", "path": "/etc/mailer"}]},
        ),
        "report": ("cron-job", {"image": "registry.example/report:1", "schedule": "0 3 * * *",
                                "env": {"LEVEL": "${resources.settings.outputs.values.LEVEL}"}}),
        "docs": ("static-site", {"replicas": 1}),
        "shop": ("route", {"host": "shop.dev.example", "to": "${resources.docs.outputs.service}"}),
        "orders-db": ("postgres@2", {"storageGiB": 5, "instances": 2}),
        "store": ("route@2", {"host": "store.dev.example", "to": "${resources.docs.outputs.service}"}),
        "open": ("public-api", {"host": "api.dev.example", "to": "${resources.api.outputs.service}"}),
    }  # fmt: skip
    made = {
        name: {"capability": what if "@" in what else f"{what}@1", "inputs": inputs}
        for name, (what, inputs) in resources.items()
    }
    return {"stage": "dev", "resources": made}


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made)
    return made


def submit(organisation: Organisation, kind: str, clock: Clock, **more: Any) -> Run:
    request = ChangeRequest(kind, "checkout", "all", **more)
    change = change_submit(organisation.actor("developer"), request, now=clock())
    run = Run.objects.get(change=change)
    if kind == "create":
        fill_the_secret(organisation, run, clock)
    run = carry_out(run, clock)
    assert run.state == "succeeded", run.error
    return run


def fill_the_secret(organisation: Organisation, run: Run, clock: Clock) -> None:
    """As a developer does once the run has made the Secret and waits for its values."""
    developer = organisation.actor("developer")
    for _ in range(60):
        advance(run.pk, now=clock)
        clock.forward(5)
        if Environment.objects.exists() and any(one.made for one in slots_read(developer, "checkout", "all")):
            break
    assert Step.objects.get(run=run, key="resource:api").state == "next"
    values = {"API_KEY": "sk-live-4eC39HqLyjWDarjtT1zdp7dc"}
    slot_fill(developer, system="checkout", environment="all", resource="partner", values=values, now=clock())


def jobs() -> list[str]:
    found = sandbox().list_managed(SCOPE, "checkout-all")
    return [one.name for one in found if one.kind == "Job"]


def test_it_uses_every_built_in_capability() -> None:
    """Whoever adds one adds it here, and each new major of one."""
    used = {one["capability"] for one in everything()["resources"].values()}
    assert used >= {
        f"{path.partition('/')[0]}@{path.partition('/')[2].partition('.')[0]}" for path, _ in builtin_documents()
    }


def test_all_of_them_live_together(organisation: Organisation) -> None:
    clock = Clock(NOW)
    run = submit(organisation, "create", clock, spec=everything())
    rows = {one.name: one for one in Resource.objects.all()}
    assert {one.state for one in rows.values()} == {"ready"}
    assert rows["settings"].outputs["values"] == {"LEVEL": "info"}
    assert rows["migrate"].outputs["done"].startswith("migrate-")
    ended = {step.key: step.finished_at for step in Step.objects.filter(run=run)}
    assert ended["resource:db"] < ended["resource:migrate"] < ended["resource:api"]
    [first] = jobs()

    submit(organisation, "update", clock, spec=everything("registry.example/shop-api:1.9.0"), base=1)
    [second] = jobs()
    assert first != second == Resource.objects.get(name="migrate").outputs["done"]

    submit(organisation, "delete", clock, base=2, confirm="all", reason="x")
    assert Environment.objects.get().deleted_at is not None
    assert sandbox().list_managed(SCOPE, "checkout-all") == []

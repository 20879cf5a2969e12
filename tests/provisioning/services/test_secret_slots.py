"""Filling secrets: who may, what the run says and does meanwhile, and that no value is ever kept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings

from governance.models import AuditEntry
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, Transient
from provisioning.domain.driver import ObjectRef
from provisioning.models import Environment, Run, Step
from provisioning.orchestrator import advance
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.secret_slots import slot_fill, slots_read
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, equip, sandbox

pytestmark = pytest.mark.django_db

VALUE = "sk-live-4eC39HqLyjWDarjtT1zdp7dc"
KEYS = [{"key": "API_KEY", "help": "Dashboard"}, {"key": "TOKEN"}, {"key": "EXTRA", "optional": True}]


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made, policies=())
    return made


def ask(organisation: Organisation, stage: str = "dev", **inputs: Any) -> Run:
    """A slot and a service that reads it, asked for and started."""
    resources = {
        "keys": {"capability": "secret-slot@1", "inputs": {"keys": KEYS, **inputs}},
        "api": {
            "capability": "web-service@1",
            "inputs": {"image": "shop:1", "env": {"KEY": "${resources.keys.outputs.credentials.API_KEY}"}},
        },
    }
    request = ChangeRequest("create", "checkout", "try", spec={"stage": stage, "resources": resources}, reason="R")
    return Run.objects.get(change=change_submit(organisation.actor("maintainer"), request, now=NOW))


def until_it_waits(run: Run, clock: Clock) -> Step:
    for _ in range(10):
        advance(run.pk, now=clock)
        clock.forward(5)
    return Step.objects.get(run=run, key="resource:keys")


def fill(organisation: Organisation, who: str = "developer", resource: str = "keys", **values: Any) -> Any:
    return slot_fill(
        organisation.actor(who), system="checkout", environment="try", resource=resource, values=values, now=NOW
    )


def test_the_run_waits_in_words_and_goes_on_when_people_have_filled_it(organisation: Organisation) -> None:
    run, clock = ask(organisation), Clock()
    step = until_it_waits(run, clock)
    assert (step.state, step.message) == (
        "waiting",
        "Waits for people to fill API_KEY and TOKEN: open “Secrets” on the environment's page.",
    )
    clock.forward(timedelta(days=3).total_seconds())
    until_it_waits(run, clock)
    run.refresh_from_db()
    assert run.state == "running"
    assert fill(organisation, API_KEY=VALUE).missing == ("TOKEN",)
    assert "fill TOKEN:" in until_it_waits(run, clock).message
    assert fill(organisation, TOKEN=VALUE).missing == ()
    assert carry_out(run, clock).state == "succeeded"
    [state] = slots_read(organisation.actor("viewer"), "checkout", "try")
    assert [(one.name, one.filled) for one in state.keys] == [("API_KEY", True), ("TOKEN", True), ("EXTRA", False)]


def test_the_run_gives_up_after_a_fortnight(organisation: Organisation) -> None:
    run, clock = ask(organisation), Clock()
    until_it_waits(run, clock)
    clock.forward(timedelta(days=14).total_seconds())
    assert until_it_waits(run, clock).state == "failed"


def test_no_value_is_kept_anywhere(organisation: Organisation, tmp_path: Path, caplog: Any) -> None:
    run, clock = ask(organisation), Clock()
    until_it_waits(run, clock)
    fill(organisation, API_KEY=VALUE, TOKEN=VALUE)
    fill(organisation, API_KEY=VALUE + VALUE)
    carry_out(run, clock)
    with pytest.raises(InvalidInput) as caught:
        fill(organisation, UNKNOWN=VALUE)
    kept = [str(caught.value), repr(caught.value.errors), caplog.text]
    for model in apps.get_models():
        kept += [repr(row) for row in model._default_manager.values()]
    assert not [text for text in kept if VALUE in text]
    for file in Path(settings.SANDBOX_PATH).parent.glob(f"{Path(settings.SANDBOX_PATH).name}*"):
        assert VALUE.encode() not in file.read_bytes()
    entries = AuditEntry.objects.filter(action="secret.fill").order_by("sequence")
    assert [one.data["keys"] for one in entries] == [["API_KEY", "TOKEN"], ["API_KEY"]]


@pytest.mark.parametrize(
    ("who", "stage", "error"),
    [
        ("developer", "dev", None),
        ("maintainer", "dev", None),
        ("viewer", "dev", Forbidden),
        ("stranger", "dev", Forbidden),
        ("auditor", "dev", Forbidden),
        ("developer", "prod", Forbidden),
        ("maintainer", "prod", None),
        ("admin", "prod", None),
    ],
)
def test_who_may_fill(organisation: Organisation, who: str, stage: str, error: type[Exception] | None) -> None:
    until_it_waits(ask(organisation, stage), Clock())
    if error is None:
        assert fill(organisation, who, API_KEY=VALUE).keys[0].filled
        return
    with pytest.raises(error):
        fill(organisation, who, API_KEY=VALUE)
    assert not AuditEntry.objects.filter(action__startswith="secret.").exists()


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({}, "values"),
        ({"API_KEY": ""}, "values.API_KEY"),
        ({"API_KEY": "x" * 65_537}, "values.API_KEY"),
        ({"OTHER": "x"}, "values.OTHER"),
    ],
    ids=["nothing", "empty", "too-long", "unknown"],
)
def test_it_says_at_the_key_what_is_right(organisation: Organisation, values: dict[str, str], path: str) -> None:
    until_it_waits(ask(organisation), Clock())
    with pytest.raises(InvalidInput) as caught:
        fill(organisation, **values)
    assert [one.path for one in caught.value.errors] == [path]


def test_what_something_else_fills_is_not_asked_of_people(organisation: Organisation) -> None:
    run, clock = ask(organisation, filledBy="outside"), Clock()
    assert "which something else in the cluster fills" in until_it_waits(run, clock).message
    with pytest.raises(Conflict):
        fill(organisation, API_KEY=VALUE)
    environment = Environment.objects.get()
    ref = ObjectRef("v1", "Secret", environment.namespace, "keys")
    sandbox().edit(ref, {"data": {"API_KEY": "eA==", "TOKEN": "eA=="}}, manager="external-secrets")
    assert carry_out(run, clock).state == "succeeded"


def test_there_is_nothing_to_fill_before_it_is_made_or_where_there_is_no_slot(organisation: Organisation) -> None:
    ask(organisation)
    [state] = slots_read(organisation.actor("developer"), "checkout", "try")
    assert (state.made, state.missing) == (False, ("API_KEY", "TOKEN"))
    with pytest.raises(Conflict, match="not been made yet"):
        fill(organisation, API_KEY=VALUE)
    with pytest.raises(NotFound):
        fill(organisation, resource="api", API_KEY=VALUE)


def test_a_cluster_that_is_away_is_said_and_noted(organisation: Organisation) -> None:
    until_it_waits(ask(organisation), Clock())
    sandbox().tell("*", "unavailable")
    with pytest.raises(Transient):
        fill(organisation, API_KEY=VALUE)
    with pytest.raises(Transient):
        slots_read(organisation.actor("developer"), "checkout", "try")
    entries = AuditEntry.objects.filter(action__startswith="secret.").order_by("sequence")
    assert list(entries.values_list("action", flat=True)) == [
        "secret.fill",
        "secret.fill-failed",
    ]

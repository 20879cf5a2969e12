"""What is wrong with an environment, asked of its cluster when a person looks."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from django.db import connection

from governance.access import rights_of
from idp.kernel.errors import Conflict, Forbidden, NotFound, Transient
from provisioning.domain.driver import Described, ObjectRef, Told
from provisioning.drivers.sandbox import SandboxDriver
from provisioning.models import Environment, Resource, Run
from provisioning.selectors import health
from provisioning.services.changes import ChangeRequest, change_submit
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip, sandbox

pytestmark = pytest.mark.django_db

SECRET = "hunter2hunter2"
LOG = f"\x1b[31mboot\x1b[0m\nDB_PASSWORD={SECRET}\nno route to host"


@pytest.fixture
def broken(organisation: Organisation) -> Environment:
    """The image of ``api`` does not exist; the run failed at it."""
    equip(organisation)
    change = create(organisation, "staging", api={"image": "registry.example/checkout-api:missing"})
    assert carry_out(Run.objects.get(change=change)).state == "failed"
    return Environment.objects.select_related("cluster", "system__team", "desired").get()


def speaks(monkeypatch: pytest.MonkeyPatch, **methods: Any) -> None:
    """Let the sandbox answer some calls otherwise, as a cluster with pods would."""
    for name, answer in methods.items():
        monkeypatch.setattr(SandboxDriver, name, answer)


def test_it_says_what_happened_what_it_means_and_what_to_try(broken: Environment) -> None:
    told = health.environment_health(broken)
    (one,) = told.troubles
    assert (one.resource, one.object, one.explanation.code) == ("api", "Deployment api", "image-not-found")
    assert "registry.example/checkout-api:missing" in one.explanation.sentence
    assert one.explanation.meaning
    assert one.explanation.advice


def test_it_asks_nothing_of_what_is_well(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation)))
    speaks(monkeypatch, describe=lambda *_: pytest.fail("asked"), observe=lambda *_: pytest.fail("asked"))
    assert health.environment_health(Environment.objects.get()).says_nothing


def test_it_says_so_when_the_cluster_does_not_answer(broken: Environment, organisation: Organisation) -> None:
    sandbox().tell("*", "unavailable")
    told = health.environment_health(broken)
    assert "does not answer" in told.unanswered
    assert told.troubles == ()
    with pytest.raises(Transient) as raised:
        health.resource_log(rights_of(organisation.actor("developer")), broken, "api")
    assert raised.value.code == "cluster-unreachable"


def test_it_says_so_when_the_cluster_refuses(broken: Environment, organisation: Organisation) -> None:
    sandbox().tell("*", "forbid", reason="No, token=hunter2hunter2 is not known.")
    told = health.environment_health(broken)
    assert "does not let us look" in told.unanswered
    assert SECRET not in told.unanswered
    with pytest.raises(Conflict):
        health.resource_log(rights_of(organisation.actor("developer")), broken, "api")


def test_it_never_asks_inside_a_transaction(
    broken: Environment, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    depth = len(connection.savepoint_ids)
    seen: list[int] = []

    def describe(self: SandboxDriver, ref: ObjectRef) -> Described:
        seen.append(len(connection.savepoint_ids))
        return Described(None)

    speaks(monkeypatch, describe=describe)
    health.environment_health(broken)
    assert set(seen) == {depth}


def test_it_takes_secrets_out_of_what_the_cluster_quotes(broken: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Told("FailedCreate", f"pods is forbidden: env DB_PASSWORD={SECRET}", "api")
    speaks(monkeypatch, describe=lambda self, ref: Described({"metadata": {"name": "api"}}, (), (refused,)))
    (one,) = health.environment_health(broken).troubles
    assert one.explanation.code == "pods-refused"
    assert SECRET not in str(dataclasses.asdict(one.explanation))


def test_it_reads_the_last_output_without_secrets(
    broken: Environment, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def log(self: SandboxDriver, *place: str, ended: bool, most: int) -> str:
        asked.append((*place, ended, most))
        return LOG

    speaks(monkeypatch, log=log)
    told = health.resource_log(rights_of(organisation.actor("developer")), broken, "api")
    assert told.text == "boot\nDB_PASSWORD=[hidden]\nno route to host"
    assert (told.hidden, told.cut, told.container) == (1, False, "app")
    assert asked == [("checkout-staging", told.pod, told.container, True, health.MOST_LOG)]


def test_it_says_that_a_long_output_was_cut(
    broken: Environment, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaks(monkeypatch, log=lambda *_, ended, most: "x\n" * (most // 2))
    assert health.resource_log(rights_of(organisation.actor("developer")), broken, "api").cut


@pytest.mark.parametrize("who", ["viewer", "stranger", "auditor"])
def test_it_shows_output_only_to_those_who_may_ask_for_changes(
    broken: Environment, organisation: Organisation, who: str
) -> None:
    with pytest.raises(Forbidden):
        health.resource_log(rights_of(organisation.actor(who)), broken, "api")


@pytest.mark.parametrize("resource", ["db", "nothing"])
def test_it_finds_no_output_where_nothing_fails(broken: Environment, organisation: Organisation, resource: str) -> None:
    with pytest.raises(NotFound):
        health.resource_log(rights_of(organisation.actor("developer")), broken, resource)


def test_it_names_what_holds_an_environment_that_does_not_go(organisation: Organisation) -> None:
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation)))
    sandbox().tell("*/Deployment/api", "hold")
    asked = ChangeRequest("delete", "checkout", "try", reason="Over.", confirm="try")
    run = Run.objects.get(change=change_submit(organisation.actor("developer"), asked, now=NOW))
    with pytest.raises(AssertionError):
        carry_out(run, Clock(), rounds=6)
    told = health.environment_health(Environment.objects.select_related("cluster", "desired").get())
    (one,) = [each for each in told.leaving if each.resource == "api" and each.held.ref.kind == "Deployment"]
    assert "sandbox.slipway.dev/hold" in [each.finalizer for each in one.held.holders]
    assert one.held.since is not None
    assert Resource.objects.get(name="api").state == "deleting"

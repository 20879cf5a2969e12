"""Every kind of change goes through the same gate: upgrade, roll back, extend, sleep, wake, copy, delete."""

from __future__ import annotations

from typing import Any

import pytest

from idp.kernel.actor import PLATFORM
from provisioning.contracts import builtin_documents
from provisioning.models import Change, Contract, Environment, Run
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.contracts import contract_publish
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip, spec

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made)
    return made


@pytest.fixture
def made(organisation: Organisation) -> Environment:
    """``checkout/try`` with a database, a service and a route, Ready."""
    change = create(organisation)
    carry_out(Run.objects.get(change=change))
    return Environment.objects.get()


def publish(capability: str, version: str, **spec: Any) -> Contract:
    """Another version of a built-in capability, with parts of its spec replaced."""
    document: dict[str, Any] = dict(dict(builtin_documents())[f"{capability}/1.0.0.yaml"].data)
    document = {**document, "metadata": {**document["metadata"], "version": version}}
    return contract_publish(PLATFORM, document={**document, "spec": {**document["spec"], **spec}}, now=NOW)


def renamed(**mapping: Any) -> dict[str, Any]:
    """What a postgres 2.0.0 replaces: its size is called otherwise, and ``mapping`` says what becomes of the old."""
    old: dict[str, Any] = dict(dict(builtin_documents())["postgres/1.0.0.yaml"].data)["spec"]
    properties = dict(old["inputs"]["properties"])
    inputs = {**old["inputs"], "properties": {**properties, "tier": {"type": "string", "default": "plain"}}}
    return {"inputs": inputs, "upgrade": {"1": mapping}}


def ask(
    organisation: Organisation, kind: str, *, name: str = "try", now: Any = NOW, who: str = "developer", **asked: Any
) -> Any:
    return change_plan(organisation.actor(who), ChangeRequest(kind, "checkout", name, **asked), now=now)


def do(
    organisation: Organisation, kind: str, *, name: str = "try", now: Any = NOW, who: str = "developer", **asked: Any
) -> Change:
    """Submit and carry out."""
    change = change_submit(organisation.actor(who), ChangeRequest(kind, "checkout", name, **asked), now=now)
    carry_out(Run.objects.get(change=change), Clock(now))
    change.refresh_from_db()
    assert change.state == "succeeded"
    return change


def told(planned: Any) -> list[tuple[str, str]]:
    return [(one.path, one.message) for one in planned.problems]


def test_it_upgrades_within_a_major_and_keeps_the_inputs(organisation, made):
    publish("postgres", "1.1.0")
    planned = ask(organisation, "upgrade", capability="postgres", version="1.1.0")
    assert planned.outcome == "starts", planned.problems
    assert [(one["path"], one["after"]) for one in planned.plan["resources"][0]["fields"]] == [
        ("contract", "postgres 1.1.0")
    ]
    change = do(organisation, "upgrade", capability="postgres", version="1.1.0")
    made.refresh_from_db()
    assert made.desired.document["resources"]["db"]["contract"] == "1.1.0"
    assert made.desired.document["resources"]["db"]["inputs"]["storageGiB"] == 5
    assert change.title == "Upgrade checkout / try: db to 1.1.0"
    assert change.intent == {"capability": "postgres", "version": "1.1.0"}


def test_it_maps_the_inputs_of_an_older_major(organisation, made):
    publish("postgres", "2.0.0", **renamed(tier="${inputs.size == 'small' ? 'cheap' : 'plain'}"))
    do(organisation, "upgrade", capability="postgres", version="2.0.0", resources=("db",))
    made.refresh_from_db()
    assert made.desired.document["resources"]["db"]["inputs"]["tier"] == "cheap"


def test_it_says_where_a_mapping_does_not_fit(organisation, made):
    publish("postgres", "2.0.0", **renamed(storageGiB="${inputs.storageGiB - 5}"))
    planned = ask(organisation, "upgrade", capability="postgres", version="2.0.0")
    assert planned.outcome == "invalid"
    assert [path for path, _ in told(planned)] == ["spec.resources.db.inputs.storageGiB"]


@pytest.mark.parametrize(
    ("asked", "path", "words"),
    [
        pytest.param({"capability": "queue", "version": "1.0.0"}, "capability", "postgres, route", id="not-here"),
        pytest.param({"capability": "postgres", "version": "1"}, "version", "exact", id="no-exact-version"),
        pytest.param({"capability": "postgres", "version": "9.0.0"}, "version", "no version 9.0.0", id="unknown"),
        pytest.param({"capability": "postgres", "version": "1.0.0"}, "version", "roll back", id="downgrade"),
        pytest.param(
            {"capability": "postgres", "version": "1.1.0", "resources": ("api",)}, "resources", "not a postgres",
            id="another-resource",
        ),
    ],
)  # fmt: skip
def test_it_refuses_an_upgrade_with_the_way_out(organisation, made, asked, path, words):
    publish("postgres", "1.1.0")
    do(organisation, "upgrade", capability="postgres", version="1.1.0")
    (problem,) = told(ask(organisation, "upgrade", **asked))
    assert problem[0] == path
    assert words in problem[1]


def test_it_rolls_back_with_the_power_and_life_of_today(organisation, made):
    do(organisation, "update", spec=spec(api={"replicas": 4}))
    do(organisation, "extend", until="60d")
    made.refresh_from_db()
    expires = made.desired.document["expires"]
    change = do(organisation, "rollback", revision=1)
    made.refresh_from_db()
    assert made.desired.number == 4
    assert made.desired.document["resources"]["api"]["inputs"]["replicas"] == 2
    assert made.desired.document["expires"] == expires
    assert change.title == "Roll checkout / try back to r1"


def test_it_does_not_shrink_storage_by_rolling_back(organisation, made):
    do(organisation, "update", spec=spec(db={"storageGiB": 20}))
    (problem,) = told(ask(organisation, "rollback", revision=1))
    assert problem[0] == "spec.resources.db.inputs.storageGiB"
    assert "only grows" in problem[1]


@pytest.mark.parametrize("state", ["defective", "retired"])
def test_it_says_that_a_version_of_then_is_no_longer_good(organisation, made, state):
    publish("postgres", "1.1.0")
    do(organisation, "upgrade", capability="postgres", version="1.1.0")
    Contract.objects.filter(capability__name="postgres", version="1.0.0").update(state=state)
    problems = told(ask(organisation, "rollback", revision=1))
    assert problems[0][0] == "spec.resources.db.capability"
    assert f"postgres 1.0.0, which is {state} meanwhile" in problems[0][1]
    assert len(problems) == 1


def test_it_knows_no_revision_that_never_was(organisation, made):
    assert told(ask(organisation, "rollback", revision=9)) == [("revision", "try has no revision r9.")]
    assert ask(organisation, "rollback", revision=1).outcome == "nothing"

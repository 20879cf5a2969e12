"""Every kind of change goes through the same gate: upgrade, roll back, extend, sleep, wake, copy, delete."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from governance.selectors.quota import quota_state
from governance.services.policies import policy_save
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import InvalidInput
from provisioning.contracts import builtin_documents
from provisioning.models import Change, Contract, Environment, Resource, Run
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
    """What a later postgres replaces: its size is called otherwise, and ``mapping`` says what becomes of the old."""
    old: dict[str, Any] = dict(dict(builtin_documents())["postgres/1.0.0.yaml"].data)["spec"]
    properties = dict(old["inputs"]["properties"])
    inputs = {**old["inputs"], "properties": {**properties, "tier": {"type": "string", "default": "plain"}}}
    return {"inputs": inputs, "upgrade": {"1": mapping, "2": mapping}}


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
    publish("postgres", "9.0.0", **renamed(tier="${inputs.size == 'small' ? 'cheap' : 'plain'}"))
    do(organisation, "upgrade", capability="postgres", version="9.0.0", resources=("db",))
    made.refresh_from_db()
    assert made.desired.document["resources"]["db"]["inputs"]["tier"] == "cheap"


def test_it_says_where_a_mapping_does_not_fit(organisation, made):
    publish("postgres", "9.0.0", **renamed(storageGiB="${inputs.storageGiB - 5}"))
    planned = ask(organisation, "upgrade", capability="postgres", version="9.0.0")
    assert planned.outcome == "invalid"
    assert [path for path, _ in told(planned)] == ["spec.resources.db.inputs.storageGiB"]


@pytest.mark.parametrize(
    ("asked", "path", "words"),
    [
        pytest.param({"capability": "queue", "version": "1.0.0"}, "capability", "postgres, route", id="not-here"),
        pytest.param({"capability": "postgres", "version": "1"}, "version", "exact", id="no-exact-version"),
        pytest.param({"capability": "postgres", "version": "8.0.0"}, "version", "no version 8.0.0", id="unknown"),
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


def test_it_sleeps_and_wakes_with_quota_and_cost(organisation, made):
    team = made.system.team_id
    awake = (made.cpu, made.monthly_cost, made.storage_gib)
    planned = ask(organisation, "sleep")
    assert planned.outcome == "starts"
    effects = {one["name"]: one["effect"] for one in planned.plan["resources"]}
    assert effects == {
        "db": "Falls asleep, its 5 GiB of data stay",
        "api": "Falls asleep",
        "shop": "Stays as it is",
    }
    do(organisation, "sleep")
    made.refresh_from_db()
    assert (made.state, made.ready_since) == ("asleep", None)
    assert (made.cpu, made.storage_gib) == (0, awake[2])
    assert 0 < made.monthly_cost < awake[1]
    assert quota_state(team).used.cpu == 0
    assert quota_state(team).used.storage_gib == awake[2]
    assert {one["type"]: one["status"] for one in made.conditions}["Asleep"] == "True"
    assert told(ask(organisation, "sleep")) == [("kind", "It is asleep already.")]
    do(organisation, "wake")
    made.refresh_from_db()
    assert (made.state, made.cpu, made.monthly_cost) == ("ready", awake[0], awake[1])
    assert made.ready_since is not None


def test_it_keeps_an_environment_asleep_that_is_changed(organisation, made):
    do(organisation, "sleep")
    do(organisation, "update", spec=spec(api={"replicas": 5}))
    made.refresh_from_db()
    assert (made.state, made.desired.document["power"], made.cpu) == ("asleep", "asleep", 0)
    do(organisation, "rollback", revision=1)
    made.refresh_from_db()
    assert made.state == "asleep"


UPDATES_ARE_AGREED = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "updates-are-agreed"},
    "spec": {
        "title": "Somebody agrees on updates",
        "mode": "enforce",
        "when": "change.kind == 'update'",
        "effect": "require-approval",
        "approvals": [{"from": "team:maintainer", "count": 1}],
        "message": "Updates need a maintainer.",
        "tests": [{"name": "sleep is free", "facts": {"change": {"kind": "sleep"}}, "expect": "pass"}],
    },
}


def test_an_update_that_waited_does_not_wake_what_fell_asleep_meanwhile(organisation, made):
    policy_save(PLATFORM, document=UPDATES_ARE_AGREED, now=NOW)
    wish = ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": 5}))
    waiting = change_submit(organisation.actor("developer"), wish, now=NOW)
    assert waiting.state == "pending"
    slept = do(organisation, "sleep")
    waiting.refresh_from_db()
    assert waiting.target["power"] == "asleep"
    assert waiting.base == slept.revision
    assert waiting.plan["power_before"] == waiting.plan["power_after"] == "asleep"


def test_it_extends_up_to_the_cap_at_once_and_beyond_it_with_a_maintainer(organisation, made):
    assert ask(organisation, "extend", until="90d").outcome == "starts"
    later = NOW + timedelta(days=20)
    beyond = ask(organisation, "extend", until="90d", now=later)
    assert beyond.outcome == "waits"
    assert [(one.policy, one.source) for one in beyond.needs] == [("longest-life", "team:payments:maintainer")]
    assert [path for path, _ in told(ask(organisation, "extend", until="91d", now=later))] == ["until"]
    assert [path for path, _ in told(ask(organisation, "extend", until="never", now=later))] == ["until"]


def test_extending_does_not_break_how_long_it_has_been_ready(organisation, made):
    before = made.ready_since
    change = do(organisation, "extend", until="30d", now=NOW + timedelta(days=1))
    made.refresh_from_db()
    assert made.ready_since == before
    assert change.title == f"Extend checkout / try until {made.expires_at:%d %B %Y}"
    assert made.expires_at.date() == (NOW + timedelta(days=31)).date()


def test_it_copies_an_environment_and_says_what_is_not_copied(organisation, made):
    inputs = {"shop": {"inputs": {"host": "copy.dev.example"}}}
    planned = ask(organisation, "create", name="copy", source="try", spec={"resources": inputs})
    assert planned.outcome == "starts", planned.problems
    assert planned.plan["notes"] == ["Secrets are made new. Data of try is not copied: every volume starts empty."]
    change = do(organisation, "create", name="copy", source="try", spec={"resources": inputs})
    assert change.title == "Create checkout / copy as a copy of try"
    copied = Environment.objects.get(name="copy").desired.document["resources"]
    assert copied["db"] == made.desired.document["resources"]["db"]
    assert copied["shop"]["inputs"]["host"] == "copy.dev.example"


def test_a_host_does_not_lead_to_a_copy_too(organisation, made):
    planned = ask(organisation, "create", name="copy", source="try")
    assert [path for path, _ in told(planned)] == ["spec.resources.shop.inputs.host"]


def test_it_adopts_inputs_as_a_whole(organisation, made):
    inputs = {**made.desired.document["resources"]["api"]["inputs"], "replicas": 7}
    change = do(organisation, "adopt", patches={"api": inputs})
    made.refresh_from_db()
    assert made.desired.document["resources"]["api"]["inputs"]["replicas"] == 7
    assert change.title == "Adopt drift of checkout / try: api"


def test_it_says_what_is_lost_and_asks_why(organisation, made):
    planned = ask(organisation, "delete")
    assert planned.plan["notes"] == [
        "db loses its 5 GiB of data; nothing brings it back.",
        "shop.dev.example leads nowhere any more.",
    ]
    with pytest.raises(InvalidInput) as refused:
        change_submit(organisation.actor("developer"), ChangeRequest("delete", "checkout", "try"), now=NOW)
    assert [one.path for one in refused.value.errors] == ["confirm", "reason"]


@pytest.mark.parametrize(
    ("production", "data", "outcome"),
    [(False, False, "starts"), (False, True, "invalid"), (True, False, "invalid")],
    ids=["neither", "data", "production"],
)
def test_it_names_who_relies_on_it_and_keeps_production_and_data_for_them(
    organisation, made, production, data, outcome
):
    if not data:
        without(made, "db")
    api, web = organisation.components["checkout-api"], organisation.components["shop-web"]
    Resource.objects.filter(environment=made, name="api").update(component=api)
    theirs = Environment.objects.create(
        system=web.system, name="their", stage=made.stage, cluster=made.cluster, namespace="their", state="ready",
        created_at=NOW, changed_at=NOW,
    )  # fmt: skip
    resource = Resource.objects.get(environment=made, name="api")
    Resource.objects.create(
        environment=theirs, name="web", contract=resource.contract, component=web, state="ready", changed_at=NOW
    )
    made.refresh_from_db()
    made.stage.production = production
    made.stage.save()
    planned = ask(organisation, "delete", reason="x", confirm="try")
    assert planned.outcome == outcome
    said = [*planned.plan["notes"], *(one.message for one in planned.problems)]
    assert any(f"{web.system.slug}/their" in one for one in said)


@pytest.mark.parametrize(
    ("text", "relies"),
    [
        ("https://shop.dev.example/v1", True),
        ("shop.dev.example:443", True),
        ("old-shop.dev.example", False),
        ("shop.dev.example.org", False),
        ("shop", False),
    ],
)
def test_it_is_kept_for_whoever_calls_one_of_its_hosts(organisation, made, text, relies):
    caller = {"capability": "web-service@1", "inputs": {"image": "registry.example/x:1", "env": {"SHOP_URL": text}}}
    asked = {"stage": "dev", "resources": {"web": caller}}
    change = change_submit(
        organisation.actor("stranger"), ChangeRequest("create", "shop", "theirs", spec=asked), now=NOW
    )
    carry_out(Run.objects.get(change=change))
    planned = ask(organisation, "delete", reason="x", confirm="try")
    assert [message for _, message in told(planned)] == (
        ["Others rely on it: shop/theirs. Move them elsewhere first."] if relies else []
    )


def without(environment: Environment, *resources: str) -> None:
    """As if it had never had them."""
    document = dict(environment.desired.document)
    kept = {name: one for name, one in document["resources"].items() if name not in resources}
    api = {**kept["api"], "inputs": {**kept["api"]["inputs"], "env": {}}}
    Resource.objects.filter(environment=environment, name__in=resources).delete()
    environment.desired.document = {**document, "resources": {**kept, "api": api}}
    environment.desired.save(update_fields=["document"])


@pytest.mark.parametrize("kind", ["update", "delete", "sleep", "wake", "extend", "rollback", "upgrade"])
def test_what_is_not_there_is_said_once(organisation: Organisation, kind: str) -> None:
    (problem,) = [one for one in ask(organisation, kind, name="nothing").problems if one.path != "until"]
    assert (problem.path, "There is no checkout/nothing." in problem.message) == ("metadata.name", True)

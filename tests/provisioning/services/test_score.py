"""Score files through the gate: asked for whole or not at all, sent again, shared, and mapped by rules of one's own."""

from __future__ import annotations

import copy

import pytest

from governance.models import AuditEntry
from governance.services.policies import policy_save
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, PolicyDenied
from provisioning.domain.score.rules import rules_of, shipped
from provisioning.models import Change, Environment, Run, ScoreRules, ScoreWorkload
from provisioning.selectors.score import rules_now
from provisioning.services.score import ScoreWish, score_plan, score_submit
from provisioning.services.score_rules import score_rules_affected, score_rules_restore, score_rules_save
from tests.personas import NOW, Organisation
from tests.provisioning.domain.score.files import WHOLE, workload
from tests.provisioning.organisation import Clock, carry_out, equip

pytestmark = pytest.mark.django_db
IMAGE = "registry.example/mailer:1.0.0"


@pytest.fixture
def organisation(db) -> Organisation:
    made = Organisation.found()
    equip(made)
    return made


def wish(text: str = WHOLE, **more) -> ScoreWish:
    return ScoreWish(
        **{"system": "checkout", "environment": "try", "stage": "dev", "images": {"": IMAGE}, "text": text} | more
    )


def submit(organisation: Organisation, text: str = WHOLE, *, who: str = "developer", **more) -> Change:
    change = score_submit(organisation.actor(who), wish(text, **more), now=clock.now())
    carry_out(Run.objects.get(change=change), Clock(clock.now()))
    return change


def resources() -> dict:
    return Environment.objects.get(name="try").desired.document["resources"]


def test_it_makes_an_environment_and_keeps_what_was_asked_for(organisation):
    change = submit(organisation)
    change.refresh_from_db()
    assert (change.kind, change.state) == ("create", "succeeded")
    assert set(resources()) == {
        "shop-api", "shop-api-db", "shop-api-route", "redis-main-cache", "mailer", "mailer-data", "mailer-files",
    }  # fmt: skip
    assert set(change.score_workloads.values_list("name", flat=True)) == {"shop-api", "mailer"}


def test_no_secret_is_kept_with_the_workloads(organisation):
    submit(organisation)
    for row in ScoreWorkload.objects.all():
        assert "secretKeyRef" not in str(row.document)
        assert "stringData" not in str(row.document)


def test_a_plan_writes_nothing_and_says_what_is_made_of_what(organisation):
    plan = score_plan(organisation.actor("developer"), wish(), now=clock.now())
    assert plan.problems == ()
    assert plan.planned.outcome == "starts"
    assert {one.made_by for one in plan.translation.mapped} >= {
        "postgres@1",
        "route@2",
        "values only",
        "shared",
        "found",
    }
    assert not Change.objects.exists()
    assert not ScoreWorkload.objects.exists()


def test_with_one_place_that_cannot_be_mapped_nothing_is_asked_for(organisation):
    text = WHOLE + "  queue: {type: amqp}\n"
    with pytest.raises(InvalidInput) as caught:
        score_submit(organisation.actor("developer"), wish(text), now=clock.now())
    assert caught.value.code == "score-unmapped"
    assert [one.path for one in caught.value.errors] == ["mailer: resources.queue.type"]
    assert caught.value.errors[0].line == 39
    assert not Environment.objects.exists()
    plan = score_plan(organisation.actor("developer"), wish(text), now=clock.now())
    assert (plan.request, plan.planned) == (None, None)


def test_what_the_gate_refuses_is_told_at_the_place_in_the_file(organisation):
    text = workload(container="{image: UPPER/Case}")
    with pytest.raises(InvalidInput) as caught:
        score_submit(organisation.actor("developer"), wish(text), now=clock.now())
    assert caught.value.errors[0].path == "shop-api: containers.main"
    assert caught.value.errors[0].message.startswith("inputs.image ")
    assert caught.value.errors[0].line == 3


def test_a_newer_file_changes_removes_and_leaves_alone(organisation):
    submit(organisation)
    one = workload(name="mailer", container='{image: "."}', more="resources: {store: {type: redis, id: main.cache}}")
    submit(organisation, one, stage="")
    assert set(resources()) == {"shop-api", "shop-api-db", "shop-api-route", "redis-main-cache", "mailer"}
    submit(organisation, workload(name="mailer", container="{image: registry.example/mailer:2}"), stage="")
    assert "redis-main-cache" in resources(), "the other workload still shares it"


def test_params_of_a_shared_resource_agree_across_files(organisation):
    first = workload(name="one", more="resources: {db: {type: postgres, id: main, params: {storage: 5Gi}}}")
    second = workload(name="two", more="resources: {db: {type: postgres, id: main, params: {storage: 6Gi}}}")
    submit(organisation, first)
    with pytest.raises(InvalidInput) as caught:
        score_submit(organisation.actor("developer"), wish(second, stage=""), now=clock.now())
    assert "differ from those that one gives" in caught.value.errors[0].message
    submit(organisation, second.replace(", params: {storage: 6Gi}", ""), stage="")
    assert resources()["postgres-main"]["inputs"]["storageGiB"] == 5


def test_an_id_is_shared_inside_one_environment_only(organisation):
    text = workload(more="resources: {db: {type: postgres, id: main}}")
    submit(organisation, text)
    score_submit(organisation.actor("developer"), wish(text, environment="other"), now=clock.now())
    first, second = Environment.objects.order_by("name").values_list("namespace", flat=True)
    assert first != second
    assert ScoreWorkload.objects.filter(claims__has_key="postgres-main").count() == 2


@pytest.mark.parametrize(
    ("more", "path"),
    [
        pytest.param({"environment": ""}, "environment", id="no environment"),
        pytest.param({"stage": ""}, "stage", id="no stage"),
    ],
)
def test_a_new_environment_needs_a_name_and_a_stage(organisation, more, path):
    with pytest.raises(InvalidInput) as caught:
        score_plan(organisation.actor("developer"), wish(**more), now=clock.now())
    assert caught.value.errors[0].path == path


@pytest.mark.parametrize(("who", "error"), [("viewer", Forbidden), ("stranger", Forbidden)])
def test_only_who_may_ask_for_changes_may_send_files(organisation, who, error):
    with pytest.raises(error):
        score_submit(organisation.actor(who), wish(), now=clock.now())
    with pytest.raises(NotFound):
        score_plan(organisation.actor("stranger"), wish(system="vault"), now=clock.now())


def test_a_denied_change_is_kept_and_its_files_count_for_nothing(organisation):
    document = {
        "apiVersion": "slipway.dev/v1",
        "kind": "Policy",
        "metadata": {"name": "nothing-new"},
        "spec": {
            "title": "Nothing new", "mode": "enforce", "when": "true", "effect": "deny", "message": "Not now.",
            "tests": [{"name": "always", "facts": {}, "expect": "deny"}],
        },
    }  # fmt: skip
    policy_save(PLATFORM, document=document, now=NOW)
    with pytest.raises(PolicyDenied) as caught:
        score_submit(organisation.actor("developer"), wish(), now=clock.now())
    assert Change.objects.get(pk=caught.value.change_id).state == "denied"
    assert not ScoreWorkload.objects.exists()


def with_queues() -> dict:
    document = copy.deepcopy(dict(shipped()))
    rule = {"what": "resource", "type": "amqp", "capability": "queue", "version": "1",
            "outputs": [{"output": "host", "value": "${outputs.host}"}]}  # fmt: skip
    return {"rules": [*document["rules"], rule]}


def test_rules_are_versioned_audited_and_taken_back(organisation):
    admin, now = organisation.actor("admin"), clock.now()
    assert rules_now().version == 0
    saved = score_rules_save(admin, document=with_queues(), expected_version=0, now=now)
    assert (saved.version, rules_now().version) == (1, 1)
    entry = AuditEntry.objects.get(action="score-rules.save")
    assert len(entry.data["after"]["rules"]) == len(entry.data["before"]["rules"]) + 1
    assert score_rules_save(admin, document=with_queues(), now=now) is None
    score_rules_restore(admin, version=0, expected_version=1, now=now)
    assert rules_now().version == 2
    assert rules_now().rules == rules_of(shipped())
    assert ScoreRules.objects.first().note == "The rules that ship taken back"
    with pytest.raises(Conflict):
        score_rules_save(admin, document=with_queues(), expected_version=1, now=now)


def test_only_admins_edit_rules(organisation):
    for who in ("developer", "maintainer", "auditor"):
        with pytest.raises(Forbidden):
            score_rules_save(organisation.actor(who), document=with_queues(), now=clock.now())


def test_an_edit_says_which_workloads_it_would_map_otherwise(organisation, django_assert_max_num_queries):
    submit(organisation)
    document = copy.deepcopy(with_queues())
    with django_assert_max_num_queries(3):
        assert score_rules_affected(document) == ()
    web = next(one for one in document["rules"] if one["what"] == "web")
    web["inputs"] = [one for one in web["inputs"] if one["input"] != "health.path"]
    (found,) = score_rules_affected(document)
    assert (found.workload, found.environment) == ("shop-api", "try")
    assert "cannot be mapped" in found.problem

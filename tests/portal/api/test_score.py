"""Score over the API: plans, changes, refusals with path and line, and the rules with their versions."""

from __future__ import annotations

import pytest

from provisioning.models import Change, ScoreWorkload
from tests.provisioning.domain.score.files import WHOLE

pytestmark = pytest.mark.django_db
BODY = {
    "score": WHOLE,
    "system": "checkout",
    "environment": "scored",
    "stage": "dev",
    "images": {"mailer": "registry.example/mailer:1.0.0"},
}


def test_a_plan_says_what_becomes_of_what_and_writes_nothing(api):
    said = api("developer").post("score/plans/", BODY).json()
    assert said["problems"] == []
    assert said["planned"]["outcome"] == "starts"
    assert {"workload": "mailer", "path": "resources.store", "asked": "redis “main.cache”",
            "resource": "redis-main-cache", "made_by": "shared"} in said["mapped"]  # fmt: skip
    assert "shop-api-db" in said["spec"]["resources"]
    assert not Change.objects.exists()


def test_it_is_asked_for_as_one_change(api):
    answer = api("developer").post("score/changes/", BODY)
    assert answer.status_code == 202
    change = Change.objects.get(pk=answer.json()["id"])
    assert (change.via, change.kind) == ("api", "create")
    assert ScoreWorkload.objects.filter(change=change).count() == 2


def test_what_cannot_be_mapped_is_told_with_path_and_line(api):
    body = {**BODY, "score": WHOLE + "  queue: {type: amqp}\n"}
    refused = api("developer").post("score/changes/", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "score-unmapped")
    assert refused.json()["errors"][0]["path"] == "mailer: resources.queue.type"
    assert refused.json()["errors"][0]["line"] == 39
    planned = api("developer").post("score/plans/", body).json()
    assert (planned["planned"], planned["spec"]) == (None, None)
    assert not Change.objects.exists()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("- a", "invalid-score", id="no map"),
        pytest.param("apiVersion: score.sh/v1b1", "invalid-score", id="older format"),
        pytest.param("a: [", "invalid", id="no yaml"),
        pytest.param("a: !!python/object/apply:os.system [id]", "invalid", id="tag"),
        pytest.param("${" * 60_000, "invalid-score", id="never closed"),
        pytest.param("[" * 3_000, "invalid", id="nested"),
        pytest.param("a: &a [x]\nb: [*a, *c]", "invalid", id="alias"),
    ],
)
def test_a_hostile_text_is_refused(api, text, code):
    for address in ("score/plans/", "score/changes/"):
        refused = api("developer").post(address, {**BODY, "score": text})
        assert (refused.status_code, refused.json()["code"]) == (422, code)


def test_rules_are_read_replaced_and_taken_back(api):
    admin = api("admin")
    first = admin.get("score/rules/")
    assert (first.json()["version"], first.json()["saved_by"]) == (0, None)
    rules = [*first.json()["rules"], {"what": "resource", "type": "amqp", "capability": "queue"}]
    preview = admin.post("score/rules/preview/", {"rules": rules}).json()
    assert preview == {"changes": True, "affected": []}
    saved = admin.put("score/rules/", {"rules": rules, "note": "Queues"}, If_Match=first["ETag"])
    assert (saved.json()["version"], saved.json()["note"]) == (1, "Queues")
    assert admin.put("score/rules/", {"rules": rules}, If_Match=first["ETag"]).status_code == 412
    assert admin.post("score/rules/restore/", {"version": 0}).json()["version"] == 2
    assert [one["version"] for one in admin.get("score/rules/versions/").json()["items"]] == [2, 1]
    assert admin.post("score/rules/restore/", {"version": 9}).status_code == 404


def test_rules_that_cannot_be_used_are_refused_with_their_place(api):
    body = {"rules": [{"what": "resource", "type": "amqp", "capability": "nope"}]}
    refused = api("admin").put("score/rules/", body, If_Match="*")
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "rules.0.capability")

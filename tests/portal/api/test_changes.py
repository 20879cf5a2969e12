"""Plans and changes over the API: asked for, listed, decided."""

from __future__ import annotations

import pytest

from governance.models import AuditEntry, Decision
from provisioning.models import Change, Environment, Run
from tests.provisioning.organisation import carry_out, create, spec

pytestmark = pytest.mark.django_db


def asked(name: str = "try", stage: str = "dev", **resources: dict) -> dict:
    return {
        "kind": "create",
        "system": "checkout",
        "environment": name,
        "spec": spec(stage, **resources),
        "reason": "Because.",
    }


def test_it_plans_and_writes_nothing(api, organisation):
    developer = api("developer")
    developer.get("me")  # the first use of a token in an hour is noted
    before = (Change.objects.count(), Environment.objects.count(), AuditEntry.objects.count())
    planned = developer.post("plans/?objects=true", asked()).json()
    assert (planned["outcome"], planned["problems"]) == ("starts", [])
    assert {"Deployment", "Service"} <= {one["kind"] for one in planned["plan"]["resources"][1]["objects"]}
    assert planned["quota"][0]["asked"] > 0
    assert (Change.objects.count(), Environment.objects.count(), AuditEntry.objects.count()) == before


def test_it_asks_the_cluster_on_request(api, organisation):
    planned = api("developer").post("plans/?cluster=true", asked()).json()
    assert {"Namespace", "Deployment"} <= {one["kind"] for one in planned["dry_run"]}
    refused = api("developer").post("plans/?cluster=true", asked(api={"replicas": -1}))
    assert refused.status_code == 422
    assert not Change.objects.exists()


def test_it_plans_who_must_agree(api, organisation):
    planned = api("developer").post("plans/", asked("live", "prod")).json()
    assert planned["outcome"] == "waits"
    assert set(planned["approvals"][0]["who"]) == {"maintainer", "second_maintainer"}
    assert [one["outcome"] for one in planned["verdicts"]] == ["asks"]


def test_it_plans_what_is_wrong_instead_of_failing(api, organisation):
    planned = api("developer").post("plans/", asked(api={"replicas": -1}))
    assert planned.status_code == 200
    body = planned.json()
    assert body["outcome"] == "invalid"
    assert body["problems"][0]["path"] == "spec.resources.api.inputs.replicas"


def test_it_takes_a_change_with_202_and_where_it_is(api, organisation):
    taken = api("developer").post("changes/", asked())
    assert taken.status_code == 202
    change = Change.objects.get()
    assert taken["Location"] == f"/api/v1/changes/{change.pk}/"
    assert (taken.json()["state"], taken.json()["via"]) == ("running", "api")
    read = api("viewer").get(taken["Location"]).json()
    assert [run["state"] for run in read["runs"]] == ["queued"]
    assert read["plan"]["counts"]["added"] == 3


@pytest.mark.parametrize(
    ("body", "path"),
    [
        pytest.param(asked(api={"replicas": -1}), "spec.resources.api.inputs.replicas", id="replicas"),
        pytest.param(asked(api={"image": "an image"}), "spec.resources.api.inputs.image", id="image"),
        pytest.param(asked() | {"spec": {"stage": "mars", "resources": {}}}, "spec.stage", id="stage"),
        pytest.param({**asked(), "kind": "explode"}, "kind", id="kind"),
        pytest.param({**asked(), "spec": [1]}, "spec", id="spec-is-a-list"),
        pytest.param({**asked(), "extra": 1}, "extra", id="unknown-member"),
        pytest.param({"kind": "create", "system": "checkout"}, "environment", id="missing"),
        pytest.param(asked("Try"), "environment", id="name"),
        pytest.param({**asked(), "reason": "x" * 5000}, "reason", id="long-reason"),
        pytest.param({**asked(), "base": 0}, "base", id="base"),
    ],
)
def test_it_refuses_with_the_place_and_stores_nothing(api, organisation, body, path):
    refused = api("developer").post("changes/", body)
    assert refused.status_code == 422
    assert path in [error["path"] for error in refused.json()["errors"]]
    assert not Change.objects.exists()
    assert not Environment.objects.exists()


def test_it_names_a_denied_change(api, organisation):
    big = asked(db={"storageGiB": 500}, api={"replicas": 10})
    from governance.models import Quota

    Quota.objects.filter(team=organisation.payments).update(storage_gib=1)
    refused = api("developer").post("changes/", big)
    assert (refused.status_code, refused.json()["code"]) == (422, "over-quota")
    denied = Change.objects.get()
    assert refused.json()["change"].endswith(f"/api/v1/changes/{denied.pk}/")
    assert denied.state == "denied"


@pytest.mark.parametrize(
    ("persona", "status"), [("viewer", 403), ("auditor", 403), ("stranger", 403), ("developer", 202), ("admin", 202)]
)
def test_it_lets_those_ask_who_may(api, organisation, persona, status):
    assert api(persona).post("changes/", asked()).status_code == status


def test_it_hides_a_restricted_system_from_those_who_ask(api, organisation):
    assert api("stranger").post("changes/", asked() | {"system": "vault"}).status_code == 404


def test_it_approves_with_the_digest_that_was_read(api, waiting, work):
    maintainer = api("maintainer")
    [listed] = maintainer.get("changes/?waiting_on=me&state=pending").json()["items"]
    read = maintainer.get(listed["url"]).json()
    assert (read["may_decide"], read["why_not"], read["stale"]) == (True, "", False)
    assert read["approvals"][0]["state"] == "waiting"
    stale = maintainer.post(read["links"]["approve"], {"plan_digest": "0" * 64})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale-plan")
    agreed = maintainer.post(read["links"]["approve"], {"plan_digest": read["plan_digest"], "comment": "Go."})
    assert (agreed.status_code, agreed.json()["state"]) == (202, "running")
    work()
    done = maintainer.get(listed["url"]).json()
    assert done["state"] == "succeeded"
    assert [one["verdict"] for one in done["decisions"]] == ["approve"]
    assert not maintainer.get("changes/?waiting_on=me").json()["items"]


def test_it_refuses_ones_own_change(api, organisation):
    change = create(organisation, "live", stage="prod", who="maintainer")
    maintainer = api("maintainer")
    assert not maintainer.get("changes/?waiting_on=me").json()["items"]
    refused = maintainer.post(f"changes/{change.pk}/approve/", {"plan_digest": change.plan_digest})
    assert (refused.status_code, refused.json()["code"]) == (403, "own-change")
    assert not Decision.objects.exists()


@pytest.mark.parametrize("persona", ["viewer", "developer", "stranger", "auditor"])
@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_it_lets_only_approvers_decide(api, waiting, persona, verb):
    body = {"plan_digest": waiting.plan_digest, "comment": "Hm."}
    assert api(persona).post(f"changes/{waiting.pk}/{verb}/", body).status_code == 403
    waiting.refresh_from_db()
    assert waiting.state == "pending"


@pytest.mark.parametrize(
    ("verb", "body", "path"),
    [
        pytest.param("approve", {}, "plan_digest", id="approve-without-digest"),
        pytest.param("approve", {"plan_digest": "abc"}, "plan_digest", id="approve-with-nonsense"),
        pytest.param("reject", {"plan_digest": "0" * 64}, "comment", id="reject-without-why"),
        pytest.param("reject", {"plan_digest": "0" * 64, "comment": ""}, "comment", id="reject-with-nothing"),
        pytest.param("comment", {}, "comment", id="comment-nothing"),
        pytest.param("request-info", {"comment": "x" * 4001}, "comment", id="ask-too-long"),
        pytest.param("cancel", {"why": "x"}, "why", id="cancel-with-more"),
    ],
)
def test_it_refuses_a_decision_that_is_incomplete(api, waiting, verb, body, path):
    refused = api("maintainer").post(f"changes/{waiting.pk}/{verb}/", body)
    assert refused.status_code == 422
    assert [error["path"] for error in refused.json()["errors"]] == [path]


def test_it_rejects_comments_asks_and_cancels(api, organisation, waiting):
    maintainer, developer = api("maintainer"), api("developer")
    assert maintainer.post(f"changes/{waiting.pk}/request-info/", {"comment": "Why prod?"}).status_code == 202
    assert developer.post(f"changes/{waiting.pk}/comment/", {"comment": "Launch."}).status_code == 202
    body = {"plan_digest": waiting.plan_digest, "comment": "Not now."}
    assert maintainer.post(f"changes/{waiting.pk}/reject/", body).json()["state"] == "rejected"
    second = create(organisation, "live", stage="prod")
    assert api("stranger").post(f"changes/{second.pk}/cancel/").status_code == 403
    assert developer.post(f"changes/{second.pk}/cancel/").json()["state"] == "cancelled"
    again = developer.post(f"changes/{second.pk}/cancel/")
    assert (again.status_code, again.json()["code"]) == (409, "illegal-state")


def test_it_resumes_what_failed(api, organisation):
    change = create(organisation, api={"image": "registry.example/checkout-api:missing"})
    run = carry_out(Run.objects.get(change=change))
    developer = api("developer")
    failed = developer.get(f"runs/{run.pk}/").json()
    assert (failed["state"], failed["error"]["code"], failed["may_resume"]) == ("failed", "image-not-found", True)
    assert api("viewer").post(f"changes/{change.pk}/resume/").status_code == 403
    assert developer.post(f"changes/{change.pk}/resume/").json()["state"] == "running"
    assert developer.post(f"changes/{change.pk}/resume/").status_code == 409


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("state=pending", 1, id="state"),
        pytest.param("state=open", 1, id="open"),
        pytest.param("state=failed", 0, id="other-state"),
        pytest.param("team=payments&system=checkout&requester=developer", 1, id="all"),
        pytest.param("requester=maintainer", 0, id="requester"),
        pytest.param("q=live", 1, id="title"),
        pytest.param("waiting_on=me", 0, id="mine"),
    ],
)
def test_it_filters(api, waiting, query, found):
    assert len(api("developer").get(f"changes/?{query}").json()["items"]) == found


def test_it_hides_changes_of_a_restricted_system(api, organisation, waiting):
    Change.objects.update(system=organisation.vault)
    stranger = api("stranger")
    assert not stranger.get("changes/").json()["items"]
    assert stranger.get(f"changes/{waiting.pk}/").status_code == 404
    for verb in ("approve", "reject", "comment", "cancel", "resume"):
        body = {
            "approve": {"plan_digest": "0" * 64},
            "reject": {"plan_digest": "0" * 64, "comment": "x"},
            "comment": {"comment": "x"},
        }.get(verb)
        assert stranger.post(f"changes/{waiting.pk}/{verb}/", body).status_code == 404


def test_it_costs_the_same_queries_for_few_and_for_many(api, organisation, django_assert_max_num_queries):
    caller = api("developer")
    create(organisation, "try-0")
    caller.get("changes/")
    with django_assert_max_num_queries(6) as few:
        caller.get("changes/")
    for number in range(1, 6):
        create(organisation, f"try-{number}")
    with django_assert_max_num_queries(6) as many:
        assert len(caller.get("changes/").json()["items"]) == 6
    assert len(few) == len(many)


@pytest.mark.parametrize(
    ("wish", "outcome"),
    [
        pytest.param({"kind": "sleep"}, "starts", id="sleep"),
        pytest.param({"kind": "wake"}, "invalid", id="wake-what-is-awake"),
        pytest.param({"kind": "extend", "until": "30d"}, "waits", id="extend-long-after"),
        pytest.param({"kind": "rollback", "revision": 1}, "nothing", id="roll-back-to-what-is-there"),
        pytest.param({"kind": "upgrade", "capability": "postgres", "version": "1.0.0"}, "nothing", id="upgrade"),
        pytest.param({"kind": "promote", "environment": "live", "from": "try"}, "invalid", id="promote-past-a-stage"),
        pytest.param({"kind": "create", "environment": "copy", "from": "nothing"}, "invalid", id="copy-of-nothing"),
        pytest.param({"kind": "adopt", "patches": {"api": {"image": "a:1"}}}, "starts", id="adopt"),
    ],
)
def test_it_plans_every_kind(api, organisation, wish, outcome):
    carry_out(Run.objects.get(change=create(organisation)))
    body = {"system": "checkout", "environment": "try", **wish}
    answer = api("developer").post("plans/", body)
    assert answer.status_code == 200, answer.json()
    assert answer.json()["outcome"] == outcome, answer.json()["problems"]


def test_it_keeps_the_soak_of_a_stage(api, organisation):
    body = {"title": "Try", "order": 40, "cluster": "sandbox", "promotes_from": "dev", "soak_minutes": 60}
    made = api("admin").post("stages/", {"name": "try", **body})
    assert (made.status_code, made.json()["soak_minutes"]) == (201, 60)
    refused = api("admin").post("stages/", {"name": "other", **body, "order": 41, "soak_minutes": -1})
    assert refused.json()["errors"][0]["path"] == "soak_minutes"

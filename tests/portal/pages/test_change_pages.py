"""The inbox and the decision over HTTP: what waits on whom, who may decide, and that no moved plan is agreed to."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.urls import reverse

from governance.domain.quota import OverQuota
from governance.models import Decision
from governance.services.policies import policy_save
from governance.services.quota_limits import quota_set
from idp.kernel import clock
from idp.kernel.errors import PolicyDenied
from portal.reading.change import is_low_risk, object_diffs
from provisioning.models import Change, Run, Stage
from provisioning.services.change_states import change_move
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.decisions import change_comment
from provisioning.services.replanning import NO_QUOTA
from tests.personas import NOW
from tests.portal.pages import estate
from tests.provisioning.organisation import Clock, carry_out, create, spec

pytestmark = pytest.mark.django_db

CEILING = 12
STAGING_ASKS = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "staging-asks"},
    "spec": {
        "title": "A maintainer agrees on staging",
        "mode": "enforce",
        "when": 'environment.stage == "staging"',
        "effect": "require-approval",
        "approvals": [{"from": "team:maintainer", "count": 1}],
        "message": "Staging changes need a maintainer.",
        "tests": [{"name": "dev is free", "facts": {"environment": {"stage": "dev"}}, "expect": "pass"}],
    },
}


def text(answer):
    return answer.content.decode()


def decide(client, change, decision, **more):
    given = {"decision": decision, "plan_digest": change.plan_digest, **more}
    return client.post(reverse("change-decide", args=[change.pk]), given)


def test_it_says_that_nothing_waits(equipped, sign_in):
    assert "Nothing waits" in text(sign_in("maintainer").get("/changes/"))


@pytest.mark.parametrize(
    ("persona", "group"),
    [
        pytest.param("maintainer", 0, id="a maintainer decides"),
        pytest.param("developer", 1, id="the requester waits"),
        pytest.param("storefront_maintainer", 1, id="a maintainer of another team only reads"),
    ],
)
def test_it_groups_the_inbox_by_who_must_act(waiting, sign_in, persona, group):
    groups = sign_in(persona).get("/changes/").context["groups"]
    assert [len(one["rows"]) for one in groups[:2]] == [int(group == 0), int(group == 1)]
    assert groups[group]["rows"][0].word == "0 of 1 agreed"


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        pytest.param({"tab": "mine"}, True, id="mine"),
        pytest.param({"tab": "open"}, True, id="open"),
        pytest.param({"tab": "all", "state": "pending"}, True, id="all of a state"),
        pytest.param({"tab": "all", "state": "failed"}, False, id="all of another state"),
        pytest.param({"tab": "all", "team": "payments", "system": "checkout"}, True, id="team and system"),
        pytest.param({"tab": "all", "team": "storefront"}, False, id="another team"),
        pytest.param({"q": "LIVE"}, False, id="the inbox holds only what waits on the reader"),
        pytest.param({"tab": "all", "q": "LIVE"}, True, id="words"),
        pytest.param({"tab": "nonsense"}, True, id="a tab that is none is the inbox"),
    ],
)
def test_it_filters_by_the_url(waiting, sign_in, asked, shown):
    assert (f"/changes/{waiting.pk}/" in text(sign_in("developer").get("/changes/", asked))) is shown


def test_a_denied_change_says_why(equipped, sign_in):
    room = {"memory_gib": 100, "storage_gib": 1000, "environments": 10}
    quota_set(equipped.actor("admin"), team=equipped.payments, cpu=0, **room, now=NOW)
    with pytest.raises(OverQuota):
        create(equipped)
    page = text(sign_in("developer").get(reverse("change", args=[Change.objects.get().pk])))
    assert "Payments did not have enough CPU (" in page
    assert "/teams/payments/quota/room" in page


def test_a_change_that_found_no_quota_when_it_was_planned_anew_leads_to_what_could_be_freed(waiting, sign_in):
    change_move(waiting, "deny", actor_name="slipway", now=NOW, text=NO_QUOTA, finished_at=NOW)
    page = text(sign_in("developer").get(reverse("change", args=[waiting.pk])))
    assert "The quota no longer suffices. Ask for less, or make room and ask again." in page
    assert "/teams/payments/quota/room" in page


def test_a_change_that_a_rule_denied_says_which_words(equipped, sign_in):
    rule = {**STAGING_ASKS["spec"], "effect": "deny", "when": "true", "message": "Not this week.", "tests": []}
    del rule["approvals"]
    policy_save(equipped.actor("admin"), document={**STAGING_ASKS, "spec": rule}, now=NOW)
    with pytest.raises(PolicyDenied):
        create(equipped)
    page = text(sign_in("developer").get(reverse("change", args=[Change.objects.get().pk])))
    assert "<strong>Denied.</strong> Not this week." in page


def test_it_hides_changes_of_a_restricted_system(waiting, equipped, sign_in):
    equipped.checkout.restricted = True
    equipped.checkout.save()
    stranger = sign_in("stranger")
    assert stranger.get(reverse("change", args=[waiting.pk])).status_code == 404
    assert decide(stranger, waiting, "comment", comment="Hello").status_code == 404
    assert waiting.title not in text(stranger.get("/changes/", {"tab": "all"}))


def test_it_shows_what_to_decide(waiting, sign_in):
    page = text(sign_in("maintainer").get(reverse("change", args=[waiting.pk])))
    for shown in (
        "Because.",
        "Production",
        "3 added",
        "empty at first: db",
        "A maintainer agrees on production",
        "You may. second_maintainer may too.",
        'class="decision-bar"',
        f'name="plan_digest" value="{waiting.plan_digest}"',
        'data-key="a"',
        "Quota after, Payments",
    ):
        assert shown in page, shown


@pytest.mark.parametrize(
    ("persona", "why"),
    [
        pytest.param("developer", "You asked for this, so somebody else decides.", id="the requester"),
        pytest.param("viewer", "", id="a viewer"),
        pytest.param("stranger", "", id="somebody of another team"),
    ],
)
def test_it_offers_no_decision_to_those_who_may_not_and_says_why(waiting, sign_in, persona, why):
    answer = sign_in(persona).get(reverse("change", args=[waiting.pk]))
    assert 'data-key="a"' not in text(answer)
    assert (why or answer.context["view"].why_not) in text(answer)
    assert answer.context["view"].why_not


def test_it_shows_objects_on_request(waiting, sign_in):
    page = text(sign_in("maintainer").get(reverse("change", args=[waiting.pk]), {"view": "objects"}))
    assert "Deployment api" in page
    assert '<span class="line plus">' in page


def test_it_is_agreed_to_and_runs(waiting, sign_in):
    answer = decide(sign_in("maintainer"), waiting, "approve", comment="Fine.")
    assert answer["Location"] == reverse("change", args=[waiting.pk])
    waiting.refresh_from_db()
    assert waiting.state == "running"
    page = text(sign_in("maintainer").get(answer["Location"]))
    assert "It runs." in page
    assert "“Fine.”" in page
    assert "every 3s" in page


def test_it_does_not_count_an_agreement_to_another_plan(waiting, sign_in):
    answer = decide(sign_in("maintainer"), waiting, "approve", plan_digest="0" * 64, comment="Fine.")
    page = text(answer)
    assert answer.status_code == 409
    assert "The plan moved while you were reading." in page
    assert f'value="{waiting.plan_digest}"' in page, "the next decision is on the plan that is shown"
    assert 'value="Fine."' in page, "what was written is kept"
    waiting.refresh_from_db()
    assert waiting.state == "pending"


@pytest.mark.parametrize("decision", ["reject", "request-info", "comment"])
def test_it_asks_for_words_where_they_are_needed(waiting, sign_in, decision):
    answer = decide(sign_in("maintainer"), waiting, decision, comment=" ")
    assert answer.status_code == 422
    assert 'id="bar-error"' in text(answer)
    assert Decision.objects.count() == 0


def test_it_is_rejected_with_a_reason(waiting, sign_in):
    assert decide(sign_in("maintainer"), waiting, "reject", comment="Not this week.").status_code == 302
    waiting.refresh_from_db()
    assert waiting.state == "rejected"
    assert "Not this week." in text(sign_in("developer").get(reverse("change", args=[waiting.pk])))


def test_it_does_not_let_people_agree_to_their_own(equipped, sign_in):
    own = create(equipped, "live", who="maintainer", stage="prod")
    answer = decide(sign_in("maintainer"), own, "approve")
    assert answer.status_code == 403
    assert "You may not approve your own change" in text(answer)
    own.refresh_from_db()
    assert own.state == "pending"


@pytest.mark.parametrize("persona", ["viewer", "stranger", "developer"])
def test_it_does_not_let_others_decide(waiting, sign_in, persona):
    assert decide(sign_in(persona), waiting, "approve").status_code == 403
    waiting.refresh_from_db()
    assert waiting.state == "pending"


def test_it_is_withdrawn_by_its_requester(waiting, sign_in):
    client = sign_in("developer")
    assert "Withdraw it" in text(client.get(reverse("change", args=[waiting.pk])))
    decide(client, waiting, "cancel")
    waiting.refresh_from_db()
    assert waiting.state == "cancelled"


def test_it_says_when_there_is_nothing_left_to_decide(waiting, sign_in):
    decide(sign_in("maintainer"), waiting, "approve")
    answer = decide(sign_in("second_maintainer"), waiting, "reject", comment="Too late.")
    assert answer.status_code == 409
    assert "there is nothing left to decide" in text(answer)


def test_it_resumes_a_failed_change_and_leads_to_its_run(broken, sign_in):
    answer = decide(sign_in("developer"), broken, "resume")
    assert answer["Location"] == reverse("run", args=[Run.objects.get(change=broken).pk])
    broken.refresh_from_db()
    assert broken.state == "running"


def test_it_refuses_a_decision_that_is_none(waiting, sign_in):
    assert decide(sign_in("maintainer"), waiting, "explode").status_code == 422


def test_it_takes_comments_of_everybody_who_may_read(waiting, sign_in):
    decide(sign_in("stranger"), waiting, "comment", comment="<b>Looks</b> odd.")
    page = text(sign_in("developer").get(reverse("change", args=[waiting.pk])))
    assert "&lt;b&gt;Looks&lt;/b&gt; odd." in page
    assert "<b>Looks" not in page


def update(equipped, who="developer", **resources):
    request = ChangeRequest("update", "checkout", "live", spec=spec("prod", **resources), reason="Tuning.")
    return change_submit(equipped.actor(who), request, now=clock.now())


@pytest.fixture
def in_production(waiting, equipped, sign_in):
    decide(sign_in("maintainer"), waiting, "approve")
    carry_out(Run.objects.get(change=waiting), Clock(clock.now()))
    return waiting


def test_it_shows_an_update_by_field_before_and_after(in_production, equipped, sign_in):
    change = update(equipped, api={"replicas": 4})
    page = text(sign_in("maintainer").get(reverse("change", args=[change.pk])))
    assert "db and shop do not change." in page
    assert "Similar changes before" not in page
    assert '<span class="rev">r1</span>' in page
    objects = text(sign_in("maintainer").get(reverse("change", args=[change.pk]), {"view": "objects"}))
    assert '<span class="line minus">−   replicas: 2</span>' in objects
    assert '<span class="line plus">+   replicas: 4</span>' in objects


@pytest.mark.parametrize(
    ("production", "kind", "resources", "low"),
    [
        pytest.param(False, "update", [("updated", ["restarts"])], True, id="a restart elsewhere"),
        pytest.param(True, "update", [("updated", ["none"])], False, id="production"),
        pytest.param(False, "delete", [], False, id="the end of it"),
        pytest.param(False, "update", [("removed", [])], False, id="something is removed"),
        pytest.param(False, "update", [("updated", ["data"])], False, id="storage is touched"),
        pytest.param(False, "create", [("added", ["data"])], True, id="new storage"),
    ],
)
def test_it_lets_only_low_risk_be_agreed_to_in_the_list(production, kind, resources, low):
    plan = {
        "resources": [
            {"action": action, "fields": [{"effect": effect} for effect in effects]} for action, effects in resources
        ]
    }
    change = SimpleNamespace(kind=kind, plan=plan, stage=SimpleNamespace(production=production))
    assert is_low_risk(change) is low


def test_it_does_not_agree_to_production_from_the_list(waiting, sign_in):
    client = sign_in("maintainer")
    client.post("/changes/decide", {"change": [f"{waiting.pk}:{waiting.plan_digest}", "rubbish", "9999:x"]})
    waiting.refresh_from_db()
    assert waiting.state == "pending"
    assert f"#{waiting.pk} reaches too far" in text(client.get("/changes/"))


def test_it_agrees_to_several_of_low_risk_at_once(equipped, sign_in):
    policy_save(equipped.actor("admin"), document=STAGING_ASKS, now=NOW)
    asked = [create(equipped, f"try-{number}", stage="staging") for number in range(2)]
    client = sign_in("maintainer")
    page = client.get("/changes/")
    assert page.context["tickable"]
    assert f'value="{asked[0].pk}:{asked[0].plan_digest}"' in text(page)
    client.post("/changes/decide", {"change": [f"{one.pk}:{one.plan_digest}" for one in asked]})
    assert {one.state for one in Change.objects.all()} == {"running"}
    assert "You agreed to 2 changes" in text(client.get("/changes/"))


def test_it_compares_objects_line_by_line():
    changed = [
        {
            "name": "api",
            "action": "updated",
            "objects": [
                {"kind": "Deployment", "name": "api", "action": "updated", "before": {"a": 1}, "after": {"a": 2}},
                {"kind": "Service", "name": "api", "action": "unchanged", "before": {"b": 1}, "after": {"b": 1}},
            ],
        }
    ]
    lines = object_diffs(changed)[0]["objects"]
    assert [one["title"] for one in lines] == ["Deployment api"]
    assert [(one["kind"], one["text"]) for one in lines[0]["lines"]] == [
        ("gap", "⋯"),
        ("minus", "− a: 1"),
        ("plus", "+ a: 2"),
    ]


# The decision reads approvals, decisions, quota, history and similar changes beside what every page reads.
OF_A_DECISION = {"": 17, "?view=objects": 20}


@pytest.mark.parametrize("view", OF_A_DECISION)
def test_it_decides_with_as_many_queries_however_long_its_history(
    in_production, equipped, sign_in, django_assert_max_num_queries, view
):
    change = update(equipped, api={"replicas": 4})
    client = sign_in("maintainer")
    page = reverse("change", args=[change.pk]) + view
    for number in (1, 20):
        for _ in range(number):
            change_comment(equipped.actor("viewer"), change.pk, comment="Once more.", now=NOW)
        client.get(page)
        with django_assert_max_num_queries(OF_A_DECISION[view]):
            assert client.get(page).status_code == 200


@pytest.mark.parametrize("tab", ["inbox", "mine", "open", "all"])
def test_it_lists_many_with_as_many_queries_as_few(equipped, sign_in, django_assert_max_num_queries, tab):
    client = sign_in("developer")
    for number in (3, 40):
        made = estate.environments(estate.systems(equipped.payments, number, prefix=f"n{number}"), [dev()])
        for one in made:
            estate.change(one, equipped.developer)
        client.get("/changes/", {"tab": tab})
        with django_assert_max_num_queries(CEILING):
            assert client.get("/changes/", {"tab": tab}).status_code == 200
    assert Change.objects.count() > 40


def dev():
    return Stage.objects.get(name="dev")

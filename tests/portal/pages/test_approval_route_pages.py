"""Pages of approval routes, of stand-ins and of rubber stamps, and what the inbox and the decision show of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from governance.models import ApprovalRoute, Delegation
from governance.services.policies import policy_save
from governance.services.routes import route_save
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from portal.reading.change import alike, alike_title
from provisioning.models import Change
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.decisions import change_approve, change_comment, change_request_info
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import create, equip, spec
from tests.provisioning.services.test_approval_routes import PLATFORM_STAGE, TEAM, asks_route, route, stage

FIELDS = {
    "name": "production",
    "title": "Into production",
    "order": "in-order",
    "expires": "48",
    "s0-name": "Team",
    "s0-a0-kind": "own",
    "s0-a0-count": "2",
    "s0-skip": "plan.counts.removed == 0",
    "s0-sample": "10",
    "s1-name": "Platform",
    "s1-a0-kind": "group",
    "s1-a0-which": "platform",
    "s1-after": "4",
    "s1-next-kind": "team",
    "s1-next-which": "storefront",
}


def client_of(organisation: Organisation, persona: str) -> Client:
    cache.clear()
    client = Client()
    client.force_login(organisation.people[persona])
    return client


def looked_at(client: Client, address: str, fields: dict[str, str]) -> str:
    """The fingerprint of what the page showed the effect of."""
    page = client.post(address, {**fields, "do": "look"})
    assert page.status_code == 200, page.content.decode()
    return str(page.context["looked_at"])


def test_an_admin_makes_a_route_after_seeing_who_is_asked(organisation):
    client, address = client_of(organisation, "admin"), reverse("approval-route-new")
    page = client.post(address, {**FIELDS, "do": "look"})
    shown = page.content.decode()
    assert "2 maintainers" in shown or "2 of the maintainers of the team that owns the system" in shown
    assert "now platform_engineer" in shown
    assert not ApprovalRoute.objects.exists()
    saved = client.post(address, {**FIELDS, "do": "save", "looked_at": page.context["looked_at"]})
    assert saved.status_code == 302
    assert ApprovalRoute.objects.get().document["spec"] == {
        "title": "Into production",
        "order": "in-order",
        "expires": 48,
        "stages": [
            {
                "name": "Team",
                "approvers": [{"from": "team:maintainer", "count": 2}],
                "skip": {"when": "plan.counts.removed == 0", "sample": 10},
            },
            {
                "name": "Platform",
                "approvers": [{"from": "group:platform", "count": 1}],
                "escalate": {"after": 4, "to": "team:storefront:maintainer"},
            },
        ],
    }


def test_what_was_looked_at_is_saved_though_the_form_offers_another_stage_by_then(organisation):
    client, address = client_of(organisation, "admin"), reverse("approval-route-new")
    mark = looked_at(client, address, FIELDS)
    offered = {"s2-name": "", "s2-a0-kind": "", "s2-a0-count": "1", "s2-a0-which": "", "s0-a1-count": "1"}
    assert client.post(address, {**FIELDS, **offered, "do": "save", "looked_at": mark}).status_code == 302


def test_what_was_not_looked_at_is_not_saved(organisation):
    client, address = client_of(organisation, "admin"), reverse("approval-route-new")
    mark = looked_at(client, address, FIELDS)
    changed = client.post(address, {**FIELDS, "s0-a0-count": "1", "do": "save", "looked_at": mark})
    assert changed.status_code == 200
    assert not ApprovalRoute.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"s1-a0-which": "nobody"}, "There is no group “nobody”"),
        ({"s0-skip": "plan.("}, "s0-skip-note"),
        ({"title": ""}, "This must not be empty."),
        ({"name": "Not A Slug"}, "lower-case letters"),
        ({"s0-a0-kind": ""}, "This must not be empty."),
        ({"expires": "soon"}, "This is a number."),
    ],
    ids=["unknown group", "condition", "no title", "name", "nobody agrees", "no number"],
)
def test_it_says_what_is_wrong_beside_its_field(organisation, wrong, said):
    page = client_of(organisation, "admin").post(reverse("approval-route-new"), {**FIELDS, **wrong, "do": "look"})
    assert page.status_code == 422
    assert said in page.content.decode()


def test_a_route_is_edited_taken_back_and_retired(organisation):
    equip(organisation, policies=())
    route_save(PLATFORM, document=route(TEAM), now=NOW)
    client = client_of(organisation, "admin")
    address = reverse("approval-route-edit", args=["production"])
    fields = {**FIELDS, "version": "1"}
    mark = looked_at(client, address, fields)
    assert client.post(address, {**fields, "do": "save", "looked_at": mark}).status_code == 302
    late = client.post(address, {**fields, "title": "Other", "do": "look"}).context["looked_at"]
    stale = client.post(address, {**fields, "title": "Other", "do": "save", "looked_at": late})
    assert stale.status_code == 422
    assert "you edited version 1" in stale.content.decode()
    page = client.get(reverse("approval-route", args=["production"])).content.decode()
    assert "Take version 1 back" in page
    client.post(reverse("approval-route-act", args=["production", "restore"]), {"version": "1"})
    assert ApprovalRoute.objects.get().document == route(TEAM)
    policy_save(PLATFORM, document=asks_route(), now=NOW)
    refused = client.post(reverse("approval-route-act", args=["production", "retire"]))
    assert refused.status_code == 409
    assert "prod-needs-a-maintainer ask for this route" in refused.content.decode()


def waiting(organisation: Organisation, *stages: dict[str, Any], **more: Any) -> Change:
    equip(organisation, policies=())
    route_save(PLATFORM, document=route(*stages, **more), now=NOW)
    policy_save(PLATFORM, document=asks_route(), now=NOW)
    return create(organisation, "live", stage="prod")


def test_the_decision_says_who_else_must_agree_and_how_long_it_waits(organisation, django_assert_max_num_queries):
    late = {"escalate": {"after": 4, "to": "group:platform-admins"}}
    change = waiting(organisation, {**TEAM, **late}, PLATFORM_STAGE, expires=72)
    client, address = client_of(organisation, "maintainer"), reverse("change", args=[change.pk])
    client.get(address)
    with django_assert_max_num_queries(12):
        page = client.get(address).content.decode()
    assert "Team: a maintainer of payments" in page
    assert "Platform: someone of group platform" in page
    assert "Asked when the stage before has agreed: platform_engineer." in page
    assert "Waits for" in page
    assert "others may decide too" in page
    assert "gives up" in page


def test_a_question_stands_above_until_it_is_answered(organisation):
    change = waiting(organisation, TEAM)
    change_request_info(organisation.actor("maintainer"), change.pk, comment="Why so large?", now=NOW)
    mine = client_of(organisation, "developer")
    page = mine.get(reverse("change", args=[change.pk])).content.decode()
    assert "maintainer asks you" in page
    assert "Your answer" in page
    change_comment(organisation.actor("developer"), change.pk, comment="For the sale.", now=NOW)
    assert "asks you" not in mine.get(reverse("change", args=[change.pk])).content.decode()


def test_a_stand_in_is_arranged_and_taken_back(organisation):
    client, address = client_of(organisation, "maintainer"), reverse("stand-ins")
    assert "second_maintainer" in client.get(address).content.decode()
    today = clock.now().date()
    sent = {"stand_in": "second_maintainer", "from": f"{today}", "until": f"{today + timedelta(days=9)}"}
    assert client.post(address, {**sent, "until": "tomorrow"}).status_code == 422
    assert client.post(address, sent).status_code == 302
    assert "second_maintainer for you" in client.get(address).content.decode()
    row = Delegation.objects.get()
    other = client_of(organisation, "second_maintainer")
    assert "You for maintainer" in other.get(address).content.decode()
    client.post(reverse("stand-in-withdraw", args=[row.pk]))
    row.refresh_from_db()
    assert row.withdrawn_at is not None


def scaled(organisation: Organisation, name: str) -> Change:
    return change_submit(
        organisation.actor("developer"),
        ChangeRequest("create", "checkout", name, spec=spec("dev"), reason="Because."),
        now=NOW,
    )


def asks_everywhere() -> dict[str, Any]:
    document = asks_route()
    asks = {**document["spec"], "when": "true", "tests": [], "approvals": [{"from": "team:maintainer"}]}
    return {**document, "spec": {key: value for key, value in asks.items() if key != "tests"}}


def test_the_inbox_agrees_to_all_that_are_alike_at_once(organisation):
    equip(organisation, policies=(asks_everywhere(),))
    changes = [scaled(organisation, f"try-{number}") for number in range(3)]
    groups, single = alike(list(Change.objects.order_by("-id")))
    assert [len(one) for one in groups] == [3]
    assert not single
    assert alike_title(groups[0]).startswith("3 alike: create postgres")
    client = client_of(organisation, "maintainer")
    page = client.get(reverse("changes"))
    assert "Agree to these 3" in page.content.decode()
    [group] = [one for one in page.context["groups"] if one.get("together")]
    client.post(reverse("changes-decide"), {"change": group["together"]})
    for change in changes:
        change.refresh_from_db()
    assert {change.state for change in changes} == {"running"}


def test_a_gate_that_is_always_agreed_to_at_once_gets_an_offer(organisation):
    equip(organisation, policies=(asks_everywhere(),))
    now = clock.now()
    change = create(organisation, "try", now=now)
    read, soon = change.plan_digest, now + timedelta(seconds=9)
    change_approve(organisation.actor("maintainer"), change.pk, plan_digest=read, now=soon)
    from governance.models import Approval

    [given] = Approval.objects.filter(state="approved")
    for number in range(1, 10):
        given.pk, given._state.adding = None, True
        given.plan_digest = f"{number:064x}"
        given.save()
    client = client_of(organisation, "admin")
    page = client.get(reverse("rubber-stamps")).content.decode()
    assert "Draft a rule" in page
    drafted = client.post(reverse("rubber-stamps"), {"gate": "0"})
    row = ApprovalRoute.objects.get()
    assert drafted["Location"] == reverse("approval-route", args=[row.name])
    assert row.state == "draft"
    [only] = row.document["spec"]["stages"]
    assert only["approvers"] == [{"from": "team:payments:maintainer", "count": 1}]
    assert only["skip"]["sample"] == 10
    assert "plan.counts.removed == 0" in only["skip"]["when"]
    shown = client.get(reverse("approval-route", args=[row.name])).content.decode()
    assert "Nobody is asked by it yet." in shown


def test_the_list_of_routes_stays_below_its_ceiling(organisation, django_assert_max_num_queries):
    for number in range(12):
        route_save(PLATFORM, document=route(TEAM, stage("People", "people:maintainer"), name=f"r{number}"), now=NOW)
    client = client_of(organisation, "developer")
    for address in (reverse("approval-routes"), reverse("approval-route", args=["r1"])):
        client.get(address)
        with django_assert_max_num_queries(12):
            assert client.get(address).status_code == 200

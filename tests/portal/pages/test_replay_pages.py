"""What limits and a route would have done: asked where they are edited, answered on a page with rows and links."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.domain.facts import completed
from governance.models import Approval, AuditEntry, Quota, Reservation
from governance.services.policies import policy_save
from governance.services.routes import route_save
from idp.kernel import clock
from provisioning.models import Change, PolicyReplay
from provisioning.orchestrator.policy_replay import replay_advance
from provisioning.services.setup import sandbox_install
from tests.personas import NOW, Organisation
from tests.provisioning.services.test_policy_replays import record

pytestmark = pytest.mark.django_db
SignIn = Callable[[str], Client]
CEILING = 12
NONE: dict[str, Any] = {"cpu": 0, "memory_gib": 0, "storage_gib": 0, "environments": 1}
LIMITS: dict[str, Any] = {
    **{"cpu": "8", "memory_gib": "32", "storage_gib": "200", "environments": "10", "monthly_cost": ""},
    **{f"{rows}-{count}": "0" for rows in ("stages", "capabilities") for count in ("TOTAL_FORMS", "INITIAL_FORMS")},
}
PROD = {"stage": {"name": "prod", "production": True}}
ROUTE: dict[str, Any] = {
    "apiVersion": "slipway.dev/v1",
    "kind": "ApprovalRoute",
    "metadata": {"name": "into-prod"},
    "spec": {"title": "Into production", "stages": [{"name": "Owners", "approvers": [{"from": "team:maintainer"}]}]},
}
POLICY: dict[str, Any] = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "asks-the-route"},
    "spec": {
        "title": "Production waits",
        "mode": "enforce",
        "when": "stage.production",
        "effect": "require-approval",
        "approvals": [{"from": "route:into-prod"}],
        "message": "Production waits for somebody.",
    },
}


@pytest.fixture(autouse=True)
def organisation(organisation: Organisation) -> Organisation:
    sandbox_install(now=NOW)
    return organisation


def grow(organisation: Organisation, cores: float, *, state: str = "succeeded", number: int = 1) -> list[Change]:
    """Changes of payments that ask for ``cores`` on top."""
    made = record(organisation, number, state=state, at=clock.now() - timedelta(hours=1))
    plan = {
        "stage": "dev", "cost_before": 0.0, "cost_after": 0.0, "resources": [],
        "usage_before": NONE, "usage_after": {**NONE, "cpu": cores},
    }  # fmt: skip
    Change.objects.filter(pk__in=[one.pk for one in made]).update(plan=plan)
    return made


def use(organisation: Organisation, cores: float) -> None:
    Reservation.objects.create(
        team=organisation.teams["payments"], environment_id=1, label="checkout/dev", state="used", stage="dev",
        cpu=Decimal(str(cores)), memory_gib=0, storage_gib=0, environments=1,
        created_at=clock.now() - timedelta(days=9),
    )  # fmt: skip


def asked_of_limits(client: Client, **given: Any) -> PolicyReplay:
    answer: Any = client.post(reverse("team-quota", args=["payments"]), {**LIMITS, "days": "30", **given})
    assert answer.status_code == 302, answer.content.decode()[:3000]
    report = PolicyReplay.objects.get()
    assert answer.url == reverse("policy-replay", args=[report.pk])
    replay_advance(report.pk)
    report.refresh_from_db()
    assert report.state == "succeeded", report.error
    return report


def page_of(client: Client, report: PolicyReplay, query: str = "") -> str:
    answer = client.get(reverse("policy-replay", args=[report.pk]) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_limits_are_tried_where_they_are_edited(organisation: Organisation, sign_in: SignIn) -> None:
    use(organisation, 6)
    refused, allowed = grow(organisation, 3)[0], grow(organisation, 2, number=3)[0]
    room = grow(organisation, 1, state="denied")[0]
    record(organisation, 2, system="shop")
    client = sign_in("admin")
    before = Quota.objects.get(team=organisation.teams["payments"]).version
    report = asked_of_limits(client)
    assert report.counts == {"denies": 1, "admits": 1, "passes": 3}
    assert (report.total, report.subject, report.policy) == (5, "quota", "payments")
    shown = page_of(client, report)
    assert "It would have refused 1 and found room for 1 of 5 changes in 30 days." in shown
    assert "CPU: 3 cores asked, 2 of 8 left." in shown
    assert all(reverse("change", args=[one.pk]) in shown for one in (refused, room))
    assert reverse("change", args=[allowed.pk]) not in shown
    assert "Highest use" in shown
    assert "75 %" in shown
    assert Quota.objects.get(team=organisation.teams["payments"]).version == before
    assert reverse("change", args=[refused.pk]) not in page_of(client, report, "?outcome=admits")


def test_limits_that_are_wrong_are_not_tried(organisation: Organisation, sign_in: SignIn) -> None:
    answer = sign_in("admin").post(reverse("team-quota", args=["payments"]), {**LIMITS, "cpu": "-1", "days": "30"})
    assert answer.status_code == 200
    assert "What would it have done?" in answer.content.decode()
    assert not PolicyReplay.objects.exists()


def route(organisation: Organisation, sources: tuple[str, ...]) -> None:
    admin = organisation.actor("admin")
    stages = [{"name": "Owners", "approvers": [{"from": one} for one in sources]}]
    route_save(admin, document={**ROUTE, "spec": {**ROUTE["spec"], "stages": stages}}, now=NOW)


def test_a_route_is_tried_where_it_is_edited(organisation: Organisation, sign_in: SignIn) -> None:
    route(organisation, ("team:maintainer",))
    policy_save(organisation.actor("admin"), document=POLICY, now=NOW)
    at = clock.now() - timedelta(hours=2)
    waited = record(organisation, 1, at=at, facts=completed(PROD))[0]
    Approval.objects.create(
        change_id=waited.pk, plan_digest=waited.plan_digest, position=0, source="team:payments:maintainer", count=1,
        reason="", policy="asks-the-route", state="approved", route="into-prod", stage=1,
    )  # fmt: skip
    free = record(organisation, 1, at=at, facts=completed({}))[0]
    entries = AuditEntry.objects.count()
    client = sign_in("admin")
    fields = {
        "version": "1", "title": "Into production", "order": "in-order", "expires": "", "days": "30",
        "s0-name": "Owners", "s0-a0-count": "1", "s0-a0-kind": "group", "s0-a0-which": "platform-admins",
    }  # fmt: skip
    answer = client.post(reverse("approval-route-edit", args=["into-prod"]), fields)
    assert answer.status_code == 302, answer.content.decode()
    report = PolicyReplay.objects.get()
    assert AuditEntry.objects.count() <= entries + 1  # the sign-in; asking leaves none
    replay_advance(report.pk)
    report.refresh_from_db()
    assert (report.state, report.counts) == ("succeeded", {"asks": 1, "outside": 1})
    shown = page_of(client, report)
    assert "It would have delayed 1 of 2 changes in 30 days." in shown
    assert "Waits for someone of group platform-admins; a maintainer of payments was asked then." in shown
    assert reverse("change", args=[waited.pk]) in shown
    assert reverse("change", args=[free.pk]) not in shown
    assert "What would it have done?" in client.get(reverse("approval-route-edit", args=["into-prod"])).content.decode()


def test_looking_again_asks_the_same_of_newer_changes(organisation: Organisation, sign_in: SignIn) -> None:
    use(organisation, 6)
    grow(organisation, 3)
    client = sign_in("admin")
    report = asked_of_limits(client)
    again = reverse("policy-replay-again", args=[report.pk])
    same: Any = client.post(again)
    assert same.url == reverse("policy-replay", args=[report.pk])
    grow(organisation, 3)
    other: Any = client.post(again)
    assert other.url != same.url
    assert PolicyReplay.objects.first().subject == "quota"  # type: ignore[union-attr]


@pytest.mark.parametrize("number", [1, 60])
def test_the_page_asks_as_much_of_few_as_of_many(organisation: Organisation, sign_in: SignIn, number: int) -> None:
    use(organisation, 8)
    grow(organisation, 3, number=number)
    client = sign_in("admin")
    report = asked_of_limits(client)
    assert report.counts == {"denies": number}
    page_of(client, report)
    with CaptureQueriesContext(connection) as captured:
        page_of(client, report)
    assert len(captured) <= CEILING


def test_an_older_version_of_a_route_is_tried_from_its_page(organisation: Organisation, sign_in: SignIn) -> None:
    for who in ("team:maintainer", "group:platform-admins"):
        stages = [{"name": "Owners", "approvers": [{"from": who}]}]
        document = {**ROUTE, "spec": {**ROUTE["spec"], "stages": stages}}
        route_save(organisation.actor("admin"), document=document, now=NOW)
    page = reverse("approval-route", args=["into-prod"])
    offered = sign_in("admin").get(page).content.decode()
    assert all(f"Replay version {number} over the last 30 days" in offered for number in (1, 2))
    assert "Replay version" not in sign_in("maintainer").get(page).content.decode()
    url = reverse("approval-route-act", args=["into-prod", "replay"])
    answer: Any = sign_in("admin").post(url, {"version": "1"})
    report = PolicyReplay.objects.get()
    assert (answer.url, report.version) == (reverse("policy-replay", args=[report.pk]), 1)
    assert report.document["route"]["spec"]["stages"][0]["approvers"] == [{"from": "team:maintainer"}]
    assert sign_in("admin").post(url, {"version": "7"}).status_code == 404

"""The pages of agents, and how a change is signed beside one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from idp.kernel import clock
from provisioning.models import Agent, AgentRules, Change
from provisioning.services.agent_changes import agent_plan, agent_submit
from provisioning.services.agent_sessions import agent_call_keep, agent_session_begin
from provisioning.services.agents import AgentCaller, agent_authenticate
from provisioning.services.changes import ChangeRequest
from tests.personas import NOW, Organisation
from tests.provisioning.agents import caller
from tests.provisioning.organisation import equip, spec

pytestmark = pytest.mark.django_db

TYPED: dict[str, Any] = {
    "name": "triage",
    "purpose": "Looks after branches.",
    "team": "payments",
    "systems": ["checkout"],
    "kinds": ["create", "update"],
    "monthly_cap": "250",
    "days": "7",
}


@pytest.fixture
def people() -> Organisation:
    return Organisation.found()


def signed_in(client: Client, organisation: Organisation, who: str) -> Client:
    client.force_login(organisation.people[who])
    return client


def asked(by: AgentCaller, stage: str = "dev") -> Change:
    request = ChangeRequest("create", "checkout", "try", spec=spec(stage), reason="A branch needs it.")
    planned = agent_plan(by, request, now=NOW).planned
    return agent_submit(by, plan_digest=planned.plan_digest, now=NOW)


def test_it_is_made_edited_taken_back_rotated_paused_and_removed(client: Client, people: Organisation) -> None:
    page = signed_in(client, people, "developer")
    made = page.post(reverse("agent-new"), TYPED)
    assert (made.status_code, made["Cache-Control"]) == (200, "no-store")
    plaintext = made.context["plaintext"]
    assert plaintext in made.content.decode()
    assert agent_authenticate(plaintext, clock.now()).actor.systems == {"checkout"}
    at, act = reverse("agent", args=["triage"]), reverse("agent-act", args=["triage"])
    assert plaintext not in page.get(at).content.decode()
    edited = page.post(reverse("agent-edit", args=["triage"]), {**TYPED, "monthly_cap": "90", "version": "1"})
    assert (edited.status_code, Agent.objects.get().monthly_cap) == (302, 90)
    stale = page.post(reverse("agent-edit", args=["triage"]), {**TYPED, "monthly_cap": "80", "version": "1"})
    assert (stale.status_code, Agent.objects.get().monthly_cap) == (412, 90)
    page.post(act, {"do": "take-back"})
    assert Agent.objects.get().monthly_cap == 250
    rotated = page.post(act, {"do": "rotate", "days": "1"}).context["plaintext"]
    assert agent_authenticate(rotated, clock.now()).agent.name == "triage"
    for do, state in (("pause", "paused"), ("resume", "active"), ("remove", "removed")):
        assert page.post(act, {"do": do}).status_code == 302
        assert Agent.objects.get().state == state
    assert page.get(at).status_code == 404


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param({"name": "rules"}, "an address of the portal", id="a reserved name"),
        pytest.param({"name": "Ünïx"}, "lower-case letters, digits and dashes", id="a name of other letters"),
        pytest.param({"kinds": []}, "Choose at least one.", id="may nothing"),
        pytest.param({"systems": "shop"}, "no system “shop” that you may see", id="a system of another team"),
        pytest.param({"team": "storefront"}, "Select a valid choice", id="another team"),
        pytest.param({"monthly_cap": "-1"}, "greater than or equal to 0", id="a negative cap"),
    ],
)
def test_it_says_what_is_wrong(client: Client, people: Organisation, given: dict[str, Any], says: str) -> None:
    answer = signed_in(client, people, "developer").post(reverse("agent-new"), {**TYPED, **given})
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Agent.objects.exists()


@pytest.mark.parametrize(
    ("who", "sees"),
    [
        ("developer", True),
        ("maintainer", True),
        ("admin", True),
        ("auditor", True),
        ("viewer", False),
        ("stranger", False),
    ],
)
def test_it_is_listed_for_its_owner_and_managers(client: Client, people: Organisation, who: str, sees: bool) -> None:
    caller(people)
    listed = signed_in(client, people, who).get(reverse("agents")).content.decode()
    assert ("triage" in listed) is sees


def test_systems_are_chosen_from_those_that_one_sees(client: Client, people: Organisation) -> None:
    page = signed_in(client, people, "developer")
    assert [one["value"] for one in page.get(reverse("agent-new")).context["form"].system_options] == [
        "checkout",
        "vault",
    ]
    page.post(reverse("agent-new"), {**TYPED, "systems": ["vault"]})
    Agent.objects.update(systems=["vault", "gone"])
    edit = page.get(reverse("agent-edit", args=["triage"]))
    offered = edit.context["form"].system_options
    assert [(one["value"], one["selected"]) for one in offered] == [
        ("vault", True),
        ("gone", True),
        ("checkout", False),
    ]
    assert "Not there any more" in edit.content.decode()
    refused = page.post(reverse("agent-edit", args=["triage"]), {**TYPED, "systems": ["gone"]})
    assert (refused.status_code, "no system “gone”" in refused.content.decode()) == (422, True)


def test_a_session_can_be_read(client: Client, people: Organisation) -> None:
    by = caller(people)
    session = agent_session_begin(by, client="editor 1", now=NOW)
    what: dict[str, Any] = {"tool": "search", "arguments": {"query": "<b>x</b>", "password": "p"}, "now": NOW}
    agent_call_keep(by, session, outcome="done", text="2 found.", **what)
    agent_call_keep(by, session, outcome="refused", code="agent-scope", text="It may not.", **what)
    page = signed_in(client, people, "maintainer").get(reverse("agent-session", args=["triage", session.pk]))
    shown = page.content.decode()
    for text in ("editor 1", "2 found.", "It may not.", "agent-scope", "&lt;b&gt;x&lt;/b&gt;", "(hidden)"):
        assert text in shown
    missing = reverse("agent-session", args=["triage", session.pk + 9])
    assert client.get(missing).status_code == 404


def test_the_pages_ask_few_queries_however_much_there_is(client: Client, people: Organisation) -> None:
    page = signed_in(client, people, "developer")
    by = caller(people)
    counts = []
    for number in (1, 12):
        for one in range(number):
            session = agent_session_begin(by, client=f"editor {one}", now=NOW)
            caller(people, f"more-{number}-{one}")
        for path in (reverse("agents"), reverse("agent", args=["triage"])):
            page.get(path)
            with CaptureQueriesContext(connection) as asked_now:
                page.get(path)
            counts.append(len(asked_now))
    session_page = reverse("agent-session", args=["triage", session.pk])
    with CaptureQueriesContext(connection) as asked_now:
        page.get(session_page)
    assert counts[:2] == counts[2:]
    assert max(*counts, len(asked_now)) <= 12


def test_rules_are_looked_at_saved_and_taken_back(client: Client, people: Organisation) -> None:
    equip(people)
    caller(people)
    page, at = signed_in(client, people, "admin"), reverse("agents-rules")
    looked = page.post(at, {"do": "look", "unsigned": ["dev"]}).content.decode()
    assert "dev: changes of triage would go without a signature." in looked
    assert not AgentRules.objects.exists()
    assert page.post(at, {"do": "save", "unsigned": ["dev"], "version": "0"}).status_code == 302
    assert AgentRules.objects.get().unsigned == ["dev"]
    assert page.post(at, {"do": "save", "unsigned": ["prod"]}).status_code == 422
    page.post(at, {"do": "take-back"})
    assert AgentRules.objects.get().unsigned == []


def test_a_change_is_signed_on_its_page(client: Client, people: Organisation) -> None:
    equip(people)
    change = asked(caller(people))
    at, sign = reverse("change", args=[change.pk]), reverse("change-cosign", args=[change.pk])
    seen = signed_in(client, people, "viewer").get(at).content.decode()
    assert "Asked by the agent triage of developer." in seen
    assert "Only developers and maintainers of payments, and who stands in for one, may sign." in seen
    assert "Sign it" not in seen
    page = signed_in(client, people, "maintainer")
    assert "Sign it" in page.get(at).content.decode()
    page.post(sign, {"plan_digest": "0" * 64})
    change.refresh_from_db()
    assert change.state == "pending"
    page.post(sign, {"plan_digest": change.plan_digest})
    change.refresh_from_db()
    assert change.state == "running"
    after = page.get(at).content.decode()
    assert "maintainer signed it" in after
    assert "signed beside the agent" in after

"""Policies in the portal: read by all, written by admins with checks as they type, enforced after what was is shown."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.domain.policy_text import policy_text
from governance.models import Policy, PolicyVersion
from governance.services.policies import policy_save
from idp.kernel import clock
from idp.kernel.cel import REGISTER
from provisioning.models import PolicyReplay
from provisioning.orchestrator.policy_replay import replay_advance
from provisioning.services.policy_replays import replay_of_policy
from provisioning.services.setup import sandbox_install
from tests.personas import NOW, Organisation
from tests.provisioning.services.test_policy_replays import NO_LATEST, record

pytestmark = pytest.mark.django_db
SignIn = Callable[[str], Client]
CEILING = 12
NAME = "no-latest"
FAILING = [{"name": "x", "facts": {}, "expect": "deny"}]
PAGES = ("policies", "policy", "policy-edit", "policy-enforce", "policy-version", "policy-replay")


@pytest.fixture(autouse=True)
def organisation(organisation: Organisation) -> Organisation:
    sandbox_install(now=NOW)
    return organisation


def document(**spec: Any) -> dict[str, Any]:
    made = deepcopy(NO_LATEST)
    made["spec"] |= spec
    return made


def stored(organisation: Organisation, **spec: Any) -> Policy:
    return policy_save(organisation.actor("admin"), document=document(**spec), now=NOW)


def worked_out(organisation: Organisation) -> PolicyReplay:
    report = replay_of_policy(organisation.actor("admin"), name=NAME, now=clock.now())
    replay_advance(report.pk)
    report.refresh_from_db()
    return report


def post(client: Client, url: str, do: str, text: str, **more: Any) -> Any:
    return client.post(url, {"do": do, "text": text.replace("\n", "\r\n"), **more})


def page_of(client: Client, name: str, *arguments: Any, query: str = "") -> str:
    answer = client.get(reverse(name, args=arguments) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_everybody_reads_which_rules_hold(organisation: Organisation, sign_in: SignIn) -> None:
    stored(organisation, scope={"teams": ["payments"]})
    viewer = sign_in("viewer")
    listed = page_of(viewer, "policies")
    assert all(word in listed for word in ("No latest", "Denies", "Observes", "team payments"))
    assert "New policy" not in listed
    shown = page_of(viewer, "policy", NAME)
    assert "latest is another image tomorrow." in shown
    assert not any(word in shown for word in ("Enforce it", "Replay", "Retire"))


def test_it_says_what_a_page_without_policies_is_for(organisation: Organisation, sign_in: SignIn) -> None:
    assert "Write the first" in page_of(sign_in("admin"), "policies")
    assert "Platform admins write them" in page_of(sign_in("viewer"), "policies")
    assert "None is retired" in page_of(sign_in("viewer"), "policies", query="?show=retired")


def test_the_editor_documents_the_language_from_the_register(organisation: Organisation, sign_in: SignIn) -> None:
    shown = page_of(sign_in("admin"), "policy-new")
    assert all(one.name in shown for one in REGISTER)
    assert "usage_before (cpu, memory_gib, storage_gib)" in shown
    assert "2 tests hold" in shown


def test_it_checks_while_one_types(organisation: Organisation, sign_in: SignIn) -> None:
    client = sign_in("admin")
    url = reverse("policy-check")
    told = post(client, url, "", policy_text(document(when="stge.production"))).content.decode()
    assert "<html" not in told
    assert "did you mean “stage”" in told
    assert "stge.production\n<span" in told
    told = post(client, url, "", policy_text(document()), policy="another").content.decode()
    assert "Write another" in told
    assert not PolicyVersion.objects.exists()


def test_it_saves_what_observes_at_once_and_keeps_the_text(organisation: Organisation, sign_in: SignIn) -> None:
    text = "# because\n" + policy_text(document())
    answer = post(sign_in("admin"), reverse("policy-new"), "save", text)
    assert answer.url == reverse("policy", args=[NAME])
    assert PolicyVersion.objects.get().text == text
    assert "# because" in page_of(sign_in("viewer"), "policy", NAME)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param({"when": "true &&"}, "not a complete CEL expression", id="syntax"),
        pytest.param(
            {"mode": "enforce", "tests": [{"name": "x", "facts": {}, "expect": "deny"}]},
            "cannot be enforced",
            id="test",
        ),
        pytest.param({"scope": {"teams": ["nobody"]}}, "There is no team", id="scope"),
    ],
)
def test_it_saves_nothing_that_does_not_hold(
    organisation: Organisation, sign_in: SignIn, spec: dict[str, Any], words: str
) -> None:
    for do in ("save", "enforce"):
        answer = post(sign_in("admin"), reverse("policy-new"), do, policy_text(document(**spec)))
        assert answer.status_code == 422
        assert words in answer.content.decode()
    assert not Policy.objects.exists()


def test_a_failing_test_lets_it_observe(organisation: Organisation, sign_in: SignIn) -> None:
    client = sign_in("admin")
    assert post(client, reverse("policy-new"), "save", policy_text(document(tests=FAILING))).status_code == 302
    answer = client.get(reverse("policy-enforce", args=[NAME]))
    assert answer.status_code == 422
    assert "It cannot be enforced" in answer.content.decode()


def test_it_asks_with_what_would_have_been_before_it_enforces(organisation: Organisation, sign_in: SignIn) -> None:
    record(organisation, 3, image="api:latest", at=clock.now())
    record(organisation, 2, at=clock.now())
    stored(organisation)
    client = sign_in("admin")
    asked = client.get(reverse("policy-enforce", args=[NAME])).content.decode()
    report = PolicyReplay.objects.get()
    assert "Waits for a worker" in asked
    assert reverse("policy-replay-short", args=[report.pk]) in asked
    replay_advance(report.pk)
    short = client.get(reverse("policy-replay-short", args=[report.pk]))
    assert (short.status_code, "denied 3 of 5 changes in 30 days" in short.content.decode()) == (286, True)
    text = policy_text(document(mode="enforce"))
    asked = post(client, reverse("policy-edit", args=[NAME]), "save", text, expected=1)
    assert "denied 3 of 5 changes in 30 days" in asked.content.decode()
    assert Policy.objects.get().mode == "observe"
    post(client, reverse("policy-edit", args=[NAME]), "enforce", text, expected=1)
    assert Policy.objects.get().mode == "enforce"


def test_it_asks_again_only_when_another_rule_would_be_enforced(organisation: Organisation, sign_in: SignIn) -> None:
    stored(organisation, mode="enforce")
    client, url = sign_in("admin"), reverse("policy-edit", args=[NAME])
    answer = post(client, url, "save", policy_text(document(mode="enforce", title="Renamed")), expected=1)
    assert answer.status_code == 302
    answer = post(client, url, "save", policy_text(document(mode="enforce", when="true")), expected=2)
    assert "It is enforced already" in answer.content.decode()
    post(client, url, "observe", policy_text(document(mode="enforce", when="true")), expected=2)
    row = Policy.objects.get()
    assert (row.mode, row.document["spec"]["when"]) == ("observe", "true")


def test_it_refuses_an_edit_that_somebody_overtook(organisation: Organisation, sign_in: SignIn) -> None:
    stored(organisation)
    stored(organisation, title="Second")
    text = policy_text(document(title="Mine"))
    answer = post(sign_in("admin"), reverse("policy-edit", args=[NAME]), "save", text, expected=1)
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert "is at version 2, and you edited version 1" in shown
    assert "title: Mine" in shown
    answer = post(sign_in("admin"), reverse("policy-new"), "save", text)
    assert (answer.status_code, "choose another name" in answer.content.decode()) == (422, True)


def test_it_tries_a_draft_on_what_was(organisation: Organisation, sign_in: SignIn) -> None:
    record(organisation, 1, image="api:latest", at=clock.now())
    text = policy_text(document(effect="warn"))
    shown = post(sign_in("admin"), reverse("policy-new"), "replay", text, days="7").content.decode()
    report = PolicyReplay.objects.get()
    assert (report.days, report.version, report.asked_by) == (7, None, organisation.admin)
    assert "The last 7 days" in shown
    assert "effect: warn" in shown
    assert not Policy.objects.exists()


def test_versions_are_compared_and_taken_back(organisation: Organisation, sign_in: SignIn) -> None:
    stored(organisation)
    stored(organisation, title="Second title")
    client = sign_in("admin")
    shown = page_of(client, "policy-version", NAME, 2)
    assert '<span class="line plus">+   title: Second title</span>' in shown
    assert '<span class="line minus">-   title: No latest</span>' in shown
    assert "Take back" not in shown
    assert "Take back" in page_of(client, "policy-version", NAME, 1)
    assert "title: No latest" in page_of(client, "policy-edit", NAME, query="?version=1")
    act = reverse("policy-act", args=[NAME, "restore"])
    assert client.post(act, {"number": "1", "expected": "2"}).status_code == 302
    assert Policy.objects.get().title == "No latest"
    assert client.post(act, {"number": "1", "expected": "2"}).status_code == 412
    assert client.get(reverse("policy-version", args=[NAME, 9])).status_code == 404


def test_it_retires_and_shows_the_retired(organisation: Organisation, sign_in: SignIn) -> None:
    stored(organisation)
    client = sign_in("admin")
    client.post(reverse("policy-act", args=[NAME, "retire"]), {"expected": "1"})
    page_of(client, "policies")  # shows the message that it is retired
    assert NAME not in page_of(client, "policies")
    assert NAME in page_of(client, "policies", query="?show=retired")
    assert "says nothing any more" in page_of(client, "policy", NAME)
    assert client.post(reverse("policy-act", args=[NAME, "anything"])).status_code == 422


def test_a_report_shows_teams_and_changes_and_is_filtered(organisation: Organisation, sign_in: SignIn) -> None:
    stored(organisation)
    made = record(organisation, 2, image="api:latest", at=clock.now())
    record(organisation, 1, image="shop:latest", system="shop", at=clock.now(), state="denied")
    report = worked_out(organisation)
    client = sign_in("auditor")
    shown = page_of(client, "policy-replay", report.pk)
    assert "denied 3 of 3 changes in 30 days" in shown
    assert "1 of those was denied then, too." in shown
    assert reverse("change", args=[made[0].pk]) in shown
    assert "Look again" not in shown
    narrowed = page_of(client, "policy-replay", report.pk, query="?team=storefront&outcome=denies")
    assert reverse("change", args=[made[0].pk]) not in narrowed
    assert "denied then, too" in narrowed
    assert page_of(client, "policy-replay", report.pk, query="?team=nobody&outcome=x&cursor=y")
    record(organisation, 1, at=clock.now())
    assert "Changes came since" in page_of(client, "policy-replay", report.pk)


def test_a_report_is_downloaded(organisation: Organisation, sign_in: SignIn) -> None:
    stored(organisation, message="=1+1")
    record(organisation, 2, image="api:latest", at=clock.now())
    report = worked_out(organisation)
    client = sign_in("admin")
    url = reverse("policy-replay-download", args=[report.pk, "csv"])
    rows = list(csv.DictReader(b"".join(client.get(url)).decode().splitlines()))
    assert [(row["team"], row["outcome"], row["message"]) for row in rows] == [("payments", "denies", "'=1+1")] * 2
    data = json.loads(b"".join(client.get(url.replace(".csv", ".json"))))
    assert (data["counts"], len(data["items"])) == ({"denies": 2}, 2)
    assert client.get(url.replace(".csv", ".xml")).status_code == 404


def test_it_looks_again(organisation: Organisation, sign_in: SignIn) -> None:
    stored(organisation)
    client = sign_in("admin")
    asked = client.post(reverse("policy-replay-ask", args=[NAME]), {"days": "90", "number": "1"})
    report = PolicyReplay.objects.get()
    assert (asked.url, report.days) == (reverse("policy-replay", args=[report.pk]), 90)
    assert "Waits for a worker" in page_of(client, "policy-replay", report.pk)
    replay_advance(report.pk)
    again = client.post(reverse("policy-replay-again", args=[report.pk]))
    assert again.url == reverse("policy-replay", args=[report.pk])
    record(organisation, 1, at=clock.now())
    assert client.post(reverse("policy-replay-again", args=[report.pk])).url != again.url


@pytest.mark.parametrize(
    "page", ["policies", "policy", "policy-edit", "policy-enforce", "policy-version", "policy-replay"]
)
def test_it_stays_within_its_queries(organisation: Organisation, sign_in: SignIn, page: str) -> None:
    """As many with 30 policies, 40 versions and 400 recorded changes as with one of each."""
    client = sign_in("admin")
    counts = []
    for number in (1, 30):
        for index in range(number):
            made = document(title=f"Title {index}")
            made["metadata"]["name"] = f"policy-{index}" if index else NAME
            policy_save(organisation.actor("admin"), document=made, now=NOW)
            stored(organisation, title=f"Version {index}")
        record(organisation, 13 * number, image="api:latest", at=clock.now())
        report = worked_out(organisation)
        arguments = {"policies": [], "policy-version": [NAME, 2], "policy-replay": [report.pk]}.get(page, [NAME])
        url = reverse(page, args=arguments)
        client.get(url)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(url).status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1] <= CEILING

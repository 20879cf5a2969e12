"""The audit log's pages: searched, opened, taken away as a file, by whoever may."""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.models import AuditEntry
from governance.selectors import audit as selectors
from governance.services.audit import audit_append
from governance.services.teams import team_update
from idp.kernel.actor import PLATFORM, Actor
from idp.kernel.canonical import canonical_json
from tests.governance.tampering import unguarded
from tests.personas import NOW

pytestmark = pytest.mark.django_db
CEILING = 12


def text(answer: Any) -> str:
    return b"".join(answer).decode() if answer.streaming else answer.content.decode()


def numbers(answer: Any) -> list[int]:
    return [line.number for line in answer.context["lines"]]


@pytest.fixture
def entry(organisation) -> AuditEntry:
    """A team's name was changed through the API, in a request that did something else as well."""
    actor = Actor(
        organisation.maintainer.pk, "maintainer", via="api", request_id="request-77", token_id=3, address="192.0.2.7"
    )
    team_update(actor, team=organisation.payments, name="Money", now=NOW)
    changed = AuditEntry.objects.latest("sequence")
    audit_append(
        actor, action="run.cancel", object_type="run", object_id=1, object_label="checkout/live", team_slug="payments",
        behalf="developer", now=NOW,
    )  # fmt: skip
    return changed


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"actor": "maintainer"}, ["run.cancel", "team.update"], id="who"),
        pytest.param({"behalf": "developer"}, ["run.cancel"], id="on whose behalf"),
        pytest.param({"action": "team.update"}, ["team.update"], id="action"),
        pytest.param({"object_type": "team", "name": "payments", "actor": "maintainer"}, ["team.update"], id="object"),
        pytest.param({"place": "checkout/live"}, ["run.cancel"], id="environment"),
        pytest.param({"place": "checkout", "object_type": "run"}, ["run.cancel"], id="system"),
        pytest.param({"request": "request-77"}, ["run.cancel", "team.update"], id="request"),
        pytest.param({"since": "2999-01-01"}, [], id="later"),
        pytest.param({"request": "request-77", "until": str(NOW.date())}, ["run.cancel", "team.update"], id="that day"),
        pytest.param({"request": "request-77", "until": NOW.isoformat()}, [], id="before that moment"),
    ],
)
def test_it_finds_by_each_filter(entry, sign_in, query, expected):
    answer = sign_in("auditor").get(reverse("audit"), query)
    assert [line.action for line in answer.context["lines"]] == expected


@pytest.mark.parametrize("wrong", ["yesterday", "2026-02-31", "2026-11-22T99:00Z"])
def test_a_time_that_is_none_is_no_search(organisation, sign_in, wrong):
    answer = sign_in("auditor").get(reverse("audit"), {"since": wrong})
    assert answer.status_code == 422
    assert "Write a day such as" in text(answer)


@pytest.mark.parametrize(
    ("persona", "teams"), [("developer", {"payments"}), ("stranger", {"storefront"}), ("viewer", None)]
)
def test_people_read_what_their_teams_own(entry, sign_in, persona, teams):
    answer = sign_in(persona).get(reverse("audit"))
    if teams is None:
        assert answer.status_code == 403
        return
    shown = AuditEntry.objects.filter(sequence__in=numbers(answer))
    assert set(shown.values_list("team_slug", flat=True)) == teams


def test_pages_of_the_list_hold_every_entry_once(organisation, sign_in):
    for number in range(70):
        at = NOW - timedelta(minutes=number % 7)
        audit_append(PLATFORM, action="x.y", object_type="x", object_id=number, object_label="x", now=at)
    client, seen, url = sign_in("admin"), [], reverse("audit") + "?object_type=x"
    while url:
        answer = client.get(url)
        seen += numbers(answer)
        url = f"{reverse('audit')}?object_type=x&cursor={answer.context['next']}" if answer.context["next"] else ""
    rows = AuditEntry.objects.filter(object_type="x").order_by("-at", "-sequence")
    assert seen == list(rows.values_list("sequence", flat=True))


def test_an_entry_says_what_changed_who_did_it_and_from_where(entry, sign_in):
    shown = text(sign_in("maintainer").get(reverse("audit-entry", args=[entry.pk])))
    assert "<del>Payments</del>" in shown
    assert "<ins>Money</ins>" in shown
    assert "API · Token 3" in shown
    assert "192.0.2.7" in shown
    assert reverse("team", args=["payments"]) in shown
    assert "Cancelled a run" in shown
    assert "As it was written" in shown
    assert "Follows the entry before" in shown


def test_an_entry_that_was_altered_says_so(entry, sign_in):
    with unguarded():
        AuditEntry.objects.filter(pk=entry.pk).update(actor_name="somebody")
        AuditEntry.objects.filter(pk=entry.pk + 1).update(previous_hash="0" * 64)
    client = sign_in("auditor")
    assert "Its hash does not fit what it says" in text(client.get(reverse("audit-entry", args=[entry.pk])))
    assert "It names another hash" in text(client.get(reverse("audit-entry", args=[entry.pk + 1])))


def test_secrets_stay_hidden(organisation, sign_in):
    audit_append(
        PLATFORM, action="x.y", object_type="x", object_id=1, object_label="x", now=NOW,
        data={"before": {"password": "hunter2"}, "after": {"password": "hunter3"}, "note": "slw_abc_def"},
    )  # fmt: skip
    shown = text(sign_in("auditor").get(reverse("audit-entry", args=[AuditEntry.objects.latest("sequence").pk])))
    assert not any(secret in shown for secret in ("hunter2", "hunter3", "slw_abc_def"))


def test_lines_of_a_file_prove_themselves(entry, sign_in):
    answer = sign_in("auditor").get(reverse("audit-download", args=["jsonl"]), {"request": "request-77"})
    lines = [json.loads(line) for line in text(answer).splitlines()]
    assert [line["action"] for line in lines] == ["run.cancel", "team.update"]
    for line in lines:
        stored = line.pop("hash")
        assert hashlib.sha256(canonical_json(line).encode()).hexdigest() == stored


def test_a_table_is_bounded_and_works_nothing_out(organisation, sign_in, monkeypatch):
    monkeypatch.setattr(selectors.audit_rows, "__kwdefaults__", {"most": 3})
    for number in range(5):
        audit_append(PLATFORM, action="x.y", object_type="x", object_id=number, object_label="=1+1", now=NOW)
    answer = sign_in("auditor").get(reverse("audit-download", args=["csv"]), {"object_type": "x"})
    rows = list(csv.DictReader(StringIO(text(answer))))
    assert [row["object_id"] for row in rows] == ["4", "3", "2"]
    assert {row["object_label"] for row in rows} == {"'=1+1"}
    assert answer["Content-Disposition"] == 'attachment; filename="audit.csv"'


@pytest.mark.parametrize("persona", ["auditor", "maintainer"])
@pytest.mark.parametrize("page", ["audit", "audit-entry"])
def test_it_costs_the_same_with_more_entries(entry, sign_in, persona, page):
    client, counts = sign_in(persona), []
    url = reverse(page, args=[entry.pk] if page == "audit-entry" else [])
    for _ in range(2):
        client.get(url)
        with CaptureQueriesContext(connection) as asked:
            client.get(url)
        counts.append(len(asked))
        for number in range(60):
            audit_append(
                Actor(1, "x", request_id="request-77"), action="x.y", object_type="x", object_id=number,
                object_label="x", team_slug="payments", now=NOW,
            )  # fmt: skip
    assert counts[0] == counts[1]
    assert counts[1] <= CEILING


@pytest.mark.parametrize(
    ("page", "arguments", "query"),
    [
        pytest.param("team", ["payments"], "?team=payments", id="team"),
        pytest.param("system", ["checkout"], "?place=checkout", id="system"),
        pytest.param("environment", ["checkout", "try"], "?place=checkout/try", id="environment"),
    ],
)
def test_pages_lead_to_their_part_of_the_log(living, sign_in, page, arguments, query):
    link = f'href="{reverse("audit")}{query}"'
    for persona, shown in (("auditor", True), ("developer", True), ("viewer", False), ("stranger", False)):
        assert (link in text(sign_in(persona).get(reverse(page, args=arguments)))) is shown
    answer = sign_in("developer").get(reverse("audit") + query)
    assert answer.context["lines"]


def test_all_of_an_environment_is_found_by_its_place(living, sign_in):
    answer = sign_in("auditor").get(reverse("audit"), {"place": "checkout/try"})
    found = [(line.action, line.behalf) for line in answer.context["lines"]]
    assert ("change.submit", "") in found
    assert ("run.succeeded", "developer") in found

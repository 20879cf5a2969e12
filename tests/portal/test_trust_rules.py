"""The pages on which an admin says which pipelines are trusted."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.models import TrustRule
from governance.services.trust_rules import TrustWish, trust_rule_save
from idp.kernel.actor import PLATFORM
from tests.personas import NOW, person

pytestmark = pytest.mark.django_db
TYPED = {
    "name": "checkout-main",
    "issuer": "https://token.actions.githubusercontent.com",
    "audience": "https://slipway.example",
    "subject": "repo:acme/checkout:*",
    "claims": "environment=production\n",
    "account": "payments-ci",
    "systems": "checkout, shop",
    "scopes": "read change",
    "minutes": "10",
    "active": "on",
}


@pytest.fixture
def page(client, organisation):
    person("payments-ci", service_of=organisation.payments)
    client.force_login(organisation.admin)
    return client


def send(page, do: str, *, at: str = "", **change):
    return page.post(at or reverse("trust-rule-new"), TYPED | {"do": do} | change)


def saved(page, *, at: str = "", **change):
    """Looked at, then saved as it was looked at."""
    shown = send(page, "look", at=at, **change).content.decode()
    seen = shown.partition('name="looked_at" value="')[2].partition('"')[0]
    return send(page, "save", at=at, looked_at=seen, **change)


def test_a_look_keeps_nothing_and_says_whether_a_subject_would_match(page):
    looked = send(page, "look", try_subject="repo:acme/checkout:ref:refs/heads/main").content.decode()
    assert "This subject would match." in looked
    assert 'value="save"' in looked
    assert "This subject would not match." in send(page, "look", try_subject="repo:evil/x").content.decode()
    assert not TrustRule.objects.exists()


@pytest.mark.parametrize("given", [{}, {"looked_at": "other"}], ids=["never looked at", "something else"])
def test_only_what_was_looked_at_is_saved(page, given):
    shown = send(page, "save", **given)
    assert "What it would trust" in shown.content.decode()
    assert not TrustRule.objects.exists()
    seen = shown.content.decode().partition('name="looked_at" value="')[2].partition('"')[0]
    assert "*" in send(page, "save", looked_at=seen, subject="repo:acme/*").content.decode()
    assert not TrustRule.objects.exists()
    assert send(page, "save", looked_at=seen, try_subject="repo:acme/x").status_code == 302


def test_it_is_saved_edited_taken_back_and_removed(page):
    assert saved(page).status_code == 302
    row = TrustRule.objects.get()
    assert (row.claims, row.systems, row.minutes) == ({"environment": "production"}, ["checkout", "shop"], 10)
    assert row.scopes == ["change", "read"]
    there = reverse("trust-rule", args=["checkout-main"])
    assert page.get(there).status_code == 200
    saved(page, at=there, minutes="5", version="1")
    assert TrustRule.objects.get().minutes == 5
    page.post(reverse("trust-rule-act", args=["checkout-main"]), {"do": "take-back"})
    assert TrustRule.objects.get().minutes == 10
    at = reverse("trust-rule-act", args=["checkout-main"])
    kept = page.post(at, {"do": "remove", "confirm_name": "checkout"})
    assert (kept.status_code, TrustRule.objects.count()) == (422, 1)
    assert "Type checkout-main to remove it." in kept.content.decode()
    page.post(at, {"do": "remove", "confirm_name": "checkout-main"})
    assert not TrustRule.objects.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"subject": "repo:*"}, "everybody at GitHub"),
        ({"claims": "environment"}, "Write name=value"),
        ({"account": "developer"}, "Select a valid choice"),
        ({"systems": "nowhere"}, "There is no system"),
        ({"minutes": "60"}, "less than or equal to 15"),
    ],
)
def test_what_is_wrong_stands_at_its_field(page, change, said):
    answer = send(page, "save", **change)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not TrustRule.objects.exists()


def test_a_name_is_taken_once(page):
    saved(page)
    assert send(page, "save", minutes="3").status_code == 422
    assert TrustRule.objects.get().minutes == 10


def test_the_list_asks_the_same_of_the_database_however_many_there_are(page):
    def asked(rules: int) -> int:
        for at in range(rules):
            wish = TrustWish(TYPED["issuer"], "x", f"repo:acme/app-{at}:*", "payments-ci")
            trust_rule_save(PLATFORM, name=f"rule-{at}", wish=wish, now=NOW)
        page.get(reverse("trust-rules"))
        with CaptureQueriesContext(connection) as queries:
            page.get(reverse("trust-rules"))
        return len(queries)

    assert asked(1) == asked(8) <= 12

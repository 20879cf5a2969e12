"""The pages on which admins set providers and group rules: looked at, saved, taken back, and never a secret shown."""

from __future__ import annotations

import re

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.domain.group_rule import Rule
from governance.domain.oidc import ProviderWish
from governance.models import AuditEntry, GroupRule, PeopleEdit, SignInProvider
from governance.services.group_rules import group_rule_set, memberships_follow
from governance.services.sign_in_providers import provider_save
from idp.catalog.models import Membership
from idp.kernel import vault
from idp.kernel.actor import PLATFORM
from tests.oidc_provider import CLIENT, SECRET, providing
from tests.personas import NOW
from tests.portal.api.client import token_for

pytestmark = pytest.mark.django_db
RULE = {"source": "scim", "group": "devs", "team": "payments", "role": "developer"}


@pytest.fixture(scope="module")
def served():
    with providing() as provider:
        yield provider


@pytest.fixture
def page(client, organisation):
    client.force_login(organisation.admin)
    return client


@pytest.fixture
def typed(served, settings):
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    served.about = {}
    cache.clear()
    yield {
        "name": "corp",
        "title": "Corp",
        "issuer": served.issuer,
        "client_id": CLIENT,
        "secret": SECRET,
        "scopes": "openid profile",
        "group_claim": "groups",
        "active": "on",
    }
    cache.clear()


def hidden(text: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', text)
    return found[1] if found else ""


def look(page, fields, url: str = "", **change):
    return page.post(url or reverse("sign-in-provider-new"), fields | change | {"do": "look"})


def save(page, fields, url: str = "", **change):
    """Look, then save what the page carries on, without typing the secret again."""
    text = look(page, fields, url, **change).content.decode()
    on = {"do": "save", "secret": "", "looked_at": hidden(text, "looked_at"), "sealed": hidden(text, "sealed")}
    return page.post(url or reverse("sign-in-provider-new"), fields | change | on)


def test_a_look_asks_the_provider_and_keeps_nothing(page, typed):
    text = look(page, typed).content.decode()
    assert "It knows PKCE (S256)." in text
    assert "/login/through/corp/return" in text
    assert SECRET not in text
    assert not SignInProvider.objects.exists()


@pytest.mark.parametrize(
    ("secret", "clock", "said"),
    [
        pytest.param(SECRET, 0, "It does not object to the client ID and secret.", id="right"),
        pytest.param("of-last-year", 0, "It does not take this client ID and secret.", id="wrong secret"),
        pytest.param(SECRET, 95, "seconds ahead of ours", id="its clock is ahead"),
        pytest.param(SECRET, -95, "seconds behind ours", id="its clock is behind"),
    ],
)
def test_a_look_tries_the_secret_and_compares_the_clocks(page, typed, served, monkeypatch, secret, clock, said):
    monkeypatch.setattr(served, "clock", clock)
    text = look(page, typed, secret=secret).content.decode()
    assert said in text
    assert ("Its clock is" in text) == bool(clock)


def test_a_stored_secret_is_tried_without_being_typed(page, typed, served):
    save(page, typed)
    looked = look(page, typed, reverse("sign-in-provider", args=["corp"]), secret="")
    assert "does not object to the client ID" in looked.content.decode()


def test_only_what_was_looked_at_is_saved(page, typed):
    text = look(page, typed).content.decode()
    on = {"do": "save", "secret": "", "looked_at": hidden(text, "looked_at"), "sealed": hidden(text, "sealed")}
    page.post(reverse("sign-in-provider-new"), typed | on | {"may_create": "on"})
    assert not SignInProvider.objects.exists()


def test_it_is_saved_edited_taken_back_and_removed(page, typed):
    assert save(page, typed).status_code == 302
    row = SignInProvider.objects.get()
    assert (vault.decrypt(row.secret), row.scopes, row.may_create) == (SECRET, ["openid", "profile"], False)
    there = reverse("sign-in-provider", args=["corp"])
    save(page, typed | {"secret": ""}, there, secret="", may_create="on", version="1")
    row.refresh_from_db()
    assert (row.may_create, vault.decrypt(row.secret)) == (True, SECRET)
    act = reverse("sign-in-provider-act", args=["corp"])
    page.post(act, {"do": "take-back"})
    page.post(act, {"do": "remove"})
    assert SignInProvider.objects.get().may_create is False
    off = {name: value for name, value in typed.items() if name != "active"} | {"secret": ""}
    save(page, off, there)
    page.post(act, {"do": "remove"})
    assert not SignInProvider.objects.exists()
    told = list(AuditEntry.objects.filter(object_type="sign-in-provider").order_by("sequence"))
    assert [one.action.partition(".")[2] for one in told] == ["save", "save", "save", "save", "remove"]
    assert told[1].data["before"]["may_create"] is False
    assert told[1].data["after"]["may_create"] is True
    assert SECRET not in str([one.data for one in told])


def test_a_stored_secret_is_not_sent_to_another_issuer(page, typed, served):
    save(page, typed)
    there = reverse("sign-in-provider", args=["corp"])
    answer = save(page, typed | {"secret": ""}, there, issuer=f"{served.issuer}/other")
    assert answer.status_code == 422
    assert "Type the client secret again" in answer.content.decode()
    assert SignInProvider.objects.get().issuer == served.issuer


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"issuer": "http://login.example.com"}, "begins with https://"),
        ({"issuer": "https://169.254.169.254"}, "private network"),
        ({"scopes": "profile"}, "Write openid"),
        ({"link_claim": "email"}, "never email"),
        ({"group_claim": "a b"}, "name of a claim"),
        ({"client_id": ""}, "needed"),
        ({"sealed": "made-up"}, "Type the client secret again"),
    ],
)
def test_what_is_wrong_stands_at_its_field(page, typed, change, said):
    answer = look(page, typed, **change)
    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_a_check_says_what_keeps_people_out(page, typed, served):
    served.about = {"issuer": "https://evil.example"}
    assert "names itself otherwise" in look(page, typed).content.decode()
    served.about = {"id_token_signing_alg_values_supported": ["HS256"], "code_challenge_methods_supported": None}
    text = look(page, typed, scopes="openid groups").content.decode()
    assert "shared secrets only" in text
    assert "does not say that it knows PKCE" in text
    assert "does not list the scope groups" in text


def test_a_rule_is_looked_at_saved_and_taken_back(page, organisation):
    memberships_follow(organisation.stranger, source="scim", groups=frozenset({"devs"}), now=NOW)
    there = reverse("group-rules")
    text = page.post(there, RULE | {"do": "look"}).content.decode()
    assert "1 person moves at once" in text
    assert "Becomes developer" in text
    assert not GroupRule.objects.exists()
    assert page.post(there, RULE | {"do": "save"}).status_code == 200
    assert not GroupRule.objects.exists()
    page.post(there, RULE | {"do": "save", "looked_at": hidden(text, "looked_at")})
    assert Membership.objects.get(user=organisation.stranger, team__slug="payments").role == "developer"
    edit = PeopleEdit.objects.get(kind="group-rule")
    assert "Take back" in page.get(there).content.decode()
    page.post(reverse("people-undo", args=[edit.pk]), {"next": there})
    assert not GroupRule.objects.exists()
    assert not Membership.objects.filter(user=organisation.stranger, team__slug="payments").exists()


def test_a_rule_is_removed_after_a_look(page, organisation):
    group_rule_set(PLATFORM, Rule(**RULE), now=NOW)
    memberships_follow(organisation.viewer, source="scim", groups=frozenset({"devs"}), now=NOW)
    gone = RULE | {"what": "remove"}
    text = page.post(reverse("group-rules"), gone | {"do": "look"}).content.decode()
    assert "developer, then viewer" in text
    page.post(reverse("group-rules"), gone | {"do": "save", "looked_at": hidden(text, "looked_at")})
    assert Membership.objects.get(user=organisation.viewer).role == "viewer"


def test_the_lists_ask_the_same_of_the_database_however_many_there_are(page):
    def asked(number: int) -> list[int]:
        for at in range(number):
            wish = ProviderWish(f"Corp {at}", f"https://login-{at}.example", "slipway", active=False)
            provider_save(PLATFORM, name=f"corp-{at}", wish=wish, now=NOW)
            group_rule_set(PLATFORM, Rule("scim", f"devs-{at}", "payments", "viewer"), now=NOW)
        counts = []
        for name in ("sign-in-providers", "group-rules"):
            page.get(reverse(name))
            with CaptureQueriesContext(connection) as queries:
                page.get(reverse(name))
            counts.append(len(queries))
        return counts

    few, many = asked(1), asked(6)
    assert few == many
    assert max(many) <= 12


def test_programs_set_the_same(client, organisation, typed):
    token = token_for(organisation.admin, "admin")
    sent = {"title": "Corp", "issuer": typed["issuer"], "client_id": CLIENT, "secret": SECRET, "group_claim": "groups"}
    head = {"HTTP_AUTHORIZATION": f"Bearer {token}", "content_type": "application/json"}
    made = client.put("/api/v1/sign-in-providers/corp/", sent, HTTP_IF_MATCH="*", **head)
    assert (made.status_code, made.json()["has_secret"]) == (200, True)
    assert SECRET not in made.content.decode()
    tones = {one["tone"] for one in client.post("/api/v1/sign-in-providers/corp/check/", {}, **head).json()["findings"]}
    assert "bad" not in tones
    memberships_follow(organisation.stranger, source="oidc:corp", groups=frozenset({"devs"}), now=NOW)
    rule = RULE | {"source": "oidc:corp"}
    moves = [{"username": "stranger", "team": "payments", "before": "", "after": "developer"}]
    assert client.post("/api/v1/group-rules/preview/", rule, **head).json() == {"moves": moves}
    saved = client.post("/api/v1/group-rules/", rule, **head).json()
    assert saved["moves"] == moves
    kept = client.delete("/api/v1/sign-in-providers/corp/", HTTP_IF_MATCH=made["ETag"], **head)
    assert kept.status_code == 409
    where = saved["rule"]["url"]
    assert client.delete(where, **head).status_code == 428
    read = client.get(where, **head)
    gone = client.delete(where, HTTP_IF_MATCH=read["ETag"], **head)
    assert gone.json()["moves"] == [{"username": "stranger", "team": "payments", "before": "developer", "after": ""}]

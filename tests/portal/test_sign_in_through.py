"""Signing in through a provider: who comes in, and everything that is refused, against a provider that speaks HTTP."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from governance.domain.group_rule import Rule
from governance.models import AuditEntry, ExternalIdentity, KnownGroup, OpenSession, SignInProvider
from governance.services.group_rules import group_rule_set
from idp.catalog.models import Membership, User
from idp.kernel.actor import PLATFORM
from portal.pages.going_through import COOKIE
from tests.oidc_provider import key_named
from tests.personas import NOW, PASSWORD
from tests.portal.signing_in_through import go, save, sign_in, who

pytestmark = pytest.mark.django_db


def refused(answer, words: str, status: int = 400) -> None:
    text = answer.content.decode()
    assert answer.status_code == status
    assert "You are not signed in." in text
    assert words in text
    assert "_auth_user_id" not in answer.client.session


def test_a_new_person_comes_in_and_goes_where_they_wanted(client, provider, organisation):
    group_rule_set(PLATFORM, Rule("oidc:corp", "devs", "payments", "developer"), now=NOW)
    provider.claims |= {"name": "Ada L.", "email": "ada@corp.example", "groups": ["devs", "all"]}
    answer = sign_in(client, provider, "/systems/?mine=1")
    assert (answer.status_code, answer["Location"]) == (302, "/systems/?mine=1")
    ada = User.objects.get(username="ada")
    assert (who(client), ada.display_name, ada.email) == ("ada", "Ada L.", "ada@corp.example")
    assert not ada.has_usable_password()
    assert Membership.objects.get(user=ada).role == "developer"
    assert OpenSession.objects.get(user=ada).key == client.session.session_key
    told = dict(AuditEntry.objects.filter(object_label="ada").values_list("action", "actor_name"))
    assert told == {"account.create": "slipway", "account.connect": "slipway", "session.sign-in": "ada"}
    assert AuditEntry.objects.get(action="session.sign-in").data == {"way": "provider", "provider": "corp"}
    assert client.get("/systems/").status_code == 200


def test_the_same_subject_is_the_same_person_whatever_they_are_called_now(client, provider):
    sign_in(client, provider)
    client.logout()
    provider.claims |= {"preferred_username": "countess", "email": "developer@example.com"}
    sign_in(client, provider)
    assert who(client) == "ada"
    assert ExternalIdentity.objects.count() == 1


@pytest.mark.parametrize(
    ("named", "username"),
    [("developer", "developer-2"), ("Developer@corp.example", "developer@corp.example"), ("slipway", "slipway-2")],
)
def test_a_mail_address_or_a_name_that_somebody_has_opens_nothing(client, provider, organisation, named, username):
    provider.claims |= {"preferred_username": named, "email": "developer@example.com"}
    sign_in(client, provider)
    assert who(client) == username


def test_nobody_is_made_where_that_is_not_allowed(client, provider):
    save(provider, may_create=False)
    refused(sign_in(client, provider), "You are known at Corp but have no account here.")
    assert not User.objects.filter(username="ada").exists()
    assert AuditEntry.objects.get(action="session.sign-in-refused").data["provider"] == "corp"


def test_who_is_switched_off_stays_out(client, provider):
    sign_in(client, provider)
    client.logout()
    User.objects.filter(username="ada").update(is_active=False)
    refused(sign_in(client, provider), "Your account is switched off.")


@pytest.mark.parametrize(
    ("claims", "userinfo", "role"),
    [
        pytest.param({"groups": ["devs"]}, {}, "developer", id="in it still"),
        pytest.param({"groups": []}, {}, "", id="in none"),
        pytest.param({}, {}, "developer", id="claim left out"),
        pytest.param({"_claim_names": {"groups": "src1"}}, {"sub": "ada-1", "groups": []}, "developer", id="overage"),
        pytest.param({"hasgroups": True}, {"sub": "ada-1", "groups": []}, "developer", id="overage said otherwise"),
        pytest.param({}, {"sub": "ada-1", "groups": ["all"]}, "", id="told by userinfo"),
        pytest.param({}, {"sub": "eve-1", "groups": ["all"]}, "developer", id="userinfo of another"),
    ],
)
def test_memberships_follow_the_groups_that_are_known(client, provider, organisation, claims, userinfo, role):
    group_rule_set(PLATFORM, Rule("oidc:corp", "devs", "payments", "developer"), now=NOW)
    provider.claims |= {"groups": ["devs"]}
    sign_in(client, provider)
    client.logout()
    provider.claims = {"preferred_username": "ada"} | claims
    provider.userinfo = userinfo
    sign_in(client, provider)
    assert who(client) == "ada"
    assert (Membership.objects.filter(user__username="ada").values_list("role", flat=True).first() or "") == role


@pytest.mark.parametrize(
    ("claims", "userinfo", "role"),
    [
        pytest.param({}, {"sub": "ada-1"}, "", id="left out by both, as Keycloak does"),
        pytest.param({"groups": None}, {"sub": "ada-1", "groups": None}, "", id="nothing in it"),
        pytest.param({}, {"sub": "ada-1", "groups": ["devs"]}, "developer", id="told by userinfo"),
        pytest.param({}, {}, "developer", id="userinfo did not tell"),
        pytest.param({}, {"sub": "eve-1"}, "developer", id="userinfo of another"),
        pytest.param({"_claim_names": {"groups": "src1"}}, {"sub": "ada-1"}, "developer", id="overage"),
        pytest.param({}, {"sub": "ada-1", "hasgroups": True}, "developer", id="overage told by userinfo"),
        pytest.param({"groups": {"odd": 1}}, {"sub": "ada-1"}, "developer", id="not a list"),
    ],
)
def test_a_claim_that_is_left_out_is_no_group_where_an_admin_says_so(
    client, provider, organisation, claims, userinfo, role
):
    save(provider, missing_is_none=True)
    group_rule_set(PLATFORM, Rule("oidc:corp", "devs", "payments", "developer"), now=NOW)
    provider.claims |= {"groups": ["devs"]}
    sign_in(client, provider)
    client.logout()
    provider.claims, provider.userinfo = {"preferred_username": "ada"} | claims, userinfo
    sign_in(client, provider)
    assert who(client) == "ada"
    assert (Membership.objects.filter(user__username="ada").values_list("role", flat=True).first() or "") == role


@pytest.mark.parametrize(("hours", "lasts"), [(12, 12 * 3600), (0, 14 * 24 * 3600)], ids=["a working day", "usual"])
def test_a_session_lasts_as_long_as_an_admin_says(client, provider, hours, lasts):
    save(provider, session_hours=hours)
    sign_in(client, provider)
    assert lasts - 60 < client.session.get_expiry_age() <= lasts


def test_admins_see_which_provider_fails_and_since_when(client, provider, organisation):
    def row():
        return SignInProvider.objects.get(name="corp")

    provider.broken = True
    go(client)
    assert "has a fault" in row().trouble
    since = row().trouble_at
    provider.broken = False
    cache.clear()
    provider.about = {"issuer": "https://evil.example"}
    go(client)
    assert ("https://evil.example" in row().trouble, row().trouble_at) == (True, since)
    admin = Client()
    admin.force_login(organisation.admin)
    shown = admin.get(reverse("sign-in-providers")).content.decode()
    assert ("Fails" in shown, "names itself otherwise" in shown) == (True, True)
    provider.about = {}
    sign_in(client, provider)
    assert (row().trouble, row().trouble_at, row().worked_at is not None) == ("", None, True)
    assert "Works" in admin.get(reverse("sign-in-providers")).content.decode()


def test_what_only_the_person_did_is_no_trouble_of_the_provider(client, provider):
    back = provider.approve(go(client)["Location"])
    provider.codes.clear()
    refused(client.get(back), "does not take this sign-in any more")
    assert SignInProvider.objects.get(name="corp").trouble == ""


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"key": key_named("forger")}, "its signature is wrong"),
        ({"claims": {"nonce": "of-yesterday"}}, "another sign-in"),
    ],
    ids=["forged", "of another sign-in"],
)
def test_a_token_that_is_not_trusted_lets_nobody_in(client, provider, told, words):
    for name, value in told.items():
        setattr(provider, name, value)
    refused(sign_in(client, provider), words)
    assert not ExternalIdentity.objects.exists()
    assert words in AuditEntry.objects.get(action="session.sign-in-refused").data["why"]


def test_state_of_another_browser_is_refused(client, provider):
    back = provider.approve(go(client)["Location"])
    refused(Client().get(back), "begun in another browser")
    other = Client()
    go(other)
    refused(other.get(back), "belongs to another sign-in")


def test_an_answer_counts_once_even_with_its_cookie(client, provider):
    back = provider.approve(go(client)["Location"])
    cookie = client.cookies[COOKIE].value
    client.get(back)
    assert who(client) == "ada"
    client.logout()
    refused(client.get(back), "begun in another browser")
    client.cookies[COOKIE] = cookie
    refused(client.get(back), "used before")


def test_a_code_counts_once(client, provider):
    back = provider.approve(go(client)["Location"])
    provider.codes.clear()
    refused(client.get(back), "does not take this sign-in any more")


def test_a_stolen_code_is_worth_nothing_in_another_sign_in(client, provider):
    """The attacker's browser went with another verifier and another nonce."""
    stolen = dict(parse_qsl(urlsplit(provider.approve(go(client)["Location"])).query))["code"]
    mine = dict(parse_qsl(urlsplit(go(client)["Location"]).query))
    answer = client.get(mine["redirect_uri"] + "?" + urlencode({"code": stolen, "state": mine["state"]}))
    refused(answer, "does not take this sign-in any more")


def test_another_provider_cannot_answer(client, provider):
    back = provider.approve(go(client)["Location"])
    answer = client.get(back.replace(urlencode({"iss": provider.issuer}), urlencode({"iss": "https://evil.example"})))
    refused(answer, "Another provider answered")


@pytest.mark.parametrize(
    ("error", "words"), [("access_denied", "did not allow it"), ("<b>odd</b>", "no reason that Slipway knows")]
)
def test_what_the_provider_refuses_is_said_in_our_words(client, provider, error, words):
    asked = dict(parse_qsl(urlsplit(go(client)["Location"]).query))
    answer = client.get(
        asked["redirect_uri"],
        {"error": error, "state": asked["state"], "error_description": "Call 555 and tell your password"},
    )
    refused(answer, words)
    assert "555" not in answer.content.decode()


def test_an_issuer_that_leads_inside_is_not_asked(client, provider, settings):
    settings.OUTBOUND_ALLOW = []
    answer = go(client)
    refused(answer, "leads into a private network")
    assert provider.asked == []


def test_a_document_of_another_issuer_is_refused(client, provider):
    provider.about = {"issuer": "https://evil.example"}
    refused(go(client), "names itself otherwise")


def test_a_provider_that_is_away_is_said_to_be(client, provider):
    provider.broken = True
    refused(go(client), "has a fault", status=503)
    refused(go(client), "did not answer a moment ago", status=503)


@pytest.mark.parametrize("refusal", ["invalid_client", "unauthorized_client"], ids=["most", "Keycloak"])
def test_a_wrong_client_secret_is_said_without_it(client, provider, refusal):
    provider.refusal = refusal
    save(provider, secret="another")
    answer = sign_in(client, provider)
    refused(answer, "does not take Slipway&#x27;s client ID and secret")
    assert "another" not in answer.content.decode().replace("in another", "")


@pytest.mark.parametrize(
    "following", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_one_is_only_sent_on_to_ourselves(client, provider, following):
    assert sign_in(client, provider, following)["Location"] == "/"


def test_a_provider_that_is_off_is_neither_shown_nor_used(client, provider):
    assert "Sign in with Corp" in client.get(reverse("login")).content.decode()
    back = provider.approve(go(client)["Location"])
    save(provider, active=False)
    assert "Sign in with Corp" not in client.get(reverse("login")).content.decode()
    refused(go(client), "no such way to sign in")
    refused(client.get(back), "no such way to sign in")


def test_too_many_wrong_answers_from_one_address_are_not_looked_at(client, provider, monkeypatch):
    monkeypatch.setattr("portal.pages.attempts.MOST_FROM_AN_ADDRESS", 3)
    for _ in range(3):
        client.get(reverse("sign-in-return", args=["corp"]), {"state": "x", "code": "y"})
    refused(go(client), "Too many", status=429)


def test_groups_are_kept_for_previews(client, provider):
    provider.claims |= {"groups": ["devs", "all"]}
    sign_in(client, provider)
    assert set(KnownGroup.objects.values_list("value", flat=True)) == {"devs", "all"}


def test_who_is_signed_in_goes_on_at_once(client, provider, organisation):
    client.force_login(organisation.developer)
    assert go(client, "/systems/")["Location"] == "/systems/"


def connect(client, provider):
    """From the account page to the provider and back; what the answer to the form says, and the last answer."""
    page = client.post(reverse("ways-in"), {"do": "connect", "provider": "corp"})
    url = re.search(r'href="([^"]*response_type=code[^"]*)"', page.content.decode())
    assert url is not None
    return client.get(provider.approve(unescape(url[1])), follow=True)


@pytest.fixture
def developer(client, provider, organisation):
    """Signed in a moment ago, with a password."""
    client.post(reverse("login"), {"username": "developer", "password": PASSWORD})
    return organisation.developer


def test_a_person_with_a_password_connects_a_provider_and_ends_it(client, provider, developer):
    assert "It is connected" in connect(client, provider).content.decode()
    assert ExternalIdentity.objects.get().user == developer
    client.logout()
    sign_in(client, provider)
    assert who(client) == "developer"
    client.post(reverse("ways-in"), {"do": "end", "issuer": provider.issuer})
    assert not ExternalIdentity.objects.exists()
    told = AuditEntry.objects.filter(object_label="developer", action__startswith="account.").values_list("action")
    assert [one for (one,) in told.order_by("sequence")] == ["account.connect", "account.disconnect"]


def test_the_only_way_in_stays(client, provider):
    sign_in(client, provider)
    client.post(reverse("ways-in"), {"do": "end", "issuer": provider.issuer})
    assert ExternalIdentity.objects.count() == 1


def test_nobody_connects_what_is_anothers_or_as_somebody_else(client, provider, developer, organisation):
    stolen = Client()
    sign_in(stolen, provider)
    assert "belongs to another person here" in connect(client, provider).content.decode()
    page = client.post(reverse("ways-in"), {"do": "connect", "provider": "corp"})
    url = unescape(re.search(r'href="([^"]*response_type=code[^"]*)"', page.content.decode())[1])
    client.force_login(organisation.viewer)
    provider.claims |= {"sub": "eve-1"}
    assert "signed in as somebody else" in client.get(provider.approve(url), follow=True).content.decode()
    assert ExternalIdentity.objects.count() == 1


def test_who_signed_in_long_ago_proves_anew_who_they_are(client, provider, organisation):
    client.force_login(organisation.developer)
    answer = client.post(reverse("ways-in"), {"do": "connect", "provider": "corp"})
    assert answer["Location"].startswith(reverse("account-confirm"))

"""“Is it you?” for people who have no password here: their provider asks them anew, and only a true answer counts."""

from __future__ import annotations

import time
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from governance.models import AuditEntry, ExternalIdentity, OpenSession, SignInProvider
from idp.catalog.models import User
from portal.pages.going_through import COOKIE
from tests.oidc_provider import key_named
from tests.personas import PASSWORD
from tests.portal.signing_in_through import go, sign_in, who

pytestmark = pytest.mark.django_db
HOUR = 3600


def long_ago(client: Client) -> None:
    session = client.session
    session["confirmed_at"] = 0
    session.save()


@pytest.fixture
def ada(client, provider):
    """Signed in through the provider a while ago, without a password here."""
    sign_in(client, provider)
    long_ago(client)
    return User.objects.get(username="ada")


def away(client: Client, following: str = "/account/ways-in") -> str:
    """Where the page sends the browser to."""
    return client.get(reverse("account-confirm-through", args=["corp"]), {"next": following})["Location"]


def prove(client: Client, provider):
    return client.get(provider.approve(away(client)))


def is_fresh(client: Client) -> bool:
    return client.get(reverse("ways-in")).status_code == 200


def proofs() -> list[tuple[str, str]]:
    rows = AuditEntry.objects.filter(action__startswith="session.proof").order_by("sequence")
    return [(one.action.partition(".")[2], one.data["provider"]) for one in rows]


def test_the_provider_asks_anew_and_leads_back(client, provider, ada):
    assert client.get(reverse("ways-in"))["Location"].startswith(reverse("account-confirm"))
    page = client.get(reverse("account-confirm"), {"next": "/account/ways-in"}).content.decode()
    assert "Prove it at Corp" in page
    assert 'name="password"' not in page
    asked = dict(parse_qsl(urlsplit(away(client)).query))
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    provider.claims |= {"auth_time": int(time.time())}
    answer = prove(client, provider)
    assert (answer.status_code, answer["Location"]) == (302, "/account/ways-in")
    assert is_fresh(client)
    assert proofs() == [("proof", "corp")]


ASKED = {
    "asked an hour ago": ({"auth_time": -HOUR}, "did not ask you anew"),
    "will be asked": ({"auth_time": HOUR}, "did not ask you anew"),
    "asked nobody knows when": ({}, "does not say when it asked you"),
    "asked in words": ({"auth_time": "now"}, "does not say when it asked you"),
    "asked truly": ({"auth_time": True}, "does not say when it asked you"),
    "another person": ({"auth_time": 0, "sub": "eve-1"}, "you are somebody else"),
    "another issuer": ({"auth_time": 0, "iss": "https://evil.example"}, "another issuer made it"),
    "of another sign-in": ({"auth_time": 0, "nonce": "of-yesterday"}, "another sign-in"),
    "for another client": ({"auth_time": 0, "aud": "other"}, "another client"),
}


@pytest.mark.parametrize(("claims", "words"), ASKED.values(), ids=ASKED.keys())
def test_what_does_not_prove_it_leaves_the_page_closed(client, provider, ada, claims, words):
    at = claims.get("auth_time")
    now = {"auth_time": int(time.time()) + at} if type(at) is int else {}
    provider.claims |= claims | now
    answer = client.get(provider.approve(away(client)), follow=True)
    assert words in answer.content.decode()
    assert (is_fresh(client), who(client)) == (False, "ada")
    assert proofs() == [("proof-failed", "corp")]


def test_a_forged_answer_proves_nothing(client, provider, ada):
    provider.claims |= {"auth_time": int(time.time())}
    provider.key = key_named("forger")
    prove(client, provider)
    assert not is_fresh(client)


def test_an_answer_proves_once(client, provider, ada):
    provider.claims |= {"auth_time": int(time.time())}
    back = provider.approve(away(client))
    cookie = client.cookies[COOKIE].value
    client.get(back)
    assert is_fresh(client)
    long_ago(client)
    client.cookies[COOKIE] = cookie
    client.get(back)
    assert not is_fresh(client)


def test_a_plain_sign_in_is_no_proof_and_a_proof_no_sign_in(client, provider, ada):
    """What comes back counts only for what the browser went for."""
    provider.claims |= {"auth_time": int(time.time())}
    other = Client()
    back = provider.approve(go(other)["Location"])
    away(client)
    client.get(back)
    assert not is_fresh(client)
    there = provider.approve(away(client))
    client.post(reverse("logout"))
    assert "Your session has ended meanwhile" in client.get(there).content.decode()
    assert who(client) == ""


def test_who_signs_in_as_another_meanwhile_has_proven_nothing(client, provider, ada, organisation):
    provider.claims |= {"auth_time": int(time.time())}
    back = provider.approve(away(client))
    client.force_login(organisation.viewer)
    assert "signed in as somebody else" in client.get(back, follow=True).content.decode()
    assert not is_fresh(client)


def test_who_is_not_known_at_the_provider_is_not_offered_it(client, provider, organisation):
    client.force_login(organisation.developer)
    assert "Prove it at" not in client.get(reverse("account-confirm")).content.decode()
    provider.claims |= {"auth_time": int(time.time())}
    prove(client, provider)
    assert not is_fresh(client)


def test_it_says_that_the_provider_did_not_do_it(client, provider, ada):
    asked = dict(parse_qsl(urlsplit(away(client)).query))
    refused = urlencode({"error": "login_required", "state": asked["state"]})
    answer = client.get(f"{asked['redirect_uri']}?{refused}", follow=True)
    assert "You are not signed in there." in answer.content.decode()
    SignInProvider.objects.update(active=False)
    answer = client.get(reverse("account-confirm-through", args=["corp"]), follow=True)
    assert "no such way to sign in" in answer.content.decode()


def test_wrong_answers_are_counted(client, provider, ada, monkeypatch):
    monkeypatch.setattr("portal.pages.attempts.MOST_FOR_A_NAME", 2)
    for _ in range(2):
        prove(client, provider)
    assert client.get(reverse("account-confirm-through", args=["corp"])).status_code == 429


def test_a_sign_in_is_as_fresh_as_the_provider_says(client, provider):
    """Who was let in because they were signed in there has proven nothing here."""
    provider.claims |= {"auth_time": int(time.time()) - HOUR}
    sign_in(client, provider)
    assert not is_fresh(client)


def test_sessions_end_after_a_proof_instead_of_a_password(client, provider, ada):
    phone = Client()
    sign_in(phone, provider)
    assert client.post(reverse("account-sessions")).url == f"{reverse('account-confirm')}?next=%2Faccount%2F"
    assert who(phone) == "ada"
    provider.claims |= {"auth_time": int(time.time())}
    prove(client, provider)
    assert client.post(reverse("account-sessions")).url == reverse("account")
    assert client.get(reverse("account")).status_code == 200
    assert phone.get(reverse("account")).status_code == 302
    assert OpenSession.objects.get(user=ada).key == client.session.session_key


def test_who_has_a_password_types_it_to_end_sessions(client, provider, organisation):
    client.post(reverse("login"), {"username": "developer", "password": PASSWORD})
    assert client.post(reverse("account-sessions")).status_code == 422


def test_one_of_two_ways_is_closed_without_a_password(client, provider, ada):
    """The last one stays: nothing else would let the person in."""
    provider.claims |= {"auth_time": int(time.time())}
    prove(client, provider)
    client.post(reverse("ways-in"), {"do": "end", "issuer": provider.issuer})
    assert ExternalIdentity.objects.count() == 1

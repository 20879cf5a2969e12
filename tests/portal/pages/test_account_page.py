"""One's own account: tokens, sessions, theme."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from governance.models import ApiToken, AuditEntry
from governance.services.tokens import token_authenticate, token_create
from idp.kernel import clock
from idp.kernel.errors import NotSignedIn
from tests.personas import PASSWORD, Organisation

pytestmark = pytest.mark.django_db

NEW = {"name": "ci", "scopes": ["read", "change"], "systems": "checkout", "days": "30"}


@pytest.fixture
def organisation():
    return Organisation.found()


@pytest.fixture
def signed_in(client, organisation):
    client.force_login(organisation.developer)
    return client


def test_a_token_is_shown_once_and_works(signed_in):
    answer = signed_in.post(reverse("token-new"), NEW)
    plaintext = answer.context["shown"]["plaintext"]
    assert plaintext in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    assert plaintext not in signed_in.get(reverse("account")).content.decode()
    actor = token_authenticate(plaintext, clock.now())
    assert (actor.username, actor.scopes, actor.systems) == ("developer", {"read", "change"}, {"checkout"})
    left = ApiToken.objects.get().expires_at - clock.now()
    assert timedelta(days=29) < left <= timedelta(days=30)


WRONG = {
    "no name": {"name": ""},
    "no purpose": {"scopes": []},
    "an unknown purpose": {"scopes": ["everything"]},
    "an unknown system": {"systems": "nothing-here"},
    "a system of others": {"systems": "hidden-one"},
    "no end": {"days": "100000"},
}


@pytest.mark.parametrize("typed", WRONG.values(), ids=WRONG.keys())
def test_a_token_that_is_not_right_is_refused_at_its_field(signed_in, typed):
    answer = signed_in.post(reverse("token-new"), NEW | typed)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_it_revokes_ones_own_token_only(signed_in, organisation):
    tokens = {}
    for persona in ("developer", "viewer"):
        user = organisation.people[persona]
        tokens[persona] = token_create(
            organisation.actor(persona), owner=user, name="x", scopes=["read"], now=clock.now()
        )
    assert signed_in.post(reverse("token-revoke", args=[tokens["viewer"][0].pk])).status_code == 404
    assert token_authenticate(tokens["viewer"][1], clock.now()).username == "viewer"
    assert signed_in.post(reverse("token-revoke", args=[tokens["developer"][0].pk])).status_code == 302
    with pytest.raises(NotSignedIn):
        token_authenticate(tokens["developer"][1], clock.now())


def test_it_ends_the_other_sessions_and_keeps_this_one(organisation):
    here, there = Client(), Client()
    for browser in (here, there):
        assert browser.login(username="developer", password=PASSWORD)
    wrong = here.post(reverse("account-sessions"), {"password": "no"})
    assert wrong.status_code == 422
    assert "This is not your password." in wrong.content.decode()
    assert there.get(reverse("account")).status_code == 200
    assert here.post(reverse("account-sessions"), {"password": PASSWORD}).status_code == 302
    assert here.get(reverse("account")).status_code == 200
    assert there.get(reverse("account")).status_code == 302
    assert AuditEntry.objects.filter(action="account.sessions-end", actor_name="developer").count() == 1


THEMES = {"dark": "dark", "light": "light", "system": "", "<script>": ""}


@pytest.mark.parametrize(("chosen", "kept"), THEMES.items(), ids=THEMES.keys())
def test_it_keeps_the_theme_in_a_cookie(signed_in, chosen, kept):
    signed_in.cookies["theme"] = "light"
    signed_in.post(reverse("account-theme"), {"theme": chosen})
    assert signed_in.cookies["theme"].value == kept
    text = signed_in.get(reverse("account")).content.decode()
    assert (f'data-theme="{kept}"' in text) is bool(kept)


def test_it_says_teams_and_roles(client, organisation):
    client.force_login(organisation.admin)
    assert "Platform admin" in client.get(reverse("account")).content.decode()
    client.force_login(organisation.maintainer)
    text = client.get(reverse("account")).content.decode()
    assert "Payments" in text
    assert "Maintainer" in text


def test_a_rotated_token_has_another_secret_and_the_old_one_holds_for_a_day(signed_in, organisation):
    answer = signed_in.post(reverse("token-new"), NEW)
    old = answer.context["shown"]["plaintext"]
    answer = signed_in.post(reverse("token-rotate", args=[ApiToken.objects.get().pk]))
    new = answer.context["shown"]["plaintext"]
    assert new != old
    assert new in answer.content.decode()
    assert "24 hours more" in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    now = clock.now()
    for plaintext in (old, new):
        actor = token_authenticate(plaintext, now)
        assert (actor.scopes, actor.systems) == ({"read", "change"}, {"checkout"})
    with pytest.raises(NotSignedIn):
        token_authenticate(old, now + timedelta(hours=25))
    assert token_authenticate(new, now + timedelta(days=29)).username == "developer"
    entry = AuditEntry.objects.get(action="token.rotate")
    assert new not in str(entry.data)
    assert entry.data["before"] != entry.data["after"]


def test_a_token_that_has_ended_is_not_rotated(signed_in, organisation):
    signed_in.post(reverse("token-new"), NEW)
    token = ApiToken.objects.get()
    signed_in.post(reverse("token-revoke", args=[token.pk]))
    assert signed_in.post(reverse("token-rotate", args=[token.pk])).status_code == 302
    assert ApiToken.objects.count() == 1


def test_nobody_rotates_the_token_of_another(signed_in, organisation):
    token, _ = token_create(
        organisation.actor("viewer"), owner=organisation.viewer, name="theirs", scopes=["read"], now=clock.now()
    )
    assert signed_in.post(reverse("token-rotate", args=[token.pk])).status_code == 404

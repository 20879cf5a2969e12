"""Closing passwords and passkeys once a provider works: who is shut out is shown, nobody shuts out all admins."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from governance.access import PLATFORM_ADMINS
from governance.domain.local_sign_in import LocalRule
from governance.models import AuditEntry, ExternalIdentity, SignInProvider
from governance.selectors.local_sign_in import is_open_for, local_rule
from governance.services.local_sign_in import local_sign_in_set
from governance.services.sign_in_providers import provider_save, wish_of
from idp.catalog.models import User
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, InvalidInput
from tests.personas import NOW, PASSWORD
from tests.portal.api.client import token_for

pytestmark = pytest.mark.django_db
ISSUER = "https://login.corp.example"


@pytest.fixture
def corp(organisation):
    """A provider through which the viewer has come in."""
    row = SignInProvider.objects.create(
        name="corp", title="Corp", issuer=ISSUER, client_id="x", scopes=["openid"], updated_at=NOW, updated_by="x"
    )
    ExternalIdentity.objects.create(
        user=organisation.viewer, issuer=ISSUER, subject="v", how="connected", began_at=NOW, used_at=NOW
    )
    return row


@pytest.fixture
def admin(client, organisation):
    client.force_login(organisation.admin)
    return client


def close(open_to: str = "admins", *keepers: str) -> None:
    local_sign_in_set(PLATFORM, LocalRule(open_to, keepers), now=NOW)


def sign_in(username: str):
    return Client().post(reverse("login"), {"username": username, "password": PASSWORD})


def test_it_is_looked_at_saved_and_taken_back(admin, corp, organisation):
    url, wish = reverse("local-sign-in"), {"open_to": "admins", "was": "everybody"}
    looked = admin.post(url, wish | {"do": "look"})
    text = looked.content.decode()
    outside = [one.username for one in looked.context["outside"]]
    assert (looked.status_code, looked.context["mine"]) == (200, False)
    assert "developer" in outside
    assert not {"viewer", "admin"} & set(outside)
    assert looked.context["closed_count"] == len(outside) + 1
    assert "never come through one" in text
    assert admin.post(url, wish | {"do": "save"}).status_code == 200
    assert local_rule() == LocalRule()
    saved = admin.post(url, wish | {"do": "save", "looked_at": looked.context["looked_at"]})
    assert (saved.status_code, local_rule()) == (302, LocalRule("admins"))
    entry = AuditEntry.objects.get(action="local-sign-in.set")
    assert entry.data["before"] == {"open_to": "everybody", "keepers": []}
    assert entry.data["after"] == {"open_to": "admins", "keepers": []}
    edit = admin.get(url).context["edits"][0]
    admin.post(reverse("people-undo", args=[edit.pk]))
    assert local_rule() == LocalRule()


def test_what_was_changed_meanwhile_is_not_overwritten(admin, corp):
    url, wish = reverse("local-sign-in"), {"open_to": "keepers", "keepers": "admin", "was": "everybody"}
    looked = admin.post(url, wish | {"do": "look"}).context["looked_at"]
    close()
    answer = admin.post(url, wish | {"do": "save", "looked_at": looked})
    assert (answer.status_code, local_rule()) == (422, LocalRule("admins"))


def test_a_password_opens_nothing_for_who_comes_through_the_provider(corp, organisation):
    close()
    answer = sign_in("developer")
    assert answer.status_code == 403
    assert "You sign in through your provider" in answer.content.decode()
    assert "_auth_user_id" not in answer.client.session
    assert AuditEntry.objects.latest("sequence").data["code"] == "local-sign-in-closed"
    assert sign_in("admin").status_code == 302
    assert "for platform admins" in Client().get(reverse("login")).content.decode()


def test_a_wrong_password_is_told_nothing_about_the_rule(corp, organisation):
    close()
    answer = Client().post(reverse("login"), {"username": "developer", "password": "no"})
    assert (answer.status_code, "through your provider" in answer.content.decode()) == (422, False)


def test_a_password_proves_nothing_either(client, corp, organisation):
    client.post(reverse("login"), {"username": "developer", "password": PASSWORD})
    close()
    assert client.get(reverse("account")).status_code == 200
    answer = client.post(reverse("account-confirm"), {"password": PASSWORD})
    assert answer.status_code == 422
    assert "are closed to you" in answer.content.decode()
    assert AuditEntry.objects.latest("sequence").action == "session.proof-failed"


def test_no_way_of_here_begins_a_session(rf, corp, organisation):
    """The last gate of all ways, whatever page forgets to ask."""
    from portal.pages.session_begin import begin_session

    close()
    for way in ({"way": "password", "second": "app"}, {"way": "passkey"}):
        with pytest.raises(Forbidden):
            begin_session(rf.get("/"), organisation.developer, way=way)


def test_keepers_keep_a_way_in_and_when_they_are_gone_all_admins_do(corp, organisation):
    other = User.objects.create_user("other-admin", password=PASSWORD)
    other.groups.add(Group.objects.get(name=PLATFORM_ADMINS))
    close("keepers", "admin")
    assert (is_open_for(organisation.admin), is_open_for(other)) == (True, False)
    User.objects.filter(username="admin").update(is_active=False)
    assert is_open_for(other)


def test_nobody_closes_it_before_a_provider_works(corp, organisation):
    ExternalIdentity.objects.all().delete()
    with pytest.raises(Conflict, match="Nobody has come in"):
        close()


def test_nobody_closes_it_to_all_admins(corp, organisation):
    with pytest.raises(InvalidInput, match="no platform admin"):
        close("keepers", "viewer")
    for one in User.objects.filter(groups__name=PLATFORM_ADMINS) | User.objects.filter(is_superuser=True):
        one.set_unusable_password()
        one.save()
    with pytest.raises(Conflict, match="No platform admin has a password"):
        close()


def test_the_last_provider_stays_while_it_is_closed(admin, corp, organisation):
    close()
    sent = {"title": "Corp", "issuer": ISSUER, "client_id": "x", "active": False}
    head = {"HTTP_AUTHORIZATION": f"Bearer {token_for(organisation.admin, 'admin')}", "HTTP_IF_MATCH": "*"}
    put = {"path": "/api/v1/sign-in-providers/corp/", "data": sent, "content_type": "application/json", **head}
    answer = Client().put(**put)
    assert (answer.status_code, "last provider" in answer.json()["detail"]) == (409, True)
    local_sign_in_set(PLATFORM, LocalRule(), now=NOW)
    assert (
        Client().put("/api/v1/sign-in-providers/corp/", sent, content_type="application/json", **head).status_code
        == 200
    )


def test_the_last_provider_keeps_the_issuer_at_which_people_are_known(corp, organisation):
    close()
    moved = replace(wish_of(corp), issuer="https://login.elsewhere.example")
    with pytest.raises(Conflict, match="last provider that people come by"):
        provider_save(PLATFORM, name="corp", wish=moved, now=NOW)
    SignInProvider.objects.create(
        name="new", title="New", issuer="https://new.example", client_id="x", updated_at=NOW, updated_by="x"
    )
    with pytest.raises(Conflict, match="last provider that people come by"):
        provider_save(PLATFORM, name="corp", wish=moved, now=NOW)
    ExternalIdentity.objects.create(
        user=organisation.admin, issuer="https://new.example", subject="a", how="connected", began_at=NOW, used_at=NOW
    )
    assert provider_save(PLATFORM, name="corp", wish=moved, now=NOW).issuer == moved.issuer


def test_somebody_at_the_machine_opens_it_again(corp, organisation, capsys):
    close()
    call_command("slipway_local_sign_in", "open")
    assert local_rule() == LocalRule()
    assert "open to everybody" in capsys.readouterr().out


def test_the_api_reads_and_sets_both_rules(corp, organisation):
    head = {"HTTP_AUTHORIZATION": f"Bearer {token_for(organisation.admin, 'admin')}"}
    client = Client()
    read = client.get("/api/v1/local-sign-in", **head)
    assert read.json()["provider_works"] is True
    put = {"content_type": "application/json", **head}
    sent = {"open_to": "keepers", "keepers": ["admin"]}
    done = client.put("/api/v1/local-sign-in", sent, HTTP_IF_MATCH=read["ETag"], **put)
    assert (done.status_code, done.json()["keepers"], done.json()["closed_to"] > 3) == (200, ["admin"], True)
    assert client.put("/api/v1/local-sign-in", sent, HTTP_IF_MATCH=read["ETag"], **put).status_code == 412
    wrong = client.put("/api/v1/local-sign-in", {"open_to": "keepers", "keepers": ["viewer"]}, HTTP_IF_MATCH="*", **put)
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "keepers")
    read = client.get("/api/v1/second-factor-rule", **head)
    done = client.put("/api/v1/second-factor-rule", {"required_of": "admins"}, HTTP_IF_MATCH=read["ETag"], **put)
    assert (done.status_code, done.json()["required_of"]) == (200, "admins")

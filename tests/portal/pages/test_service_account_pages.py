"""A team's service accounts: made, given tokens, and tokens that act for people by admins only."""

from __future__ import annotations

import pytest
from django.urls import reverse

from governance.models import ApiToken, AuditEntry
from governance.services.service_accounts import service_account_create
from idp.catalog.models import User
from idp.kernel.actor import PLATFORM
from tests.personas import NOW

pytestmark = pytest.mark.django_db
NEW = {"account": "payments-ci", "name": "Pipeline", "days": "30", "scopes": ["read", "change"], "systems": ""}


@pytest.fixture
def account(organisation):
    return service_account_create(
        organisation.actor("maintainer"), team=organisation.payments, username="payments-ci", now=NOW
    )


def post(client, name, data, *at):
    return client.post(reverse(name, args=["payments", *at]), data)


def test_a_maintainer_makes_an_account_and_a_token_for_it(organisation, sign_in):
    client = sign_in("maintainer")
    assert post(client, "service-account-new", {"username": "payments-ci"}).status_code == 302
    assert User.objects.get(username="payments-ci").service_of == organisation.payments
    made = post(client, "service-token-new", NEW)
    assert made["Cache-Control"] == "no-store"
    token = ApiToken.objects.get()
    assert f"slw_{token.prefix}_" in made.content.decode()
    assert (token.owner.username, token.scopes, token.for_people) == ("payments-ci", ["change", "read"], False)
    shown = client.get(reverse("service-accounts", args=["payments"])).content.decode()
    assert "Pipeline" in shown
    assert 'name="for_people"' not in shown
    assert f'href="{reverse("service-accounts", args=["payments"])}"' in client.get("/teams/payments/").content.decode()


@pytest.mark.parametrize(("days", "said"), [("7", "Ends soon"), ("30", "In force")])
def test_a_token_that_ends_soon_is_marked(account, sign_in, days, said):
    client = sign_in("maintainer")
    post(client, "service-token-new", NEW | {"days": days})
    shown = client.get(reverse("service-accounts", args=["payments"])).content.decode()
    assert [word for word in ("Ends soon", "In force") if word in shown] == [said]


def test_only_admins_are_asked_whether_it_acts_for_people(account, sign_in):
    post(sign_in("maintainer"), "service-token-new", NEW | {"for_people": "on"})
    assert not ApiToken.objects.get().for_people
    admin = sign_in("admin")
    refused = post(admin, "service-token-new", NEW | {"for_people": "on", "scopes": ["read", "admin"]})
    assert refused.status_code == 422
    assert "acts for people has read and change only" in refused.content.decode()
    post(admin, "service-token-new", NEW | {"for_people": "on", "name": "Backstage"})
    assert ApiToken.objects.get(name="Backstage").for_people
    assert AuditEntry.objects.filter(action="token.create").latest("sequence").data["for_people"] is True


def test_a_token_is_rotated_and_revoked(account, sign_in):
    client = sign_in("second_maintainer")
    post(client, "service-token-new", NEW)
    old = ApiToken.objects.get()
    assert "holds for 24 hours more" in post(client, "service-token-rotate", {}, old.pk).content.decode()
    assert post(client, "service-token-revoke", {}, old.pk).status_code == 302
    old.refresh_from_db()
    assert old.revoked_at is not None
    assert ApiToken.objects.exclude(pk=old.pk).get().revoked_at is None


@pytest.mark.parametrize(("who", "status"), [("developer", 403), ("storefront_maintainer", 403), ("auditor", 403)])
def test_it_is_for_those_who_manage_the_team(account, sign_in, who, status):
    client = sign_in(who)
    assert client.get(reverse("service-accounts", args=["payments"])).status_code == status
    assert post(client, "service-token-new", NEW).status_code == status


def test_a_token_of_a_person_is_none_of_a_teams(organisation, account, sign_in):
    client = sign_in("maintainer")
    client.post(reverse("token-new"), NEW)
    assert post(client, "service-token-revoke", {}, ApiToken.objects.get().pk).status_code == 404


@pytest.mark.parametrize("name", ["payments-ci", "developer", ""])
def test_a_name_that_is_taken_is_said_at_its_field(account, organisation, sign_in, name):
    answer = post(sign_in("storefront_maintainer"), "service-account-new", {"username": name})
    assert answer.status_code == 403
    refused = post(sign_in("maintainer"), "service-account-new", {"username": name})
    assert refused.status_code == (302 if name == "payments-ci" else 422)


def test_an_account_that_applies_files_in_git_is_offered_for_no_token(organisation, sign_in):
    service_account_create(PLATFORM, team=organisation.payments, username="git-infra", for_git=True, now=NOW)
    client = sign_in("maintainer")
    shown = client.get(reverse("service-accounts", args=["payments"])).content.decode()
    assert "no program may have a token of it" in shown
    assert 'name="account"' not in shown
    assert post(client, "service-token-new", NEW | {"account": "git-infra"}).status_code == 422
    assert not ApiToken.objects.exists()

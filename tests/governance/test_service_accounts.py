"""Accounts of sources of files in Git are nobody else's: no token, no pipeline and no program acts as one."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from governance.models import ApiToken
from governance.services.service_accounts import belongs_to_git, service_account_create
from governance.services.tokens import token_create
from governance.services.trust_rules import TrustWish, trust_rule_save
from idp.catalog.models import User
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import InvalidInput
from portal.forms.trust import TrustForm
from provisioning.services.git_sources import git_source_save
from tests.personas import NOW, Organisation, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(organisation: Organisation) -> User:
    """The account of the source “infra” of team payments."""
    url = "https://git.example/payments/infra.git"
    return git_source_save(organisation.actor("maintainer"), name="infra", team="payments", url=url, now=NOW).account


def wrong(raised: pytest.ExceptionInfo[InvalidInput]) -> str:
    return raised.value.errors[0].path


@pytest.mark.parametrize("who", ["maintainer", "admin"])
def test_nobody_makes_a_token_of_one(organisation: Organisation, account: User, who: str) -> None:
    with pytest.raises(InvalidInput, match="applies files in Git") as raised:
        token_create(organisation.actor(who), owner=account, name="ci", scopes=["read"], now=NOW)
    assert wrong(raised) == "owner"
    with pytest.raises(CommandError, match="belong to files in Git"):
        call_command("slipway_token", account.username, service_of="payments", scope="read")
    assert not ApiToken.objects.exists()


def test_no_pipeline_becomes_one(organisation: Organisation, account: User) -> None:
    wish = TrustWish("https://ci.example", "https://slipway.example", "repo:acme/checkout:*", account.username)
    with pytest.raises(InvalidInput, match="applies files in Git") as raised:
        trust_rule_save(organisation.actor("admin"), name="ci", wish=wish, now=NOW)
    assert wrong(raised) == "account"
    service_account_create(PLATFORM, team=organisation.payments, username="payments-ci", now=NOW)
    offered = [name for name, _ in TrustForm().fields["account"].choices]  # type: ignore[attr-defined]
    assert offered == ["payments-ci"]


@pytest.mark.parametrize("name", ["git-infra", "git-later", "Git-Later"])
def test_nobody_takes_the_name_of_one(organisation: Organisation, account: User, name: str) -> None:
    """Else a token could be made first, and the source would be given the same account later."""
    with pytest.raises(InvalidInput, match="belong to files in Git") as raised:
        service_account_create(organisation.actor("maintainer"), team=organisation.payments, username=name, now=NOW)
    assert wrong(raised) == "username"


def test_a_person_may_be_called_so(organisation: Organisation, account: User) -> None:
    assert not belongs_to_git(person("git-hub-fan"))
    assert belongs_to_git(account)

"""The platform's own account: made on first use, unable to sign in, its name nobody else's."""

from __future__ import annotations

import pytest

from governance.services.accounts import account_create, platform_account
from idp.catalog.models import User
from idp.kernel.errors import InvalidInput, PlatformFault
from tests.personas import NOW, person

pytestmark = pytest.mark.django_db


def test_it_is_made_once_and_cannot_sign_in(client):
    account = platform_account()
    assert platform_account() == account
    assert not account.is_active
    assert not account.has_usable_password()


@pytest.mark.parametrize("name", ["slipway", "Slipway"])
def test_it_keeps_its_name_to_itself(organisation, name):
    with pytest.raises(InvalidInput, match="own name"):
        account_create(organisation.actor("admin"), username=name, password_hash="x", now=NOW)
    assert not User.objects.filter(username=name).exists()


def test_it_does_not_act_in_the_name_of_a_person():
    person("slipway")
    with pytest.raises(PlatformFault, match="own name"):
        platform_account()

"""Signing in through a provider as people do it: from a button to where they wanted to go, with their groups' roles."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.installation import Installation
from tests.browser.person import Person
from tests.oidc_provider import CLIENT, SECRET, Provider, providing

pytestmark = [pytest.mark.browser]

SET_UP = """
from governance.domain.group_rule import Rule
from governance.domain.oidc import ProviderWish
from governance.services.group_rules import group_rule_set
from governance.services.sign_in_providers import provider_save
from idp.kernel import clock
from idp.kernel.actor import PLATFORM

wish = ProviderWish("Corp", {issuer}, {client}, {secret}, group_claim="groups", may_create=True)
provider_save(PLATFORM, name="corp", wish=wish, now=clock.now())
group_rule_set(PLATFORM, Rule("oidc:corp", "checkout-devs", "payments", "developer"), now=clock.now())
"""
OFF = """
from governance.models import SignInProvider

SignInProvider.objects.update(active=False)
"""


@pytest.fixture(scope="module")
def provider(installation: Installation) -> Iterator[Provider]:
    """Another origin on this machine, which the installation may call."""
    with providing() as one:
        one.claims = {"preferred_username": "grace", "name": "Grace", "groups": ["checkout-devs"]}
        told = {"issuer": one.issuer, "client": CLIENT, "secret": SECRET}
        installation.printed(SET_UP.format(**{name: json.dumps(value) for name, value in told.items()}))
        yield one
        installation.printed(OFF)


@pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)
def test_a_person_comes_in_through_their_provider(
    meet: Callable[..., Person], provider: Provider, screen: Screen
) -> None:
    grace = meet("", screen)
    grace.open("/login/?next=/systems/checkout/")
    way = grace.page.get_by_role("link", name="Sign in with Corp")
    expect(way).to_be_visible()
    assert violations(grace.page) == []
    way.click()
    grace.page.get_by_role("link", name="Go on as Ada").click()
    expect(grace.page).to_have_url(re.compile(r"/systems/checkout/$"))
    grace.open("/teams/payments/")
    expect(grace.page.locator("#main")).to_contain_text("grace")


@pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)
def test_an_admin_checks_the_provider(meet: Callable[..., Person], provider: Provider, screen: Screen) -> None:
    admin = meet("admin", screen)
    admin.open("/sign-in/")
    assert violations(admin.page) == []
    admin.link("Corp").click()
    admin.click("Check")
    expect(admin.page.locator("#main")).to_contain_text("It knows PKCE (S256).")
    assert violations(admin.page) == []

"""A passkey as people use it: made on the account page, then the second step, then the whole way in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]

# Everybody else of the demo keeps signing in with the password alone, so the factor is of an account of its own.
ACCOUNT = """
from pathlib import Path
from django.conf import settings
from governance.services.accounts import account_create, password_hashed
from idp.kernel import clock
from idp.kernel.actor import PLATFORM

password = Path(settings.DATA_DIR, "demo-password").read_text().strip()
account_create(PLATFORM, username="grace", password_hash=password_hashed(password, username="grace"), now=clock.now())
"""
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_passkey_is_made_asked_for_and_signs_in_alone(meet: Callable[..., Person]) -> None:
    person = meet()
    person.installation.printed(ACCOUNT)
    person.open("/login/passkey")
    name = person.installation.url.replace("127.0.0.1", "localhost")
    expect(person.page.get_by_role("link", name=name)).to_have_attribute("href", f"{name}/login/passkey")
    person.installation = replace(person.installation, url=name)
    page = person.page
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})

    person.sign_in("grace")
    person.open("/account/")
    person.link("None yet").click()
    sound(page)
    person.link("Add an app").click()
    expect(page.get_by_role("img", name=re.compile("QR code"))).to_be_visible()
    sound(page)
    person.open("/account/second-factor/")
    person.link("Add a passkey").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_label("Name").fill("Work laptop")
    sound(page)
    person.click("Make the passkey")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    expect(page.get_by_role("link", name="Download")).to_have_attribute("download", "slipway-recovery-codes.txt")
    sound(page)
    person.click("I have kept them", role="link")
    page.get_by_text("Rename", exact=True).click()
    page.get_by_label("New name of Work laptop").fill("Blue laptop")
    sound(page)
    person.click("Save the name")
    expect(page.locator("#main")).to_contain_text("Blue laptop")

    sign_out(person)
    sound(page)
    person.click("Sign in with a passkey", role="link")
    expect(page).not_to_have_url(re.compile("/login/"))

    sign_out(person)
    page.get_by_label("Name").fill("grace")
    page.get_by_label("Password").fill(person.installation.password)
    person.click("Sign in")
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    sound(page)
    person.click("Use a passkey")
    expect(page).not_to_have_url(re.compile("/login/"))


def sign_out(person: Person) -> None:
    person.click("Sign out")
    expect(person.page.get_by_role("heading", name="Sign in")).to_be_visible()


def sound(page: Page) -> None:
    """The page as it stands, wide and light, then narrow and dark."""
    for screen in (NARROW_DARK, WIDE_LIGHT):
        shown(page, screen)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def shown(page: Page, screen: Screen) -> None:
    page.set_viewport_size({"width": screen.width, "height": screen.height})
    page.emulate_media(color_scheme=screen.scheme)  # type: ignore[arg-type]

"""The audit log in a browser: found by what somebody just did, opened, and nothing that axe complains of."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]


@pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)
def test_an_auditor_finds_a_sign_in_and_its_proof(meet: Callable[..., Person], screen: Screen) -> None:
    meet("developer", screen)
    auditor = meet("auditor", screen)
    page = auditor.page
    auditor.open("/audit/")
    assert not violations(page)
    page.get_by_label("Username of who did it").fill("developer")
    page.get_by_label("Username of who did it").press("Enter")
    expect(page).to_have_url(re.compile("actor=developer"))
    page.locator("select[name=action]").select_option("session.sign-in")
    expect(page).to_have_url(re.compile("action=session.sign-in"))
    page.get_by_text("More to search by").click()
    assert not violations(page)
    page.get_by_role("link", name="Signed in").first.click()
    expect(page.get_by_role("heading", name="Signed in")).to_be_visible()
    expect(page.locator("#main")).to_contain_text("127.0.0.1")
    expect(page.locator("#main")).to_contain_text("Its hash fits what it says")
    page.get_by_text("As it is hashed").click()
    assert not violations(page)

"""People and groups in a browser: what somebody leaves behind is seen before their account is switched off."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]

both_screens = pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)


@both_screens
def test_an_admin_sees_what_somebody_leaves_behind_before_switching_them_off(
    meet: Callable[..., Person], screen: Screen
) -> None:
    admin = meet("admin", screen)
    page = admin.page
    admin.open("/people/maintainer/")
    assert violations(page) == []
    page.get_by_label("May sign in").set_checked(False, force=True)
    panel = page.locator("aside.plan-panel")
    expect(panel.get_by_role("heading", name="What ends")).to_be_visible()
    expect(panel.get_by_role("button", name="Switch the account off")).to_be_enabled()
    assert violations(page) == []


@both_screens
@pytest.mark.parametrize("path", ["/administration/", "/people/", "/groups/"])
def test_its_pages_are_sound(meet: Callable[..., Person], screen: Screen, path: str) -> None:
    admin = meet("admin", screen)
    admin.open(path)
    assert violations(admin.page) == []
    width = admin.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width == 0

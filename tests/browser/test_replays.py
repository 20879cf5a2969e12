"""Limits and approval routes tried on what was, in a browser: asked for from their forms, and their answer read."""

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
@pytest.mark.parametrize(
    ("form", "title", "word"),
    [
        pytest.param("/teams/payments/quota", "Limits of Payments over 90 days", "Highest use", id="limits"),
        pytest.param("/approval-routes/production/edit", "production over 90 days", "Would have been", id="a route"),
    ],
)
def test_a_draft_is_tried_on_what_was(
    meet: Callable[..., Person], screen: Screen, form: str, title: str, word: str
) -> None:
    admin = meet("admin", screen)
    page = admin.page
    admin.open(form)
    admin.click("90 days")
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.locator(".page-lede")).to_contain_text("in 90 days", timeout=60_000)
    expect(page.locator("#report")).to_contain_text(word)
    assert violations(page) == []
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width == 0

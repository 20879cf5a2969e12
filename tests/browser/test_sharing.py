"""Lending a resource as a maintainer does it: looked at, lent, closed, taken back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]


@pytest.mark.parametrize(
    ("screen", "system"),
    [pytest.param(WIDE_LIGHT, "ledger", id="wide"), pytest.param(NARROW_DARK, "invoicing", id="narrow")],
)
def test_a_resource_is_lent_closed_and_taken_back(meet: Callable[..., Person], screen: Screen, system: str) -> None:
    maintainer = meet("maintainer", screen)
    page = maintainer.page
    maintainer.open("/environments/checkout/staging/sharing")
    expect(page.get_by_role("button", name="Lend it")).to_be_disabled()
    page.get_by_label(re.compile("^Resource")).select_option("db")
    page.get_by_label("For the system").fill(system)
    page.get_by_label("What for").fill("Reports.")
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_text(f"All of {system} on cluster")).to_be_visible()
    assert not violations(page)
    page.get_by_role("button", name="Lend it").click()
    mine = page.get_by_role("button", name=f"Take back db from {system}")
    expect(mine).to_be_visible()
    assert not violations(page)
    page.get_by_role("button", name=f"Close db for {system}").click()
    expect(page.get_by_role("button", name=f"Open again: db for {system}")).to_be_visible()
    mine.click()
    expect(mine).to_have_count(0)

"""Drift in a browser: what somebody scaled by hand is seen, looked at, and put back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]

TAB = "/environments/ledger/prod/drift/"


@pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)
def test_it_shows_drift_and_what_each_decision_would_do(meet: Callable[..., Person], screen: Screen) -> None:
    developer = meet("developer", screen)
    developer.complaints.allowed.add(422)  # a snooze without a reason, below
    page = developer.page
    developer.open(TAB)
    expect(page.get_by_text("Changed by kubectl-scale")).to_be_visible(timeout=20_000)
    expect(page.locator(".diff-line")).to_contain_text("spec.replicas")
    assert not violations(page)
    for verb, button in (("Adopt", re.compile("Adopt it|Ask for it")), ("Revert", re.compile("Revert it|Ask for it"))):
        page.locator("#main").get_by_role("button", name=verb, exact=True).click()
        expect(page.get_by_role("button", name=button)).to_be_enabled()
        expect(developer.plan).to_contain_text("replicas")
        assert not violations(page)
        developer.open(TAB)
    page.locator("#main").get_by_role("button", name="Snooze", exact=True).click()
    page.get_by_role("button", name="Snooze it").click()
    expect(page.get_by_text("Say why it can wait")).to_be_visible()
    assert not violations(page)


def test_it_puts_back_what_somebody_scaled(meet: Callable[..., Person]) -> None:
    developer = meet("developer")
    page = developer.page
    developer.open(TAB)
    page.get_by_label("Choose Deployment api").check()
    page.locator("#main").get_by_role("button", name="Revert", exact=True).click()
    page.get_by_label("Reason").fill("Nobody agreed on four")
    page.get_by_role("button", name="Revert it").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+/"))
    expect(developer.state()).to_have_text("Succeeded", timeout=60_000)
    developer.open(TAB)
    expect(page.get_by_text("Everything is as it was agreed")).to_be_visible()
    expect(page.locator("table")).to_contain_text("Reverted")

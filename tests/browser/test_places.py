"""Where environments live: how far they are kept apart, what a move would do, and how a cluster is emptied."""

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
def test_admins_see_what_each_way_costs_and_risks(meet: Callable[..., Person], screen: Screen) -> None:
    person = meet("admin", screen)
    person.open("/stages/dev/isolation")
    expect(person.page.get_by_role("radio")).to_have_count(3)
    expect(person.page.get_by_text("The namespace has one quota, the sum of all")).to_be_visible()
    assert not violations(person.page)


@both_screens
def test_a_move_says_why_it_leads_nowhere(meet: Callable[..., Person], screen: Screen) -> None:
    """The stages of the demo lead to one cluster."""
    person = meet("developer", screen)
    person.open("/environments/checkout/dev/ask/move")
    expect(person.page.locator("#plan")).to_contain_text("There is no other cluster that dev allows.")
    expect(person.page.get_by_role("button", name="Move it")).to_be_disabled()
    assert not violations(person.page)


@both_screens
def test_a_drain_asks_for_a_cordon_first(meet: Callable[..., Person], screen: Screen) -> None:
    person = meet("admin", screen)
    person.open("/clusters/sandbox/drain")
    expect(person.page.get_by_text("Cordon it first, so that nothing new comes.")).to_be_visible()
    assert not violations(person.page)

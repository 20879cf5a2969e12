"""What is wrong is loaded by the environment's page itself, read by everyone, and kept from those it is not for."""

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
def test_it_says_what_is_wrong_without_being_asked(meet: Callable[..., Person], screen: Screen) -> None:
    person = meet("developer", screen)
    person.open("/environments/invoicing/staging/")
    trouble = person.page.get_by_role("article", name="renderer")
    expect(trouble).to_contain_text("cannot be pulled: not found")
    expect(trouble).to_contain_text("image-not-found")
    assert not violations(person.page)


@both_screens
def test_admins_read_the_list_of_orphans(meet: Callable[..., Person], screen: Screen) -> None:
    person = meet("admin", screen)
    person.open("/orphans/")
    expect(person.page.get_by_role("heading", name="Orphans", exact=True)).to_be_visible()
    assert not violations(person.page)

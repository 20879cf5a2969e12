"""Who owns what, in a browser: a system changes hands, is confirmed, and people come to a group and leave it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]

both_screens = pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)

LONG_AGO = """
from datetime import timedelta
from idp.catalog.models import System
from idp.kernel import clock

System.objects.filter(slug="{}").update(created_at=clock.now() - timedelta(days=300))
"""


def system_of_platform(meet: Callable[..., Person], name: str) -> str:
    """A system of the platform team that no other test touches."""
    meet("admin").api("POST", "/systems/", {"slug": name, "name": name.capitalize(), "team": "platform"})
    return name


@both_screens
def test_a_system_changes_hands_when_both_teams_agree(meet: Callable[..., Person], screen: Screen) -> None:
    name = system_of_platform(meet, f"moving-{screen.width}")
    giver, taker = meet("platform-maintainer", screen), meet("data-maintainer", screen)
    page = giver.page
    giver.complaints.allowed.add(422)  # no team and no reason, below
    giver.open(f"/systems/{name}/transfer")
    assert violations(page) == []
    giver.click("Ask for the transfer")
    expect(page.get_by_text("To team is needed.")).to_be_visible()
    expect(page.get_by_text("Why is needed.")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("To team").select_option(label="Data")
    page.get_by_label("Why").fill("Data runs it already.")
    giver.click("Ask for the transfer")
    expect(page.locator("#toasts")).to_contain_text(f"The transfer of {name} is asked for")
    expect(page.locator(".row", has_text=f"{name}: Platform to Data")).to_contain_text("Waits for a maintainer of Data")
    assert violations(page) == []
    giver.open(f"/systems/{name}/")
    expect(page.locator(".banner", has_text="It changes hands.")).to_be_visible()
    assert violations(page) == []
    taker.open("/ownership/")
    taker.click(f"Agree to the transfer of {name}")
    expect(taker.page.locator("#toasts")).to_contain_text(f"{name} belongs to Data now")
    taker.open(f"/systems/{name}/")
    expect(taker.page.locator(".page-head")).to_contain_text("Data")
    assert violations(taker.page) == []


@both_screens
def test_an_owner_says_that_it_is_still_theirs(meet: Callable[..., Person], screen: Screen) -> None:
    name = system_of_platform(meet, f"kept-{screen.width}")
    owner = meet("platform-dev", screen)
    owner.installation.printed(LONG_AGO.format(name))
    page = owner.page
    owner.open(f"/systems/{name}/")
    asked = page.locator(".banner", has_text="Still yours?")
    expect(asked).to_be_visible()
    assert violations(page) == []
    asked.get_by_role("link", name="Confirm it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ownership")
    assert violations(page) == []
    owner.click(f"{name} is still ours")
    expect(page.locator("#toasts")).to_contain_text(f"{name} is confirmed for another half year")
    expect(page.get_by_role("button", name=f"{name} is still ours")).to_have_count(0)
    owner.open(f"/systems/{name}/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(asked).to_have_count(0)


@both_screens
def test_a_group_is_edited_with_who_is_affected_in_sight(meet: Callable[..., Person], screen: Screen) -> None:
    admin, name = meet("admin", screen), f"editors-{screen.width}"
    page, toasts = admin.page, admin.page.locator("#toasts")
    admin.open("/groups/")
    page.locator("#id_name").fill(name)
    admin.click("Make the group")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.locator("#id_user").fill("platform-dev")
    admin.click("Look who is affected")
    panel = page.get_by_role("region", name="Add platform-dev")
    expect(panel).to_contain_text("Not saved yet.")
    expect(panel).to_contain_text("No policy and no approval route.")
    assert violations(page) == []
    panel.get_by_role("button", name="Add", exact=True).click()
    expect(toasts).to_contain_text(f"platform-dev is in {name}")
    assert violations(page) == []
    admin.click("Take out platform-dev")
    leaves = page.get_by_role("region", name="Take platform-dev out")
    leaves.get_by_role("button", name="Take out", exact=True).click()
    expect(toasts).to_contain_text(f"platform-dev is no longer in {name}")
    admin.click(f"Delete {name}")
    expect(toasts).to_contain_text(f"{name} is deleted")

"""The bell: rings while one looks at a page, leads to the page that answers, and is read by being there."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]

both_screens = pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)


@both_screens
def test_it_rings_on_an_open_page_and_leads_to_what_it_is_about(meet: Callable[..., Person], screen: Screen) -> None:
    developer, maintainer = meet("developer", screen), meet("maintainer", screen)
    page = developer.page
    address = waiting_change(developer)
    developer.open("/notices/")
    if page.get_by_role("button", name="Mark all as read").count():
        page.locator("#main").get_by_role("button", name="Mark all as read").click()
    expect(bell(developer)).to_have_accessible_name("Notices, none unread")
    words = f"Which flag is it, seen at {screen.width} pixels?"
    ask(maintainer, address, words)
    look_again(developer)
    expect(bell(developer)).to_have_accessible_name("Notices, 1 unread")
    expect(page.locator("#toasts")).to_contain_text("maintainer asks about")
    bell(developer).click()
    drawer = page.get_by_role("dialog", name="Notices")
    expect(drawer).to_contain_text(words)
    assert not violations(page)
    drawer.locator(".row-title", has_text="maintainer asks about").first.click()
    expect(page).to_have_url(f"{developer.installation.url}{address}")
    expect(bell(developer)).to_have_accessible_name("Notices, none unread")


def test_it_can_be_worked_by_the_keyboard(meet: Callable[..., Person]) -> None:
    person = meet("developer")
    person.open("/teams/")
    bell(person).focus()
    person.page.keyboard.press("Enter")
    drawer = person.page.get_by_role("dialog", name="Notices")
    expect(drawer.get_by_role("link", name="All notices")).to_be_visible()
    person.page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()


@both_screens
def test_it_lets_people_choose_how_they_are_told(meet: Callable[..., Person], screen: Screen) -> None:
    person = meet("viewer", screen)
    person.open("/account/notices")
    assert not violations(person.page)
    group = person.page.locator("details", has_text="Your change is done")
    row = group.locator("tr", has_text="Your change is done")
    group.locator("summary").click()
    assert not violations(person.page)
    row.locator("label.way").nth(1).click()
    person.click("Save")
    expect(person.page.locator("#toasts")).to_contain_text("Saved")
    expect(group.locator("summary")).to_contain_text("daily digest")
    group.locator("summary").click()
    expect(row.get_by_role("radio", name="Daily digest")).to_be_checked()


def bell(person: Person) -> Locator:
    return person.page.locator("#bell-button")


def waiting_change(person: Person) -> str:
    """The address of a change of theirs that waits for somebody."""
    person.open("/changes/?tab=mine&state=pending")
    links = person.page.locator("#main a[href^='/changes/']").all()
    found = [link.get_attribute("href") or "" for link in links]
    return next(one for one in found if re.fullmatch(r"/changes/\d+/", one))


def ask(person: Person, address: str, words: str) -> None:
    """By the same request that the form sends; the form itself is tested where changes are."""
    person.open(address)
    token = person.page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    answer = person.page.request.post(
        f"{person.installation.url}{address}decide",
        form={"csrfmiddlewaretoken": token, "decision": "request-info", "comment": words},
        headers={"Referer": person.installation.url},
    )
    assert answer.ok


def look_again(person: Person) -> None:
    """What coming back to the tab does; it would ask by itself within twenty seconds."""
    person.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

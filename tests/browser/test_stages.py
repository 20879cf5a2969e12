"""Stages as an admin edits them: what an edit means is said before it is saved, and it is taken back with one click."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]

both_screens = pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)


@both_screens
def test_an_edit_says_what_it_means_and_is_taken_back(meet: Callable[..., Person], screen: Screen) -> None:
    admin = meet("admin", screen)
    page = admin.page
    admin.open("/stages/")
    assert violations(page) == []
    page.get_by_role("main").get_by_role("link", name="dev", exact=True).click()
    said = page.get_by_role("region", name="What it says")
    expect(said).to_contain_text("14 days")
    admin.link("Edit").click()
    meaning = page.get_by_role("complementary")
    expect(meaning.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_label("Usual life").fill("21")
    page.get_by_label("What happens to drift").select_option(label="Put it back at once")
    for words in ("14 days 21 days", "keep their end", "Its owners decide Put back at once"):
        expect(meaning).to_contain_text(words)
    assert violations(page) == []
    meaning.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile("/stages/dev/$"))
    for words in ("21 days", "Put back at once"):
        expect(said).to_contain_text(words)
    assert violations(page) == []
    admin.click("Take it back")
    for words in ("14 days", "Its owners decide"):
        expect(said).to_contain_text(words)


@both_screens
def test_what_is_typed_stays_while_the_meaning_arrives(meet: Callable[..., Person], screen: Screen) -> None:
    """The answer to one field comes while the next is typed."""
    admin = meet("admin", screen)
    page = admin.page
    admin.open("/stages/preview/edit")
    held = []
    page.route("**/stages/preview/edit", lambda route: held.append(route))
    page.get_by_label("Usual life").fill("5")
    page.get_by_label("In one sentence").focus()
    page.get_by_label("In one sentence").fill("One for each pull request of a branch.")
    page.wait_for_function("document.querySelector('#stage-form.htmx-request') !== null")
    held[0].continue_()
    expect(page.get_by_role("complementary")).to_contain_text("3 days 5 days")
    expect(page.get_by_label("In one sentence")).to_have_value("One for each pull request of a branch.")
    expect(page.get_by_label("In one sentence")).to_be_focused()


@both_screens
def test_isolation_is_chosen_with_its_cost_and_risk_in_sight(meet: Callable[..., Person], screen: Screen) -> None:
    admin = meet("admin", screen)
    page = admin.page
    admin.open("/stages/dev/isolation")
    expect(page.get_by_role("radio", name=re.compile("^A namespace of its own"))).to_be_checked()
    page.get_by_role("radio", name=re.compile("^One namespace for many")).check(force=True)
    admin.click("See what that means")
    expect(page.get_by_role("heading", name="With one namespace for many")).to_be_visible()
    expect(page.get_by_text("These live otherwise, and stay so until they are moved:")).to_be_visible()
    assert violations(page) == []


@both_screens
def test_a_window_that_is_none_is_told(meet: Callable[..., Person], screen: Screen) -> None:
    admin = meet("admin", screen)
    admin.complaints.allowed.add(422)
    page = admin.page
    admin.open("/stages/prod/windows")
    last = page.get_by_role("group").last
    last.get_by_role("checkbox", name="Mon").check()
    last.get_by_label("From").fill("26:00")
    last.get_by_label("to", exact=True).fill("16:00")
    page.get_by_role("button", name="Save the windows").click()
    expect(page.locator(".plan-note.bad").first).to_be_visible()
    expect(page.get_by_role("group").nth(-2).get_by_label("From")).to_have_value("26:00")
    assert violations(page) == []


@both_screens
def test_others_read_what_a_stage_says(meet: Callable[..., Person], screen: Screen) -> None:
    developer = meet("developer", screen)
    developer.open("/stages/prod/")
    expect(developer.page.get_by_role("region", name="What it says")).to_contain_text("Production never expires")
    expect(developer.page.get_by_role("link", name="Edit")).to_have_count(0)
    assert violations(developer.page) == []

"""Policies in a browser: checked while one types, refused while a test fails, shown on what was, then enforced."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]

both_screens = pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)

# It speaks for a system of no other test, and only warns.
TEXT = """apiVersion: slipway.dev/v1
kind: Policy
metadata: {name: look-twice-NAME}
spec:
  title: Look twice at recommendations on NAME
  mode: enforce
  scope: {systems: [recommendations]}
  when: stage.production
  effect: warn
  message: This is what everybody sees at NAME.
  tests:
    - {name: dev passes, facts: {stage: {production: false}}, expect: pass}
"""


@both_screens
def test_an_admin_writes_a_policy_mends_it_and_enforces_it(meet: Callable[..., Person], screen: Screen) -> None:
    admin = meet("admin", screen)
    admin.complaints.allowed.add(422)  # a policy that cannot be saved yet, twice
    page, text = admin.page, TEXT.replace("NAME", f"screen-{screen.width}")
    admin.open("/policies/new")
    assert violations(page) == []
    sees_the_caret(page, text)
    refuses_while_its_test_fails(page, text)
    tries_it_on_what_was(page, text)
    is_asked_before_it_holds(page)
    expect(page).to_have_url(re.compile(r"/policies/look-twice-screen-\d+/$"))
    expect(page.locator("#toasts")).to_contain_text("It holds for every change from now on.")
    assert violations(page) == []
    page.get_by_role("link", name="Version 1").click()
    expect(page.locator(".code-diff")).to_contain_text("Look twice at recommendations")
    assert violations(page) == []
    a_plan_shows_its_verdict(meet("data-dev", screen), screen)


def sees_the_caret(page: Page, text: str) -> None:
    """A name that no change has, found while one types: the line, the place, and what was probably meant."""
    write(page, text.replace("stage.production", "stge.production"))
    checks = page.locator("#check")
    expect(checks).to_contain_text("did you mean “stage”")
    expect(checks).to_contain_text("Line 8")
    expect(checks.locator("pre")).to_contain_text("^")
    expect(editor(page)).to_be_focused()
    assert violations(page) == []
    sends(page, "Save")
    expect(checks).to_contain_text("1 thing to mend")
    expect(editor(page)).to_have_value(re.compile("stge.production"))


def refuses_while_its_test_fails(page: Page, text: str) -> None:
    write(page, text.replace("expect: pass", "expect: warn"))
    checks = page.locator("#check")
    expect(checks).to_contain_text("It cannot be enforced.")
    expect(checks).to_contain_text("Fails")
    sends(page, "Save")
    expect(page).to_have_url(re.compile("/policies/new$"))
    expect(checks).to_contain_text("It cannot be enforced.")
    assert violations(page) == []


def tries_it_on_what_was(page: Page, text: str) -> None:
    write(page, text)
    expect(page.locator("#check")).to_contain_text("Nothing stands against it")
    sends(page, "Try it on what was")
    expect(page.locator("#replay")).to_contain_text("It would have", timeout=60_000)
    assert violations(page) == []


def is_asked_before_it_holds(page: Page) -> None:
    """By the keyboard alone."""
    page.get_by_role("button", name="Save", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("Enforce “Look twice"))).to_be_visible()
    expect(page.locator("#replay")).to_contain_text("It would have", timeout=60_000)
    assert violations(page) == []
    page.get_by_role("button", name="Save and enforce").focus()
    page.keyboard.press("Enter")


def a_plan_shows_its_verdict(developer: Person, screen: Screen) -> None:
    developer.open("/environments/recommendations/prod/edit")
    expect(developer.plan).to_contain_text(f"This is what everybody sees at screen-{screen.width}.")
    assert violations(developer.page) == []


@both_screens
def test_a_rule_that_observes_is_replayed_and_its_report_narrowed(meet: Callable[..., Person], screen: Screen) -> None:
    admin = meet("admin", screen)
    page = admin.page
    admin.open("/policies/")
    assert violations(page) == []
    page.get_by_role("link", name="Production changes while people are there").click()
    expect(page.locator("#main")).to_contain_text("Observes")
    assert violations(page) == []
    page.get_by_role("button", name="Replay").click()
    expect(page.locator(".page-lede")).to_contain_text("It would have", timeout=60_000)
    expect(page.get_by_role("heading", name="Changes", exact=True)).to_be_visible()
    assert violations(page) == []
    page.locator("#main").get_by_role("link", name="Payments").first.click()
    expect(page).to_have_url(re.compile("team=payments"))
    assert violations(page) == []


def editor(page: Page) -> Locator:
    return page.get_by_label("Policy", exact=True)


def write(page: Page, text: str) -> None:
    """As by typing: the checks answer for this text, not for one before it."""
    with page.expect_response(re.compile("/policies/check$")):
        editor(page).fill(text)
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)


def sends(page: Page, button: str) -> None:
    """Send the form and wait for the page that answers, which may have the same address."""
    with page.expect_navigation():
        page.get_by_role("button", name=button, exact=True).click()

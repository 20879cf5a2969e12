"""When an environment sleeps, as a developer sets it: what it saves is said before anything is kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]

both_screens = pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)
SLEEP = "/environments/checkout/dev/sleep"


@both_screens
def test_it_says_what_a_plan_saves_and_keeps_it_when_told(meet: Callable[..., Person], screen: Screen) -> None:
    developer = meet("developer", screen)
    page = developer.page
    developer.open(SLEEP)
    saving = page.get_by_role("region", name="What it saves")
    expect(saving).to_contain_text("It never sleeps by schedule.")
    assert violations(page) == []
    page.get_by_role("link", name="Nights", exact=True).click()
    expect(saving).to_contain_text("Asleep 60 of 168 h a week")
    expect(saving).to_contain_text("Not saved yet")
    first = page.get_by_role("group", name="Window 1")
    first.get_by_label("Saturday").check()
    expect(saving).to_contain_text("Asleep 72 of 168 h a week")
    keep_far_from_now(developer)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Its sleep is set")).to_be_visible()
    expect(saving).to_contain_text("Asleep 2 of 168 h a week")
    expect(saving).not_to_contain_text("Not saved yet")
    assert violations(page) == []
    stays_awake(developer)
    forgets_it(developer)


def keep_far_from_now(developer: Person) -> None:
    """One window of a day some hours away, so that nothing falls asleep while the tests run."""
    begins = datetime.now(UTC) + timedelta(hours=6)
    page = developer.page
    first = page.get_by_role("group", name="Window 1")
    for name in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"):
        first.get_by_label(name).set_checked(name == f"{begins:%A}")
    first.get_by_label("Asleep from").fill(f"{begins:%H:%M}")
    first.get_by_label("to", exact=True).fill(f"{begins + timedelta(hours=2):%H:%M}")
    expect(page.get_by_role("region", name="What it saves")).to_contain_text("Asleep 2 of 168 h a week")


def stays_awake(developer: Person) -> None:
    page = developer.page
    page.get_by_role("button", name="4 hours").click()
    now = page.get_by_role("region", name="Now", exact=True)
    expect(now).to_contain_text("It stays awake until")
    now.get_by_role("button", name="No longer").click()
    expect(now).to_contain_text("It is awake.")


def forgets_it(developer: Person) -> None:
    """To remove a window, one clears it."""
    page = developer.page
    first = page.get_by_role("group", name="Window 1")
    for box in first.get_by_role("checkbox", checked=True).all():
        box.uncheck()
    for name in (re.compile("Asleep from"), re.compile("^to$")):
        first.get_by_label(name).fill("")
    expect(page.get_by_role("region", name="What it saves")).to_contain_text("It never sleeps by schedule.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("group", name="Window 1")).to_have_count(0)


@both_screens
def test_it_says_what_is_wrong_with_a_window_and_loses_nothing(meet: Callable[..., Person], screen: Screen) -> None:
    developer = meet("developer", screen)
    developer.complaints.allowed.add(422)
    page = developer.page
    developer.open(SLEEP)
    window = page.get_by_role("group", name="Another window")
    window.get_by_label("Monday").check()
    window.get_by_label("Asleep from").fill("25:00")
    expect(page.get_by_role("region", name="What it saves")).to_contain_text("The windows are not right yet.")
    page.get_by_role("button", name="Save", exact=True).click()
    wrong = page.get_by_role("group", name="Window 1")
    expect(wrong.get_by_label("Asleep from")).to_have_value("25:00")
    expect(wrong.locator(".error")).to_be_visible()
    assert violations(page) == []


@both_screens
def test_production_does_not_sleep_by_itself(meet: Callable[..., Person], screen: Screen) -> None:
    developer = meet("developer", screen)
    developer.open("/environments/checkout/prod/sleep")
    expect(developer.page.get_by_text("Production does not sleep by itself.")).to_be_visible()
    expect(developer.page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    assert violations(developer.page) == []

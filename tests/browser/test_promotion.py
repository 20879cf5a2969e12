"""Promotion as people do it: to prod with an approval once it has proven itself, to staging at once."""

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


def test_it_goes_from_dev_to_staging_at_once_and_to_prod_once_it_has_proven_itself(
    meet: Callable[..., Person],
) -> None:
    developer, maintainer = meet("developer"), meet("maintainer")
    promote(developer, "checkout", "prod", only="api")
    expect(developer.page).to_have_url(re.compile(r"/changes/\d+/$"))
    expect(developer.state()).to_have_text("Pending approval")
    maintainer.open(f"/changes/{developer.number()}/")
    maintainer.page.get_by_role("button", name=re.compile("Approve")).click()
    expect(developer.state()).to_have_text("Succeeded", timeout=60_000)
    developer.open("/environments/checkout/prod/revisions/compare")
    expect(developer.page.locator("#main")).to_contain_text("checkout-api:")
    promote(developer, "checkout", "staging", only="api")
    expect(developer.page).to_have_url(re.compile(r"/runs/\d+/$"))
    expect(developer.state()).to_have_text("Succeeded", timeout=60_000)
    look_at(developer, "checkout", "prod", only="api")
    expect(developer.plan).to_contain_text("Refused by “Only what has proven itself is promoted”")
    expect(developer.plan.locator("button.primary")).to_be_disabled()


def look_at(person: Person, system: str, stage: str, *, only: str) -> None:
    """From the system's page, the plan of promoting one resource of what runs before ``stage``."""
    person.open(f"/systems/{system}/")
    person.link(f"Promote to {stage}").click()
    page = person.page
    expect(page.get_by_label("Reason", exact=True)).to_be_visible()
    for box in page.get_by_role("checkbox").all():
        box.set_checked(box.get_attribute("value") == only, force=True)
    page.get_by_label("Reason", exact=True).fill("It has proven itself.")
    page.get_by_label("Reason", exact=True).blur()


def promote(person: Person, system: str, stage: str, *, only: str) -> None:
    look_at(person, system, stage, only=only)
    button = person.plan.locator("button.primary")
    expect(button).to_be_enabled()
    button.click()


@both_screens
@pytest.mark.parametrize(
    "path",
    [
        "/trains/",
        "/trains/new?to=prod&systems=checkout&systems=invoicing",
        "/stages/staging/windows",
        "/environments/checkout/prod/revisions/compare",
        "/environments/checkout/prod/revisions/compare?view=objects",
        "/environments/checkout/prod/ask/promote?from=staging",
        "/environments/checkout/staging/ask/clone",
    ],
)
def test_its_pages_are_sound(meet: Callable[..., Person], screen: Screen, path: str) -> None:
    person = meet("admin" if path.startswith("/stages") else "maintainer", screen)
    person.open(path)
    assert violations(person.page) == []
    width = person.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width == 0

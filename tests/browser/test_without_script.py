"""Everything that matters works in a browser without JavaScript: read, ask, decide."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import NARROW_LIGHT, WIDE_LIGHT, Screen
from tests.browser.person import Person

# All in one worker: they share the installation, and two browsers would only wait for each other.
pytestmark = [pytest.mark.browser]

PAGES = (
    "/",
    "/systems/",
    "/systems/events/",
    "/environments/",
    "/environments/events/prod/",
    "/capabilities/postgres/",
    "/changes/",
    "/teams/data/",
    "/account/",
)


@pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_LIGHT], ids=str)
def test_it_reads_asks_and_decides_without_script(meet: Callable[..., Person], screen: Screen) -> None:
    developer = meet("data-dev", screen, java_script_enabled=False)
    for path in PAGES:
        developer.open(path)
        expect(developer.page.get_by_role("heading", level=1)).not_to_be_empty()
    number = ask(developer, f"plain-{screen.width}")
    maintainer = meet("data-maintainer", screen, java_script_enabled=False)
    maintainer.open(f"/changes/{number}/")
    maintainer.page.get_by_label("Comment").fill("Not this week.")
    maintainer.page.get_by_role("button", name=re.compile("Reject")).click()
    expect(maintainer.state()).to_have_text("Rejected")
    expect(maintainer.page.get_by_role("main")).to_contain_text("Not this week.")


def ask(developer: Person, name: str) -> int:
    """A production environment by submits alone: add, check, read the error, mend it, submit."""
    page = developer.page
    developer.open("/environments/new?system=events&stage=prod")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Capability to add").select_option("web-service")
    page.get_by_role("button", name="Add", exact=True).click()
    service = developer.resource("web-service")
    service.get_by_label("Image", exact=True).fill("registry.example/event gateway")
    page.get_by_role("button", name="Check", exact=True).last.click()
    expect(service).to_contain_text("space")
    expect(page.get_by_label("Name", exact=True).first).to_have_value(name)
    service.get_by_label("Image", exact=True).fill("registry.example/event-gateway:2.31.0")
    page.get_by_label("Reason", exact=True).fill("A look without script.")
    page.get_by_role("button", name="Check", exact=True).last.click()
    expect(developer.plan).to_contain_text("€")
    developer.plan.locator("button.primary").click()
    expect(developer.state()).to_have_text("Pending approval")
    return developer.number()

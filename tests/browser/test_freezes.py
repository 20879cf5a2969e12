"""Freezes in a browser: a stage held still, a change that waits for the thaw, broken glass, and the red switch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]

both_screens = pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)
WHERE = "search/prod"


@pytest.fixture
def thawed(meet: Callable[..., Person]) -> Iterator[Person]:
    """An admin; whatever froze in a test is lifted after it, also when it fails."""
    admin = meet("admin")
    before = {one["id"] for one in admin.api("GET", "/freezes/")["items"]}
    yield admin
    for one in admin.api("GET", "/freezes/")["items"]:
        if one["id"] not in before and one["lifted_at"] is None:
            admin.api("POST", f"/freezes/{one['id']}/lift/")


@both_screens
def test_a_change_waits_until_it_has_thawed(meet: Callable[..., Person], thawed: Person, screen: Screen) -> None:
    number = wants(meet("storefront-dev", screen), f"{screen.width} pixels")
    admin, maintainer = meet("admin", screen), meet("search-maintainer", screen)
    freeze_the_stage(admin, screen)
    maintainer.open("/environments/search/prod/")
    expect(banner(maintainer)).to_contain_text("The index is rebuilt")
    assert violations(maintainer.page) == []
    maintainer.open(f"/changes/{number}/")
    maintainer.page.get_by_role("button", name=re.compile("Approve")).click()
    expect(maintainer.state()).to_have_text("Approved")
    expect(maintainer.page.locator("#main")).to_contain_text("It starts by itself when it has thawed.")
    expect(maintainer.page.get_by_role("link", name="Break the glass")).to_be_visible()
    assert violations(maintainer.page) == []
    admin.click("Lift it now")
    expect(admin.page.get_by_role("button", name="Take the lifting back")).to_be_visible()
    assert violations(admin.page) == []
    expect(maintainer.state()).to_have_text("Succeeded", timeout=90_000)


@both_screens
def test_the_glass_is_broken_with_a_reason_and_an_admin_answers(
    meet: Callable[..., Person], thawed: Person, screen: Screen
) -> None:
    freeze_the_stage(meet("admin", screen), screen)
    maintainer, reason = meet("search-maintainer", screen), f"Nothing is found at {screen.width} pixels."
    maintainer.complaints.allowed.add(422)  # no reason, below
    page = maintainer.page
    refused_while_frozen(maintainer, "4" if screen.narrow else "5")
    number = maintainer.number()
    expect(maintainer.state()).to_have_text("Denied")
    page.get_by_role("link", name="Break the glass").click()
    maintainer.click("Break the glass")
    expect(page.locator("#main")).to_contain_text("Say why it cannot wait")
    assert violations(page) == []
    page.get_by_label("Why it cannot wait").fill(reason)
    maintainer.click("Break the glass")
    expect(page).not_to_have_url(re.compile(f"/changes/{number}/"))
    expect(page.locator("#main")).to_contain_text("Update search / prod")
    admin = meet("admin", screen)
    admin.open("/changes/")
    row = admin.page.locator(".glass-row", has_text=reason)
    expect(row).to_be_visible()
    assert violations(admin.page) == []
    row.get_by_role("button", name="Agree").click()
    expect(admin.page.locator(".glass-row", has_text=reason)).to_have_count(0)


@both_screens
def test_admins_have_the_red_switch_on_every_page(meet: Callable[..., Person], thawed: Person, screen: Screen) -> None:
    admin, developer = meet("admin", screen), meet("developer", screen)
    admin.complaints.allowed.add(422)  # no reason, below
    for path in ("/", "/changes/", "/systems/checkout/", "/environments/checkout/prod/", "/audit/", "/account/"):
        admin.open(path)
        expect(admin.page.locator("a[href='/freezes/switch']")).to_have_count(1)
        developer.open("/" if path == "/audit/" else path)
        expect(developer.page.locator("a[href='/freezes/switch']")).to_have_count(0)
    admin.go_to("Freeze everything")
    assert violations(admin.page) == []
    admin.click("Freeze everything now")
    expect(admin.page.locator("#f-why")).to_have_attribute("aria-invalid", "true")
    admin.page.get_by_label("Why").fill("Somebody is in our network.")
    admin.click("Freeze everything now")
    expect(admin.page.get_by_role("heading", level=1)).to_be_visible()
    for path in ("/", "/environments/checkout/dev/", "/capabilities/"):
        developer.open(path)
        expect(developer.page.locator(".banner", has_text="Somebody is in our network.")).to_be_visible()
        assert violations(developer.page) == []
    admin.open("/freezes/switch")
    assert violations(admin.page) == []
    admin.click("Thaw everything")
    expect(admin.page).not_to_have_url(re.compile("/switch$"))
    developer.open("/")
    expect(developer.page.get_by_text("Somebody is in our network.")).to_have_count(0)


def freeze_the_stage(admin: Person, screen: Screen) -> None:
    """A part of production, with whom it meets looked at first. Ends on the freeze's own page."""
    page = admin.page
    admin.open("/freezes/new")
    assert violations(page) == []
    page.get_by_label("Title").fill(f"The index at {screen.width}")
    page.get_by_label(re.compile("^Why")).fill("The index is rebuilt; whoever changes search now breaks it.")
    page.get_by_label(re.compile("^Stages")).fill("prod")
    page.get_by_label(re.compile("^Systems")).fill("search")
    with page.expect_navigation():
        admin.click("Look")
    meets = page.locator(".plan-panel")
    expect(meets).to_contain_text("What you see is what is saved.")
    expect(meets.get_by_role("link", name="Storefront")).to_be_visible()
    assert violations(page) == []
    admin.click("Freeze")
    expect(page).to_have_url(re.compile(r"/freezes/\d+/$"))
    expect(admin.state()).to_have_text("Frozen")
    assert violations(page) == []


def wants(person: Person, seen: str) -> int:
    """The number of a change of search / prod that waits for its maintainer."""
    spec = person.api("GET", f"/environments/{WHERE}/")["document"]["spec"]
    spec["resources"]["api"]["inputs"]["env"]["SEEN_AT"] = seen
    return person.asks_for("update", WHERE, spec, "Say where it was seen.")


def refused_while_frozen(person: Person, number: str) -> None:
    """By the form, which says so before anything is asked; ends on the page of the change that is denied."""
    person.open("/environments/search/prod/edit")
    person.page.locator("details#r-api > summary").click()
    person.fill("api", "Replicas", number)
    expect(person.plan).to_contain_text("The index is rebuilt")
    person.page.get_by_label("Reason", exact=True).fill("Three are not enough.")
    button = person.plan.get_by_role("button", name="Ask all the same")
    expect(button).to_be_enabled()
    button.click()
    expect(person.page).to_have_url(re.compile(r"/changes/\d+/$"))


def banner(person: Person) -> Locator:
    return person.page.locator(".banner", has_text="Frozen: ")

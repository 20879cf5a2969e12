"""Every kind of field in a browser: lists are made and put in order, choices and conditions show what belongs to them,
suggestions come from what there is, and no view of the draft loses what was typed in another."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, NARROW_LIGHT, WIDE_LIGHT, Screen
from tests.browser.person import Person

# All in one worker: they share the installation, and two browsers would only wait for each other.
pytestmark = [pytest.mark.browser]

SAMPLER = (Path(__file__).parent / "sampler.yaml").read_text(encoding="utf-8")
FORM = "/environments/new?system=shop&stage=dev&capability=sampler&example=git&resource=volume"
SCREENS = [WIDE_LIGHT, NARROW_DARK]


def published(meet: Callable[..., Person]) -> None:
    """The contract with one input of every kind; publishing it again changes nothing."""
    admin = meet("admin")
    admin.open("/capabilities/publish")
    admin.page.get_by_label("Contract", exact=True).fill(SAMPLER)
    admin.page.get_by_role("button", name="Publish", exact=True).click()
    expect(admin.page.get_by_role("heading", level=1)).to_have_text("sampler")


def sampler(meet: Callable[..., Person], screen: Screen = WIDE_LIGHT) -> tuple[Person, Locator]:
    published(meet)
    developer = meet("storefront-dev", screen)
    with developer.planned():
        developer.open(FORM)
    form = developer.resource("sampler")
    if form.get_attribute("open") is None:
        form.locator("> summary").click()
    return developer, form


def folders(form: Locator) -> list[str]:
    return [
        field.input_value()
        for field in form.get_by_role("group", name=re.compile("^Mounts")).get_by_label("Folder").all()
    ]


@pytest.mark.parametrize("screen", SCREENS, ids=str)
def test_it_makes_a_list_and_puts_it_in_order_by_keyboard(meet: Callable[..., Person], screen: Screen) -> None:
    developer, form = sampler(meet, screen)
    page = developer.page
    form.get_by_role("button", name="Move Mounts 2 up").focus()
    with developer.planned():
        page.keyboard.press("Enter")
    assert folders(form)[:2] == ["/b", "/a"]
    expect(form.get_by_role("button", name="Move Mounts 1 down")).to_be_focused()
    with developer.planned():
        form.get_by_role("button", name="Add mount to Mounts").click()
    third = form.get_by_role("group", name="Mounts 3")
    expect(third.get_by_label("Claim")).to_be_focused()
    with developer.planned():
        third.get_by_label("Folder").fill("no slash")
    expect(third).to_contain_text("Must begin with a slash")
    with developer.planned():
        form.get_by_role("button", name="Remove Mounts 3").click()
    expect(form.get_by_role("group", name="Mounts 3")).to_have_count(0)
    expect(form.get_by_role("button", name="Add mount to Mounts")).to_be_focused()
    with developer.planned():
        form.get_by_role("button", name="Add argument to Arguments").click()
    with developer.planned():
        page.keyboard.type("--verbose")
    page.get_by_role("tab", name="YAML").click()
    expect(page.locator("textarea[name=yaml]")).to_have_value(re.compile(r"words:\s+- --verbose"))


def test_it_shows_only_the_fields_of_what_is_chosen_and_keeps_those_of_the_other(meet: Callable[..., Person]) -> None:
    developer, form = sampler(meet)
    with developer.planned():
        form.get_by_label("Address").fill("https://git.example/other.git")
    with developer.planned():
        form.get_by_label("Where it comes from").select_option(label="A bucket")
    expect(form.get_by_label("Address")).to_have_count(0)
    expect(form.get_by_label("Bucket")).to_be_visible()
    with developer.planned():
        form.get_by_label("Where it comes from").select_option(label="A Git repository")
    expect(form.get_by_label("Address")).to_have_value("https://git.example/other.git")
    expect(form.get_by_label("Schedule")).to_have_count(0)
    with developer.planned():
        form.get_by_label("Runs", exact=True).select_option("by-schedule")
    with developer.planned():
        form.get_by_label("Schedule").fill("0 4 * * *")
    with developer.planned():
        form.get_by_label("Runs", exact=True).select_option("always")
    expect(form.get_by_label("Schedule")).to_have_count(0)
    with developer.planned():
        form.get_by_label("Runs", exact=True).select_option("by-schedule")
    expect(form.get_by_label("Schedule")).to_have_value("0 4 * * *")


def test_it_suggests_what_there_is(meet: Callable[..., Person]) -> None:
    developer, form = sampler(meet)
    for label, expected in (("Like stage", "staging"), ("Claim", "${resources.volume.outputs.claim}")):
        field = form.get_by_label(label).first
        # The offers come with the first focus, which emptying the field is; a wait begun later may miss them.
        with developer.page.expect_response(re.compile("/environments/suggest")):
            field.fill("")
        options = developer.page.locator(f"[id='{field.get_attribute('list')}'] option")
        expect(options.and_(developer.page.locator(f"[value='{expected}']"))).to_have_count(1)


def test_it_loses_nothing_between_form_and_yaml(meet: Callable[..., Person]) -> None:
    developer, form = sampler(meet)
    developer.complaints.allowed.add(422)
    page = developer.page
    page.get_by_role("tab", name="YAML").click()
    text = page.locator("textarea[name=yaml]")
    written = text.input_value()
    text.fill("spec: [")
    page.get_by_role("tab", name="Form").click()
    page.get_by_role("tab", name="YAML").click()
    expect(page.locator("#yaml-problem")).to_contain_text("Line")
    expect(text).to_have_value("spec: [")
    with developer.planned():
        text.fill(written.replace("path: /a", "path: /from-yaml"))
        page.get_by_role("tab", name="Form").click()
    assert folders(form)[0] == "/from-yaml"
    page.get_by_role("tab", name="curl").click()
    expect(page.locator("#curl-code")).to_contain_text("/from-yaml")


def test_it_opens_a_draft_that_a_closed_tab_left_behind(meet: Callable[..., Person]) -> None:
    developer, form = sampler(meet)
    with developer.planned():
        form.get_by_label("Address").fill("https://git.example/left-behind.git")
    developer.open("/environments/new?system=shop")
    developer.page.get_by_role("link", name="Go on with it").first.click()
    developer.resource("sampler").locator("> summary").click()
    expect(developer.resource("sampler").get_by_label("Address")).to_have_value("https://git.example/left-behind.git")


@pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_LIGHT, NARROW_DARK], ids=str)
def test_it_is_accessible_with_every_kind_of_field(meet: Callable[..., Person], screen: Screen) -> None:
    developer, form = sampler(meet, screen)
    form.locator("details.advanced > summary").first.click()
    assert violations(developer.page) == []
    developer.page.get_by_role("tab", name="YAML").click()
    assert violations(developer.page) == []
    assert developer.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_makes_lists_without_script(meet: Callable[..., Person]) -> None:
    published(meet)
    developer = meet("storefront-dev", WIDE_LIGHT, java_script_enabled=False)
    developer.open(FORM)
    form = developer.resource("sampler")
    with developer.page.expect_navigation():
        form.get_by_role("button", name="Move Mounts 2 up").click()
    assert folders(form)[:2] == ["/b", "/a"]
    form.get_by_label("Where it comes from").select_option(label="A bucket")
    form.get_by_role("button", name="Show its fields").first.click()
    expect(developer.resource("sampler").get_by_label("Bucket")).to_be_visible()

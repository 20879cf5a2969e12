"""Clusters as an admin keeps them: registered, described, cordoned, drained, opened again and removed."""

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
def test_a_cluster_comes_and_goes(meet: Callable[..., Person], screen: Screen) -> None:
    admin, name = meet("admin", screen), f"harbour-{screen.width}"
    register(admin, name)
    tell_how_much_there_is(admin)
    cordon(admin)
    drain(admin, name)
    admin.open(f"/clusters/{name}/")
    admin.click("Take new environments again")
    expect(admin.page.get_by_role("button", name="Cordon it")).to_be_visible()
    remove(admin, name)


def register(admin: Person, name: str) -> None:
    page = admin.page
    admin.open("/clusters/")
    admin.link("Register a cluster").click()
    page.get_by_role("textbox", name=re.compile("^Name")).fill(name)
    page.get_by_label("Title").fill("Harbour")
    page.get_by_label("Kind").select_option(label="Sandbox, simulated on this machine")
    page.get_by_label("Labels").fill("region=north, tier=try")
    page.get_by_role("button", name="Register the cluster").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.get_by_text("No stage leads here.")).to_be_visible()
    expect(page.locator(".page-head")).to_contain_text("region=north")
    expect(page.get_by_text("Nobody has said how much there is.")).to_have_count(3)
    assert violations(page) == []


def tell_how_much_there_is(admin: Person) -> None:
    page = admin.page
    admin.link("Edit").click()
    page.get_by_label("CPU", exact=True).fill("16")
    page.get_by_label("Memory", exact=True).fill("64")
    page.get_by_role("button", name="Save the cluster").click()
    expect(page.get_by_text("16 free")).to_be_visible()
    expect(page.get_by_text("64 GiB free")).to_be_visible()


def cordon(admin: Person) -> None:
    page = admin.page
    page.get_by_label("Why it should take none").fill("Its nodes are replaced.")
    admin.click("Cordon it")
    expect(page.get_by_role("main")).to_contain_text("Cordoned. Its nodes are replaced.")
    assert violations(page) == []


def drain(admin: Person, name: str) -> None:
    """Nothing lives there, so it is over as soon as it has begun."""
    page = admin.page
    admin.link("Drain it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Drain {name}")
    page.get_by_label("How many side by side").fill("0")
    admin.complaints.allowed.add(422)
    admin.click("Drain it")
    expect(page.get_by_text("Write how many move side by side")).to_be_visible()
    assert violations(page) == []
    admin.complaints.allowed.discard(422)
    page.get_by_label("How many side by side").fill("2")
    admin.click("Drain it")
    expect(page.get_by_role("main")).to_contain_text("0 of 0 moved")
    assert violations(page) == []


def remove(admin: Person, name: str) -> None:
    page = admin.page
    button = page.get_by_role("button", name="Remove it")
    expect(button).to_be_disabled()
    page.get_by_label(f"Type {name} to remove it").fill(name)
    button.click()
    expect(page).to_have_url(re.compile("/clusters/$"))
    expect(page.get_by_role("main").get_by_role("link", name=name)).to_have_count(0)


@both_screens
def test_a_cluster_on_which_things_live_says_what_keeps_it(meet: Callable[..., Person], screen: Screen) -> None:
    admin = meet("admin", screen)
    page = admin.page
    admin.open("/clusters/")
    assert violations(page) == []
    page.get_by_role("main").get_by_role("link", name="sandbox", exact=True).click()
    removal = page.get_by_role("region", name="Remove")
    expect(removal).to_contain_text("Stage prod sends its environments there.")
    expect(removal.get_by_role("button")).to_have_count(0)
    page.get_by_text("Beyond plain Kubernetes").click()
    assert violations(page) == []

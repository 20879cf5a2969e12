"""Approvals in a browser: two stages, a question and its answer, the keyboard alone, many at once, and a stand-in."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]

both_screens = pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)


@both_screens
def test_an_admin_makes_a_route_of_two_stages(meet: Callable[..., Person], screen: Screen) -> None:
    admin, name = meet("admin", screen), f"two-stages-{screen.width}"
    admin.complaints.allowed.add(422)  # looked at while it is half filled
    page = admin.page
    admin.open("/approval-routes/new")
    assert violations(page) == []
    page.locator("#f-name").fill(name)
    page.locator("#f-title").fill("Two after each other")
    asked = page.locator(".plan-panel")
    fill_stage(page, 1, "Team", "Maintainers of the owning team", "")
    expect(asked).to_contain_text("1. Team")  # a row for the next stage comes with the answer
    fill_stage(page, 2, "Platform", "The group …", "platform-admins")
    expect(asked).to_contain_text("2. Platform")
    expect(asked).to_contain_text("Someone of group platform-admins")
    expect(asked).to_contain_text("What you see is what is saved.")
    assert violations(page) == []
    admin.click("Save")
    expect(page).to_have_url(re.compile(f"/approval-routes/{name}/$"))
    expect(page.locator("#main")).to_contain_text("One stage is asked after the other.")
    assert violations(page) == []


@both_screens
def test_two_stages_agree_after_a_question_by_the_keyboard_alone(meet: Callable[..., Person], screen: Screen) -> None:
    developer, maintainer, admin = (meet(name, screen) for name in ("platform-dev", "platform-maintainer", "admin"))
    number = wants_sign_in(developer, f"{screen.width} pixels")
    opens_from_the_inbox(maintainer, number)
    assert violations(maintainer.page) == []
    asks(maintainer, "Was it seen in staging?")
    answers(developer, number, "It was, with both of my keys.")
    maintainer.open(f"/changes/{number}/")
    expect(maintainer.page.locator(".activity, #main").first).to_contain_text("It was, with both of my keys.")
    agrees_by_keyboard(maintainer)
    expect(maintainer.state()).to_have_text("Pending approval")
    expect(maintainer.page.locator("#main")).to_contain_text("2 of 3")
    opens_from_the_inbox(admin, number)
    assert violations(admin.page) == []
    agrees_by_keyboard(admin)
    expect(admin.state()).to_have_text("Succeeded", timeout=90_000)


@both_screens
def test_what_is_alike_is_decided_at_once_in_the_inbox(meet: Callable[..., Person], screen: Screen) -> None:
    system, team = ("identity", "platform") if screen.narrow else ("recommendations", "data")
    asks_in_dev(meet("admin"), system, "team:maintainer")
    developer, maintainer = meet(f"{team}-dev"), meet(f"{team}-maintainer", screen)
    asked = [developer.asks_for("create", f"{system}/like-{one}", settings(), f"Try {one}.") for one in "abc"]
    maintainer.open("/changes/")
    page = maintainer.page
    alike = page.get_by_role("region", name=re.compile("^3 alike: create config"))
    expect(alike).to_be_visible()
    for number in asked:
        expect(alike.get_by_role("link", name=re.compile(rf"#{number}\b"))).to_be_visible()
    assert violations(page) == []
    alike.get_by_role("button", name="Agree to these 3").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("You agreed to 3 changes")
    expect(alike).to_have_count(0)
    maintainer.open(f"/changes/{asked[-1]}/")
    expect(maintainer.state()).to_have_text("Succeeded", timeout=90_000)


@both_screens
def test_a_stand_in_decides_in_somebodys_place(meet: Callable[..., Person], screen: Screen) -> None:
    away, stands_in = ("maintainer", "second-maintainer") if screen.narrow else ("second-maintainer", "maintainer")
    system = "invoicing" if screen.narrow else "ledger"
    asks_in_dev(meet("admin"), system, f"people:{away}")
    person, other = meet(away, screen), meet(stands_in, screen)
    page = person.page
    person.open("/account/stand-ins")
    assert violations(page) == []
    page.get_by_label("Who", exact=True).select_option(stands_in)
    today = page.evaluate("new Date().toISOString().slice(0, 10)")
    page.get_by_label("First day").fill(today)
    page.get_by_label("Last day").fill(today)
    page.get_by_label("Why").fill(f"Away at {screen.width}")
    person.click("Let them stand in")
    lent = page.locator(".row", has_text=f"Away at {screen.width}")
    expect(lent).to_contain_text(stands_in)
    assert violations(page) == []
    number = meet("developer").asks_for("create", f"{system}/stands-in", settings(), "Try it.")
    other.open(f"/changes/{number}/")
    agrees_by_keyboard(other)
    expect(other.page.locator("#main")).to_contain_text(f"{stands_in} for {away}")
    expect(other.state()).to_have_text("Succeeded", timeout=90_000)
    assert violations(other.page) == []
    lent.get_by_role("button", name=re.compile("^Take back")).click()
    expect(page.locator(".row", has_text=f"Away at {screen.width}").get_by_role("button")).to_have_count(0)


# --- what is asked for ----------------------------------------------------------------------------------------------


def settings() -> object:
    """An environment that takes nothing of anybody's quota."""
    return {"stage": "dev", "resources": {"settings": {"capability": "config@1", "inputs": {"values": {"A": "1"}}}}}


def asks_in_dev(admin: Person, system: str, source: str) -> None:
    """From now on development of one system, which no other test touches, waits for somebody."""
    rule = {
        "title": f"Somebody agrees to {system} in dev",
        "mode": "enforce",
        "scope": {"systems": [system], "stages": ["dev"]},
        "when": "change.kind == 'create'",
        "effect": "require-approval",
        "approvals": [{"from": source}],
        "message": "Somebody looks at it first.",
    }
    head = {"apiVersion": "slipway.dev/v1", "kind": "Policy", "metadata": {"name": f"dev-{system}-waits"}}
    admin.api("POST", "/policies/", {**head, "spec": rule})


def wants_sign_in(person: Person, seen: str) -> int:
    """A change of identity / prod, for which the demo's route asks the team and then the platform."""
    spec = person.api("GET", "/environments/identity/prod/")["document"]["spec"]
    spec["resources"]["admin"]["inputs"]["env"]["SEEN_AT"] = seen
    return person.asks_for("update", "identity/prod", spec, "Say where it was seen.")


# --- deciding -------------------------------------------------------------------------------------------------------


def opens_from_the_inbox(person: Person, number: int) -> None:
    """``j`` to the change, Enter opens it. The pointer is not touched."""
    person.open("/changes/")
    page = person.page
    row = page.get_by_role("link", name=re.compile(rf"#{number}\b"))
    expect(row).to_be_visible()
    for _ in range(page.locator("[data-row]").count()):
        page.keyboard.press("j")
        if row.evaluate("row => row === document.activeElement"):
            break
    expect(row).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/changes/{number}/$"))


def asks(person: Person, question: str) -> None:
    page = person.page
    page.get_by_label("Comment", exact=True).fill(question)
    page.get_by_label("Comment", exact=True).blur()
    page.keyboard.press("i")
    expect(page.get_by_role("button", name=re.compile("^Ask"))).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("You asked about")


def answers(person: Person, number: int, answer: str) -> None:
    page = person.page
    person.open(f"/changes/{number}/")
    expect(page.locator(".banner", has_text="asks you")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Answer").click()
    page.get_by_label("Your answer").fill(answer)
    page.get_by_role("button", name="Answer").click()
    expect(page.locator(".banner", has_text="asks you")).to_have_count(0)


def agrees_by_keyboard(person: Person) -> None:
    page = person.page
    expect(page.get_by_role("button", name=re.compile("Approve"))).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_role("button", name=re.compile("Approve"))).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("You agreed to")


# --- the form of a route --------------------------------------------------------------------------------------------


def fill_stage(page: Page, number: int, name: str, who: str, which: str) -> None:
    """By an id and labels that a stage keeps while the form is looked at and drawn anew."""
    field = page.locator(f"#s{number - 1}-name")
    field.fill(name)
    page.get_by_label(f"Who agrees, stage {number}, line 1").select_option(label=who)
    page.get_by_label(f"Which, stage {number}, line 1").fill(which)
    page.keyboard.press("Tab")  # what was typed is looked at when the field is left
    expect(field).to_have_value(name)

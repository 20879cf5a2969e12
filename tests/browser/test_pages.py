"""Every page on every screen: nothing for axe-core to find, no scrolling sideways, no complaint in the console."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_LIGHT, SCREENS, WIDE_LIGHT
from tests.browser.installation import Installation
from tests.browser.person import Person, someone

# All in one worker: they share the installation, and two browsers would only wait for each other.
pytestmark = [pytest.mark.browser]

BY_ADDRESS = {
    "developer": (
        "/",
        "/systems/",
        "/systems/checkout/",
        "/systems/checkout/components/",
        "/systems/checkout/components/checkout-api/",
        "/environments/",
        "/environments/?q=nothing-of-this-name",
        "/environments/new",
        "/environments/new?system=checkout",
        "/environments/new?system=checkout&resource=web-service&resource=postgres&resource=route",
        "/environments/checkout/prod/",
        "/environments/checkout/prod/?view=list",
        "/environments/checkout/prod/revisions/",
        "/environments/checkout/prod/revisions/?show=2",
        "/environments/checkout/prod/changes/",
        "/environments/checkout/prod/settings/",
        "/environments/checkout/staging/edit",
        "/environments/invoicing/staging/",
        "/capabilities/",
        "/capabilities/web-service/",
        "/capabilities/postgres/",
        "/capabilities/route/",
        "/changes/",
        "/changes/?tab=all",
        "/changes/1/",
        "/changes/1/?view=objects",
        "/runs/1/",
        "/teams/",
        "/teams/payments/",
        "/account/",
        "/search?q=checkout",
        "/search?q=chekout",
        "/search?q=nothing-of-this-name",
        "/files/",
        "/environments/score?system=checkout",
        "/account/command-line",
    ),
    "maintainer": (
        "/",
        "/changes/",
        "/teams/payments/",
        "/systems/new",
        "/systems/checkout/edit",
        "/systems/checkout/components/new",
        "/systems/checkout/components/checkout-api/edit",
        "/account/stand-ins",
    ),
    "admin": (
        "/approval-routes/",
        "/approval-routes/new",
        "/approval-routes/report",
        "/",
        "/teams/new",
        "/teams/payments/",
        "/teams/payments/edit",
        "/teams/payments/quota",
        "/systems/",
        "/clusters/",
        "/clusters/new",
        "/clusters/sandbox/",
        "/clusters/sandbox/edit",
        "/backstage/new",
        "/pipelines/new",
        "/score-rules/",
        "/score-rules/new",
        "/webhooks/new",
        "/chat/slack",
    ),
    "auditor": ("/", "/environments/ledger/prod/", "/environments/ledger/prod/drift/"),
    "": ("/login/",),
}
REFUSED = {"/systems/no-such-system/": 404, "/teams/payments/quota": 403}
ADDRESSES = [(name, path) for name, paths in BY_ADDRESS.items() for path in paths]


@pytest.fixture(scope="module")
def rooms(chromium_browser: Browser, installation: Installation) -> Iterator[Callable[[str], Person]]:
    """``rooms(name)``: one signed-in window for each person, shared, as these tests only look."""
    people: dict[str, Person] = {}
    contexts = []

    def room(name: str) -> Person:
        if name not in people:
            opened = someone(chromium_browser, installation, WIDE_LIGHT, reduced_motion="reduce")
            people[name] = opened.__enter__()
            contexts.append(opened)
            if name:
                people[name].sign_in(name)
        person = people[name]
        person.complaints.found.clear()
        person.complaints.allowed.clear()
        return person

    yield room
    for opened in contexts:
        opened.__exit__(None, None, None)


@pytest.mark.parametrize(("name", "path"), ADDRESSES, ids=[f"{name or 'stranger'} {path}" for name, path in ADDRESSES])
def test_it_is_sound_on_every_screen(rooms: Callable[[str], Person], name: str, path: str) -> None:
    person = rooms(name)
    person.open(path)
    settle(person)
    sound_on_every_screen(person)


@pytest.mark.parametrize(("path", "status"), REFUSED.items(), ids=["absent", "forbidden"])
def test_it_is_sound_where_it_refuses(rooms: Callable[[str], Person], path: str, status: int) -> None:
    person = rooms("developer")
    person.complaints.allowed.add(status)
    person.open(path)
    sound_on_every_screen(person)


def waiting_change(person: Person) -> None:
    person.open("/changes/?waiting_on=me")
    person.page.locator("#main [data-row] a.row-title").first.click()
    expect(person.page.get_by_role("button", name=re.compile("Approve"))).to_be_visible()


def own_change(person: Person) -> None:
    person.open("/systems/checkout/")
    person.page.get_by_role("link", name=re.compile("waits for|Review the change|See the change")).first.click()
    expect(person.page.get_by_text("somebody else decides")).to_be_visible()


def failed_run(person: Person) -> None:
    person.open("/environments/invoicing/staging/")
    person.page.get_by_role("link", name="See what to do").click()
    expect(person.state()).to_have_text("Failed")


def form_with_errors(person: Person) -> None:
    person.open("/environments/new?system=checkout&resource=web-service&resource=route")
    settle(person)
    person.fill("web-service", "Image", "registry.example/checkout api")
    person.fill("web-service", "Replicas", "-1")
    expect(person.resource("web-service").locator("> summary")).to_contain_text("to fix")


def picker(person: Person) -> None:
    person.open("/environments/new?system=checkout")
    person.page.get_by_role("button", name="Add resource").click()
    expect(person.page.get_by_role("dialog", name="Add a resource")).to_be_visible()


def draft_as_yaml(person: Person) -> None:
    person.open("/environments/new?system=checkout&resource=postgres")
    person.page.get_by_role("tab", name="YAML").click()


def draft_as_curl(person: Person) -> None:
    person.open("/environments/new?system=checkout&resource=postgres")
    person.page.get_by_role("tab", name="curl").click()


def palette(person: Person) -> None:
    person.open("/systems/")
    person.page.keyboard.press("Control+k")
    person.page.get_by_role("searchbox", name="Search").fill("check")
    expect(person.page.locator("#palette-results").get_by_role("link").first).to_be_visible()


def wrong_sign_in(person: Person) -> None:
    person.complaints.allowed.add(422)
    person.open("/login/")
    person.page.get_by_label("Name").fill("developer")
    person.page.get_by_label("Password").fill("not the password")
    person.click("Sign in")
    expect(person.page.get_by_role("alert")).to_be_visible()


@pytest.mark.parametrize(
    ("name", "reach"),
    [
        ("maintainer", waiting_change),
        ("developer", own_change),
        ("developer", failed_run),
        ("developer", form_with_errors),
        ("developer", picker),
        ("developer", draft_as_yaml),
        ("developer", draft_as_curl),
        ("developer", palette),
        ("", wrong_sign_in),
    ],
    ids=lambda value: value.__name__ if callable(value) else value or "stranger",
)
def test_it_is_sound_in_the_middle_of_things(
    rooms: Callable[[str], Person], name: str, reach: Callable[[Person], None]
) -> None:
    person = rooms(name)
    reach(person)
    sound_on_every_screen(person)


def test_it_is_sound_with_the_menu_open(rooms: Callable[[str], Person]) -> None:
    person = rooms("developer")
    person.page.set_viewport_size({"width": NARROW_LIGHT.width, "height": NARROW_LIGHT.height})
    person.open("/")
    person.page.get_by_role("button", name="Menu").click()
    expect(person.page.get_by_role("navigation", name="Main")).to_be_visible()
    assert violations(person.page) == []
    assert person.complaints.found == []


def settle(person: Person) -> None:
    """Until what the page asks for by itself has come."""
    person.page.wait_for_load_state("networkidle")


def sound_on_every_screen(person: Person) -> None:
    """Fails with what is wrong, by screen. The page is not loaded again: people turn their device, too."""
    wrong = list(person.complaints.found)
    for screen in SCREENS:
        person.page.emulate_media(color_scheme=screen.scheme)
        person.page.set_viewport_size({"width": screen.width, "height": screen.height})
        over = person.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            wrong.append(f"{screen}: scrolls sideways by {over} px")
        person.page.wait_for_timeout(60)  # colours change within a frame or two
        wrong += [f"{screen}: {one}" for one in violations_wherever_one_scrolls(person.page)]
    assert not wrong, "\n".join(wrong)


def violations_wherever_one_scrolls(page: Page) -> list[str]:
    """Axe measures what can be seen of a target: one that a bar at the edge half covers is whole further up or down."""
    found = violations(page)
    for way in (0, 100_000):
        if not any(one.startswith("target-size") for one in found):
            return found
        page.evaluate("way => document.scrollingElement.scrollTo({top: way, behavior: 'instant'})", way)
        again = violations(page)
        found = [one for one in found if not one.startswith("target-size") or one in again]
    return found

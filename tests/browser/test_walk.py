"""The whole way, as a person goes it: from a click to a running environment, changed, and gone again.

Points 1 to 4 of what the first release promises, on a wide light and a narrow dark screen.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

# All in one worker: they share the installation, and two browsers would only wait for each other.
pytestmark = [pytest.mark.browser]

IMAGE = "registry.example/checkout-api:2.31.0"
NEXT_IMAGE = "registry.example/checkout-api:2.32.0"

both_screens = pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)


@both_screens
def test_it_leads_from_a_click_to_a_running_environment_and_back(meet: Callable[..., Person], screen: Screen) -> None:
    developer = meet("developer", screen)
    name = f"walk-{screen.width}"
    before = quota_of_payments(developer)
    begin_environment(developer, "checkout")
    describe(developer, name, stage="dev")
    wire(developer)
    submit(developer)
    watch_it_run(developer, by_events=not screen.narrow)
    see_it_ready(developer, f"checkout / {name}")
    assert quota_of_payments(developer) != before
    change_it(developer, name)
    delete_it(developer, name)
    assert quota_of_payments(developer) == before


@both_screens
def test_it_waits_in_prod_until_a_maintainer_agrees_with_the_keyboard_alone(
    meet: Callable[..., Person], screen: Screen
) -> None:
    developer, maintainer = meet("developer", screen), meet("maintainer", screen)
    name = f"prod-{screen.width}"
    begin_environment(developer, "invoicing")
    describe(developer, name, stage="prod")
    wire(developer)
    expect(developer.plan).to_contain_text("Who must agree")
    submit(developer)
    expect(developer.page).to_have_url(re.compile(r"/changes/\d+/$"))
    expect(developer.state()).to_have_text("Pending approval")
    number = developer.number()
    cannot_agree_to_ones_own(developer, number)
    decide_by_keyboard(maintainer, number, name)
    expect(maintainer.state()).to_have_text("Succeeded", timeout=90_000)
    expect(developer.page.get_by_role("heading", level=1)).to_contain_text(f"invoicing / {name}")


# --- the form -------------------------------------------------------------------------------------------------------


def begin_environment(person: Person, system: str) -> None:
    """From home over the system's page to the form."""
    person.go_to("Systems")
    person.page.get_by_role("link", name=system, exact=True).last.click()
    expect(person.page.get_by_role("heading", level=1)).to_have_text(system)
    person.link("New environment").click()
    expect(person.page.get_by_role("heading", level=1)).to_have_text(f"New environment for {system}")


def describe(person: Person, name: str, *, stage: str) -> None:
    page = person.page
    page.locator("label.choice", has_text=stage).click()
    expect(page.get_by_role("radio", name=stage)).to_be_checked()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Reason", exact=True).fill("CHK-1202: try the express checkout with real orders.")
    for capability in ("postgres", "web-service", "route"):
        person.add(capability)
        if capability != "route":
            person.name_resource(capability, {"postgres": "db", "web-service": "api"}[capability])


def wire(person: Person) -> None:
    """Outputs into inputs: once picked from the list, once typed, once a secret; and the plan follows each."""
    person.fill("api", "Image", IMAGE)
    host = person.add_variable("api", "DB_HOST")
    pick_output(host, "${resources.db.outputs.host}")
    password = person.add_variable("api", "DB_PASSWORD")
    with person.planned():
        password.press_sequentially("${resources.db.outputs.credentials.password}", delay=5)
    expect(password).to_be_focused()
    person.choose("route", "Leads to", "api.service")
    person.fill("route", "Host name", "${environment.name}.checkout.example")
    expect(person.plan).to_contain_text("€")
    expect(person.plan.get_by_role("button", name=re.compile("Create it|Ask for it"))).to_be_enabled()


def pick_output(field: Locator, expression: str) -> None:
    """The field offers the output; a browser's own list of offers cannot be clicked from outside, so it is taken."""
    offered = field.evaluate("field => [...field.list.options].map(option => option.value)")
    assert expression in offered
    field.fill(expression)


def submit(person: Person) -> None:
    person.plan.locator("button.primary").click()


# --- the run --------------------------------------------------------------------------------------------------------


def watch_it_run(person: Person, *, by_events: bool) -> None:
    """Until it succeeds, on one page that is never loaded again: by events alone, or by polling alone."""
    page = person.page
    page.wait_for_url(re.compile(r"/runs/\d+/$"))
    blocked = "/progress" if by_events else "/stream"
    page.route(f"**{blocked}", lambda route: route.abort())
    page.evaluate("window.sameVisit = true")
    elapsed, done = set(), set()
    while person.state().inner_text() != "Succeeded":
        text = page.locator(".page-head .meta").inner_text()
        elapsed |= set(re.findall(r"Running for\s+(\d+ s|under 1 s)", text))
        done |= set(re.findall(r"(\d+) of \d+ steps done", text))
        assert person.state().inner_text() in {"Queued", "Running", "Waiting", "Succeeded"}, page.url
        page.wait_for_timeout(150)
    assert len(elapsed) >= 3, f"the time does not tick: {elapsed}"
    assert len(done) >= 2, f"the steps do not move: {done}"
    assert page.evaluate("window.sameVisit"), "the page was loaded again"
    expect(page.get_by_role("log").locator(".event")).not_to_have_count(0)
    page.unroute(f"**{blocked}")
    person.complaints.found = [one for one in person.complaints.found if "htmx:sendError" not in one]


def see_it_ready(person: Person, title: str) -> None:
    person.link(title).click()
    expect(person.page.get_by_role("heading", level=1)).to_have_text(title)
    expect(person.state()).to_have_text("Ready")
    outputs = person.page.locator("table.outputs")
    for words in ("db.host", "db.credentials", "Secret ", "api.url", "route.url"):
        expect(outputs).to_contain_text(words)


# --- change and delete ----------------------------------------------------------------------------------------------


def change_it(person: Person, name: str) -> None:
    person.open(f"/environments/checkout/{name}/")
    person.link("Change it").click()
    person.page.locator("details#r-api > summary").click()
    person.fill("api", "Image", NEXT_IMAGE)
    person.fill("api", "Replicas", "3")
    sees_before_and_after(person.plan)
    person.page.get_by_label("Reason", exact=True).fill("CHK-1203: the next version, on three replicas.")
    submit(person)
    person.page.wait_for_url(re.compile(r"/runs/\d+/$"))
    person.link(re.compile(r"^#\d+$")).click()
    sees_before_and_after(person.page.locator(".decision"))
    expect(person.state()).to_have_text("Succeeded", timeout=90_000)
    person.open(f"/environments/checkout/{name}/")
    expect(person.page.locator(".page-head .meta")).to_contain_text("r2")


def sees_before_and_after(place: Locator) -> None:
    for path, before, after in (("replicas", "2", "3"), ("image", IMAGE, NEXT_IMAGE)):
        line = place.locator(".diff-line", has_text=path)
        expect(line.locator("del")).to_have_text(re.compile(re.escape(before)))
        expect(line.locator("ins")).to_have_text(re.compile(re.escape(after)))


def delete_it(person: Person, name: str) -> None:
    page = person.page
    page.get_by_role("link", name="Settings", exact=True).click()
    button = page.get_by_role("button", name=f"Delete {name}")
    expect(button).to_be_disabled()
    page.get_by_label("Type the name to delete it").fill(name[:-1])
    expect(button).to_be_disabled()
    refuse_a_wrong_name(person, name)
    page.get_by_label("Type the name to delete it").fill(name)
    page.get_by_label("Reason").fill("CHK-1202 is done.")
    button.click()
    page.wait_for_url(re.compile(r"/runs/\d+/$"))
    expect(person.state()).to_have_text("Succeeded", timeout=90_000)
    person.complaints.allowed.add(410)
    person.open(f"/environments/checkout/{name}/")
    expect(page.get_by_role("main")).to_contain_text("gone")


def refuse_a_wrong_name(person: Person, name: str) -> None:
    """Somebody who lifts the button's lock is refused by the server, in words."""
    page = person.page
    person.complaints.allowed.add(422)
    page.locator("[data-destroys]").evaluate("button => { button.disabled = false; button.click(); }")
    page.wait_for_load_state()
    expect(page.get_by_role("main")).to_contain_text(f"Type “{name}” to confirm")
    person.complaints.allowed.discard(422)
    expect(page.get_by_role("button", name=f"Delete {name}")).to_be_disabled()


# --- the decision ---------------------------------------------------------------------------------------------------


def cannot_agree_to_ones_own(developer: Person, number: int) -> None:
    page = developer.page
    expect(page.get_by_role("button", name=re.compile("Approve"))).to_have_count(0)
    expect(page.get_by_text("You asked for this, so somebody else decides.")).to_be_visible()
    forced = page.evaluate(
        """async (address) => {
            const body = new FormData();
            body.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
            body.set("decision", "approve");
            const answer = await fetch(address, {method: "POST", body});
            return [answer.status, await answer.text()];
        }""",
        f"/changes/{number}/decide",
    )
    assert forced[0] in {403, 422}, forced[0]
    assert "somebody else" in forced[1] or "your own" in forced[1]
    developer.complaints.found = [one for one in developer.complaints.found if f"/changes/{number}/decide" not in one]
    page.reload()
    expect(developer.state()).to_have_text("Pending approval")


def decide_by_keyboard(maintainer: Person, number: int, name: str) -> None:
    """``j`` to the change, Enter opens it, ``a`` goes to the button, Enter agrees. The pointer is not touched."""
    page, keyboard = maintainer.page, maintainer.page.keyboard
    maintainer.open("/changes/?waiting_on=me")
    row = page.get_by_role("link", name=re.compile(rf"#{number}\b"))
    expect(row).to_be_visible()
    for _ in range(page.locator("[data-row]").count()):
        keyboard.press("j")
        if row.evaluate("row => row === document.activeElement"):
            break
    expect(row).to_be_focused()
    keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/changes/{number}/$"))
    reads_what_to_decide(maintainer, name)
    keyboard.press("a")
    expect(page.get_by_role("button", name=re.compile("Approve"))).to_be_focused()
    expect(maintainer.state()).to_have_text("Pending approval")
    keyboard.press("Enter")
    expect(maintainer.state()).not_to_have_text("Pending approval")
    if "/changes/" in page.url:
        maintainer.link(re.compile("Watch the run|See run")).click()


def reads_what_to_decide(maintainer: Person, name: str) -> None:
    """Who, why, what changes, cost, quota, policies and who agrees."""
    decision = maintainer.page.locator(".decision")
    for words in ("developer", "CHK-1202", name, "€", "Quota", "Policies", "Approvals", IMAGE):
        expect(decision).to_contain_text(words)


def quota_of_payments(person: Person) -> list[str]:
    """What the team uses now, as its page says it."""
    person.open("/teams/payments/")
    return person.page.locator(".quota").all_inner_texts()

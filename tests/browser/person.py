"""A person at a browser: signs in, reads, clicks and types as people do. What tests and screenshots have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.chromium import PATIENCE_MS, Complaints, Screen
from tests.browser.installation import Installation


class Person:
    """One browser window of one person. Found by what is written on the page, never by how it is built."""

    def __init__(self, page: Page, installation: Installation, screen: Screen, complaints: Complaints) -> None:
        self.page = page
        self.installation = installation
        self.screen = screen
        self.complaints = complaints

    # --- moving about -------------------------------------------------------------------------------------------

    def open(self, path: str) -> None:
        self.page.goto(self.installation.url + path)

    def sign_in(self, name: str) -> None:
        self.open("/login/")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(self.installation.password)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        expect(self.page).not_to_have_url(re.compile("/login/"))

    def go_to(self, place: str) -> None:
        """By the navigation, which is behind a button on narrow screens."""
        if self.screen.narrow:
            self.page.get_by_role("button", name="Menu").click()
        self.page.get_by_role("navigation", name="Main").get_by_role("link", name=place).first.click()

    def click(self, words: str, *, role: Any = "button") -> None:
        self.page.get_by_role(role, name=words, exact=True).click()

    def link(self, words: str | re.Pattern[str]) -> Locator:
        return self.page.locator("#main, .topbar").get_by_role("link", name=words).first

    def api(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """The API's answer to a request that a program of theirs makes, with the session of this window."""
        url = self.installation.url
        token = next(one["value"] for one in self.page.context.cookies() if one.get("name") == "csrftoken")
        answer = self.page.context.request.fetch(
            f"{url}/api/v1{path}",
            method=method,
            data=body,
            headers={"X-CSRFToken": token, "Referer": f"{url}/", "Content-Type": "application/json", **headers},
        )
        assert answer.ok, f"{method} {path}: {answer.status} {answer.text()}"
        return answer.json() if answer.text() else None

    def asks_for(self, kind: str, where: str, spec: object, reason: str) -> int:
        """The number of a change that a program of theirs asks for; ``where`` is ``system/environment``."""
        system, _, environment = where.partition("/")
        wish = {"kind": kind, "system": system, "environment": environment, "spec": spec, "reason": reason}
        return int(self.api("POST", "/changes/", wish)["id"])

    # --- asking for an environment ------------------------------------------------------------------------------

    @property
    def plan(self) -> Locator:
        return self.page.locator("#plan")

    def add(self, capability: str) -> None:
        """Pick a capability by typing its name, as the picker offers."""
        self.page.get_by_role("button", name="Add resource").click()
        self.page.get_by_role("searchbox", name="Find a capability").fill(capability)
        with self.planned():
            self.page.keyboard.press("Enter")
        expect(self.resource(capability)).to_have_attribute("open", "")

    def resource(self, key: str) -> Locator:
        return self.page.locator(f"details#r-{key}")

    def name_resource(self, key: str, name: str) -> None:
        with self.planned():
            self.resource(key).get_by_label("Resource name").fill(name)

    def field(self, key: str, label: str) -> Locator:
        """The resource's own field; a group of fields further down, such as metrics, may have one of the same name."""
        return self.resource(key).get_by_label(label, exact=True).first

    def fill(self, key: str, label: str, value: str) -> None:
        """Fill one field of a resource and wait until the plan has answered."""
        with self.planned():
            self.field(key, label).fill(value)

    def choose(self, key: str, label: str, option: str) -> None:
        with self.planned():
            self.field(key, label).select_option(label=option)

    def add_variable(self, key: str, name: str) -> Locator:
        """A new row of environment variables with its name typed; answers the field of its value."""
        resource = self.resource(key)
        rows = resource.get_by_label("Name", exact=True)
        before = rows.count()
        with self.planned():
            resource.get_by_role("button", name="Add a row").first.click()
        expect(rows).to_have_count(before + 1)
        with self.planned():
            rows.last.fill(name)
        return resource.get_by_placeholder("Value, or an output").last

    @contextmanager
    def planned(self) -> Iterator[None]:
        """Wait for the plan that what happens inside asks for, and for its place on the page."""
        with self.page.expect_response(re.compile("/environments/plan$"), timeout=PATIENCE_MS):
            yield
        expect(self.page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)

    # --- what can be read ---------------------------------------------------------------------------------------

    def state(self) -> Locator:
        """The state beside the page's title."""
        return self.page.locator(".page-title .state").first

    def number(self) -> int:
        """The number in the address of a change or a run."""
        found = re.search(r"/(?:changes|runs)/(\d+)/", self.page.url)
        assert found, self.page.url
        return int(found[1])


@contextmanager
def someone(browser: Browser, installation: Installation, screen: Screen, **options: Any) -> Iterator[Person]:
    """A person with a fresh browser profile. ``options`` are Playwright's, such as ``java_script_enabled``."""
    context: BrowserContext = browser.new_context(
        viewport={"width": screen.width, "height": screen.height},
        color_scheme=screen.scheme,  # type: ignore[arg-type]
        **options,
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    complaints = Complaints()
    complaints.watch(page)
    try:
        yield Person(page, installation, screen, complaints)
    finally:
        context.close()

"""Webhooks in a browser: an endpoint is made, its secret replaced, and a delivery sent again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.installation import Installation
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]

both_screens = pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)

# Nothing answers at a name that does not exist, so what becomes of a delivery is said here and not left to the clock.
GIVEN_UP = """
from governance.models import WebhookDelivery
WebhookDelivery.objects.filter(endpoint={endpoint}).update(state="failed", due_at=None, outcome="Answered 500.")
"""


@pytest.fixture
def maintainer(meet: Callable[..., Person]) -> Iterator[Person]:
    """A maintainer whose endpoints of a test are gone after it."""
    found = meet("maintainer")
    yield found
    for one in found.api("GET", "/webhooks/")["items"]:
        found.api("DELETE", f"/webhooks/{one['id']}/", **{"If-Match": "*"})


@both_screens
def test_an_endpoint_is_made_its_secret_replaced_and_a_delivery_sent_again(
    meet: Callable[..., Person], maintainer: Person, installation: Installation, screen: Screen
) -> None:
    person, name = meet("maintainer", screen), f"Bot of {screen.width} pixels"
    page = person.page
    person.open("/webhooks/?team=payments")
    assert violations(page) == []
    person.link("New endpoint").click()
    page.locator("#main").get_by_label("Name").fill(name)
    page.get_by_label("Address").fill("https://hooks.slipway.invalid/in")
    page.get_by_role("checkbox", name=re.compile("A run stopped with an error")).check()
    page.get_by_role("checkbox", name=re.compile("People got a notice")).check()
    page.get_by_text("Only some kinds of notices").click()
    page.get_by_role("checkbox", name=re.compile("A loan of quota is accepted")).check()
    assert violations(page) == []
    person.click("Make the endpoint")
    secret = page.locator("#new-secret")
    expect(secret).to_have_text(re.compile("^whsec_"))
    first = secret.inner_text()
    expect(page.locator("#main")).to_contain_text("Only these notices: loan-accepted")
    assert violations(page) == []
    person.click("Make a new secret")
    expect(secret).to_have_text(re.compile("^whsec_"))
    expect(secret).not_to_have_text(first)
    expect(page.locator("#main")).to_contain_text("The secret before signs too")

    endpoint = next(one["id"] for one in person.api("GET", "/webhooks/")["items"] if one["name"] == name)
    person.open(f"/webhooks/{endpoint}/")
    person.click("Send a test event")
    event = page.locator("#main").get_by_role("link", name="webhook.test")
    expect(event).to_be_visible()
    installation.printed(GIVEN_UP.format(endpoint=endpoint))
    event.click()
    expect(person.state()).to_have_text("Given up")
    assert violations(page) == []
    person.click("Send it again")
    expect(person.state()).not_to_have_text("Given up")
    expect(page.locator("#event-body")).to_contain_text("dev.slipway.webhook.test")

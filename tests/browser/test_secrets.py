"""People fill a secret while a run waits for them, and an admin writes a link that leads out of every environment."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Response, expect

from tests.browser import axe
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]

VALUE = "sk-live-4eC39HqLyjWDarjtT1zdp7dc"
both_screens = pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)


@both_screens
def test_a_run_waits_until_people_have_filled_the_secret(meet: Callable[..., Person], screen: Screen) -> None:
    developer = meet("developer", screen)
    page, name = developer.page, f"keys-{screen.width}"
    seen: list[Response] = []
    page.on("response", lambda answer: seen.append(answer))
    ask(developer, name)
    developer.open(f"/environments/checkout/{name}/")
    developer.link("Watch the run").click()
    expect(page.get_by_text("payments waits for people.")).to_be_visible(timeout=20_000)
    assert axe.violations(page) == []
    developer.link("Fill it").click()
    expect(page.get_by_role("heading", name="payments")).to_be_visible()
    assert axe.violations(page) == []
    page.get_by_label(re.compile("^API_KEY")).fill(VALUE)
    page.keyboard.press("Enter")
    expect(page.get_by_text("TOKEN is still missing.")).to_be_visible()
    expect(page.get_by_label(re.compile("^API_KEY"))).to_have_value("")
    page.get_by_label(re.compile("^TOKEN")).fill(VALUE)
    developer.click("Fill payments")
    expect(page.get_by_role("button", name="Fill payments again")).to_be_visible()
    assert axe.violations(page) == []
    developer.open(f"/environments/checkout/{name}/")
    expect(developer.state()).to_have_text("Ready", timeout=40_000)
    assert VALUE not in page.content()
    assert not [one.url for one in seen if VALUE in one.url]


@both_screens
def test_an_admin_writes_a_link_and_everybody_has_it(meet: Callable[..., Person], screen: Screen) -> None:
    admin, page_of = meet("admin", screen), f"Runbook {screen.width}"
    admin.open("/links/?stage=staging")
    page = admin.page
    page.get_by_label("Name", exact=False).first.fill(page_of)
    page.get_by_label(re.compile("^Kind")).select_option(label="Other")
    page.get_by_label(re.compile("^Address")).fill("http://wiki.example/${resource.name}")
    admin.click("Try it")
    expect(page.get_by_text("begins with https://, such as")).to_be_visible()
    admin.complaints.found = [one for one in admin.complaints.found if "422 for POST" not in one]
    page.get_by_label(re.compile("^Address")).fill("https://wiki.example/${system.name}/${resource.name}")
    admin.click("Try it")
    writing = page.get_by_role("region", name="Write a link")
    expect(writing.get_by_text("https://wiki.example/checkout/api", exact=True)).to_be_visible()
    assert axe.violations(page) == []
    admin.click("Store it")
    expect(page.get_by_role("rowheader", name=page_of)).to_be_visible()
    developer = meet("developer", screen)
    developer.open("/environments/checkout/staging/")
    link = developer.page.get_by_role("link", name=f"{page_of} of api (opens in a new tab)")
    expect(link).to_have_attribute("href", "https://wiki.example/checkout/api")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(link).to_have_attribute("target", "_blank")
    assert axe.violations(developer.page) == []


def ask(person: Person, name: str) -> None:
    """As a program would, with the person's own session: a slot with two keys and a service that reads one."""
    resources = {
        "payments": {"capability": "secret-slot@1", "inputs": {"keys": [{"key": "API_KEY"}, {"key": "TOKEN"}]}},
        "api": {
            "capability": "web-service@1",
            "inputs": {
                "image": "registry.example/checkout-api:2.31.0",
                "replicas": 1,
                "env": {"KEY": "${resources.payments.outputs.credentials.API_KEY}"},
            },
        },
    }
    body = {"kind": "create", "system": "checkout", "environment": name, "reason": "Try the new provider."}
    url = person.installation.url
    token = next(one["value"] for one in person.page.context.cookies() if one["name"] == "csrftoken")
    answer = person.page.context.request.post(
        f"{url}/api/v1/changes/",
        data={**body, "spec": {"stage": "dev", "resources": resources}},
        headers={"X-CSRFToken": token, "Referer": f"{url}/"},
    )
    assert answer.status == 202, answer.text()

"""The form while somebody types: the plan follows, errors stand at their fields in words, nothing typed is lost.

By people of another team than the walk's, so that neither takes the other's quota.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

# All in one worker: they share the installation, and two browsers would only wait for each other.
pytestmark = [pytest.mark.browser]

FORM = "/environments/new?system=shop&stage=dev"
IMAGE = "registry.example/shop-api:2.31.0"


def with_service(meet: Callable[..., Person], screen: Screen = WIDE_LIGHT) -> Person:
    developer = meet("storefront-dev", screen)
    developer.open(f"{FORM}&resource=web-service")
    return developer


@pytest.mark.parametrize(
    ("label", "wrong", "words", "right"),
    [
        ("Image", "registry.example/shop api:1", "space", IMAGE),
        ("Replicas", "-1", "0", "2"),
        ("Replicas", "many", "number", "2"),
        ("Port", "99999", "65535", "8080"),
    ],
    ids=["image-with-a-space", "negative-replicas", "replicas-in-words", "port-beyond-all"],
)
@pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)
def test_it_says_at_the_field_what_is_right(
    meet: Callable[..., Person], screen: Screen, label: str, wrong: str, words: str, right: str
) -> None:
    developer = with_service(meet, screen)
    field = developer.field("web-service", label)
    developer.fill("web-service", "Image", IMAGE)
    developer.fill("web-service", label, wrong)
    slot = developer.page.locator(f"[id='{field.get_attribute('id')}-error']")
    expect(slot).to_contain_text(re.compile(words, re.IGNORECASE))
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile(words, re.IGNORECASE))
    expect(field).to_have_value(wrong)
    expect(developer.plan.locator("button.primary")).to_be_disabled()
    expect(developer.resource("web-service").locator("> summary")).to_contain_text("1 field to fix")
    developer.fill("web-service", label, right)
    expect(slot).to_be_empty()
    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(developer.plan).not_to_contain_text("left out")


def test_it_shows_what_the_draft_costs_and_takes_as_it_grows(meet: Callable[..., Person]) -> None:
    developer = with_service(meet)
    developer.fill("web-service", "Image", IMAGE)
    expect(developer.plan).to_contain_text("€12.20")
    developer.fill("web-service", "Replicas", "4")
    expect(developer.plan).to_contain_text("€24.40")
    expect(developer.plan.locator(".quota", has_text="CPU")).to_contain_text("+1,")
    developer.fill("web-service", "Replicas", "50")
    developer.choose("web-service", "Size", "xlarge, 2 CPU, 4 GiB")
    expect(developer.plan.locator("button.primary")).to_be_disabled()
    expect(developer.plan).to_contain_text(re.compile("over the limit|too much|more than", re.IGNORECASE))


def test_it_keeps_the_focus_and_what_is_typed_while_plans_arrive(meet: Callable[..., Person]) -> None:
    developer = with_service(meet)
    field = developer.resource("web-service").get_by_label("Image", exact=True)
    field.focus()
    plans: list[str] = []
    developer.page.on("response", lambda answer: plans.append(answer.url) if answer.url.endswith("/plan") else None)
    for letter in IMAGE:
        developer.page.keyboard.type(letter)
        developer.page.wait_for_timeout(90 if letter.isalnum() else 500)
    expect(developer.plan).to_contain_text("web-service 1.2.0")
    assert len(plans) >= 3, "the plan was not asked for while typing"
    expect(field).to_be_focused()
    expect(field).to_have_value(IMAGE)
    assert field.evaluate("field => field.selectionStart") == len(IMAGE)


def test_it_does_not_overwrite_a_name_that_is_typed_while_the_plan_of_another_stage_arrives(
    meet: Callable[..., Person],
) -> None:
    developer = meet("storefront-dev")
    developer.open(FORM)
    page = developer.page
    name = page.get_by_label("Name", exact=True)
    with developer.planned():
        name.clear()
    held: list[Route] = []
    page.route("**/environments/plan", lambda route: held.append(route))
    with page.expect_request(lambda request: "&stage=prod" in (request.post_data or "")):
        page.locator("label.choice", has_text="prod").click()
    answer = held[-1].fetch()
    assert 'id="where"' in answer.text()
    name.fill("for-the")
    held[-1].fulfill(response=answer)
    name.press_sequentially("-season", delay=40)
    page.unroute("**/environments/plan")
    with developer.planned():
        name.press("End")
        name.press_sequentially("s")
    expect(name).to_have_value("for-the-seasons")


def test_it_makes_one_change_of_two_clicks(meet: Callable[..., Person]) -> None:
    developer = with_service(meet)
    page = developer.page
    page.get_by_label("Name", exact=True).fill("twice")
    developer.fill("web-service", "Image", IMAGE)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    button = developer.plan.locator("button.primary")
    expect(button).to_be_enabled()
    sent.clear()
    button.dblclick()
    page.wait_for_url(re.compile(r"/runs/\d+/$"))
    assert [url.rsplit("/", 1)[1] for url in sent].count("new") == 1
    developer.open("/environments/shop/twice/changes/")
    expect(page.get_by_role("main").get_by_role("link", name="shop / twice")).to_have_count(1)


def test_it_can_be_left_and_come_back_to(meet: Callable[..., Person]) -> None:
    developer = with_service(meet)
    page = developer.page
    page.get_by_label("Name", exact=True).fill("return")
    developer.fill("web-service", "Image", IMAGE)
    expect(developer.plan.locator("button.primary")).to_be_enabled()
    developer.plan.locator("button.primary").click()
    page.wait_for_url(re.compile(r"/runs/\d+/$"))
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("New environment for shop")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.get_by_label("Name", exact=True).fill("return")
    with developer.planned():
        developer.resource("web-service").get_by_label("Image", exact=True).fill(IMAGE + "x")
    expect(page.get_by_role("main")).to_contain_text(re.compile("taken|already|exists"))
    page.go_forward()
    expect(page.get_by_role("heading", level=1)).to_contain_text("shop / return")


def test_it_opens_a_draft_as_yaml_and_takes_yaml(meet: Callable[..., Person]) -> None:
    developer = with_service(meet)
    developer.fill("web-service", "Image", IMAGE)
    developer.page.get_by_role("tab", name="YAML").click()
    expect(developer.page.locator("textarea[name=yaml]")).to_have_value(re.compile(re.escape(IMAGE)))
    text = developer.page.locator("textarea[name=yaml]")
    text.fill("stage: dev\nresources:\n  cart:\n    capability: postgres@1\n    inputs: {storageGiB: 7}\n")
    developer.page.get_by_role("button", name="Use this YAML").click()
    expect(developer.resource("cart")).to_be_visible()

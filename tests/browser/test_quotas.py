"""Quota in a browser: read, asked for, granted, limited with an error first, taken back, lent and given back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]
SCREENS = pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)
TEAM = "/teams/platform"


@contextmanager
def drawn(page: Page, path: str) -> Iterator[None]:
    """Wait for what an edit inside asks the server for, and for its place on the page."""
    with page.expect_response(re.compile(re.escape(path) + "$")):
        yield
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)


def put(page: Page, path: str, field: Locator, text: str) -> None:
    with drawn(page, path):
        field.fill(text)
        field.press("Tab")
    expect(field).to_have_value(text)


def look(page: Page) -> None:
    page.get_by_role("button", name="Look", exact=True).click()


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name=name, exact=True)


@SCREENS
def test_an_admin_limits_a_team_with_an_error_first_and_takes_it_back(
    meet: Callable[..., Person], screen: Screen
) -> None:
    admin, path = meet("admin", screen), f"{TEAM}/quota"
    page = admin.page
    admin.open(path)
    expect(page.get_by_role("button", name="Set the limits")).to_be_disabled()
    assert not violations(page)
    with drawn(page, path):
        admin.click("Limit a stage")
    stage = card(page, "Stage 1")
    expect(stage.get_by_label("Stage", exact=True)).to_be_focused()
    with drawn(page, path):
        stage.get_by_label("Stage", exact=True).select_option("prod")
    put(page, path, stage.get_by_label("CPU", exact=True), "two")
    expect(stage).to_contain_text("Write a number from 0 to 1,000,000")
    expect(page.get_by_role("button", name="Set the limits")).to_be_disabled()
    assert not violations(page)
    put(page, path, stage.get_by_label("CPU", exact=True), "2")
    affected = page.get_by_role("complementary", name="Who is affected")
    expect(affected).to_contain_text("CPU at prod")
    expect(affected).to_contain_text("over: nothing more is given")
    assert not violations(page)
    admin.click("Set the limits")
    expect(page.get_by_text("The limits of Platform are set")).to_be_visible()
    expect(card(page, "Stage 1").get_by_label("CPU", exact=True)).to_have_value("2")
    admin.open(f"{TEAM}/")
    expect(page.locator(".quota-card")).to_contain_text("CPU at prod")
    assert not violations(page)
    admin.open(path)
    admin.click("Take it back")
    expect(page.get_by_text("The limits of Platform are as they were before")).to_be_visible()
    expect(card(page, "Stage 1")).to_have_count(0)


def test_rows_come_and_go_without_script(meet: Callable[..., Person]) -> None:
    admin = meet("admin", java_script_enabled=False)
    admin.complaints.allowed.add(422)  # a stage that was not chosen, below
    page = admin.page
    admin.open(f"{TEAM}/quota")
    admin.click("Limit a stage")
    card(page, "Stage 1").get_by_label("CPU", exact=True).fill("2")
    look(page)
    expect(card(page, "Stage 1")).to_contain_text("Stage is needed.")
    expect(card(page, "Stage 1").get_by_label("CPU", exact=True)).to_have_value("2")
    card(page, "Stage 1").get_by_label("Stage", exact=True).select_option("prod")
    look(page)
    expect(page.get_by_role("button", name="Set the limits")).to_be_enabled()
    admin.click("Remove this stage")
    expect(card(page, "Stage 1")).to_have_count(0)


@SCREENS
def test_an_admin_budgets_a_team_and_prices_a_cluster(meet: Callable[..., Person], screen: Screen) -> None:
    admin, path = meet("admin", screen), f"{TEAM}/budgets"
    page = admin.page
    admin.open(path)
    with drawn(page, path):
        admin.click("Add a budget")
    budget = card(page, "Budget 1")
    expect(budget.get_by_label("Refuse")).to_have_value("100")
    put(page, path, budget.get_by_label("Amount a month"), "900")
    expect(page.get_by_role("complementary", name="Who is affected")).to_contain_text("expected this month")
    assert not violations(page)
    admin.click("Set the budgets")
    expect(page.get_by_text("The budgets of Platform are set")).to_be_visible()
    admin.click("Take it back")
    expect(page.get_by_text("The budgets of Platform are as they were before")).to_be_visible()
    admin.open("/clusters/")
    page.locator("#main").get_by_role("link", name="sandbox").first.click()
    admin.link("Prices").click()
    prices = re.sub(r"^https?://[^/]+", "", page.url)
    with drawn(page, prices):
        admin.click("Add a price list")
    listed = card(page, "Price list 1")
    for label, value in (("From", "2027-01-01"), ("A core", "30"), ("A GiB of memory", "5")):
        put(page, prices, listed.get_by_label(label, exact=True), value)
    put(page, prices, listed.get_by_label("A GiB of storage", exact=True), "0.2")
    expect(page.get_by_role("complementary", name="Who is affected")).to_contain_text("Payments, ")
    assert not violations(page)


@SCREENS
def test_a_developer_reads_the_quota_and_asks_for_more(meet: Callable[..., Person], screen: Screen) -> None:
    developer = meet("developer", screen)
    developer.complaints.allowed.add(422)  # nothing was written what it is for, below
    page = developer.page
    developer.open("/quotas/")
    expect(page.get_by_role("rowheader", name="Payments")).to_be_visible()
    assert not violations(page)
    developer.open("/teams/payments/")
    developer.link("Make room").click()
    expect(page.get_by_role("heading", name="Could be freed")).to_be_visible()
    assert not violations(page)
    developer.link("Ask for more").click()
    developer.click("Ask for it")
    expect(page.get_by_text("What it is for is needed.")).to_be_visible()
    page.get_by_role("textbox", name="CPU").fill("4")
    page.get_by_label("What it is for").fill("The sale.")
    developer.click("Ask for it")
    expect(page.get_by_role("rowheader", name=re.compile("4 cores CPU")).first).to_be_visible()
    assert not violations(page)
    admin = meet("admin", screen)
    admin.open("/quotas/")
    expect(admin.page.get_by_role("link", name=re.compile("^Payments: 4 cores CPU"))).to_be_visible()
    developer.click("Withdraw")
    expect(page.get_by_text("The request is withdrawn")).to_be_visible()


@SCREENS
def test_a_team_lends_to_another_and_gets_it_back(meet: Callable[..., Person], screen: Screen) -> None:
    """The admin may act for both sides, which this installation has no single person for."""
    admin, loans = meet("admin", screen), f"{TEAM}/quota/loans"
    page = admin.page
    admin.open(loans)
    page.get_by_label("Other team").select_option(label="Payments")
    page.get_by_role("textbox", name="CPU").fill("1")
    page.get_by_label("Until").fill(f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}")
    page.get_by_label("What it is for").fill("A sale.")
    admin.click("Propose it")
    expect(page.get_by_text("The loan is proposed")).to_be_visible()
    assert not violations(page)
    admin.open("/teams/payments/quota/loans")
    page.get_by_role("button", name=re.compile("^Accept")).click()
    expect(page.get_by_text("The loan runs")).to_be_visible()
    admin.open(f"{TEAM}/")
    expect(page.locator(".quota-card")).to_contain_text("1 lent")
    admin.open("/teams/payments/quota/loans")
    page.get_by_role("button", name=re.compile("^Give back now")).click()
    expect(page.get_by_text("The loan is over")).to_be_visible()
    admin.open(f"{TEAM}/")
    expect(page.locator(".quota-card")).not_to_contain_text("lent")


@SCREENS
def test_costs_are_read_by_environment(meet: Callable[..., Person], screen: Screen) -> None:
    developer = meet("developer", screen)
    developer.open("/costs/")
    developer.link("By environment").click()
    expect(developer.page.locator("#main")).to_contain_text("checkout / prod")
    assert not violations(developer.page)

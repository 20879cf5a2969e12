"""A whole life in a browser: made, changed, promoted with somebody's agreement, drifted and adopted, asleep, awake,
rolled back, and gone when its time is over. Everything that a person does is done on the pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from provisioning.domain.driver import ObjectRef, Scope
from provisioning.drivers import open_driver
from tests.browser.installation import Installation
from tests.browser.person import Person
from tests.browser.test_walk import (
    begin_environment,
    change_it,
    delete_it,
    describe,
    quota_of_payments,
    submit,
    wire,
)

pytestmark = [pytest.mark.browser]

TRIED, LIVES = "life-try", "life"
SLOW = 90_000


def test_it_lives_from_the_first_click_to_the_last_day(meet: Callable[..., Person], installation: Installation) -> None:
    developer, maintainer, admin = meet("developer"), meet("maintainer"), meet("admin")
    sandbox = open_driver("sandbox", {"path": str(installation.log.parent / "sandbox.sqlite3"), "ready_after": 3.0})
    before = quota_of_payments(developer)
    lets_staging_end(admin)
    is_made_and_changed(developer, maintainer)
    is_promoted(developer, maintainer)
    drifts_and_is_adopted(developer, maintainer, sandbox)
    sleeps_and_wakes(developer, maintainer)
    goes_back(developer, maintainer)
    ends_with_its_time(developer, maintainer)
    developer.open(f"/environments/checkout/{TRIED}/")
    delete_it(developer, TRIED)
    is_gone(developer)
    assert quota_of_payments(developer) == before
    for name in (TRIED, LIVES):
        assert sandbox.list_managed(Scope("checkout", name), f"checkout-{name}") == []
    takes_that_back(admin)


def lets_staging_end(admin: Person) -> None:
    """An admin lets promotions into staging start at once, and what is made there end some day."""
    admin.open("/stages/")
    admin.link("staging").click()
    admin.link("Edit").click()
    page = admin.page
    page.get_by_label("Soak time").fill("0")
    page.get_by_label("Usual life").fill("14")
    page.get_by_label("Usual life").blur()
    meaning = page.get_by_role("complementary")
    for words in ("environments of", "Soak time", "keep their end"):
        expect(meaning).to_contain_text(words)
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile("/stages/staging/$"))
    expect(page.get_by_role("main")).to_contain_text("14 days")


def takes_that_back(admin: Person) -> None:
    admin.open("/stages/staging/")
    admin.page.get_by_role("button", name="Take it back").click()
    expect(admin.page.get_by_text("staging is as it was before")).to_be_visible()
    expect(admin.page.get_by_role("region", name="What it says")).not_to_contain_text("14 days")


def carried_out(developer: Person, maintainer: Person) -> None:
    """What was just asked for, once a maintainer has agreed where that is needed, and its run is over."""
    expect(developer.page).to_have_url(re.compile(r"/(changes|runs)/\d+/$"))
    if "/changes/" in developer.page.url and developer.state().inner_text() == "Pending approval":
        maintainer.open(f"/changes/{developer.number()}/")
        maintainer.page.get_by_role("button", name=re.compile("Approve")).click()
    expect(developer.state()).to_have_text("Succeeded", timeout=SLOW)


def asks(developer: Person, path: str, button: str) -> None:
    """Go to the page of one kind of change, look at the plan, and ask for it."""
    developer.open(path)
    asked = developer.plan.get_by_role("button", name=re.compile(f"{button}|Ask for it"))
    expect(asked).to_be_enabled()
    asked.click()


def is_made_and_changed(developer: Person, maintainer: Person) -> None:
    begin_environment(developer, "checkout")
    describe(developer, TRIED, stage="dev")
    wire(developer)
    submit(developer)
    carried_out(developer, maintainer)
    change_it(developer, TRIED)


def is_promoted(developer: Person, maintainer: Person) -> None:
    developer.open(f"/environments/checkout/{LIVES}/ask/promote?from={TRIED}")
    page = developer.page
    page.get_by_label("route: host").fill(f"{LIVES}.checkout.example")
    page.get_by_label("Reason", exact=True).fill("It has proven itself.")
    page.get_by_label("Reason", exact=True).blur()
    asked = developer.plan.get_by_role("button", name=re.compile("Promote it|Ask for it"))
    expect(asked).to_be_enabled()
    asked.click()
    carried_out(developer, maintainer)
    stands(developer, "Ready", "r1")


def stands(person: Person, state: str, revision: str) -> None:
    person.open(f"/environments/checkout/{LIVES}/")
    expect(person.state()).to_have_text(state, timeout=SLOW)
    expect(person.page.locator(".page-head .meta")).to_contain_text(revision)


def drifts_and_is_adopted(developer: Person, maintainer: Person, sandbox: Any) -> None:
    api = ObjectRef("apps/v1", "Deployment", f"checkout-{LIVES}", "api")
    sandbox.edit(api, {"spec": {"replicas": 4}}, manager="kubectl-scale")
    page = developer.page
    drift = f"/environments/checkout/{LIVES}/drift/"
    developer.open(drift)
    expect(page.get_by_text("Changed by kubectl-scale")).to_be_visible(timeout=SLOW)
    expect(page.locator(".diff-line")).to_contain_text("spec.replicas")
    page.locator("#main").get_by_role("button", name="Adopt", exact=True).click()
    page.get_by_role("button", name=re.compile("Adopt it|Ask for it")).click()
    carried_out(developer, maintainer)
    developer.open(drift)
    expect(page.get_by_text("Everything is as it was agreed")).to_be_visible()
    stands(developer, "Ready", "r2")


def sleeps_and_wakes(developer: Person, maintainer: Person) -> None:
    asks(developer, f"/environments/checkout/{LIVES}/ask/sleep", "Put it to sleep")
    carried_out(developer, maintainer)
    stands(developer, "Asleep", "r3")
    expect(developer.page.get_by_text("It is asleep.")).to_be_visible()
    developer.page.get_by_role("button", name="Wake it").click()
    carried_out(developer, maintainer)
    stands(developer, "Ready", "r4")


def goes_back(developer: Person, maintainer: Person) -> None:
    developer.open(f"/environments/checkout/{LIVES}/revisions/?show=1")
    developer.link("Roll back to r1").click()
    asked = developer.plan.get_by_role("button", name=re.compile("Roll it back|Ask for it"))
    expect(developer.plan).to_contain_text("replicas")
    asked.click()
    carried_out(developer, maintainer)
    stands(developer, "Ready", "r5")


def ends_with_its_time(developer: Person, maintainer: Person) -> None:
    """Its end is moved to a moment from now; the platform deletes it soon after."""
    ends = datetime.now(UTC) + timedelta(seconds=30)
    developer.open(f"/environments/checkout/{LIVES}/ask/extend")
    page = developer.page
    page.get_by_label("Or until").fill(f"{ends:%Y-%m-%dT%H:%M:%SZ}")
    page.get_by_label("Or until").blur()
    expect(developer.plan).to_contain_text("Goes away")
    developer.plan.get_by_role("button", name=re.compile("Extend it|Ask for it")).click()
    carried_out(developer, maintainer)


def is_gone(developer: Person) -> None:
    """An open page says so by itself."""
    developer.complaints.allowed.add(410)
    developer.open(f"/environments/checkout/{LIVES}/")
    expect(developer.page.get_by_role("heading", name="It is gone")).to_be_visible(timeout=SLOW)

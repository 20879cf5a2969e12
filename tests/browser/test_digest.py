"""A daily digest from its choice to its end: chosen, mailed once, its link followed, and stopped without signing in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.installation import Installation
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]

TOMORROWS_MAILS = """
import json
from datetime import timedelta
from django.core import mail
from django.test.utils import override_settings
from governance.services.notice_mail import notices_send
from idp.kernel import clock
mail.outbox = []
with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
    notices_send(now=clock.now() + timedelta(hours=25))
print(json.dumps([{"to": one.to, "subject": one.subject, "body": one.body} for one in mail.outbox]))
"""
"""What the worker would send by this time tomorrow, when every digest is due."""


@pytest.mark.parametrize(
    ("screen", "name", "other"),
    [(WIDE_LIGHT, "storefront-dev", "search-maintainer"), (NARROW_DARK, "data-dev", "data-maintainer")],
    ids=["1280-light", "390-dark"],
)
def test_a_digest_leads_to_the_page_that_answers_and_can_be_stopped(
    meet: Callable[..., Person], installation: Installation, screen: Screen, name: str, other: str
) -> None:
    person, writer = meet(name, screen), meet(other)
    chooses_the_digest(person)
    number = own_change(person)
    words = [f"Seen at {screen.width}, {part} time." for part in ("the first", "the second")]
    for one in words:
        writer.api("POST", f"/changes/{number}/comment/", {"comment": one})
    digest = only_mail_with(tomorrows_mails(installation), words)
    assert "Your daily digest from Slipway." in digest["body"]
    assert not [one for one in tomorrows_mails(installation) if words[0] in one["body"]], "it was sent twice"
    link = path_in(digest, rf"/changes/{number}/")
    person.open(link)
    expect(person.page.locator("#main")).to_contain_text(words[1])
    stops_without_signing_in(meet("", screen), path_in(digest, r"/notices/unsubscribe/\S+?/"))
    person.open("/account/notices")
    unfold(person)
    expect(row(person).get_by_role("radio", name="Portal only")).to_be_checked()
    writer.api("POST", f"/changes/{number}/comment/", {"comment": f"Unread at {screen.width}."})
    assert not [one for one in tomorrows_mails(installation) if f"Unread at {screen.width}." in one["body"]]
    person.open("/notices/")
    expect(person.page.locator("#main")).to_contain_text(f"Unread at {screen.width}.")
    assert violations(person.page) == []


def chooses_the_digest(person: Person) -> None:
    person.open("/account/notices")
    unfold(person)
    row(person).locator("label.way").nth(1).click()
    person.click("Save")
    expect(person.page.locator("#toasts")).to_contain_text("Saved")
    unfold(person)
    expect(row(person).get_by_role("radio", name="Daily digest")).to_be_checked()


def unfold(person: Person) -> None:
    """The group of kinds that the row is in."""
    person.page.locator("details", has=row(person)).locator("summary").click()


def row(person: Person) -> Locator:
    return person.page.locator("tr", has_text="Somebody comments on a change of yours")


def own_change(person: Person) -> int:
    """The newest of theirs."""
    person.open("/changes/?tab=mine")
    address = person.page.locator("#main .row-title").first.get_attribute("href") or ""
    return int(address.strip("/").rpartition("/")[2])


def tomorrows_mails(installation: Installation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(installation.printed(TOMORROWS_MAILS).splitlines()[-1])
    return found


def only_mail_with(mails: list[dict[str, Any]], words: list[str]) -> dict[str, Any]:
    """Both in one mail, each once."""
    found = [one for one in mails if any(word in one["body"] for word in words)]
    assert len(found) == 1, [one["subject"] for one in found]
    assert [found[0]["body"].count(word) for word in words] == [1, 1]
    return found[0]


def path_in(mail: dict[str, Any], pattern: str) -> str:
    found = re.search(rf"http://[^/\s]+({pattern})", mail["body"])
    assert found, mail["body"]
    return found[1]


def stops_without_signing_in(stranger: Person, link: str) -> None:
    page = stranger.page
    stranger.open(link)
    expect(page.get_by_role("heading", name="Stop these mails?")).to_be_visible()
    assert violations(page) == []
    stranger.click("Stop these mails")
    expect(page.get_by_role("heading", name="These mails are stopped")).to_be_visible()
    assert violations(page) == []

"""Where a person is signed in, and ending one of those sessions."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from governance.models import AuditEntry, OpenSession
from governance.services.open_sessions import session_seen, sessions_forget
from idp.kernel import clock
from portal.reading.account import browser
from tests.personas import PASSWORD, Organisation

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"


@pytest.fixture(autouse=True)
def organisation():
    return Organisation.found()


def browse(agent: str, username: str = "developer") -> Client:
    client = Client(headers={"user-agent": agent})
    answer = client.post(reverse("login"), {"username": username, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def listed(client: Client) -> list[tuple[str, bool]]:
    return [(line.browser, line.here) for line in client.get(reverse("account")).context["sessions"]]


def is_in(client: Client) -> bool:
    return client.get(reverse("account")).status_code == 200


def test_it_lists_where_one_is_signed_in_this_browser_first():
    laptop, phone = browse(FIREFOX), browse(PHONE)
    browse(FIREFOX, "viewer")
    assert listed(laptop) == [("Firefox on Linux", True), ("Safari on iPhone", False)]
    assert listed(phone) == [("Safari on iPhone", True), ("Firefox on Linux", False)]


def test_ending_one_signs_that_browser_out_and_no_other():
    laptop, phone = browse(FIREFOX), browse(PHONE)
    other = OpenSession.objects.get(agent=PHONE)
    assert laptop.post(reverse("account-session-end", args=[other.pk])).status_code == 302
    assert (is_in(laptop), is_in(phone)) == (True, False)
    assert listed(laptop) == [("Firefox on Linux", True)]
    entry = AuditEntry.objects.filter(action="session.end").get()
    assert entry.data["before"]["agent"] == PHONE
    assert other.key not in str(entry.data)


def test_nobody_ends_the_session_of_another():
    laptop, viewer = browse(FIREFOX), browse(PHONE, "viewer")
    theirs = OpenSession.objects.get(user__username="viewer")
    assert laptop.post(reverse("account-session-end", args=[theirs.pk])).status_code == 404
    assert is_in(viewer)


def test_signing_out_takes_it_off_the_list():
    laptop, phone = browse(FIREFOX), browse(PHONE)
    phone.post(reverse("logout"))
    assert listed(laptop) == [("Firefox on Linux", True)]


def test_signing_out_everywhere_leaves_this_one():
    laptop, phone = browse(FIREFOX), browse(PHONE)
    assert laptop.post(reverse("account-sessions"), {"password": PASSWORD}).status_code == 302
    assert (is_in(laptop), is_in(phone)) == (True, False)
    assert listed(laptop) == [("Firefox on Linux", True)]


def test_it_knows_when_a_session_was_last_used():
    laptop = browse(FIREFOX)
    row = OpenSession.objects.get()
    OpenSession.objects.update(seen_at=row.seen_at.replace(year=2001))
    laptop.get(reverse("bell"))
    assert OpenSession.objects.get().seen_at.year > 2001


def test_it_is_written_once_in_a_while():
    browse(FIREFOX)
    key = OpenSession.objects.get().key
    OpenSession.objects.update(seen_at=clock.now().replace(year=2001))
    session_seen(key, now=clock.now())
    OpenSession.objects.update(seen_at=clock.now().replace(year=2002))
    session_seen(key, now=clock.now())
    assert OpenSession.objects.get().seen_at.year == 2002


def test_what_is_known_of_dropped_sessions_is_dropped():
    laptop, _ = browse(FIREFOX), browse(PHONE)
    laptop.session.flush()
    assert sessions_forget() == 1
    assert OpenSession.objects.get().agent == PHONE


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (PHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Windows"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Chrome/130 Safari/537.36",
            "Chrome on macOS",
        ),
        ("curl/8.5.0", "curl"),
        ("something odd/1", "something odd"),
        ("", "Unknown browser"),
    ],
)
def test_it_names_a_browser_in_words(agent, words):
    assert browser(agent) == words

"""Signatures as the reference library checks them, pauses between attempts, and what an answer means."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from governance.domain import webhook
from governance.domain.webhook import Attempted

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
BODY = '{"data":{"text":"Grüße"}}'.encode()


def test_it_makes_secrets_that_the_standard_takes() -> None:
    made = {webhook.new_secret() for _ in range(20)}
    assert len(made) == 20
    assert all(len(webhook.key_of(one)) == webhook.SECRET_BYTES for one in made)


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("whsec_" + base64.b64encode(b"x" * 23).decode(), id="too short"),
        pytest.param("whsec_" + base64.b64encode(b"x" * 65).decode(), id="too long"),
        pytest.param(base64.b64encode(b"x" * 32).decode(), id="without its prefix"),
        pytest.param("whsec_not base64!", id="not base64"),
    ],
)
def test_it_refuses_what_is_no_secret(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        webhook.key_of(secret)


def test_an_id_has_no_dot() -> None:
    assert not any("." in webhook.new_event_id() for _ in range(50))


def test_the_reference_library_takes_it() -> None:
    secret, now = webhook.new_secret(), datetime.now(UTC)
    headers = webhook.signed_headers("evt_1", now, BODY, [secret])
    assert Webhook(secret).verify(BODY, headers) == {"data": {"text": "Grüße"}}


def test_both_secrets_sign_while_one_replaces_the_other() -> None:
    old, new, now = webhook.new_secret(), webhook.new_secret(), datetime.now(UTC)
    headers = webhook.signed_headers("evt_1", now, BODY, [new, old])
    assert Webhook(old).verify(BODY, headers) == Webhook(new).verify(BODY, headers)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"webhook-id": "evt_2"}, "another id"),
        ({"webhook-timestamp": str(int(datetime.now(UTC).timestamp()) - 30)}, "another moment"),
        ({"webhook-signature": "v1,AAAA"}, "another signature"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_the_reference_library_refuses_what_was_touched(change: dict[str, str], why: str) -> None:
    secret = webhook.new_secret()
    headers = webhook.signed_headers("evt_1", datetime.now(UTC), BODY, [secret]) | change
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers)
    assert why


def test_the_reference_library_refuses_another_body() -> None:
    secret = webhook.new_secret()
    headers = webhook.signed_headers("evt_1", datetime.now(UTC), BODY, [secret])
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", headers)


@pytest.mark.parametrize(
    ("attempts", "pause"),
    [
        (1, timedelta(seconds=5)),
        (2, timedelta(minutes=5)),
        (3, timedelta(minutes=30)),
        (4, timedelta(hours=2)),
        (5, timedelta(hours=5)),
        (6, timedelta(hours=10)),
        (7, timedelta(hours=14)),
        (8, timedelta(hours=20)),
        (9, timedelta(hours=24)),
        (10, None),
    ],
)
def test_it_pauses_longer_and_longer_and_gives_up(attempts: int, pause: timedelta | None) -> None:
    assert webhook.next_attempt(attempts, NOW) == (None if pause is None else NOW + pause)


def test_it_spreads_what_failed_together() -> None:
    assert webhook.next_attempt(2, NOW, chance=1.0) == NOW + timedelta(minutes=5) * 1.1


@pytest.mark.parametrize(
    ("wish", "pause"),
    [
        pytest.param(timedelta(seconds=1), timedelta(minutes=5), id="shorter than the pause"),
        pytest.param(timedelta(hours=1), timedelta(hours=1), id="longer than the pause"),
        pytest.param(timedelta(days=30), timedelta(hours=24), id="longer than a day"),
    ],
)
def test_it_waits_as_long_as_it_was_asked_to(wish: timedelta, pause: timedelta) -> None:
    assert webhook.next_attempt(2, NOW, wish=wish) == NOW + pause


@pytest.mark.parametrize(
    ("header", "wish"),
    [
        pytest.param("120", timedelta(minutes=2), id="seconds"),
        pytest.param("Mon, 02 Mar 2026 09:35:00 GMT", timedelta(minutes=5), id="a date"),
        pytest.param("Mon, 02 Mar 2026 09:00:00 GMT", timedelta(0), id="a date that is over"),
        pytest.param("99999999999999999999", timedelta(hours=24), id="for ever"),
        pytest.param("soon", None, id="neither"),
        pytest.param("-5", None, id="negative"),
    ],
)
def test_it_reads_retry_after(header: str, wish: timedelta | None) -> None:
    assert webhook.retry_after(header, NOW) == wish


@pytest.mark.parametrize(
    ("attempted", "delivered", "gone", "words"),
    [
        (Attempted(200), True, False, "Taken with 200."),
        (Attempted(204), True, False, "Taken with 204."),
        (Attempted(302), False, False, "Answered 302: it leads elsewhere, which is not followed."),
        (Attempted(410), False, True, "Answered 410: it wants nothing any more."),
        (Attempted(500), False, False, "Answered 500."),
        (Attempted(None, "Nobody there."), False, False, "Nobody there."),
    ],
    ids=lambda one: str(one.status) if isinstance(one, Attempted) else "",
)
def test_only_two_hundreds_are_success(attempted: Attempted, delivered: bool, gone: bool, words: str) -> None:
    assert (attempted.delivered, attempted.gone, webhook.in_words(attempted)) == (delivered, gone, words)


@pytest.mark.parametrize(("failing", "over"), [(timedelta(days=2, hours=23), False), (timedelta(days=3), True)])
def test_three_days_of_failures_end_it(failing: timedelta, over: bool) -> None:
    assert webhook.ends_for_good(NOW - failing, NOW) is over

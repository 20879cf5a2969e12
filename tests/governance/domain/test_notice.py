"""When a mail is due, which mails are written, and a table of kinds that makes sense."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from governance.domain.notice import (
    DELIVERIES,
    KINDS,
    NO_MAIL,
    PAUSES,
    Due,
    Letter,
    digest_moment,
    groups,
    letters_of,
    mailing_of,
    retry_at,
    settings_in_words,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.key)
def test_it_knows_kinds_that_fit_their_column_and_have_a_default(kind):
    assert kind.default in DELIVERIES
    assert 0 < len(kind.key) <= 40
    assert kind.title
    assert not kind.title.endswith(".")


def test_it_lists_every_kind_in_one_group():
    assert [kind.key for kinds in groups().values() for kind in kinds] == list(KINDS)


@pytest.mark.parametrize(
    ("now", "hour", "zone", "moment"),
    [
        pytest.param("2026-03-02T06:30", 8, "UTC", "2026-03-02T08:00", id="later today"),
        pytest.param("2026-03-02T09:30", 8, "UTC", "2026-03-03T08:00", id="tomorrow, the hour is over"),
        pytest.param("2026-03-02T08:00", 8, "UTC", "2026-03-03T08:00", id="tomorrow, for now is not after now"),
        pytest.param("2026-03-02T06:30", 8, "Europe/Berlin", "2026-03-02T07:00", id="an hour east"),
        pytest.param("2026-03-02T23:30", 8, "Pacific/Auckland", "2026-03-03T19:00", id="tomorrow there, not here"),
        pytest.param("2026-03-02T01:00", 18, "America/Los_Angeles", "2026-03-02T02:00", id="still yesterday there"),
        pytest.param("2026-03-28T20:00", 2, "Europe/Berlin", "2026-03-29T01:00", id="an hour that is left out"),
        pytest.param("2026-10-24T20:00", 2, "Europe/Berlin", "2026-10-25T00:00", id="an hour that comes twice"),
        pytest.param("2026-10-25T00:30", 2, "Europe/Berlin", "2026-10-26T01:00", id="between the two: only once"),
        pytest.param("2026-03-02T06:30", 8, "Mars/Olympus", "2026-03-02T08:00", id="a zone that is gone is UTC"),
    ],
)
def test_it_finds_the_next_digest(now, hour, zone, moment):
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert digest_moment(at, hour=hour, time_zone=zone) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize("hour", range(24))
def test_it_has_one_digest_a_day_all_year(hour):
    """Also where the clock changes: each digest is within 23 to 25 hours of the one before."""
    at = NOW
    for _ in range(370):
        following = digest_moment(at, hour=hour, time_zone="Europe/Berlin")
        assert timedelta(0) < following - at
        if at != NOW:
            assert timedelta(hours=23) <= following - at <= timedelta(hours=25)
        at = following


@pytest.mark.parametrize(
    ("delivery", "state", "digest"),
    [("mail", "due", False), ("digest", "due", True), ("portal", "none", False), ("none", "none", False)],
)
def test_it_makes_a_mail_due_as_the_person_wants(delivery, state, digest):
    made = mailing_of(delivery, now=NOW, hour=8, time_zone="UTC")
    assert (made.state, made.digest) == (state, digest)
    assert (made == NO_MAIL) is (state == "none")


def test_it_tries_again_with_longer_and_longer_pauses_and_then_gives_up():
    moments = [retry_at(attempts, NOW) for attempts in range(1, len(PAUSES) + 2)]
    assert moments[-1] is None
    pauses = [moment - NOW for moment in moments[:-1]]
    assert pauses == sorted(pauses)
    assert sum(pauses, timedelta(0)) > timedelta(days=1)


def test_it_uses_the_default_where_nothing_was_chosen():
    words = settings_in_words({"change-waits": "none"})
    assert words["change-waits"] == "none"
    assert words["change-failed"] == KINDS["change-failed"].default
    assert set(words) == set(KINDS)


def due(number: int, *, person: int = 1, kind: str = "change-failed", digest: bool = False) -> Due:
    return Due(number, person, kind, digest)


@pytest.mark.parametrize(
    ("waiting", "letters"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([due(1), due(2)], [Letter(1, (1,), False), Letter(1, (2,), False)], id="one each"),
        pytest.param([due(n) for n in range(4)], [Letter(1, (0, 1, 2, 3), False)], id="more than a few: together"),
        pytest.param(
            [*(due(n) for n in range(4)), due(9, kind="change-waits")],
            [Letter(1, (0, 1, 2, 3), False), Letter(1, (9,), False)],
            id="only of one kind, so that a link ends one kind",
        ),
        pytest.param(
            [due(1, digest=True), due(2, kind="change-waits", digest=True)],
            [Letter(1, (1, 2), True)],
            id="a digest holds all kinds",
        ),
        pytest.param(
            [due(1), due(2, digest=True), due(3, person=2)],
            [Letter(1, (1,), False), Letter(1, (2,), True), Letter(2, (3,), False)],
            id="at once is not held back for the digest, nor mixed with another person's",
        ),
    ],
)
def test_it_writes_letters(waiting, letters):
    assert letters_of(waiting) == letters

"""When a promotion may start: windows in a time zone, and moments that people write."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from provisioning.domain.windows import ALWAYS, in_words, moment_in_words, moment_read, opens, windows_read

WORKDAYS = [{"days": ["tue", "wed", "thu"], "from": "09:00", "to": "16:00"}]
NIGHT = [{"days": ["fri"], "from": "22:00", "to": "04:00"}]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("windows", "asked", "start"),
    [
        pytest.param(WORKDAYS, "2026-12-01T10:00", "2026-12-01T10:00", id="inside"),
        pytest.param(WORKDAYS, "2026-12-01T07:00", "2026-12-01T08:00", id="before-the-window-of-the-day"),
        pytest.param(WORKDAYS, "2026-12-01T15:00", "2026-12-02T08:00", id="its-end-is-no-part-of-it"),
        pytest.param(WORKDAYS, "2026-12-04T09:00", "2026-12-08T08:00", id="over-the-weekend"),
        pytest.param(WORKDAYS, "2026-07-07T06:00", "2026-07-07T07:00", id="summer-time"),
        pytest.param(NIGHT, "2026-12-05T02:00", "2026-12-05T02:00", id="over-midnight"),
        pytest.param([], "2026-12-05T02:00", "2026-12-05T02:00", id="no-windows"),
    ],
)
def test_it_opens_in_the_zone_of_the_window(windows, asked, start):
    schedule, errors = windows_read(windows, "Europe/Berlin")
    assert errors == []
    assert opens(schedule, at(asked)) == at(start)


@pytest.mark.parametrize(
    ("windows", "zone", "path"),
    [
        pytest.param(WORKDAYS, "Middle/Earth", "timezone", id="zone"),
        pytest.param([{"days": [], "from": "09:00", "to": "10:00"}], "UTC", "windows.0.days", id="no-day"),
        pytest.param([{"days": ["mon"], "from": "9", "to": "10:00"}], "UTC", "windows.0.from", id="time"),
        pytest.param(
            [
                {
                    "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
                    "from": "00:00",
                    "to": "00:00",
                }
            ],
            "UTC",
            "windows",
            id="all-the-week",
        ),
    ],
)
def test_it_says_what_is_wrong_where(windows, zone, path):
    assert [one.path for one in windows_read(windows, zone)[1]] == [path]


def test_it_speaks_of_windows():
    schedule, _ = windows_read(WORKDAYS, "Europe/Berlin")
    assert in_words(schedule) == "Tue to Thu 09:00 to 16:00, Europe/Berlin"
    assert in_words(ALWAYS) == "At any time"
    assert moment_in_words(at("2026-12-01T08:00"), schedule) == "Tue 1 Dec 09:00 Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        pytest.param("", None, id="none"),
        pytest.param("2026-12-01T09:00", at("2026-12-01T09:00"), id="utc"),
        pytest.param("2026-12-01T09:00+01:00", at("2026-12-01T08:00"), id="offset"),
    ],
)
def test_it_reads_a_moment(text, moment):
    assert moment_read(text, at("2026-11-22T17:00")) == (moment, [])


@pytest.mark.parametrize("text", ["tuesday", "2027-12-01T09:00"])
def test_it_refuses_what_is_no_near_moment(text):
    assert moment_read(text, at("2026-11-22T17:00"))[1][0].path == "not_before"

"""When an environment sleeps by itself: weekly windows, zones whose clocks change, and each transition once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from provisioning.domain.sleep_schedule import (
    Clockwork,
    Schedule,
    asleep_minutes,
    due,
    last_edge,
    monthly_saving,
    next_edge,
    schedule_read,
    schedule_written,
)

WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]
NIGHTS = [{"days": WORKDAYS, "from": "19:00", "to": "07:00"}]
WEEKENDS = [{"days": ["sat", "sun"], "from": "07:00", "to": "07:00"}]


def schedule(windows: list, zone: str = "UTC") -> Schedule:
    read, errors = schedule_read(windows, zone)
    assert errors == []
    return read


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("windows", "zone", "now", "power", "moment"),
    [
        pytest.param(NIGHTS, "UTC", "2026-06-01T12:00", "asleep", "2026-06-01T19:00", id="by day: the evening"),
        pytest.param(NIGHTS, "UTC", "2026-06-01T22:00", "awake", "2026-06-02T07:00", id="by night: the morning"),
        pytest.param(NIGHTS, "UTC", "2026-06-01T19:00", "awake", "2026-06-02T07:00", id="at its very beginning"),
        pytest.param(NIGHTS, "UTC", "2026-06-06T12:00", "asleep", "2026-06-08T19:00", id="a weekend that is awake"),
        pytest.param(
            NIGHTS + WEEKENDS, "UTC", "2026-06-05T20:00", "awake", "2026-06-08T07:00", id="windows that meet are one"
        ),
        pytest.param(
            [*NIGHTS, {"days": ["mon"], "from": "18:00", "to": "20:00"}],
            "UTC",
            "2026-06-01T12:00",
            "asleep",
            "2026-06-01T18:00",
            id="windows that overlap are one",
        ),
        pytest.param(NIGHTS, "Europe/Berlin", "2026-06-01T12:00", "asleep", "2026-06-01T17:00", id="Berlin in summer"),
        pytest.param(NIGHTS, "Europe/Berlin", "2026-12-01T12:00", "asleep", "2026-12-01T18:00", id="Berlin in winter"),
        pytest.param(
            NIGHTS, "Australia/Sydney", "2026-01-05T00:00", "asleep", "2026-01-05T08:00", id="Sydney in its summer"
        ),
        pytest.param(
            NIGHTS, "Australia/Sydney", "2026-07-06T00:00", "asleep", "2026-07-06T09:00", id="Sydney in its winter"
        ),
        pytest.param(
            [{"days": ["sat"], "from": "23:00", "to": "07:00"}],
            "Europe/Berlin",
            "2026-03-28T23:00",
            "awake",
            "2026-03-29T05:00",
            id="a night that is an hour shorter",
        ),
        pytest.param(
            [{"days": ["sat"], "from": "23:00", "to": "07:00"}],
            "Europe/Berlin",
            "2026-10-24T22:00",
            "awake",
            "2026-10-25T06:00",
            id="a night that is an hour longer",
        ),
        pytest.param(
            [{"days": ["sun"], "from": "02:30", "to": "09:00"}],
            "Europe/Berlin",
            "2026-03-28T12:00",
            "asleep",
            "2026-03-29T01:30",
            id="a beginning that the clock leaves out comes an hour later",
        ),
        pytest.param(
            [{"days": ["sun"], "from": "02:30", "to": "09:00"}],
            "Europe/Berlin",
            "2026-10-24T12:00",
            "asleep",
            "2026-10-25T01:30",
            id="a beginning that comes twice counts the second time",
        ),
        pytest.param(
            [{"days": ["sat"], "from": "20:00", "to": "02:30"}],
            "Europe/Berlin",
            "2026-10-24T20:00",
            "awake",
            "2026-10-25T00:30",
            id="an end that comes twice counts the first time",
        ),
        pytest.param(
            [{"days": ["sat"], "from": "20:00", "to": "02:30"}],
            "Australia/Sydney",
            "2026-10-03T12:00",
            "awake",
            "2026-10-03T15:30",
            id="an end that the southern clock leaves out comes earlier",
        ),
    ],
)
def test_it_knows_the_next_transition(windows, zone, now, power, moment):
    edge = next_edge(schedule(windows, zone), at(now))
    assert (edge.power, edge.at) == (power, at(moment))


def test_a_window_that_the_clock_swallows_does_not_happen():
    gone = schedule([{"days": ["sun"], "from": "02:10", "to": "02:50"}], "Europe/Berlin")
    assert next_edge(gone, at("2026-03-28T12:00")).at == at("2026-04-05T00:10")


def test_without_windows_nothing_comes():
    assert next_edge(schedule([]), at("2026-06-01T12:00")) is None
    assert last_edge(schedule([]), at("2026-06-01T12:00")) is None


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia"])
def test_transitions_alternate_through_a_year(zone):
    weekly, now, before = schedule(NIGHTS + WEEKENDS, zone), at("2026-01-01T00:00"), None
    for _ in range(400):
        edge = next_edge(weekly, now)
        assert edge.at > now
        assert edge.power != before
        assert last_edge(weekly, edge.at) == edge
        now, before = edge.at, edge.power


@pytest.mark.parametrize(
    ("windows", "hours"),
    [
        pytest.param([], 0, id="never"),
        pytest.param(NIGHTS, 60, id="five nights"),
        pytest.param(NIGHTS + WEEKENDS, 108, id="nights and weekends"),
        pytest.param([{"days": ["sun"], "from": "20:00", "to": "06:00"}], 10, id="over the end of the week"),
        pytest.param([*NIGHTS, *NIGHTS], 60, id="written twice"),
    ],
)
def test_it_counts_the_hours_of_a_week(windows, hours):
    assert asleep_minutes(schedule(windows)) == hours * 60


def test_a_saving_is_the_share_of_the_week_of_what_sleep_makes_cheaper():
    assert monthly_saving(4.0, 104.0, 84 * 60) == pytest.approx(50.0)
    assert monthly_saving(9.0, 4.0, 84 * 60) == 0


@pytest.mark.parametrize(
    ("windows", "zone", "path"),
    [
        pytest.param(NIGHTS, "Mars/Base", "timezone", id="no such zone"),
        pytest.param([{"days": [], "from": "19:00", "to": "07:00"}], "UTC", "schedule.0.days", id="no day"),
        pytest.param([{"days": ["mo"], "from": "19:00", "to": "07:00"}], "UTC", "schedule.0.days", id="no such day"),
        pytest.param([{"days": ["mon"], "from": "7pm", "to": "07:00"}], "UTC", "schedule.0.from", id="no time"),
        pytest.param([{"days": ["mon"], "from": "19:00", "to": "24:00"}], "UTC", "schedule.0.to", id="no such time"),
        pytest.param(["mon"], "UTC", "schedule.0.days", id="not a window"),
        pytest.param(
            [{"days": [*WORKDAYS, "sat", "sun"], "from": "07:00", "to": "07:00"}], "UTC", "schedule", id="never awake"
        ),
        pytest.param(NIGHTS * 15, "UTC", "schedule", id="too many"),
    ],
)
def test_it_says_what_is_wrong_with_a_schedule(windows, zone, path):
    _, errors = schedule_read(windows, zone)
    assert path in {one.path for one in errors}


def test_a_schedule_is_written_as_it_is_read():
    assert schedule_written(schedule(NIGHTS + WEEKENDS)) == NIGHTS + WEEKENDS


EVENING, NIGHT, MORNING = at("2026-06-01T19:00"), at("2026-06-01T23:00"), at("2026-06-02T07:00")


@pytest.mark.parametrize(
    ("handled", "awake_until", "power", "now", "wanted", "look_at"),
    [
        pytest.param(at("2026-06-01T12:00"), None, "awake", EVENING, "asleep", MORNING, id="falls asleep"),
        pytest.param(EVENING, None, "awake", NIGHT, None, MORNING, id="somebody woke it: stays awake"),
        pytest.param(EVENING, None, "asleep", MORNING, "awake", at("2026-06-02T19:00"), id="wakes in the morning"),
        pytest.param(at("2026-06-01T12:00"), None, "asleep", EVENING, None, MORNING, id="sleeps already"),
        pytest.param(at("2026-06-01T12:00"), NIGHT, "awake", EVENING, None, NIGHT, id="asked to stay awake"),
        pytest.param(at("2026-06-01T12:00"), NIGHT, "awake", NIGHT, "asleep", MORNING, id="was asked until now"),
        pytest.param(
            at("2026-06-01T12:00"), None, "awake", at("2026-06-02T02:00"), None, MORNING, id="missed by hours"
        ),
        pytest.param(EVENING, MORNING, "asleep", MORNING, "awake", at("2026-06-02T19:00"), id="waking is never held"),
    ],
)
def test_each_transition_is_acted_on_once(handled, awake_until, power, now, wanted, look_at):
    said = due(Clockwork(schedule(NIGHTS), handled, awake_until=awake_until), power, now)
    assert (said.power, said.look_at) == (wanted, look_at)
    again = due(Clockwork(schedule(NIGHTS), said.handled, awake_until=awake_until), power, now)
    assert again.power is None


@pytest.mark.parametrize(
    ("hours_since", "handled_hours_ago", "wanted"),
    [
        pytest.param(3, 10, None, id="not yet idle"),
        pytest.param(4, 10, "asleep", id="idle for long enough"),
        pytest.param(9, 5, None, id="seen to already"),
    ],
)
def test_it_sleeps_after_hours_without_activity(hours_since, handled_hours_ago, wanted):
    idle = Clockwork(
        Schedule(()),
        EVENING - timedelta(hours=handled_hours_ago),
        idle_hours=4,
        active_at=EVENING - timedelta(hours=hours_since),
    )
    said = due(idle, "awake", EVENING)
    assert said.power == wanted
    assert (
        due(Clockwork(Schedule(()), said.handled, idle_hours=4, active_at=idle.active_at), "awake", EVENING).power
        is None
    )

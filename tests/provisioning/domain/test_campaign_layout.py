"""Who is in which wave, when waves are announced, and how far owners may postpone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.domain.campaign_layout import (
    ORDERS,
    Pace,
    Place,
    announced_days,
    lay_out,
    pace_problems,
    postponement_refused,
)

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
STAGES = ("dev", "staging", "prod")


def place(system: str, stage: str, team: str = "payments") -> Place:
    return Place(system, stage, team, stage, STAGES.index(stage), ("api",))


PLACES = [place(f"s{n}", stage, f"team-{n % 3}") for n in range(5) for stage in STAGES]
places = st.lists(
    st.builds(place, st.sampled_from([f"s{n}" for n in range(30)]), st.sampled_from(STAGES), st.sampled_from("abcdef")),
    max_size=60,
    unique_by=lambda one: one.label,
)
shares = st.lists(st.integers(1, 100), max_size=6, unique=True).map(sorted)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        pytest.param((), ["Stage dev", "Stage staging", "Stage prod"], id="their own order"),
        pytest.param(("prod",), ["Stage prod", "Stage dev", "Stage staging"], id="one first"),
        pytest.param(("staging", "dev"), ["Stage staging", "Stage dev", "Stage prod"], id="two first"),
    ],
)
def test_it_goes_stage_by_stage(first, expected):
    assert [one.title for one in lay_out(PLACES, order="stage", first=first)] == expected


def test_it_goes_team_by_team_the_smallest_first():
    found = lay_out(PLACES, order="team")
    assert [one.title for one in found] == ["Team team-2", "Team team-0", "Team team-1"]
    assert [len(one.places) for one in found] == [3, 6, 6]


@pytest.mark.parametrize(
    ("wanted", "sizes", "titles"),
    [
        pytest.param((10, 50, 100), [2, 6, 7], ["First 10 %", "First 50 %", "The rest"], id="three waves"),
        pytest.param((10,), [2, 13], ["First 10 %", "The rest"], id="the rest is added"),
        pytest.param((1, 2, 3), [1, 14], ["First 1 %", "The rest"], id="empty waves are left out"),
        pytest.param((), [15], ["All of it"], id="one wave"),
    ],
)
def test_it_goes_by_share(wanted, sizes, titles):
    found = lay_out(PLACES, order="percentage", shares=wanted)
    assert ([len(one.places) for one in found], [one.title for one in found]) == (sizes, titles)


@given(places, st.sampled_from(ORDERS), shares, st.randoms())
def test_it_puts_every_place_into_one_wave_whatever_their_order(found, order, wanted, random):
    laid = lay_out(found, order=order, shares=wanted)
    assert all(one.places for one in laid)
    assert sorted(one.label for wave in laid for one in wave.places) == sorted(one.label for one in found)
    mixed = list(found)
    random.shuffle(mixed)
    assert lay_out(mixed, order=order, shares=wanted) == laid


def test_it_announces_one_wave_after_the_other():
    assert announced_days(NOW, Pace(interval=2 * DAY), 3) == (NOW, NOW + 2 * DAY, NOW + 4 * DAY)


@pytest.mark.parametrize(
    ("until", "said"),
    [
        pytest.param(NOW + DAY, "", id="earlier than announced"),
        pytest.param(NOW + 9 * DAY, "", id="to the last moment"),
        pytest.param(NOW + 9 * DAY + timedelta(minutes=1), "1 December 2026", id="too late"),
        pytest.param(NOW, "still to come", id="now"),
        pytest.param(NOW - DAY, "still to come", id="past"),
    ],
)
def test_it_lets_owners_choose_a_day_within_the_limit(until, said):
    refused = postponement_refused(until, announced=NOW + 2 * DAY, pace=Pace(postpone_days=7), now=NOW)
    assert said in refused
    assert bool(refused) == bool(said)


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        pytest.param({}, None, id="right"),
        pytest.param({"order": "luck"}, "order", id="unknown order"),
        pytest.param({"order": "percentage", "shares": (50, 10)}, "shares", id="shares that fall"),
        pytest.param({"order": "percentage", "shares": (0, 10)}, "shares", id="nobody"),
        pytest.param({"first": ("moon",)}, "first", id="unknown stage"),
        pytest.param({"pace": Pace(interval=100 * DAY)}, "interval", id="too slow"),
        pytest.param({"pace": Pace(soak=-DAY)}, "soak", id="backwards"),
        pytest.param({"pace": Pace(threshold=100)}, "threshold", id="never pauses"),
        pytest.param({"pace": Pace(postpone_days=999)}, "postpone_days", id="postponed for ever"),
        pytest.param({"pace": Pace(at_once=0)}, "at_once", id="none at once"),
    ],
)
def test_it_says_what_is_wrong_with_a_pace(asked, path):
    usual = {"order": "stage", "shares": (10, 100), "first": ("dev",), "pace": Pace(), "known": STAGES}
    assert [one.path for one in pace_problems(**{**usual, **asked})] == ([path] if path else [])

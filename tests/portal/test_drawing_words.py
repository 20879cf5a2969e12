"""Figures and times in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from portal.drawing import words

NOW = datetime(2026, 11, 24, 14, 32, tzinfo=UTC)

# seconds before now (negative is the future), with direction, without
TIMES = {
    "this moment": (0, "just now", "now"),
    "nine seconds": (9, "just now", "now"),
    "ten seconds": (10, "10 s ago", "10 s"),
    "a minute less one": (59, "59 s ago", "59 s"),
    "a minute": (60, "1 min ago", "1 min"),
    "cut off, not rounded": (119, "1 min ago", "1 min"),
    "an hour less one": (3599, "59 min ago", "59 min"),
    "two hours": (7200, "2 h ago", "2 h"),
    "a day": (86400, "1 day ago", "1 day"),
    "twelve days": (12 * 86400, "12 days ago", "12 days"),
    "sixty days": (60 * 86400, "2 months ago", "2 months"),
    "two years": (730 * 86400, "2 years ago", "2 years"),
    "soon": (-5, "just now", "now"),
    "in a quarter": (-900, "in 15 min", "15 min"),
    "almost an hour ahead": (-3590, "in 1 h", "1 h"),
    "three days ahead, just set": (-3 * 86400 + 1, "in 3 days", "3 days"),
    "a day and a half ahead": (-129_600, "in 2 days", "2 days"),
}


@pytest.mark.parametrize(("seconds", "directed", "plain"), TIMES.values(), ids=TIMES.keys())
def test_it_says_how_far_a_moment_is(seconds, directed, plain):
    moment = NOW - timedelta(seconds=seconds)
    assert words.relative(moment, NOW) == directed
    assert words.age(moment, NOW) == plain


DURATIONS = {
    "nothing": (0, "under 1 s"),
    "a blink": (0.4, "under 1 s"),
    "seconds": (41.9, "41 s"),
    "a whole minute": (60, "1 min"),
    "two units": (124, "2 min 4 s"),
    "hours": (11_400, "3 h 10 min"),
    "a day and hours": (100_800, "1 day 4 h"),
    "two days": (172_800, "2 days"),
    "many days": (12 * 86_400 + 5_000, "12 days"),
    "a timedelta": (timedelta(minutes=2, seconds=44), "2 min 44 s"),
}


@pytest.mark.parametrize(("value", "said"), DURATIONS.values(), ids=DURATIONS.keys())
def test_it_says_how_long_something_took(value, said):
    assert words.duration(value) == said


MONEY = {
    "euros": (Decimal("207"), "EUR", "€207.00"),
    "thousands": (1200, "EUR", "€1,200.00"),
    "dollars": (0.1, "USD", "$0.10"),
    "less than nothing": (-3, "EUR", "−€3.00"),
    "without a symbol": (12.5, "CHF", "CHF\u00a012.50"),
    "half a cent goes up": ("0.005", "EUR", "€0.01"),
    "no currency": (4, "", "4.00"),
}


@pytest.mark.parametrize(("value", "currency", "said"), MONEY.values(), ids=MONEY.keys())
def test_it_writes_money(value, currency, said):
    assert words.money(value, currency) == said


CHANGES = {"more": (17.4, "+€17.40"), "less": (-3, "−€3.00"), "none": (0, "No cost"), "too little": (0.001, "No cost")}


@pytest.mark.parametrize(("value", "said"), CHANGES.values(), ids=CHANGES.keys())
def test_it_writes_a_difference_in_cost(value, said):
    assert words.money_change(value, "EUR") == said


NUMBERS = {
    "whole": (26, "26"),
    "a half": (26.5, "26.5"),
    "thousands": (1000, "1,000"),
    "float noise": (0.1 + 0.2, "0.3"),
    "two decimals": ("0.125", "0.13"),
    "below zero": (-3, "−3"),
    "nothing": (0, "0"),
    "ten keeps its zero": (10, "10"),
}


@pytest.mark.parametrize(("value", "said"), NUMBERS.values(), ids=NUMBERS.keys())
def test_it_writes_numbers(value, said):
    assert words.number(value) == said


def test_it_refuses_what_is_no_number():
    with pytest.raises(ValueError, match="is no number"):
        words.number("many")


COUNTS = {"none": (0, "no replicas"), "one": (1, "1 replica"), "many": (1200, "1,200 replicas")}


@pytest.mark.parametrize(("value", "said"), COUNTS.values(), ids=COUNTS.keys())
def test_it_counts(value, said):
    assert words.count(value, "replica,replicas") == said


SIZES = {
    "bytes": (512, "512 B"),
    "just under": (1023, "1,023 B"),
    "kibibytes": (1536, "1.5 KiB"),
    "mebibytes": (512 * 2**20, "512 MiB"),
    "gibibytes": (1.5 * 2**30, "1.5 GiB"),
    "beyond": (5000 * 2**40, "5,000 TiB"),
}


@pytest.mark.parametrize(("value", "said"), SIZES.values(), ids=SIZES.keys())
def test_it_writes_sizes(value, said):
    assert words.size(value) == said


INITIALS = {
    "developer": "DE",
    "second-maintainer": "SM",
    "Ada Lovelace": "AL",
    "a.b_c": "AB",
    "x": "X",
    "": "?",
    "--": "?",
}


@pytest.mark.parametrize(("name", "letters"), INITIALS.items())
def test_it_makes_initials(name, letters):
    assert words.initials(name) == letters


DIGESTS = {
    "whole": ("sha256:7f3a000000000000c91e", "7f3a…c91e"),
    "bare": ("7f3a000000000000c91e", "7f3a…c91e"),
    "short": ("7f3ac91e", "7f3ac91e"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("value", "said"), DIGESTS.values(), ids=DIGESTS.keys())
def test_it_shortens_digests(value, said):
    assert words.digest(value) == said

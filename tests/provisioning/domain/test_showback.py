"""What recorded use costs in a month, at the prices that held while it lasted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from idp.kernel.errors import InvalidInput
from provisioning.domain.plan import Footprint, Prices
from provisioning.domain.prices import lists_of, price_at, turns
from provisioning.domain.showback import Month, PriceBook, Use, cost_in, forecast

NOVEMBER = Month(2026, 11)
BASE = Prices(cpu=30)
LISTS = lists_of(
    [
        {"from": "2026-11-16", "stage": "", "cpu": 60},
        {"from": "2026-11-10", "stage": "prod", "cpu": "90"},
        {"from": "2026-12-01", "stage": "prod", "cpu": 120},
    ]
)


def day(number: int, month: int = 11, hour: int = 0) -> datetime:
    return datetime(2026, month, number, hour, tzinfo=UTC)


PRICES: dict[str, tuple[str, datetime, float]] = {
    "before every list": ("dev", day(1), 30),
    "from the first moment of its day": ("dev", day(16), 60),
    "a moment before": ("dev", day(15, hour=23), 30),
    "the stage's own": ("prod", day(10), 90),
    "the stage's own goes before a later one for all": ("prod", day(20), 90),
    "the next year's": ("prod", day(2, 12), 120),
}


@pytest.mark.parametrize(("stage", "at", "cpu"), PRICES.values(), ids=PRICES.keys())
def test_it_finds_the_price_of_a_moment(stage: str, at: datetime, cpu: float) -> None:
    assert price_at(LISTS, BASE, stage=stage, at=at).cpu == cpu


COSTS: dict[str, tuple[str, datetime, datetime | None, float]] = {
    "the whole month": ("prod", day(1, 10), None, 30 * 9 / 30 + 90 * 21 / 30),
    "across a turn": ("dev", day(11), day(21), 30 * 5 / 30 + 60 * 5 / 30),
    "one day": ("dev", day(1), day(2), 1.0),
    "over before": ("dev", day(1, 10), day(31, 10), 0.0),
    "begun after": ("dev", day(1, 12), None, 0.0),
    "half a day": ("dev", day(1, hour=12), day(2), 0.5),
}


@pytest.mark.parametrize(("stage", "begun", "over", "cost"), COSTS.values(), ids=COSTS.keys())
def test_it_costs_each_part_at_its_price(stage: str, begun: datetime, over: datetime | None, cost: float) -> None:
    use = Use(Footprint(cpu=1), stage, begun, over)
    assert cost_in(NOVEMBER, use, PriceBook(BASE, LISTS), now=day(1, 12)) == pytest.approx(cost)


def test_a_running_month_costs_until_now() -> None:
    use = Use(Footprint(cpu=2), "dev", day(1), None)
    assert cost_in(NOVEMBER, use, PriceBook(BASE), now=day(16)) == pytest.approx(30)
    assert forecast(NOVEMBER, spent=30, monthly=60, now=day(16)) == pytest.approx(60)


def test_it_turns_at_lists_of_the_stage_and_of_all() -> None:
    assert turns(LISTS, stage="dev", start=day(1), end=day(1, 12)) == [day(16)]
    assert turns(LISTS, stage="prod", start=day(1), end=day(30)) == [day(10), day(16)]


def test_months_follow_each_other_over_the_year() -> None:
    assert str(Month(2026, 12).next) == "2027-01"
    assert Month(2027, 1).before == Month(2026, 12)
    assert Month.parse("2026-02").end == datetime(2026, 3, 1, tzinfo=UTC)
    for text in ("2026", "2026-13", "x", "2026-1-1", "9999-12", "0000-01"):
        with pytest.raises(InvalidInput):
            Month.parse(text)


WRONG: dict[str, tuple[list[dict[str, Any]], str]] = {
    "no day": ([{"from": "soon"}], "price_lists[0].from"),
    "below zero": ([{"from": "2026-01-01", "cpu": -1}], "price_lists[0].cpu"),
    "text": ([{"from": "2026-01-01", "cpu": "much"}], "price_lists[0].cpu"),
    "twice": ([{"from": "2026-01-01"}, {"from": "2026-01-01"}], "price_lists"),
    "too many": ([{"from": f"20{n:02}-01-01"} for n in range(61)], "price_lists"),
}


@pytest.mark.parametrize(("documents", "path"), WRONG.values(), ids=WRONG.keys())
def test_it_names_the_price_that_is_wrong(documents: list[dict[str, Any]], path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        lists_of(documents)
    assert [one.path for one in caught.value.errors] == [path]

"""The arithmetic of quotas."""

from __future__ import annotations

from decimal import Decimal

import pytest

from governance.domain.quota import Amounts, OverQuota, check
from governance.domain.quota_state import QuotaState


def amounts(cpu: str = "0", memory: str = "0", storage: str = "0", environments: int = 0) -> Amounts:
    return Amounts(Decimal(cpu), Decimal(memory), Decimal(storage), environments)


LIMITS = amounts("10", "20", "100", 3)

CHECKS = [
    ("all that is left", amounts("4"), amounts("2"), amounts("4"), {}),
    ("a thousandth too much", amounts("4"), amounts("2"), amounts("4.001"), {"cpu": "0.001"}),
    ("holds count", amounts(), amounts("8"), amounts("3"), {"cpu": "1"}),
    ("two at once", amounts("9", "19"), amounts(), amounts("2", "2"), {"cpu": "1", "memory_gib": "1"}),
    ("the last environment", amounts(environments=2), amounts(), amounts(environments=1), {}),
    ("one environment too many", amounts(environments=3), amounts(), amounts(environments=1), {"environments": "1"}),
    ("over the limit, asks for other things", amounts("12"), amounts(), amounts("0", "1"), {}),
    ("over the limit, asks for more", amounts("12"), amounts(), amounts("1"), {"cpu": "3"}),
]


@pytest.mark.parametrize(
    ("used", "held", "asked", "missing"), [row[1:] for row in CHECKS], ids=[row[0] for row in CHECKS]
)
def test_it_finds_each_short_dimension(used: Amounts, held: Amounts, asked: Amounts, missing: dict[str, str]) -> None:
    found = {short.dimension.name: Decimal(short.missing) for short in check(LIMITS, used, held, asked)}
    assert found == {name: Decimal(value) for name, value in missing.items()}


def test_it_says_what_is_missing() -> None:
    error = OverQuota("payments", check(LIMITS, amounts("7.5"), amounts("0.5"), amounts("3")))
    assert error.message == (
        "Team payments does not have enough CPU left. CPU: 3 cores asked, 2 of 10 left (7.5 used, 0.5 held), 1 too few."
    )
    assert [fault.path for fault in error.errors] == ["quota.cpu"]
    assert error.code == "over-quota"


def test_it_needs_only_what_is_beyond() -> None:
    assert amounts("2", "1").beyond(amounts("1", "4")) == amounts("1")
    assert not amounts("1").beyond(amounts("1"))


@pytest.mark.parametrize(("given", "kept"), [(0.1 + 0.2, "0.300"), (0.0001, "0.001"), ("2", "2.000"), (None, "0.000")])
def test_it_keeps_thousandths_and_rounds_up(given: object, kept: str) -> None:
    assert Amounts.of({"cpu": given}).cpu == Decimal(kept)


@pytest.mark.parametrize(
    ("limit", "used", "ratio"), [("10", "8", 0.8), ("0", "0", 0.0), ("0", "1", 1.0), ("10", "15", 1.5)]
)
def test_it_knows_how_full_a_quota_is(limit: str, used: str, ratio: float) -> None:
    assert QuotaState(amounts(limit), amounts(used), amounts()).ratio("cpu") == ratio

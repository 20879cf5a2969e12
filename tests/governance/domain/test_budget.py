"""Budgets and their steps."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from governance.domain.budget import DEFAULT_STEPS, BudgetStep, amount_of, percent, reached, steps_of
from idp.kernel.errors import InvalidInput

REACHED = {49.9: None, 50: "tell", 79: "tell", 80: "warn", 95: "ask", 99.99: "ask", 100: "deny", 400: "deny"}


@pytest.mark.parametrize(("share", "do"), REACHED.items())
def test_it_finds_the_last_step_that_is_reached(share: float, do: str | None) -> None:
    step = reached(DEFAULT_STEPS, share)
    assert (step.do if step else None) == do


def test_steps_are_kept_by_percent() -> None:
    found = steps_of([{"at": 90, "do": "deny"}, {"at": 10, "do": "tell"}])
    assert found == (BudgetStep(10, "tell"), BudgetStep(90, "deny"))
    assert steps_of([one.as_dict() for one in found]) == found


WRONG: dict[str, tuple[Any, str]] = {
    "no percentage": ([{"at": "x", "do": "tell"}], "steps[0].at"),
    "zero": ([{"at": 0, "do": "tell"}], "steps[0].at"),
    "truth value": ([{"at": True, "do": "tell"}], "steps[0].at"),
    "unknown action": ([{"at": 5, "do": "panic"}], "steps[0].do"),
    "twice": ([{"at": 5, "do": "tell"}, {"at": 6, "do": "tell"}], "steps"),
}


@pytest.mark.parametrize(("documents", "path"), WRONG.values(), ids=WRONG.keys())
def test_it_names_what_is_wrong(documents: Any, path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        steps_of(documents)
    assert [one.path for one in caught.value.errors] == [path]


@pytest.mark.parametrize("value", [0, -1, "much", True, None, "1e99"])
def test_an_amount_is_above_zero(value: Any) -> None:
    with pytest.raises(InvalidInput):
        amount_of(value)


def test_it_counts_percent() -> None:
    assert percent(50, Decimal(200)) == 25

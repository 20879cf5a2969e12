"""Limits of money, of a stage and of a capability."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from governance.domain.ceilings import Ceilings, Extras, Part, ceilings_of, check_ceilings
from governance.domain.quota import Amounts
from idp.kernel.errors import InvalidInput

CEILINGS = ceilings_of(
    {"monthly_cost": 100, "stages": {"prod": {"cpu": "4", "monthly_cost": 60}}, "capabilities": {"postgres": 2}}
)
PARTS = (
    Part("used", "prod", Amounts(cpu=Decimal(3)), Decimal(40)),
    Part("held", "prod", Amounts(cpu=Decimal("0.5")), Decimal(5)),
    Part("used", "dev", Amounts(cpu=Decimal(9)), Decimal(30)),
)

CHECKS: dict[str, tuple[float, Extras, list[str]]] = {
    "all that is left": (0.5, Extras("prod", Decimal(15), {"postgres": 1}), []),
    "a thousandth too much of the stage": (0.501, Extras("prod"), ["prod.cpu"]),
    "another stage has no limit": (50, Extras("dev"), []),
    "too much money": (0, Extras("dev", Decimal(26)), ["monthly_cost"]),
    "too much money at the stage": (0, Extras("prod", Decimal(16)), ["prod.monthly_cost"]),
    "too many databases": (0, Extras("dev", Decimal(0), {"postgres": 2}), ["resources.postgres"]),
    "another capability": (0, Extras("dev", Decimal(0), {"redis": 9}), []),
}


@pytest.mark.parametrize(("cpu", "extras", "short"), CHECKS.values(), ids=CHECKS.keys())
def test_it_finds_each_ceiling_that_would_break(cpu: float, extras: Extras, short: list[str]) -> None:
    found = check_ceilings(CEILINGS, PARTS, {"postgres": 1}, Amounts.of({"cpu": cpu}), extras)
    assert [one.dimension.name for one in found] == short


def test_it_says_which_stage_is_full() -> None:
    found = check_ceilings(CEILINGS, PARTS, {}, Amounts(cpu=Decimal(1)), Extras("prod"))
    assert found[0].sentence == ("CPU at prod: 1 core asked, 0.5 of 4 left (3 used, 0.5 held), 0.5 too few.")


def test_it_is_kept_and_read_again_the_same() -> None:
    assert ceilings_of(CEILINGS.as_dict()) == CEILINGS
    assert ceilings_of({}) == Ceilings()
    assert not Ceilings()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown name": ({"gpu": 1}, "ceilings.gpu"),
    "unknown amount": ({"stages": {"prod": {"gpu": 1}}}, "ceilings.stages.prod.gpu"),
    "below zero": ({"monthly_cost": -1}, "ceilings.monthly_cost"),
    "truth value": ({"monthly_cost": True}, "ceilings.monthly_cost"),
    "text": ({"stages": {"prod": {"cpu": "many"}}}, "ceilings.stages.prod.cpu"),
    "not a number": ({"monthly_cost": "NaN"}, "ceilings.monthly_cost"),
    "half a database": ({"capabilities": {"postgres": 1.5}}, "ceilings.capabilities.postgres"),
    "a list": ({"stages": ["prod"]}, "ceilings.stages"),
    "a number for a stage": ({"stages": {"prod": 3}}, "ceilings.stages.prod"),
}


@pytest.mark.parametrize(("document", "path"), WRONG.values(), ids=WRONG.keys())
def test_it_names_what_is_wrong(document: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        ceilings_of(document)
    assert [one.path for one in caught.value.errors] == [path]


def test_extras_are_compared_one_by_one() -> None:
    one, other = Extras("dev", Decimal(5), {"a": 2, "b": 1}), Extras("dev", Decimal(7), {"a": 1, "c": 3})
    assert one.beyond(other) == Extras("dev", Decimal(0), {"a": 1, "b": 1})
    assert one.largest(other) == Extras("dev", Decimal(7), {"a": 2, "b": 1, "c": 3})

"""What an agent may ask for, what its changes add, and what of its calls is kept."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from provisioning.domain.agent import HIDDEN, KINDS, added_cost, agent_errors, beyond_scope, cut, over_cap, told

D = Decimal


@pytest.mark.parametrize(
    ("given", "path"),
    [
        pytest.param({}, "", id="fine"),
        pytest.param({"name": "Triage"}, "name", id="capital letter"),
        pytest.param({"name": "-a"}, "name", id="dash first"),
        pytest.param({"name": "a" * 41}, "name", id="too long"),
        pytest.param({"purpose": "x" * 301}, "purpose", id="long purpose"),
        pytest.param({"kinds": ()}, "kinds", id="may nothing"),
        pytest.param({"kinds": ("adopt",)}, "kinds", id="judges what others did"),
        pytest.param({"monthly_cap": D(-1)}, "monthly_cap", id="negative cap"),
        pytest.param({"days": 0}, "days", id="no time"),
        pytest.param({"days": 400}, "days", id="too long a time"),
    ],
)
def test_it_names_what_is_wrong_with_an_agent(given: dict[str, Any], path: str) -> None:
    fine: dict[str, Any] = {"name": "triage", "purpose": "", "kinds": KINDS, "monthly_cap": D(10), "days": None}
    assert [one.path for one in agent_errors(**{**fine, **given})] == ([path] if path else [])


@pytest.mark.parametrize(
    ("kind", "stage", "says"),
    [
        pytest.param("update", "dev", "", id="within"),
        pytest.param("update", None, "", id="no stage yet"),
        pytest.param("delete", "dev", "may not ask for “delete”", id="another kind"),
        pytest.param("update", "prod", "at prod", id="another stage"),
    ],
)
def test_it_says_what_is_beyond_the_scope(kind: str, stage: str | None, says: str) -> None:
    found = beyond_scope(kind=kind, stage=stage, kinds=("update",), stages=("dev",), name="triage")
    assert (says in found) if says else found == ""


@pytest.mark.parametrize(
    ("rows", "sums"),
    [
        pytest.param([], D(0), id="nothing"),
        pytest.param([(1, "pending", None, D(10), D(30))], D(20), id="asked for counts"),
        pytest.param([(1, "rejected", None, D(0), D(30))], D(0), id="rejected does not"),
        pytest.param([(1, "failed", 7, D(0), D(30))], D(30), id="begun and failed does"),
        pytest.param([(1, "cancelled", None, D(0), D(30))], D(0), id="withdrawn does not"),
        pytest.param([(1, "cancelled", 7, D(0), D(30))], D(30), id="stopped half way does"),
        pytest.param([(1, "succeeded", 7, D(0), D(30)), (1, "succeeded", 8, D(30), D(10))], D(10), id="saved again"),
        pytest.param([(1, "succeeded", 7, D(0), D(30)), (1, "pending", None, D(30), D(0))], D(30), id="saves later"),
        pytest.param([(1, "succeeded", 7, D(0), D(30)), (2, "succeeded", 8, D(90), D(0))], D(30), id="elsewhere"),
    ],
)
def test_it_sums_what_an_agent_adds(rows: list[Any], sums: Decimal) -> None:
    assert added_cost(rows) == sums


@pytest.mark.parametrize(
    ("spent", "asked", "fits"),
    [
        pytest.param(D(0), D(100), True, id="just the cap"),
        pytest.param(D(1), D(100), False, id="one too much"),
        pytest.param(D(200), D(0), True, id="adds nothing"),
        pytest.param(D(200), D(-5), True, id="saves"),
    ],
)
def test_it_holds_the_cap(spent: Decimal, asked: Decimal, fits: bool) -> None:
    said = over_cap(spent=spent, asked=asked, cap=D(100), name="triage", currency="EUR")
    assert (said == "") is fits
    assert fits or "triage may add" in said


def test_it_keeps_no_secret_and_nothing_long_of_what_was_called() -> None:
    deep: Any = "x"
    for _ in range(20):
        deep = {"in": deep}
    kept = told(
        {
            "spec": {"inputs": {"password": "hunter2", "env": {"API_KEY": "k", "MODE": "on"}, "secret": ""}},
            "note": "use slw_abcdefghij_" + "s" * 40,
            "long": "y" * 5_000,
            "many": list(range(500)),
            "nul": "a\0b",
            "deep": deep,
            "flag": True,
        }
    )
    assert kept["spec"]["inputs"] == {"password": HIDDEN, "env": {"API_KEY": HIDDEN, "MODE": "on"}, "secret": ""}
    assert kept["note"] == f"use {HIDDEN}"
    assert len(kept["long"]) == 400
    assert len(kept["many"]) == 40
    assert (kept["nul"], kept["flag"]) == ("ab", True)
    assert "…" in str(kept["deep"])


def test_it_cuts_texts() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"

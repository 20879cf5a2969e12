"""What a freeze holds, when, and in which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from provisioning.domain.freeze import (
    COVERS,
    KIND_COVERS,
    OWN_COVERS,
    Freeze,
    Place,
    Scope,
    begins,
    covers_of,
    fits,
    freeze_problems,
    holds,
    in_force,
    refusal,
    scope_in_words,
    touched,
    until_in_words,
)
from provisioning.domain.sleep_schedule import schedule_read
from provisioning.services.requests import KINDS

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLACE = Place("payments", "checkout", "prod", frozenset({"postgres"}))


def freeze(**fields: Any) -> Freeze:
    given: dict[str, Any] = {
        "id": 1,
        "title": "Sale",
        "reason": "The sale.",
        "by": "admin",
        "scope": Scope(),
        "covers": frozenset(COVERS),
        "starts_at": MONDAY,
        "ends_at": MONDAY + HOUR,
    }
    windows = fields.pop("windows", None)
    if windows is not None:
        fields["schedule"] = schedule_read(windows, fields.pop("zone", "UTC"))[0]
    return Freeze(**given | fields)


def test_every_kind_is_covered_or_known_to_go_on() -> None:
    assert set(KINDS) - set(KIND_COVERS) == {"rollback", "revert", "wake", "extend"}
    assert set(KIND_COVERS.values()) | set(OWN_COVERS.values()) == set(COVERS)


@pytest.mark.parametrize(
    ("kind", "by_clock", "covers"),
    [
        ("update", False, "changes"),
        ("delete", False, "changes"),
        ("delete", True, "expiry"),
        ("sleep", True, "sleep"),
        ("sleep", False, "changes"),
        ("upgrade", True, "upgrades"),
        ("promote", False, "promotions"),
        ("rollback", False, ""),
        ("wake", True, ""),
    ],
    ids=["update", "delete", "expiry", "sleep", "sleep-by-hand", "campaign", "promote", "rollback", "wake"],
)
def test_it_knows_what_must_be_covered(kind: str, by_clock: bool, covers: str) -> None:
    assert covers_of(kind, by_clock=by_clock) == covers


@pytest.mark.parametrize(
    ("scope", "inside"),
    [
        (Scope(), True),
        (Scope(teams=frozenset({"payments"})), True),
        (Scope(teams=frozenset({"storefront"})), False),
        (Scope(stages=frozenset({"prod"}), teams=frozenset({"payments"})), True),
        (Scope(stages=frozenset({"dev"}), teams=frozenset({"payments"})), False),
        (Scope(systems=frozenset({"shop", "checkout"})), True),
        (Scope(capabilities=frozenset({"postgres"})), True),
        (Scope(capabilities=frozenset({"cache"})), False),
    ],
    ids=["all", "team", "other team", "both", "one of both", "one of systems", "capability", "other capability"],
)
def test_it_holds_where_every_part_of_its_scope_fits(scope: Scope, inside: bool) -> None:
    assert fits(scope, PLACE) is inside


NIGHT = [{"days": ["mon"], "from": "22:00", "to": "02:00"}]


@pytest.mark.parametrize(
    ("fields", "now", "until"),
    [
        ({}, MONDAY - HOUR, "no"),
        ({}, MONDAY, MONDAY + HOUR),
        ({}, MONDAY + HOUR, "no"),
        ({"ends_at": None}, MONDAY + 900 * HOUR, None),
        ({"ends_at": None, "windows": NIGHT}, MONDAY, "no"),
        ({"ends_at": None, "windows": NIGHT}, MONDAY.replace(hour=23), datetime(2026, 3, 3, 2, tzinfo=UTC)),
        (
            {"ends_at": None, "windows": NIGHT},
            MONDAY.replace(hour=23) + 168 * HOUR,
            datetime(2026, 3, 10, 2, tzinfo=UTC),
        ),
        (
            {"ends_at": MONDAY.replace(hour=23, minute=45), "windows": NIGHT},
            MONDAY.replace(hour=23),
            MONDAY.replace(hour=23, minute=45),
        ),
        (
            {"ends_at": None, "windows": NIGHT, "zone": "Europe/Berlin"},
            MONDAY.replace(hour=21, minute=15),
            datetime(2026, 3, 3, 1, tzinfo=UTC),
        ),
    ],
    ids=[
        "before",
        "at once",
        "over",
        "until lifted",
        "by day",
        "at night",
        "a week later",
        "ends in a window",
        "in a zone",
    ],
)
def test_it_holds_and_thaws_by_the_clock(fields: dict[str, Any], now: datetime, until: Any) -> None:
    hold = in_force(freeze(**fields), now)
    assert (hold.until if hold else "no") == until


@pytest.mark.parametrize(
    ("fields", "moment"),
    [
        ({"starts_at": MONDAY + HOUR, "ends_at": None}, MONDAY + HOUR),
        ({"ends_at": None}, None),
        ({"ends_at": None, "windows": NIGHT}, MONDAY.replace(hour=22, minute=0)),
        ({"ends_at": MONDAY + HOUR, "windows": NIGHT}, None),
        ({"starts_at": MONDAY.replace(hour=23), "ends_at": None, "windows": NIGHT}, MONDAY.replace(hour=23)),
    ],
    ids=["scheduled", "already", "tonight", "ends before", "in the middle of a window"],
)
def test_it_says_when_it_holds_next(fields: dict[str, Any], moment: datetime | None) -> None:
    assert begins(freeze(**fields), MONDAY) == moment


def test_the_longest_hold_speaks_first() -> None:
    short, long, forever = freeze(id=1), freeze(id=2, ends_at=MONDAY + 2 * HOUR), freeze(id=3, ends_at=None)
    found = holds([short, long, forever], PLACE, "changes", MONDAY)
    assert [hold.freeze.id for hold in found] == [3, 2, 1]


def test_it_holds_only_what_it_covers() -> None:
    assert holds([freeze(covers=frozenset({"expiry"}))], PLACE, "changes", MONDAY) == []


def test_it_says_who_why_and_until_when() -> None:
    hold = in_force(freeze(scope=Scope(stages=frozenset({"prod"}))), MONDAY)
    assert hold is not None
    assert refusal(hold) == "admin froze stage prod until Mon 2 Mar 10:30 UTC: The sale."
    endless = in_force(freeze(ends_at=None), MONDAY)
    assert endless is not None
    assert until_in_words(endless) == "until somebody lifts it"
    assert scope_in_words(Scope()) == "the whole organisation"


def test_it_sees_the_capabilities_that_a_plan_touches() -> None:
    document = {"resources": {"db": {"capability": "postgres"}, "api": {"capability": "web-service"}}}
    plan = {"resources": [{"name": "db", "action": "unchanged"}, {"name": "api", "action": "updated"}]}
    assert touched(plan, document) == {"web-service"}
    assert touched({}, document, None) == {"postgres", "web-service"}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"title": " "}, "title"),
        ({"reason": ""}, "reason"),
        ({"covers": ()}, "covers"),
        ({"covers": ("everything",)}, "covers"),
        ({"glass": "nobody"}, "break_glass"),
        ({"ends_at": MONDAY - HOUR}, "ends_at"),
    ],
    ids=["title", "reason", "nothing", "unknown", "glass", "end"],
)
def test_it_names_what_is_wrong_with_a_freeze(fields: dict[str, Any], path: str) -> None:
    given: dict[str, Any] = {
        "title": "Sale", "reason": "The sale.", "covers": ("changes",), "glass": "admins",
        "starts_at": MONDAY, "ends_at": MONDAY + HOUR, "now": MONDAY,
    }  # fmt: skip
    assert [one.path for one in freeze_problems(**given)] == []
    assert [one.path for one in freeze_problems(**given | fields)] == [path]

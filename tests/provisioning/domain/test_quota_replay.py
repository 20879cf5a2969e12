"""What other limits would have said of recorded changes, and how high use went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from governance.domain.ceilings import Ceilings, Extras, ceilings_of
from governance.domain.quota import Amounts
from provisioning.domain.quota_replay import Asked, Course, Span, bounds_of, courses_of, peaks_of, quota_replayed
from provisioning.domain.replay import Recorded

START = datetime(2026, 11, 1, tzinfo=UTC)
PLENTY = Amounts(*(Decimal(1000),) * 3, 1000)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def cpu(cores: float) -> Amounts:
    return Amounts(cpu=Decimal(str(cores)))


def span(begins: float, ends: float | None, cores: float = 0, **extras: Any) -> Span:
    extras.setdefault("stage", "prod")
    return Span(at(begins), None if ends is None else at(ends), cpu(cores), Extras(**extras))


def courses(limits: Amounts, ceilings: dict[str, Any], *spans: Span) -> tuple[Course, ...]:
    return courses_of(bounds_of(limits, ceilings_of(ceilings)), spans)


def asked(hours: float, cores: float = 0, *, denied: bool = False, refused: bool = False, **extras: Any) -> Asked:
    recorded = Recorded(1, 1, 1, "payments", "Payments", denied, {})
    extras.setdefault("stage", "prod")
    return Asked(recorded, at(hours), cpu(cores), Extras(**extras), refused)


FULL = (span(0, None, 6),)


@pytest.mark.parametrize(
    ("ceilings", "spans", "change", "outcome", "message"),
    [
        pytest.param({}, FULL, asked(1, 2), "passes", "", id="just-enough"),
        pytest.param({}, FULL, asked(1, 3), "denies", "CPU: 3 cores asked, 2 of 8 left.", id="one-too-many"),
        pytest.param({}, FULL, asked(0, 3), "passes", "", id="what-begins-then-does-not-count"),
        pytest.param({}, (span(0, 2, 6),), asked(3, 8), "passes", "", id="what-is-over-does-not-count"),
        pytest.param({}, (span(0, None, 9),), asked(1, 1), "denies", "0 of 8 left", id="over-already"),
        pytest.param({}, (span(0, None, 9),), asked(1), "outside", "", id="asks-for-nothing"),
        pytest.param({}, FULL, asked(1, 2, denied=True, refused=True), "admits", "There would", id="room-now"),
        pytest.param({}, FULL, asked(1, 3, denied=True, refused=True), "denies", "CPU", id="refused-again"),
        pytest.param({}, FULL, asked(1, 2, denied=True), "passes", "", id="denied-for-something-else"),
        pytest.param(
            {"stages": {"prod": {"cpu": 7}}},
            FULL,
            asked(1, 2),
            "denies",
            "CPU at prod: 2 cores asked, 1 of 7",
            id="stage",
        ),
        pytest.param({"stages": {"prod": {"cpu": 7}}}, FULL, asked(1, 2, stage="dev"), "passes", "", id="other-stage"),
        pytest.param(
            {"monthly_cost": 10},
            (span(0, None, monthly_cost=Decimal(8)),),
            asked(1, monthly_cost=Decimal(3)),
            "denies",
            "Monthly cost: 3 a month asked, 2 of 10 left.",
            id="money",
        ),
        pytest.param(
            {"capabilities": {"postgres": 2}},
            (span(0, None, resources={"postgres": 2}),),
            asked(1, resources={"postgres": 1}),
            "denies",
            "Postgres resources: 1 resource asked, 0 of 2 left.",
            id="capability",
        ),
        pytest.param(
            {"capabilities": {"postgres": 2}},
            (span(0, None, resources={"postgres": 2}),),
            asked(1, resources={"redis": 1}),
            "passes",
            "",
            id="other-capability",
        ),
    ],
)
def test_it_judges_by_what_was_taken_at_the_moment(
    ceilings: dict[str, Any], spans: tuple[Span, ...], change: Asked, outcome: str, message: str
) -> None:
    limits = Amounts(Decimal(8), *(Decimal(1000),) * 2, 1000)
    found = quota_replayed(courses(limits, ceilings, *spans), change)
    assert found.outcome == outcome
    assert message in found.message
    assert bool(message) == bool(found.message)


@pytest.mark.parametrize(
    ("spans", "most", "when"),
    [
        pytest.param((), "0", 0, id="nothing"),
        pytest.param((span(-5, None, 3),), "3", 0, id="so-already"),
        pytest.param((span(-5, -1, 9), span(1, 3, 2), span(2, 4, 2)), "4", 2, id="two-at-once"),
        pytest.param((span(1, 2, 3), span(2, 3, 3)), "3", 1, id="one-takes-over-from-the-other"),
    ],
)
def test_it_tells_how_high_use_went(spans: tuple[Span, ...], most: str, when: float) -> None:
    first = peaks_of(courses(PLENTY, {}, *spans), START)[0]
    assert (first["name"], first["limit"], first["most"], first["at"]) == ("cpu", "1000", most, at(when).isoformat())


def test_there_is_a_line_for_every_limit() -> None:
    ceilings = {"monthly_cost": 5, "stages": {"prod": {"cpu": 1}}, "capabilities": {"postgres": 3}}
    names = [one["name"] for one in peaks_of(courses(PLENTY, ceilings), START)]
    assert names[4:] == ["monthly_cost", "prod.cpu", "resources.postgres"]
    assert len(bounds_of(PLENTY, Ceilings())) == 4

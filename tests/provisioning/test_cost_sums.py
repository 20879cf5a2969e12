"""Costs that the database sums are those of the domain, also over price lists that turn in the month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.models import Reservation
from provisioning.domain.plan import Footprint
from provisioning.domain.showback import Month, Use, cost_in
from provisioning.models import Cluster, Environment, Stage
from provisioning.selectors.clusters import price_book
from provisioning.selectors.costs import cost_lines, costs_by, spent
from tests.personas import NOW, Organisation
from tests.portal.pages import estate
from tests.provisioning.organisation import equip

MARCH = Month.of(NOW)
LATE = datetime(2026, 3, 29, 7, 3, 1, 250_000, tzinfo=UTC)
LISTS = [
    {"from": "2026-03-01", "stage": "", "cpu": "20", "memory_gib": "3", "storage_gib": "0.2"},
    {"from": "2026-03-09", "stage": "dev", "cpu": "31", "memory_gib": "0", "storage_gib": "0"},
    {"from": "2026-03-17", "stage": "", "cpu": "5.5", "memory_gib": "1.25", "storage_gib": "0.01"},
    {"from": "2026-04-02", "stage": "", "cpu": "999", "memory_gib": "999", "storage_gib": "999"},
]

pytestmark = pytest.mark.django_db


@pytest.fixture
def uses(organisation: Organisation) -> list[Reservation]:
    """Forty uses of ten environments in two stages, before, in and after March, some of which last."""
    equip(organisation)
    Cluster.objects.update(price_cpu=18, price_memory_gib=2, price_storage_gib=1, price_lists=LISTS)
    return uses_of(organisation, 5, prefix="costly")


def uses_of(organisation: Organisation, number: int, *, prefix: str) -> list[Reservation]:
    """Four of each of ``number`` systems' two environments."""
    chance = Random(number)
    stages = list(Stage.objects.filter(name__in=("dev", "prod")))
    made = estate.environments(estate.systems(organisation.payments, number, prefix=prefix), stages)
    Reservation.objects.filter(environment_id__in=[one.pk for one in made]).delete()
    places = Environment.objects.filter(pk__in=[one.pk for one in made]).select_related("stage")
    return Reservation.objects.bulk_create(
        row for place in places for row in history(organisation, place.pk, place.stage.name, chance)
    )


def history(organisation: Organisation, place: int, stage: str, chance: Random) -> Iterator[Reservation]:
    begun = datetime(2026, 2, 20, tzinfo=UTC) + timedelta(seconds=chance.randint(0, 1_000_000))
    for number in range(4):
        over = begun + timedelta(seconds=chance.randint(1, 1_200_000), microseconds=chance.randint(0, 999_999))
        lasts = number == 3
        yield Reservation(
            team=organisation.payments, environment_id=place, label="x", stage=stage,
            state="used" if lasts else "ended", cpu=Decimal(chance.randint(0, 9_000)) / 1000,
            memory_gib=chance.randint(0, 20), storage_gib=chance.randint(0, 300), created_at=begun,
            released_at=None if lasts else over,
        )  # fmt: skip
        begun = over


def of_the_domain(uses: list[Reservation], now: datetime) -> dict[int, float]:
    """By environment."""
    book = price_book(Cluster.objects.get())
    found: dict[int, float] = {}
    for row in uses:
        amounts = Footprint(float(row.cpu), float(row.memory_gib), float(row.storage_gib))
        use = Use(amounts, row.stage, row.created_at, row.released_at)
        found[row.environment_id] = found.get(row.environment_id, 0.0) + cost_in(MARCH, use, book, now=now)
    return {key: cost for key, cost in found.items() if cost}


WHEN = {"in it": LATE, "long after": datetime(2026, 5, 1, tzinfo=UTC), "before": datetime(2026, 3, 1, tzinfo=UTC)}


@pytest.mark.parametrize("now", WHEN.values(), ids=WHEN.keys())
def test_the_database_sums_what_the_domain_says(
    organisation: Organisation, uses: list[Reservation], now: datetime
) -> None:
    wanted = of_the_domain(uses, now)
    names = {one.pk: (one.system.slug, one.name) for one in Environment.objects.select_related("system")}
    found = {
        (one.system, one.environment): float(one.cost)
        for one in cost_lines(MARCH, rights=organisation.rights("developer"), now=now)
        if one.cost
    }
    assert found == pytest.approx({names[key]: cost for key, cost in wanted.items()}, abs=0.0101)
    summed = spent(MARCH, team_id=organisation.payments.pk, now=now)
    assert sum(summed.values()) == pytest.approx(sum(wanted.values()))


@pytest.mark.parametrize(("way", "count"), [("team", 1), ("system", 5), ("environment", 10)])
def test_every_way_adds_up_and_shows_the_dearest(
    organisation: Organisation, uses: list[Reservation], way: str, count: int
) -> None:
    rights = organisation.rights("developer")
    sums = costs_by(way, MARCH, rights=rights, most=100, now=LATE)
    assert (len(sums.lines), sums.count) == (count, count)
    assert sum(one.cost for one in sums.lines) == sums.total > 0
    assert [one.cost for one in sums.lines] == sorted((one.cost for one in sums.lines), reverse=True)
    few = costs_by(way, MARCH, rights=rights, most=1, now=LATE)
    assert (few.lines, few.count, few.total) == (sums.lines[:1], count, sums.total)


@pytest.mark.parametrize(("way", "count", "hidden"), [("team", 1, 0), ("system", 5, 1), ("environment", 9, 1)])
def test_what_may_not_be_seen_is_one_line_of_its_team(
    organisation: Organisation, uses: list[Reservation], way: str, count: int, hidden: int
) -> None:
    system = Environment.objects.filter(system__slug__startswith="costly").select_related("system")[0].system
    system.restricted = True
    system.save()
    sums, seen = (
        costs_by(way, MARCH, rights=organisation.rights(who), most=100, now=LATE) for who in ("stranger", "developer")
    )
    assert len(sums.lines) == count
    assert abs(sums.total - seen.total) <= Decimal("0.01")
    assert system.slug not in {one.system for one in sums.lines}
    assert [one.hidden for one in sums.lines].count(True) == hidden


def test_a_use_counts_for_the_team_whose_quota_it_took(organisation: Organisation, uses: list[Reservation]) -> None:
    Reservation.objects.filter(pk=uses[0].pk).update(team=organisation.storefront)
    system = Environment.objects.get(pk=uses[0].environment_id).system
    (line,) = costs_by(
        "environment", MARCH, rights=organisation.rights("admin"), team="storefront", most=9, now=LATE
    ).lines
    assert (line.team, line.system) == ("storefront", system.slug)


def test_it_asks_as_much_for_many(organisation: Organisation, uses: list[Reservation]) -> None:
    counts = []
    for prefix in ("some", "more"):
        with CaptureQueriesContext(connection) as asked:
            costs_by("environment", MARCH, rights=organisation.rights("viewer"), most=500, now=LATE)
        counts.append(len(asked))
        uses_of(organisation, 30, prefix=prefix)
    assert counts[0] == counts[1]

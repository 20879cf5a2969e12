"""Closed days say what the ledger says: whatever happened before, on the open day, or was written late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.models import AuditEntry, Reservation
from idp.catalog.models import System
from provisioning.domain.showback import Month
from provisioning.models import ClosedCost, ClosedCostSum, Cluster, CostClosing
from provisioning.selectors.closed_costs import closed_month
from provisioning.selectors.costs import Costs, costs_by
from provisioning.selectors.priced_uses import price_books
from provisioning.services.closed_costs import MONTHS, costs_check, costs_close, costs_disturb
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import equip
from tests.provisioning.test_cost_sums import LISTS, history, uses_of

MARCH = Month.of(NOW)
WAYS = ("team", "system", "environment")
NIGHT = datetime(2026, 3, 22, 0, 20, tzinfo=UTC)
LATER = {
    "at once": NIGHT,
    "in the day": datetime(2026, 3, 22, 15, 1, 2, 345_678, tzinfo=UTC),
    "when no worker ran for days": datetime(2026, 3, 27, 4, 0, tzinfo=UTC),
}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def uses(organisation: Organisation) -> list[Reservation]:
    equip(organisation)
    Cluster.objects.update(price_cpu=18, price_memory_gib=2, price_storage_gib=1, price_lists=LISTS)
    made = uses_of(organisation, 5, prefix="costly")
    System.objects.filter(pk=System.objects.filter(slug__startswith="costly").earliest("pk").pk).update(restricted=True)
    return made


def told(organisation: Organisation, now: datetime, most: int = 100) -> dict[tuple[str, str, str], Costs]:
    """Every way, as two people see it, with and without a team."""
    return {
        (way, who, team): costs_by(way, MARCH, rights=organisation.rights(who), team=team, most=most, now=now)
        for way in WAYS
        for who in ("admin", "stranger")
        for team in ("", "payments")
    }


def named(costs: Costs) -> dict[tuple[str, str, str, bool], float]:
    return {(one.team, one.system, one.environment, one.hidden): float(one.cost) for one in costs.lines}


def close(now: datetime) -> None:
    while costs_close(now=now) is not None:
        pass


def agree(organisation: Organisation, now: datetime) -> None:
    """What is told from closed days is what the uses say, to the cent that a sum is rounded to."""
    assert closed_month(MARCH, books=price_books(), now=now) is not None
    from_days = told(organisation, now)
    CostClosing.objects.filter(month=MARCH.start.date()).delete()
    for key, summed in told(organisation, now).items():
        assert named(from_days[key]) == pytest.approx(named(summed), abs=0.0101), key
        assert from_days[key].count == summed.count, key
        assert from_days[key].total == pytest.approx(summed.total, abs=Decimal("0.06")), key


@pytest.mark.parametrize("now", LATER.values(), ids=LATER.keys())
@pytest.mark.parametrize("chance", range(2))
def test_it_tells_what_the_uses_say(organisation: Organisation, now: datetime, chance: int) -> None:
    known = Random(chance)
    close(NIGHT)
    live = list(Reservation.objects.filter(state="used", label="x"))
    for row in known.sample(live, 4):
        over = NIGHT + (now - NIGHT) * known.random()
        Reservation.objects.filter(pk=row.pk).update(state="ended", released_at=over)
        if known.random() < 0.6:
            row.pk, row.created_at, row.cpu = None, over, Decimal(known.randint(0, 9_000)) / 1000
            row.save(force_insert=True)
    agree(organisation, now)


def written_late(organisation: Organisation) -> None:
    """Uses of the middle of the month, stored when it was closed already."""
    place = Reservation.objects.filter(label="x").latest("pk").environment_id
    late = list(history(organisation, place, "prod", Random(7)))[:3]
    Reservation.objects.bulk_create(late)


def of_another_team(organisation: Organisation) -> None:
    row = Reservation.objects.filter(state="used", label="x").latest("pk")
    Reservation.objects.filter(pk=row.pk).update(state="ended", released_at=NIGHT + timedelta(hours=3))
    row.pk, row.created_at, row.team = None, NIGHT + timedelta(hours=3), organisation.storefront
    row.save(force_insert=True)


def a_new_one(organisation: Organisation) -> None:
    uses_of(organisation, 1, prefix="brand-new")


AFTERWARDS: dict[str, Callable[[Organisation], None]] = {
    "written late": written_late,
    "another team": of_another_team,
    "a new system": a_new_one,
}


@pytest.mark.parametrize("happens", AFTERWARDS.values(), ids=AFTERWARDS.keys())
def test_it_knows_what_came_after_the_day_was_closed(
    organisation: Organisation, happens: Callable[[Organisation], None]
) -> None:
    close(NIGHT)
    happens(organisation)
    agree(organisation, LATER["in the day"])


def test_a_month_that_is_over_is_closed_whole(organisation: Organisation) -> None:
    close(datetime(2026, 4, 9, tzinfo=UTC))
    closing = CostClosing.objects.get(month=MARCH.start.date())
    assert (closing.until, set(closing.costs.values_list("rate", flat=True))) == (MARCH.end, {0.0})
    agree(organisation, datetime(2026, 4, 9, tzinfo=UTC))


UNUSABLE: dict[str, tuple[Callable[[], object], datetime]] = {
    "other prices": (lambda: Cluster.objects.update(price_cpu=19), LATER["in the day"]),
    "an environment that went elsewhere": (costs_disturb, LATER["in the day"]),
    "a price that turned since": (
        lambda: Cluster.objects.update(price_lists=[*LISTS, {**LISTS[0], "from": "2026-03-23"}]),
        LATER["when no worker ran for days"],
    ),
    "a look back": (lambda: None, NIGHT - timedelta(days=2)),
}


@pytest.mark.parametrize(("happens", "now"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_it_does_not_tell_from_days_that_say_nothing(
    organisation: Organisation, happens: Callable[[], object], now: datetime
) -> None:
    close(NIGHT)
    happens()
    assert closed_month(MARCH, books=price_books(), now=now) is None
    if costs_close(now=NIGHT) is not None:
        assert closed_month(MARCH, books=price_books(), now=NIGHT) is not None


def test_the_dearest_are_certain_also_when_few_are_read(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(NIGHT)
    monkeypatch.setattr("provisioning.selectors.closed_costs.SPARE", 0)
    now = LATER["when no worker ran for days"]
    rights = organisation.rights("admin")
    everything = costs_by("environment", MARCH, rights=rights, most=100, now=now)
    for most in (1, 3, 6):
        few = costs_by("environment", MARCH, rights=rights, most=most, now=now)
        assert (few.lines, few.count, few.total) == (everything.lines[:most], everything.count, everything.total)


def test_it_closes_one_month_at_a_time_and_keeps_a_year(organisation: Organisation) -> None:
    closed = [str(month) for _ in range(MONTHS) if (month := costs_close(now=NIGHT))]
    assert (closed[0], closed[1], closed[-1]) == ("2026-03", "2026-02", "2025-03")
    assert costs_close(now=NIGHT) is None
    for days in range(1, 4):
        assert costs_close(now=NIGHT + timedelta(days=days)) == MARCH
    assert CostClosing.objects.filter(month=MARCH.start.date()).count() == 2
    close(datetime(2026, 7, 1, 1, tzinfo=UTC))
    assert CostClosing.objects.earliest("month").month.isoformat() == "2025-07-01"


def test_a_day_is_not_closed_before_the_last_have_stored_what_they_did(organisation: Organisation) -> None:
    close(NIGHT)
    assert costs_close(now=datetime(2026, 3, 23, 0, 14, tzinfo=UTC)) is None
    assert costs_close(now=datetime(2026, 3, 23, 0, 15, tzinfo=UTC)) == MARCH


def check_all(now: datetime) -> int:
    return sum(costs_check(now=now + timedelta(seconds=number)) for number in range(MONTHS))


def test_the_check_finds_nothing_where_all_is_well(organisation: Organisation) -> None:
    close(NIGHT)
    of_another_team(organisation)
    assert check_all(NIGHT) == 0
    assert not AuditEntry.objects.filter(action="tally.correct").exists()


WRONG: dict[str, Callable[[], object]] = {
    "too dear": lambda: ClosedCost.objects.filter(pk=_one().pk).update(cost=1e6),
    "gone": lambda: _one().delete(),
    "a wrong rate": lambda: ClosedCost.objects.filter(pk=_one().pk).update(rate=1e6),
    "the ledger is another": lambda: Reservation.objects.filter(environment_id=_one().environment_id).update(cpu=77),
}


def _one() -> ClosedCost:
    return ClosedCost.objects.filter(closing__month=MARCH.start.date()).earliest("pk")


@pytest.mark.parametrize("spoil", WRONG.values(), ids=WRONG.keys())
def test_the_check_puts_right_and_audits_what_is_wrong(organisation: Organisation, spoil: Callable[[], object]) -> None:
    close(NIGHT)
    spoil()
    assert check_all(NIGHT) >= 1
    assert check_all(NIGHT + timedelta(hours=1)) == 0
    entry = AuditEntry.objects.filter(action="tally.correct").earliest("pk")
    assert entry.object_id == ClosedCost._meta.db_table
    assert entry.data["added"][0]["environment"]
    agree(organisation, LATER["in the day"])


def test_sums_of_systems_are_those_of_their_environments(organisation: Organisation) -> None:
    close(NIGHT)
    closing = CostClosing.objects.filter(month=MARCH.start.date()).latest("pk")
    rows = list(ClosedCost.objects.filter(closing=closing))
    sums = ClosedCostSum.objects.filter(closing=closing)
    assert sum(one.places for one in sums) == len(rows)
    assert sum(one.cost for one in sums) == pytest.approx(sum(one.cost for one in rows))


@pytest.mark.parametrize(("way", "number"), [("team", 4), ("system", 5), ("environment", 6)])
def test_it_asks_as_much_for_many(organisation: Organisation, way: str, number: int) -> None:
    asked, rights = [], organisation.rights("viewer")
    for prefix in ("some", "more"):
        close(NIGHT)
        with CaptureQueriesContext(connection) as queries:
            costs_by(way, MARCH, rights=rights, most=100, now=LATER["in the day"])
        asked.append(len(queries))
        uses_of(organisation, 30, prefix=prefix)
        CostClosing.objects.all().delete()
    assert asked == [number, number]

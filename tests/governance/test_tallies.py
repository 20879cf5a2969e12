"""Sums beside their rows: followed by the database whoever writes, folded at any time, compared and put right."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F, QuerySet

from governance.models import AuditEntry, QuotaTally, Reservation
from governance.models.tally import QUOTA_TALLY
from governance.selectors.quota import parts_of, quota_state
from governance.services.tallies import tallies_check, tallies_fold
from idp.kernel import tallies
from tests.personas import NOW, Organisation

pytestmark = pytest.mark.django_db


def reserve(organisation: Organisation, number: int, *, state: str = "used", cpu: str = "0.1") -> Reservation:
    return Reservation(
        team=organisation.payments, environment_id=number, change_id=number, label=f"e{number}", state=state,
        stage="prod", cpu=Decimal(cpu), memory_gib=Decimal(1), storage_gib=Decimal(0), environments=1,
        monthly_cost=Decimal("0.07"), created_at=NOW,
    )  # fmt: skip


def three(organisation: Organisation) -> QuerySet[Reservation]:
    Reservation.objects.bulk_create(reserve(organisation, number) for number in range(1, 4))
    return Reservation.objects.filter(environment_id__lt=10)


@pytest.fixture
def rows(organisation: Organisation) -> QuerySet[Reservation]:
    return three(organisation)


Move = Callable[[QuerySet[Reservation]], Any]
MOVES: dict[str, tuple[Move, str]] = {
    "nothing": (lambda rows: None, "0.3"),
    "an end": (lambda rows: rows.filter(environment_id=1).update(state="ended", released_at=NOW), "0.2"),
    "a deletion": (lambda rows: rows.filter(environment_id__lt=3).delete(), "0.1"),
    "another amount": (lambda rows: rows.update(cpu=F("cpu") + Decimal("1.2")), "3.9"),
    "a hold that is used": (lambda rows: rows.filter(environment_id=2).update(state="held"), "0.3"),
    "another stage": (lambda rows: rows.filter(environment_id=2).update(stage="dev"), "0.3"),
    "what is not counted": (lambda rows: rows.update(label="renamed"), "0.3"),
    "back to life": (
        lambda rows: (rows.update(state="ended"), rows.filter(environment_id=1).update(state="used")), "0.1",
    ),
}  # fmt: skip


def moved(organisation: Organisation, move: str) -> None:
    """The sums after a move are those of the rows, and what the table says."""
    act, cpu = MOVES[move]
    act(Reservation.objects.filter(environment_id__lt=10))
    state, parts = quota_state(organisation.payments.pk), parts_of(organisation.payments.pk)
    assert tallies.differences(QUOTA_TALLY) == []
    assert state.used.cpu + state.held.cpu == sum(part.amounts.cpu for part in parts) == Decimal(cpu)


@pytest.mark.parametrize("folded", [False, True], ids=["as it grows", "folded"])
@pytest.mark.parametrize("move", MOVES)
def test_it_follows_its_rows(organisation: Organisation, move: str, folded: bool) -> None:
    three(organisation)
    if folded:
        tallies_fold()
    moved(organisation, move)


def test_it_adds_nothing_for_what_does_not_count(rows: QuerySet[Reservation]) -> None:
    before = QuotaTally.objects.count()
    rows.update(label="renamed", change_id=None, resources={"postgres": 1})
    assert QuotaTally.objects.count() == before


def test_folding_leaves_a_row_for_each_place_and_none_for_what_is_gone(rows: QuerySet[Reservation]) -> None:
    rows.filter(environment_id=1).update(state="held")
    rows.filter(environment_id=1).update(state="released")
    tallies_fold()
    assert list(QuotaTally.objects.values_list("state", "cpu", "environments")) == [("used", Decimal("0.2"), 2)]
    rows.delete()
    tallies_fold()
    assert not QuotaTally.objects.exists()


def test_it_is_gone_with_the_transaction_that_moved_it(organisation: Organisation) -> None:
    with transaction.atomic():
        reserve(organisation, 1).save()
        assert quota_state(organisation.payments.pk).used.cpu == Decimal("0.1")
        transaction.set_rollback(True)
    assert not parts_of(organisation.payments.pk)


FAULTS: dict[str, tuple[Callable[[], Any], str]] = {
    "too much": (
        lambda: QuotaTally.objects.create(
            team_id=QuotaTally.objects.values_list("team_id")[0][0], state="used", stage="prod", cpu=5, environments=1
        ),
        "-5",
    ),
    "too little": (lambda: QuotaTally.objects.all().delete(), "0.3"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_difference_is_put_right_and_told(rows: QuerySet[Reservation], fault: str) -> None:
    spoil, added = FAULTS[fault]
    spoil()
    assert tallies_check(now=NOW) == 1
    assert tallies.differences(QUOTA_TALLY) == []
    told = AuditEntry.objects.get(action="tally.correct")
    assert told.object_label == "governance_quotatally"
    assert told.data["places"] == 1
    assert Decimal(told.data["added"][0]["cpu"]) == Decimal(added)
    assert tallies_check(now=NOW) == 0
    assert AuditEntry.objects.filter(action="tally.correct").count() == 1


def test_nothing_is_told_where_nothing_differs(rows: QuerySet[Reservation]) -> None:
    assert tallies_check(now=NOW) == 0
    assert not AuditEntry.objects.filter(action="tally.correct").exists()


def test_it_is_there_again_after_a_migration(rows: QuerySet[Reservation]) -> None:
    tallies.let_go(using="default", plan=["something"])
    rows.filter(environment_id=3).delete()
    tallies.follow(using="default", plan=["something"])
    assert tallies.differences(QUOTA_TALLY) == []
    rows.filter(environment_id=2).delete()
    assert tallies.differences(QUOTA_TALLY) == []


def test_it_stays_without_anything_to_migrate(rows: QuerySet[Reservation]) -> None:
    tallies.let_go(using="default", plan=[])
    tallies.follow(using="default", plan=[])
    rows.filter(environment_id=2).delete()
    assert tallies.differences(QUOTA_TALLY) == []

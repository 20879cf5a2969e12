"""Sums beside their rows on PostgreSQL: many writers and folders at once, nobody waits, nothing is lost or doubled."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import DatabaseError, connection

from governance.models import QuotaTally, Reservation
from governance.models.tally import QUOTA_TALLY
from governance.selectors.quota import quota_state
from governance.services.tallies import tallies_check, tallies_fold
from idp.kernel import tallies
from tests.concurrency.threads import side_by_side
from tests.governance.test_tallies import MOVES, moved, reserve, three
from tests.personas import NOW, Organisation
from tests.provisioning.test_tallies import story

WRITERS, TURNS = 16, 6

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("move", MOVES)
def test_it_follows_its_rows(move: str) -> None:
    organisation = Organisation.found()
    three(organisation)
    moved(organisation, move)


def test_many_write_fold_and_check_side_by_side() -> None:
    organisation = Organisation.found()

    def work(number: int) -> None:
        for turn in range(TURNS):
            row = reserve(organisation, number * TURNS + turn, cpu="0.2")
            row.save()
            if turn % 2:
                Reservation.objects.filter(pk=row.pk).update(state="ended")
            if number % 4 == 0:
                tallies_fold()
            if number % 8 == 0:
                assert tallies_check(now=NOW) == 0

    assert side_by_side(WRITERS, work) == [None] * WRITERS
    assert tallies.differences(QUOTA_TALLY) == []
    assert quota_state(organisation.payments.pk).used.cpu == Decimal("0.2") * WRITERS * TURNS / 2
    tallies_fold()
    assert QuotaTally.objects.count() == 1


def test_places_and_uses_follow_every_move() -> None:
    story()


def test_a_migration_alters_what_triggers_look_at() -> None:
    """PostgreSQL refuses that while a trigger names the column."""
    alter = "ALTER TABLE governance_reservation ALTER COLUMN stage TYPE varchar({})"
    with connection.cursor() as cursor:
        with pytest.raises(DatabaseError, match="trigger"):
            cursor.execute(alter.format(31))
        tallies.let_go(using="default", plan=["something"])
        cursor.execute(alter.format(31))
        cursor.execute(alter.format(30))
    tallies.follow(using="default", plan=["something"])
    assert tallies.differences(QUOTA_TALLY) == []

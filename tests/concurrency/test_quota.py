"""The last free quota, asked for by many at once. The first test proves that there is a race to win."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from django.db import transaction

from governance.domain.quota import Amounts, check
from governance.models import Reservation
from governance.selectors.quota import quota_state
from governance.services.quota import quota_hold, quota_set
from idp.catalog.models import Team
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import QuotaExceeded
from tests.concurrency.threads import side_by_side
from tests.personas import NOW, Organisation

THREADS = 16
ROOM = 5
ASKED = Amounts(cpu=Decimal(1), memory_gib=Decimal(2), environments=1)

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def team() -> Team:
    payments = Organisation.found().payments
    quota_set(PLATFORM, team=payments, cpu=ROOM, memory_gib=100, storage_gib=100, environments=100, now=NOW)
    return payments


def hold(team: Team, number: int) -> object:
    with transaction.atomic():
        return quota_hold(
            team=team,
            environment_id=number + 1,
            change_id=number + 1,
            label=f"checkout/preview-{number}",
            before=Amounts(),
            after=ASKED,
            now=NOW,
        )


def test_the_race_happens_without_the_lock(team: Team) -> None:
    """Read, decide, write, as ``quota_hold`` does, but without locking the quota row."""

    def careless(number: int) -> bool:
        with transaction.atomic():
            state = quota_state(team.pk)
            if check(state.limits, state.used, state.held, ASKED):
                return False
            time.sleep(0.05)
            Reservation.objects.create(
                team=team, environment_id=number, change_id=number, label="x", state="held", created_at=NOW,
                **ASKED.as_dict(),
            )  # fmt: skip
            return True

    assert sum(side_by_side(THREADS, careless)) > ROOM


@pytest.mark.parametrize("attempt", range(3))
def test_it_gives_the_last_quota_to_exactly_as_many_as_fit(team: Team, attempt: int) -> None:
    outcomes = side_by_side(THREADS, lambda number: hold(team, number))
    held = [outcome for outcome in outcomes if isinstance(outcome, Reservation)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, QuotaExceeded)]
    assert (len(held), len(refused)) == (ROOM, THREADS - ROOM), outcomes
    assert quota_state(team.pk).left.cpu == 0


def test_it_lets_teams_pass_each_other(team: Team) -> None:
    """One team's lock is not another's: both get all of theirs."""
    other = Team.objects.get(slug="storefront")
    outcomes = side_by_side(2 * ROOM, lambda number: hold(other if number % 2 else team, number))
    assert all(isinstance(outcome, Reservation) for outcome in outcomes), outcomes

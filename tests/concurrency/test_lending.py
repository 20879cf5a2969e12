"""64 threads at the last unit of quota while it is lent and given back: nobody takes what is not there."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from governance.domain.quota import Amounts
from governance.models import Loan, Reservation
from governance.selectors.quota import quota_state
from governance.services.loans import loan_accept, loan_propose, loan_return, loans_due
from governance.services.quota import quota_hold, quota_release_hold, quota_set
from idp.catalog.models import Team
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, InvalidInput, QuotaExceeded
from tests.concurrency.threads import side_by_side
from tests.personas import NOW, Organisation

THREADS = 64
ROOM = 5
REFUSED = (QuotaExceeded, InvalidInput, Conflict)

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def teams() -> list[Team]:
    return furnish()


def furnish() -> list[Team]:
    """Two teams with a few cores each, and loans that wait in both directions."""
    organisation = Organisation.found()
    return furnish_again([organisation.payments, organisation.storefront])


def furnish_again(found: list[Team]) -> list[Team]:
    """The same for teams that are there, whatever they held."""
    Reservation.objects.filter(state="held").update(state="released", released_at=NOW)
    for team in found:
        quota_set(PLATFORM, team=team, cpu=ROOM, memory_gib=100, storage_gib=100, environments=100, now=NOW)
    for number in range(8):
        lender = found[number % 2]
        loan_propose(
            PLATFORM,
            side="lender",
            lender=lender,
            borrower=found[1 - number % 2],
            amounts=Amounts(cpu=Decimal(1 + number % 3)),
            ends_at=NOW + timedelta(hours=number + 1),
            reason="x",
            now=NOW,
        )
    return found


def work(teams: list[Team], number: int) -> str:
    """Every fourth thread moves loans, the others want one core each and some give it back."""
    loans = list(Loan.objects.order_by("pk").values_list("pk", flat=True))
    if number % 8 == 0:
        loan_accept(PLATFORM, loans[number // 8 % len(loans)], now=NOW)
        return "lent"
    if number % 8 == 4:
        loans_due(now=NOW + timedelta(hours=number / 8))
        return "due"
    if number % 16 == 2:
        loan_return(PLATFORM, loans[number // 16 % len(loans)], now=NOW)
        return "returned"
    with transaction.atomic():
        quota_hold(
            team=teams[number % 2], environment_id=number + 1, change_id=number + 1, label=f"x/{number}",
            before=Amounts(), after=Amounts(cpu=Decimal(1)), now=NOW,
        )  # fmt: skip
    if number % 5 == 0:
        with transaction.atomic():
            quota_release_hold(change_id=number + 1, now=NOW)
    return "held"


def outcome_of(teams: list[Team], outcomes: list[object]) -> dict[str, object]:
    """What must be right whatever happened: faults, sums that do not fit, and limits that got lost."""
    states = [quota_state(team.pk) for team in teams]
    return {
        "faults": [repr(one) for one in outcomes if isinstance(one, Exception) and not isinstance(one, REFUSED)],
        "over": [str(one) for one in states if one.used.cpu + one.held.cpu > one.limits.cpu],
        "limits": float(sum(one.limits.cpu for one in states)),
        "full": Reservation.objects.filter(state="held").exists(),
    }


RIGHT = {"faults": [], "over": [], "limits": 2.0 * ROOM, "full": True}


def test_nobody_takes_what_is_lent_or_goes_back(teams: list[Team]) -> None:
    outcomes = side_by_side(THREADS, lambda number: work(teams, number))
    assert outcome_of(teams, outcomes) == RIGHT
    loans_due(now=NOW + timedelta(days=2))
    assert outcome_of(teams, []) == RIGHT
    for team in teams:
        with transaction.atomic():
            for row in Reservation.objects.filter(team=team, state="held"):
                quota_release_hold(change_id=row.change_id or 0, now=NOW)
    loans_due(now=NOW + timedelta(days=2))
    assert [float(quota_state(team.pk).limits.cpu) for team in teams] == [ROOM, ROOM]
    assert not Loan.objects.filter(state__in=("active", "due", "offered")).exists()

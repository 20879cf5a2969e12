"""Submit, approve, reject, run, fail, sleep, delete, lend and return in whatever order:
what two teams use and hold stays within their limits at every step, and the ledger adds up to both.
So do the sums that are kept beside it, folded at any time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from governance.domain.ceilings import Extras
from governance.domain.quota import NAMES, Amounts
from governance.models import LimitEntry, Loan, Quota, QuotaTally, Reservation
from governance.models.tally import QUOTA_TALLY
from governance.selectors.quota import parts_of, quota_state
from governance.services.loans import loan_accept, loan_propose, loan_return, loans_due
from governance.services.quota import (
    quota_hold,
    quota_release,
    quota_release_hold,
    quota_set,
    quota_settle,
    quota_use,
)
from idp.catalog.models import Team
from idp.kernel import tallies
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, InvalidInput, QuotaExceeded
from tests.personas import NOW, Organisation

CPU, MONEY, DATABASES = 6, 50, 3
VERBS = (
    "submit", "submit", "approve", "approve", "reject", "succeed", "fail", "sleep", "delete", "lend", "lend", "return",
    "wait", "fold",
)  # fmt: skip
STEP = st.tuples(st.sampled_from(VERBS), st.integers(0, 1), st.integers(0, 3), st.integers(1, 4))


@dataclass
class Place:
    """One environment of a team, as provisioning would follow it."""

    number: int
    team: Team
    amounts: Amounts = field(default_factory=Amounts)
    asked: Amounts | None = None
    running: bool = False
    settled: bool = True


class Life:
    def __init__(self) -> None:
        organisation = Organisation.found()
        self.teams = [organisation.payments, organisation.storefront]
        ceilings = {
            "monthly_cost": MONEY, "stages": {"prod": {"cpu": CPU - 1}}, "capabilities": {"postgres": DATABASES},
        }  # fmt: skip
        for team in self.teams:
            quota_set(
                PLATFORM, team=team, cpu=CPU, memory_gib=20, storage_gib=20, environments=3, ceilings=ceilings, now=NOW
            )
        self.places = [Place(n, self.teams[n % 2]) for n in range(8)]
        self.changes = 0
        self.held: dict[int, int] = {}
        self.now: datetime = NOW

    def do(self, verb: str, team: int, which: int, amount: int) -> None:
        self.now += timedelta(hours=1)
        place = self.places[which * 2 + team]
        try:
            with transaction.atomic():
                getattr(self, verb)(place, amount)
        except (QuotaExceeded, InvalidInput, Conflict):
            pass

    def submit(self, place: Place, amount: int) -> None:
        if place.asked is not None or place.running:
            return
        after = Amounts(cpu=Decimal(amount), memory_gib=Decimal(amount), environments=1)
        number = self.changes + 1
        quota_hold(
            team=place.team, environment_id=place.number, change_id=number, label=f"e{place.number}",
            before=place.amounts, after=after, extras_before=extras(place.amounts), extras=extras(after), now=self.now,
        )  # fmt: skip
        self.changes, place.asked = number, after
        self.held[place.number] = number

    def approve(self, place: Place, amount: int) -> None:
        if place.asked is None:
            return
        most = place.asked.largest(place.amounts)
        quota_use(
            change_id=self.held[place.number], environment_id=place.number, team=place.team, label="e", amounts=most,
            extras=extras(most), unsettled=not place.settled, now=self.now,
        )  # fmt: skip
        place.amounts, place.asked, place.running, place.settled = place.asked, None, True, False

    def reject(self, place: Place, amount: int) -> None:
        if place.asked is not None:
            quota_release_hold(change_id=self.held[place.number], now=self.now)
            place.asked = None

    def succeed(self, place: Place, amount: int) -> None:
        if place.running:
            quota_settle(environment_id=place.number, amounts=place.amounts, extras=extras(place.amounts), now=self.now)
            place.running, place.settled = False, True

    def fail(self, place: Place, amount: int) -> None:
        place.running = False

    def sleep(self, place: Place, amount: int) -> None:
        if place.amounts and place.settled and not place.running and place.asked is None:
            place.amounts = Amounts(memory_gib=Decimal(0), environments=1)
            quota_settle(environment_id=place.number, amounts=place.amounts, extras=extras(place.amounts), now=self.now)

    def delete(self, place: Place, amount: int) -> None:
        if not place.running and place.asked is None:
            quota_release(environment_id=place.number, now=self.now)
            place.amounts, place.settled = Amounts(), True

    def lend(self, place: Place, amount: int) -> None:
        borrower = self.teams[1 - self.teams.index(place.team)]
        loan = loan_propose(
            PLATFORM, side="lender", lender=place.team, borrower=borrower, amounts=Amounts(cpu=Decimal(amount)),
            ends_at=self.now + timedelta(hours=3 * amount), reason="x", now=self.now,
        )  # fmt: skip
        loan_accept(PLATFORM, loan.pk, now=self.now)

    def wait(self, place: Place, amount: int) -> None:
        self.now += timedelta(hours=amount)
        loans_due(now=self.now)

    def fold(self, place: Place, amount: int) -> None:
        tallies.fold(QUOTA_TALLY)
        places = QuotaTally.objects.values_list("team_id", "state", "stage")
        assert len(places) == len(set(places))

    def __getattr__(self, verb: str) -> object:
        if verb == "return":
            return self.give_back
        raise AttributeError(verb)

    def give_back(self, place: Place, amount: int) -> None:
        loan = Loan.objects.filter(borrower=place.team, state="active").first()
        if loan is not None:
            loan_return(PLATFORM, loan.pk, now=self.now)


def extras(amounts: Amounts) -> Extras:
    return Extras("prod", amounts.cpu * 10, {"postgres": amounts.environments} if amounts else {})


def check(life: Life) -> None:
    assert tallies.differences(QUOTA_TALLY) == []
    for team in life.teams:
        state, parts = quota_state(team.pk), parts_of(team.pk)
        for name in NAMES:
            taken = getattr(state.used, name) + getattr(state.held, name)
            assert taken <= getattr(state.limits, name), (team.slug, name, state)
        assert sum(part.monthly_cost for part in parts) <= MONEY
        assert sum(part.amounts.cpu for part in parts if part.stage == "prod") <= CPU - 1
        live = Reservation.objects.filter(team=team, state__in=("used", "held"))
        assert sum((row.cpu for row in live), Decimal(0)) == state.used.cpu + state.held.cpu
        assert sum((row.monthly_cost for row in live), Decimal(0)) == sum(part.monthly_cost for part in parts)
        assert sum(row.resources.get("postgres", 0) for row in live) <= DATABASES
        entries = LimitEntry.objects.filter(team=team).aggregate(**{name: Sum(name) for name in NAMES})
        assert Amounts.of(entries) == Amounts.of(Quota.objects.get(team=team))
    together = [quota_state(team.pk).limits.cpu for team in life.teams]
    assert sum(together) == 2 * CPU


class TestLedger(TestCase):
    @given(st.lists(STEP, min_size=5, max_size=40))
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_it_never_takes_more_than_there_is(self, steps: list[tuple[str, int, int, int]]) -> None:
        with transaction.atomic():
            life = Life()
            for step in steps:
                life.do(*step)
                check(life)
            transaction.set_rollback(True)

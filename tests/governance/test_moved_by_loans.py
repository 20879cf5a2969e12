"""What a team lends and borrows now, summed beside the team itself."""

from __future__ import annotations

from typing import Any

import pytest

from governance.domain.quota import Amounts
from governance.models import Loan
from governance.selectors.lending import moved_by_loans, with_loans
from idp.catalog.models import Team
from tests.personas import NOW, Organisation

pytestmark = pytest.mark.django_db


def lend(organisation: Organisation, state: str, **given: Any) -> None:
    sides = {"lender": organisation.payments, "borrower": organisation.storefront}
    Loan.objects.create(**sides, state=state, reason="x", ends_at=NOW, made_at=NOW, **given)


def moved(slug: str) -> tuple[Amounts, Amounts]:
    return moved_by_loans(with_loans(Team.objects.filter(slug=slug)).get())


def test_it_counts_what_is_out_and_not_back_yet(organisation: Organisation) -> None:
    lend(organisation, "active", cpu=4, memory_gib="0.5")
    lend(organisation, "due", cpu="2.5", environments=3, returned={"cpu": "1.25", "environments": "1"})
    for state in ("offered", "returned", "declined"):
        lend(organisation, state, cpu=99)
    out = Amounts.of({"cpu": "5.25", "memory_gib": "0.5", "environments": 2})
    assert moved("payments") == (out, Amounts())
    assert moved("storefront") == (Amounts(), out)


def test_a_team_without_loans_moved_nothing(organisation: Organisation) -> None:
    assert moved("payments") == (Amounts(), Amounts())

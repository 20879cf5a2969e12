"""Quota that one team lends another: proposed, accepted, given back, and owed while it is in use."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from governance.models import AuditEntry, LimitEntry, Loan, Notice, Quota
from governance.selectors.quota import quota_state
from governance.services.loans import (
    loan_accept,
    loan_decline,
    loan_propose,
    loan_return,
    loan_withdraw,
    loans_due,
)
from governance.services.quota import Amounts, quota_hold, quota_release, quota_set, quota_settle, quota_use
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, QuotaExceeded
from tests.personas import NOW, Organisation

pytestmark = pytest.mark.usefixtures("both_sides_told")

END = NOW + timedelta(days=7)
FOUR = Amounts(cpu=Decimal(4))


def propose(organisation: Organisation, *, side: Any = "lender", amounts: Amounts = FOUR, **changed: Any) -> Loan:
    """Payments lends storefront; ``side`` proposes."""
    who = "maintainer" if side == "lender" else "storefront_maintainer"
    given: dict[str, Any] = {"ends_at": END, "reason": "A sale.", "lender": organisation.payments}
    given |= {"borrower": organisation.storefront, "now": NOW, "actor": organisation.actor(who), **changed}
    return loan_propose(given.pop("actor"), side=side, amounts=amounts, **given)


def lent(organisation: Organisation, amounts: Amounts = FOUR) -> Loan:
    return loan_accept(organisation.actor("storefront_maintainer"), propose(organisation, amounts=amounts).pk, now=NOW)


def limits(organisation: Organisation) -> tuple[Decimal, Decimal]:
    return tuple(quota_state(team.pk).limits.cpu for team in (organisation.payments, organisation.storefront))  # type: ignore[return-value]


def use(organisation: Organisation, cpu: int, number: int = 1) -> None:
    quota_use(
        change_id=number, environment_id=number, team=organisation.storefront, label="shop/dev",
        amounts=Amounts(cpu=Decimal(cpu)), now=NOW,
    )  # fmt: skip


def hold(organisation: Organisation, cpu: int) -> Any:
    return quota_hold(
        team=organisation.storefront, environment_id=9, change_id=9, label="shop/new", before=Amounts(),
        after=Amounts(cpu=Decimal(cpu)), now=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("side", ["lender", "borrower"])
def test_it_moves_limits_when_the_other_side_accepts_and_back_when_its_time_is_over(
    organisation: Organisation, side: str
) -> None:
    loan = propose(organisation, side=side)
    assert limits(organisation) == (20, 20)
    other = "storefront_maintainer" if side == "lender" else "maintainer"
    loan_accept(organisation.actor(other), loan.pk, now=NOW)
    assert limits(organisation) == (16, 24)
    assert loans_due(now=END - timedelta(seconds=1)) == 0
    assert loans_due(now=END) == 1
    assert limits(organisation) == (20, 20)
    loan.refresh_from_db()
    assert (loan.state, loan.over_at) == ("returned", END)
    for team in (organisation.payments, organisation.storefront):
        assert sum(one.cpu for one in LimitEntry.objects.filter(team=team)) == 20
    entries = list(AuditEntry.objects.filter(object_type="loan").order_by("sequence"))
    first = "offered" if side == "lender" else "asked"
    assert [(one.action, (one.data["before"] or {}).get("state"), one.data["after"]["state"]) for one in entries] == [
        ("loan.propose", None, first),
        ("loan.accept", first, "active"),
        ("loan.return", "active", "returned"),
    ]
    assert entries[-1].behalf == "team payments"


def test_what_is_in_use_is_owed_and_goes_back_as_it_becomes_free(organisation: Organisation) -> None:
    loan = lent(organisation)
    use(organisation, 23)
    loans_due(now=END)
    state = quota_state(organisation.storefront.pk)
    assert (state.limits.cpu, state.owed.cpu, state.left.cpu) == (23, 3, -3)
    assert limits(organisation) == (17, 23)
    with pytest.raises(QuotaExceeded):
        hold(organisation, 1)
    quota_settle(environment_id=1, amounts=Amounts(cpu=Decimal(21)), now=NOW)
    with pytest.raises(QuotaExceeded):
        hold(organisation, 1)
    assert loans_due(now=END) == 1
    assert limits(organisation) == (19, 21)
    quota_release(environment_id=1, now=NOW)
    assert loans_due(now=END) == 1
    assert loans_due(now=END) == 0
    assert limits(organisation) == (20, 20)
    assert hold(organisation, 20) is not None
    loan.refresh_from_db()
    assert loan.state == "returned"
    assert Quota.objects.get(team=organisation.storefront).owed == {}


def test_both_sides_and_admins_hear_of_a_loan_that_does_not_come_back_once(organisation: Organisation) -> None:
    lent(organisation)
    use(organisation, 24)
    for _ in range(3):
        loans_due(now=END)
    told = Notice.objects.filter(kind="loan-due").values_list("person__username", flat=True)
    assert sorted(told) == ["admin", "maintainer", "second_maintainer", "storefront_maintainer"]


def test_nobody_lends_what_is_used(organisation: Organisation) -> None:
    loan = propose(organisation, amounts=Amounts(cpu=Decimal(15)))
    quota_use(
        change_id=1, environment_id=1, team=organisation.payments, label="x", amounts=Amounts(cpu=Decimal(6)), now=NOW
    )
    with pytest.raises(InvalidInput, match="cannot lend what it uses") as caught:
        loan_accept(organisation.actor("storefront_maintainer"), loan.pk, now=NOW)
    assert [one.path for one in caught.value.errors] == ["cpu"]
    with pytest.raises(InvalidInput):
        propose(organisation, amounts=Amounts(cpu=Decimal(15)))
    assert limits(organisation) == (20, 20)


def test_what_is_borrowed_may_be_given_back_early(organisation: Organisation) -> None:
    loan = lent(organisation)
    with pytest.raises(Forbidden):
        loan_return(organisation.actor("maintainer"), loan.pk, now=NOW)
    loan_return(organisation.actor("storefront_maintainer"), loan.pk, now=NOW)
    assert limits(organisation) == (20, 20)
    with pytest.raises(Conflict):
        loan_return(organisation.actor("storefront_maintainer"), loan.pk, now=NOW)


def test_a_limit_is_not_set_below_what_is_borrowed(organisation: Organisation) -> None:
    lent(organisation)
    with pytest.raises(InvalidInput) as caught:
        quota_set(
            organisation.actor("admin"), team=organisation.storefront, cpu=3, memory_gib=40, storage_gib=500,
            environments=10, now=NOW,
        )  # fmt: skip
    assert [one.path for one in caught.value.errors] == ["cpu"]


ANSWERS = {
    "the proposer accepts": (loan_accept, "maintainer", Forbidden),
    "a developer accepts": (loan_accept, "developer", Forbidden),
    "the proposer declines": (loan_decline, "maintainer", Forbidden),
    "the other side withdraws": (loan_withdraw, "storefront_maintainer", Forbidden),
    "the other side declines": (loan_decline, "storefront_maintainer", None),
    "the proposer withdraws": (loan_withdraw, "maintainer", None),
    "an admin accepts": (loan_accept, "admin", None),
}


@pytest.mark.parametrize(("verb", "who", "error"), ANSWERS.values(), ids=ANSWERS.keys())
def test_only_the_right_side_answers(organisation: Organisation, verb: Any, who: str, error: Any) -> None:
    loan = propose(organisation)
    if error is None:
        verb(organisation.actor(who), loan.pk, now=NOW)
        with pytest.raises(Conflict):
            verb(organisation.actor(who), loan.pk, now=NOW)
        return
    with pytest.raises(error):
        verb(organisation.actor(who), loan.pk, now=NOW)
    assert Loan.objects.get().state == "offered"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({"amounts": Amounts()}, "cpu"),
    "below zero": ({"amounts": Amounts(cpu=Decimal(-1))}, "cpu"),
    "over already": ({"ends_at": NOW}, "ends_at"),
    "for two years": ({"ends_at": NOW + timedelta(days=730)}, "ends_at"),
    "without a reason": ({"reason": " "}, "reason"),
}


@pytest.mark.parametrize(("changed", "path"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_proposal_names_its_field(organisation: Organisation, changed: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        propose(organisation, **changed)
    assert path in [one.path for one in caught.value.errors]
    assert not Loan.objects.exists()


def test_a_team_does_not_lend_to_itself(organisation: Organisation) -> None:
    with pytest.raises(InvalidInput):
        propose(organisation, borrower=organisation.payments)


def test_others_propose_nothing(organisation: Organisation) -> None:
    for who in ("developer", "storefront_maintainer"):
        with pytest.raises(Forbidden):
            propose(organisation, actor=organisation.actor(who))
    with pytest.raises(NotFound):
        loan_accept(organisation.actor("maintainer"), 999, now=NOW)


def test_what_nobody_answers_lapses(organisation: Organisation) -> None:
    loan = propose(organisation)
    with pytest.raises(Conflict):
        loan_accept(organisation.actor("storefront_maintainer"), loan.pk, now=END)
    assert loans_due(now=END) == 1
    loan.refresh_from_db()
    assert loan.state == "lapsed"
    assert limits(organisation) == (20, 20)

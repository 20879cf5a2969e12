"""Decisions and keys that arrive at once, on whatever database the session has a real server for."""

from __future__ import annotations

import pytest
from django.db import transaction

from governance.domain.approval import ApprovalNeed
from governance.models import Approval, Decision
from governance.services.approvals import Outcome, Subject, approvals_open, decide
from governance.services.idempotency import begin
from governance.services.teams import membership_set
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict
from tests.concurrency.threads import side_by_side
from tests.personas import NOW, Organisation, actor_of, person

THREADS = 16
DIGEST = "d" * 64

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def organisation() -> Organisation:
    return Organisation.found()


def subject(organisation: Organisation) -> Subject:
    return Subject(7, DIGEST, organisation.developer.pk, organisation.payments.pk, "Update checkout/prod")


def open_for(organisation: Organisation, count: int) -> None:
    needs = [ApprovalNeed("team:payments:maintainer", count, "p", "because")]
    with transaction.atomic():
        approvals_open(change_id=7, plan_digest=DIGEST, rules=needs, team_id=organisation.payments.pk, now=NOW)


def say(organisation: Organisation, actor: object, verdict: str) -> object:
    with transaction.atomic():
        return decide(actor, change=subject(organisation), verdict=verdict, plan_digest=DIGEST, comment="so", now=NOW)  # type: ignore[arg-type]


def test_it_records_one_persons_repeated_approval_once(organisation: Organisation) -> None:
    open_for(organisation, 2)
    actor = organisation.actor("maintainer")
    outcomes = side_by_side(THREADS, lambda number: say(organisation, actor, "approve"))
    assert set(outcomes) == {Outcome.WAITING}
    assert Decision.objects.count() == 1


def test_it_comes_to_one_outcome_when_many_approve_and_one_rejects(organisation: Organisation) -> None:
    open_for(organisation, 5)
    actors = []
    for number in range(THREADS):
        user = person(f"maintainer-{number}")
        membership_set(PLATFORM, team=organisation.payments, user=user, role="maintainer", now=NOW)
        actors.append(actor_of(user))
    outcomes = side_by_side(
        THREADS, lambda number: say(organisation, actors[number], "reject" if number == 9 else "approve")
    )
    faults = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert all(isinstance(fault, Conflict) for fault in faults), faults
    state = Approval.objects.get().state
    rejected = Outcome.REJECTED in outcomes
    assert state == ("rejected" if rejected else "approved")
    assert Decision.objects.count() == THREADS - len(faults)
    assert (Decision.objects.filter(verdict="approve").count() >= 5) is (state == "approved")


def test_it_lets_one_request_of_a_key_run() -> None:
    outcomes = side_by_side(THREADS, lambda number: begin("user:1", "key", "f" * 64, NOW))
    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == THREADS - 1


def test_it_settles_n_of_m_in_stages_once_when_all_decide_at_once(organisation: Organisation) -> None:
    """Sixteen maintainers, three of whom must agree, then two: one outcome, and no stage is passed twice or early."""
    needs = [
        ApprovalNeed("team:payments:maintainer", 3, "p", "because", route="r", stage=1, stage_name="One"),
        ApprovalNeed("team:payments:maintainer", 5, "p", "because", route="r", stage=2, stage_name="Two"),
    ]
    with transaction.atomic():
        approvals_open(change_id=7, plan_digest=DIGEST, rules=needs, team_id=organisation.payments.pk, now=NOW)
    actors = []
    for number in range(THREADS):
        user = person(f"maintainer-{number}")
        membership_set(PLATFORM, team=organisation.payments, user=user, role="maintainer", now=NOW)
        actors.append(actor_of(user))
    outcomes = side_by_side(THREADS, lambda number: say(organisation, actors[number], "approve"))
    faults = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert all(isinstance(fault, Conflict) for fault in faults), faults
    counted = {outcome: outcomes.count(outcome) for outcome in Outcome}
    assert counted[Outcome.APPROVED] == 1
    assert counted[Outcome.NEXT] == 1
    assert counted[Outcome.WAITING] == 3
    assert len(faults) == THREADS - 5
    assert Decision.objects.count() == 5
    assert list(Approval.objects.order_by("position").values_list("state", flat=True)) == ["approved", "approved"]

"""Decisions: who may, what counts, what comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from governance.domain.approval import ApprovalNeed
from governance.models import Approval, AuditEntry, Decision
from governance.services.approvals import (
    Outcome,
    Subject,
    approvals_dismiss,
    approvals_open,
    approvers,
    approvers_for,
    decide,
    may_decide,
    remark,
    waiting_change_ids,
    waiting_on,
)
from governance.services.teams import membership_remove, membership_set
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotSignedIn, StalePlan, UserFault
from tests.personas import ANONYMOUS, NOW, Organisation, actor_of, person

DIGEST = "d" * 64
MAINTAINER = "team:payments:maintainer"
PLATFORM_GROUP = "group:platform"


def subject(organisation: Organisation, requester: str = "developer") -> Subject:
    return Subject(7, DIGEST, organisation.people[requester].pk, organisation.payments.pk, "Update checkout/prod")


def ask(
    organisation: Organisation, *needs: tuple[str, int], digest: str = DIGEST, change_id: int = 7
) -> list[Approval]:
    rules = [ApprovalNeed(source, count, "prod", "because") for source, count in needs]
    return approvals_open(
        change_id=change_id, plan_digest=digest, rules=rules, team_id=organisation.payments.pk, now=NOW
    )


def say(organisation: Organisation, persona: str, verdict: str = "approve", **given: Any) -> Outcome:
    wanted: dict[str, Any] = {"plan_digest": DIGEST, "comment": "so"} | given
    requester = wanted.pop("requester", "developer")
    actor = wanted.pop("actor", None) or organisation.actor(persona)
    return decide(actor, change=subject(organisation, requester), verdict=verdict, now=NOW, **wanted)  # type: ignore[arg-type]


def states() -> list[str]:
    return list(Approval.objects.order_by("id").values_list("state", flat=True))


def test_it_is_approved_when_all_have_agreed(organisation: Organisation) -> None:
    ask(organisation, (MAINTAINER, 1), (PLATFORM_GROUP, 1))
    assert say(organisation, "maintainer") == Outcome.WAITING
    assert states() == ["approved", "waiting"]
    assert say(organisation, "platform_engineer") == Outcome.APPROVED
    assert states() == ["approved", "approved"]
    entries = AuditEntry.objects.filter(object_type="change").order_by("sequence")
    assert [(entry.actor_name, entry.action) for entry in entries] == [
        ("maintainer", "change.approve"),
        ("platform_engineer", "change.approve"),
    ]
    assert {entry.team_slug for entry in entries} == {"payments"}


def test_one_person_counts_everywhere_they_are_eligible(organisation: Organisation) -> None:
    ask(organisation, (MAINTAINER, 1), (PLATFORM_GROUP, 1))
    both = organisation.platform_engineer
    membership_set(PLATFORM, team=organisation.payments, user=both, role="maintainer", now=NOW)
    assert say(organisation, "platform_engineer") == Outcome.APPROVED


def test_it_waits_for_as_many_as_the_policy_wants(organisation: Organisation) -> None:
    ask(organisation, (MAINTAINER, 2))
    assert say(organisation, "maintainer") == Outcome.WAITING
    assert say(organisation, "second_maintainer") == Outcome.APPROVED


def test_it_records_a_repeated_decision_once(organisation: Organisation) -> None:
    ask(organisation, (MAINTAINER, 2))
    assert say(organisation, "maintainer") == say(organisation, "maintainer") == Outcome.WAITING
    assert Decision.objects.count() == 1
    say(organisation, "second_maintainer")
    assert say(organisation, "maintainer") == Outcome.APPROVED
    with pytest.raises(Conflict, match="already approved"):
        say(organisation, "maintainer", "reject")


def test_one_rejection_ends_it(organisation: Organisation) -> None:
    ask(organisation, (MAINTAINER, 2), (PLATFORM_GROUP, 1))
    say(organisation, "maintainer")
    assert say(organisation, "second_maintainer", "reject") == Outcome.REJECTED
    assert states() == ["rejected", "dismissed"]
    with pytest.raises(Conflict, match="no longer waits"):
        say(organisation, "platform_engineer")


def test_it_may_be_rejected_by_someone_whose_part_was_given_already(organisation: Organisation) -> None:
    ask(organisation, (MAINTAINER, 1), (PLATFORM_GROUP, 1))
    say(organisation, "maintainer")
    with pytest.raises(Conflict, match="Enough people"):
        say(organisation, "second_maintainer")
    assert say(organisation, "second_maintainer", "reject") == Outcome.REJECTED


@pytest.mark.parametrize("requester", ["maintainer", "admin", "platform_engineer"])
@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_nobody_decides_on_their_own_change(organisation: Organisation, requester: str, verdict: str) -> None:
    ask(organisation, (MAINTAINER, 1), (PLATFORM_GROUP, 1))
    for scopes in (None, ["read", "change", "approve", "admin"]):
        actor = organisation.actor(requester, scopes=scopes)
        with pytest.raises(Forbidden) as caught:
            say(organisation, requester, verdict, actor=actor, requester=requester)
        assert caught.value.code == "own-change"
    assert not Decision.objects.exists()
    assert may_decide(organisation.rights(requester), subject(organisation, requester)).startswith("It is your own")


@pytest.mark.parametrize("persona", ["viewer", "stranger", "storefront_maintainer", "auditor", "platform_engineer"])
@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_it_refuses_those_who_are_not_asked(organisation: Organisation, persona: str, verdict: str) -> None:
    ask(organisation, (MAINTAINER, 1))
    with pytest.raises(Forbidden, match="Only a maintainer of payments may decide"):
        say(organisation, persona, verdict)
    assert may_decide(organisation.rights(persona), subject(organisation)).startswith("Only a maintainer of payments")
    assert states() == ["waiting"]


def test_it_lets_an_admin_stand_in_for_a_team_but_not_for_a_group(organisation: Organisation) -> None:
    ask(organisation, (MAINTAINER, 1))
    assert say(organisation, "admin") == Outcome.APPROVED
    ask(organisation, (PLATFORM_GROUP, 1), digest="e" * 64)
    changed = Subject(7, "e" * 64, organisation.developer.pk, organisation.payments.pk, "x")
    with pytest.raises(Forbidden):
        decide(organisation.actor("admin"), change=changed, verdict="approve", plan_digest="e" * 64, now=NOW)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"plan_digest": "e" * 64}, StalePlan),
        ({"verdict": "reject", "comment": " "}, InvalidInput),
        ({"comment": "x" * 4001}, InvalidInput),
    ],
    ids=["another plan", "rejected without a word", "too many words"],
)
def test_it_refuses_an_unfit_decision(
    organisation: Organisation, given: dict[str, Any], error: type[UserFault]
) -> None:
    ask(organisation, (MAINTAINER, 1))
    with pytest.raises(error):
        say(organisation, "maintainer", **given)
    assert not Decision.objects.exists()


@pytest.mark.parametrize("scopes", [["read"], ["change"], ["admin"]], ids=lambda scopes: scopes[0])
def test_it_refuses_a_token_without_the_scope(organisation: Organisation, scopes: list[str]) -> None:
    ask(organisation, (MAINTAINER, 1))
    with pytest.raises(Forbidden, match="approve"):
        say(organisation, "maintainer", actor=organisation.actor("maintainer", scopes=scopes))
    assert may_decide(organisation.rights("maintainer", scopes=scopes), subject(organisation))


def test_it_refuses_nobody_and_the_platform_itself(organisation: Organisation) -> None:
    ask(organisation, (MAINTAINER, 1))
    with pytest.raises(NotSignedIn):
        say(organisation, "", actor=ANONYMOUS)
    with pytest.raises(Forbidden):
        say(organisation, "", actor=PLATFORM)


def test_a_withdrawn_membership_withdraws_eligibility_at_once(organisation: Organisation) -> None:
    ask(organisation, (MAINTAINER, 2))
    actor = organisation.actor("maintainer")
    say(organisation, "maintainer", actor=actor)
    membership_remove(PLATFORM, team=organisation.payments, user=organisation.maintainer, now=NOW)
    assert say(organisation, "second_maintainer") == Outcome.WAITING
    assert say(organisation, "admin") == Outcome.APPROVED


def test_someone_who_left_cannot_decide_any_more(organisation: Organisation) -> None:
    ask(organisation, (MAINTAINER, 1))
    actor = organisation.actor("maintainer")
    membership_set(PLATFORM, team=organisation.payments, user=organisation.maintainer, role="developer", now=NOW)
    with pytest.raises(Forbidden):
        say(organisation, "maintainer", actor=actor)


def test_a_new_plan_asks_anew(organisation: Organisation) -> None:
    ask(organisation, (MAINTAINER, 2))
    say(organisation, "maintainer")
    ask(organisation, (MAINTAINER, 1), digest="e" * 64)
    assert states() == ["dismissed", "waiting"]
    changed = Subject(7, "e" * 64, organisation.developer.pk, organisation.payments.pk, "x")
    with pytest.raises(StalePlan):
        decide(organisation.actor("second_maintainer"), change=changed, verdict="approve", plan_digest=DIGEST, now=NOW)


def test_it_is_dismissed_once(organisation: Organisation) -> None:
    ask(organisation, (MAINTAINER, 1), (PLATFORM_GROUP, 1))
    assert approvals_dismiss(change_id=7, now=NOW) == 2
    assert approvals_dismiss(change_id=7, now=NOW) == 0
    with pytest.raises(Conflict):
        say(organisation, "maintainer")


def test_it_keeps_remarks_beside_decisions(organisation: Organisation) -> None:
    ask(organisation, (MAINTAINER, 1))
    remark(organisation.actor("developer"), change=subject(organisation), verdict="comment", comment="soon?", now=NOW)
    remark(organisation.actor("developer"), change=subject(organisation), verdict="comment", comment="now?", now=NOW)
    assert say(organisation, "maintainer") == Outcome.APPROVED
    assert [decision.verdict for decision in Decision.objects.all()] == ["comment", "comment", "approve"]
    with pytest.raises(InvalidInput):
        remark(organisation.actor("viewer"), change=subject(organisation), verdict="comment", comment=" ", now=NOW)


@pytest.mark.parametrize(
    ("persona", "changes"),
    [
        ("maintainer", [1, 3]),
        ("second_maintainer", [1, 3]),
        ("platform_engineer", [2, 3]),
        ("developer", []),
        ("stranger", []),
        ("admin", [4]),
    ],
)
def test_it_knows_what_waits_for_a_person(organisation: Organisation, persona: str, changes: list[int]) -> None:
    ask(organisation, (MAINTAINER, 1), change_id=1)
    ask(organisation, (PLATFORM_GROUP, 1), change_id=2)
    ask(organisation, (MAINTAINER, 1), (PLATFORM_GROUP, 1), change_id=3)
    ask(organisation, ("team:storefront:maintainer", 1), change_id=4)
    ask(organisation, (MAINTAINER, 1), change_id=5)
    approvals_dismiss(change_id=5, now=NOW)
    assert sorted(set(waiting_change_ids(organisation.rights(persona)))) == changes
    assert Approval.objects.filter(waiting_on(organisation.rights("anonymous"))).count() == 0


def test_what_a_person_has_answered_waits_for_them_no_longer(organisation: Organisation) -> None:
    ask(organisation, (MAINTAINER, 2))
    say(organisation, "maintainer")
    assert list(waiting_change_ids(organisation.rights("maintainer"))) == []
    assert list(waiting_change_ids(organisation.rights("second_maintainer"))) == [7]
    assert may_decide(organisation.rights("maintainer"), subject(organisation)) == "You have agreed to it already."
    assert may_decide(organisation.rights("second_maintainer"), subject(organisation)) == ""


def test_it_names_who_can_be_asked(organisation: Organisation) -> None:
    team, platform = ask(organisation, (MAINTAINER, 1), (PLATFORM_GROUP, 1))
    assert approvers(team) == ("maintainer", "second_maintainer")
    assert approvers(team, excluding=organisation.maintainer.pk) == ("second_maintainer",)
    assert approvers(platform) == ("platform_engineer",)
    assert approvers_for("team:maintainer", team=organisation.payments) == ("maintainer", "second_maintainer")
    assert approvers_for("team:storefront:maintainer", team=organisation.payments) == ("storefront_maintainer",)
    lonely = organisation.people["storefront_maintainer"].pk
    assert approvers_for("team:maintainer", team=organisation.storefront, excluding=lonely) == ("admin",)


def test_a_service_account_does_not_get_round_the_second_pair_of_eyes(organisation: Organisation) -> None:
    """A team's robot cannot be a maintainer, so a developer cannot approve through its token."""
    robot = person("payments-ci", service_of=organisation.payments)
    membership_set(PLATFORM, team=organisation.payments, user=robot, role="developer", now=NOW)
    ask(organisation, (MAINTAINER, 1))
    with pytest.raises(Forbidden):
        say(organisation, "", actor=actor_of(robot, scopes=["read", "change", "approve", "admin"]))


def test_a_decision_costs_few_queries(organisation: Organisation, django_assert_max_num_queries: Any) -> None:
    ask(organisation, (MAINTAINER, 1), (PLATFORM_GROUP, 1))
    with django_assert_max_num_queries(13):
        say(organisation, "maintainer")


def test_a_requesters_agreement_never_counts_even_if_it_is_on_record(organisation: Organisation) -> None:
    """As when a change was handed over: the row is there, and still two others must agree."""
    ask(organisation, (MAINTAINER, 2))
    Decision.objects.create(
        change_id=7, plan_digest=DIGEST, user=organisation.maintainer, verdict="approve", created_at=NOW
    )
    assert say(organisation, "second_maintainer", requester="maintainer") == Outcome.WAITING

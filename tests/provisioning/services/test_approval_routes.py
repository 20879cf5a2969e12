"""Routes on real changes: stages, who may not agree, who stands in, and what becomes of what nobody decides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from governance.access import rights_of
from governance.models import Approval, AuditEntry, Decision, Delegation, Notice
from governance.services.delegations import delegation_create, delegation_withdraw
from governance.services.policies import policy_save
from governance.services.routes import route_restore, route_retire, route_save
from governance.services.teams import membership_remove, membership_set
from governance.services.tokens import token_authenticate, token_create, token_revoke
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, NotSignedIn, StalePlan
from portal.reading.change import approvals_count
from provisioning.models import Change, ChangeAuthor
from provisioning.selectors.changes import change_get, change_list, change_view
from provisioning.services.approval_sweep import approvals_escalate, approvals_expire
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.decisions import change_approve, change_reject
from tests.personas import NOW, Organisation, actor_of, person
from tests.provisioning.organisation import PROD_NEEDS_A_MAINTAINER, create, equip, spec


def route(*stages: dict[str, Any], name: str = "production", **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "slipway.dev/v1",
        "kind": "ApprovalRoute",
        "metadata": {"name": name},
        "spec": {"title": "Into production", "stages": list(stages), **more},
    }


def stage(name: str, *sources: str, count: int = 1, **more: Any) -> dict[str, Any]:
    return {"name": name, "approvers": [{"from": source, "count": count} for source in sources], **more}


def asks_route(name: str = "production") -> dict[str, Any]:
    asked = [{"from": f"route:{name}"}]
    return {**PROD_NEEDS_A_MAINTAINER, "spec": {**PROD_NEEDS_A_MAINTAINER["spec"], "approvals": asked}}


TEAM = stage("Team", "team:maintainer")
PLATFORM_STAGE = stage("Platform", "group:platform")


def waiting(organisation: Organisation, *stages: dict[str, Any], who: str = "developer", **more: Any) -> Change:
    """A change to production that waits for ``stages``."""
    equip(organisation, policies=())
    route_save(PLATFORM, document=route(*stages, **more), now=NOW)
    policy_save(PLATFORM, document=asks_route(), now=NOW)
    return create(organisation, "live", stage="prod", who=who)


def agree(organisation: Organisation, change: Change, who: Any, **given: Any) -> Change:
    actor = organisation.actor(who) if isinstance(who, str) else who
    return change_approve(actor, change.pk, plan_digest=change.plan_digest, now=given.pop("now", NOW), **given)


def test_it_counts_in_a_stage_only_who_may_agree_in_it(organisation: Organisation) -> None:
    change = waiting(organisation, TEAM, stage("Platform", "group:platform", count=2))
    agree(organisation, change, "maintainer")

    change.refresh_from_db()
    view = change_view(rights_of(organisation.actor("maintainer")), change)

    assert [(one.stage, one.state, len(one.given)) for one in view.approvals][-1] == ("Platform", "waiting", 0)
    assert approvals_count(view) == "1 of 3"


def states(change: Change) -> list[tuple[str, str]]:
    rows = Approval.objects.filter(change_id=change.pk, plan_digest=change.plan_digest).order_by("position")
    return list(rows.values_list("source", "state"))


def test_it_asks_one_stage_after_the_other(organisation):
    change = waiting(organisation, TEAM, PLATFORM_STAGE)
    assert states(change) == [("team:payments:maintainer", "waiting"), ("group:platform", "later")]
    mine = change_list(organisation.rights("platform_engineer"), waiting_on_me=True)
    assert not mine.exists()
    with pytest.raises(Forbidden):
        agree(organisation, change, "platform_engineer")
    view = change_view(organisation.rights("platform_engineer"), change_get(organisation.rights("admin"), change.pk))
    assert "Your turn comes with the stage “Platform”" in view.why_not

    assert agree(organisation, change, "maintainer").state == "pending"
    assert states(change) == [("team:payments:maintainer", "approved"), ("group:platform", "waiting")]
    assert mine.get() == change
    assert Notice.objects.filter(kind="change-waits", person=organisation.platform_engineer).exists()
    assert agree(organisation, change, "platform_engineer").state == "running"


def test_it_asks_stages_side_by_side(organisation):
    change = waiting(organisation, TEAM, PLATFORM_STAGE, order="side-by-side")
    assert [state for _, state in states(change)] == ["waiting", "waiting"]
    assert agree(organisation, change, "platform_engineer").state == "pending"
    assert agree(organisation, change, "maintainer").state == "running"


def test_whoever_agreed_before_counts_in_the_next_stage(organisation):
    equip(organisation, policies=())
    membership_set(
        PLATFORM, team=organisation.payments, user=organisation.platform_engineer, role="maintainer", now=NOW
    )
    route_save(PLATFORM, document=route(TEAM, PLATFORM_STAGE), now=NOW)
    policy_save(PLATFORM, document=asks_route(), now=NOW)
    change = create(organisation, "live", stage="prod")
    assert agree(organisation, change, "platform_engineer").state == "running"


def test_it_needs_n_of_those_who_are_named(organisation):
    change = waiting(organisation, stage("Three", "people:maintainer,second_maintainer,stranger", count=2))
    with pytest.raises(Forbidden):
        agree(organisation, change, "admin")
    assert change_list(organisation.rights("stranger"), waiting_on_me=True).get() == change
    assert agree(organisation, change, "stranger").state == "pending"
    assert agree(organisation, change, "second_maintainer").state == "running"


def test_one_rejection_ends_every_stage(organisation):
    change = waiting(organisation, TEAM, PLATFORM_STAGE)
    change_reject(organisation.actor("maintainer"), change.pk, comment="No.", now=NOW)
    assert [state for _, state in states(change)] == ["rejected", "dismissed"]


def test_a_condition_lets_a_change_start_by_itself(organisation):
    easy = {"when": "plan.counts.removed == 0 && quota.cpu.ratio_after < 0.9"}
    change = waiting(organisation, stage("Team", "team:maintainer", skip=easy))
    assert change.state == "running"
    assert states(change) == [("team:payments:maintainer", "skipped")]
    assert Approval.objects.get().reason.startswith("Left out, because plan.counts.removed == 0")


def test_it_asks_the_owner_of_what_the_system_depends_on(organisation):
    from idp.catalog.models import Dependency

    ours = organisation.checkout.components.first()
    theirs = organisation.systems["shop"].components.first()
    Dependency.objects.create(component=ours, needs=theirs)
    change = waiting(organisation, stage("Neighbours", "dependencies"))
    assert states(change) == [("team:storefront:maintainer", "waiting")]
    assert agree(organisation, change, "storefront_maintainer").state == "running"


def test_a_route_that_is_gone_asks_the_platform_admins(organisation):
    equip(organisation, policies=())
    route_save(PLATFORM, document=route(TEAM), now=NOW)
    policy_save(PLATFORM, document=asks_route(), now=NOW)
    from governance.models import ApprovalRoute

    ApprovalRoute.objects.update(state="retired")
    change = create(organisation, "live", stage="prod")
    assert states(change) == [("group:platform-admins", "waiting")]
    assert agree(organisation, change, "admin").state == "running"


def test_it_says_beside_the_form_who_must_agree(organisation):
    equip(organisation, policies=())
    route_save(PLATFORM, document=route(TEAM, PLATFORM_STAGE), now=NOW)
    policy_save(PLATFORM, document=asks_route(), now=NOW)
    request = ChangeRequest("create", "checkout", "live", spec=spec("prod"), reason="Because.")
    planned = change_plan(organisation.actor("developer"), request, now=NOW)
    assert [(one.stage_name, one.who) for one in planned.approvals] == [
        ("Team", ("maintainer", "second_maintainer")),
        ("Platform", ("platform_engineer",)),
    ]


def robot_token(organisation: Organisation, maker: str, *scopes: str) -> tuple[Any, Any]:
    robot = person("payments-ci", service_of=organisation.payments)
    membership_set(PLATFORM, team=organisation.payments, user=robot, role="developer", now=NOW)
    return token_create(organisation.actor(maker), owner=robot, name="ci", scopes=scopes, now=clock.now())


def test_who_holds_the_token_that_asked_does_not_agree(organisation):
    equip(organisation)
    _, plaintext = robot_token(organisation, "maintainer", "read", "change")
    actor = token_authenticate(plaintext, clock.now())
    request = ChangeRequest("create", "checkout", "live", spec=spec("prod"), reason="Because.")
    change = change_submit(actor, request, now=NOW)
    assert ChangeAuthor.objects.get().user == organisation.maintainer
    assert not change_list(organisation.rights("maintainer"), waiting_on_me=True).exists()
    view = change_view(organisation.rights("maintainer"), change_get(organisation.rights("maintainer"), change.pk))
    assert view.why_not.startswith("You had a part in asking")
    with pytest.raises(Forbidden) as caught:
        agree(organisation, change, "maintainer")
    assert caught.value.code == "own-change"
    assert agree(organisation, change, "second_maintainer").state == "running"


def test_a_token_in_the_hands_of_the_requester_does_not_agree(organisation):
    """The requester made a token for another account in a group that is asked, and would agree through it."""
    from dataclasses import replace

    change = waiting(organisation, PLATFORM_STAGE, who="maintainer")
    borrowed = replace(
        organisation.actor("platform_engineer", scopes=["read", "approve"]),
        token_id=1,
        holder_id=organisation.maintainer.pk,
    )
    with pytest.raises(Forbidden) as caught:
        agree(organisation, change, borrowed)
    assert caught.value.code == "own-change"


def test_a_service_account_in_a_group_never_agrees(organisation):
    from django.contrib.auth.models import Group

    change = waiting(organisation, PLATFORM_STAGE)
    robot = person("payments-ci", service_of=organisation.payments)
    robot.groups.add(Group.objects.get(name="platform"))
    with pytest.raises(Forbidden):
        agree(organisation, change, actor_of(robot, scopes=["read", "approve"]))


def lend(organisation: Organisation, owner: str, other: str, **given: Any) -> Delegation:
    now = clock.now()
    wanted = {"starts_at": now - timedelta(minutes=1), "ends_at": now + timedelta(days=7)} | given
    return delegation_create(organisation.actor(owner), stand_in=other, reason="Holiday", now=now, **wanted)


def test_a_stand_in_decides_for_somebody(organisation):
    change = waiting(organisation, stage("Ann", "people:maintainer"))
    with pytest.raises(Forbidden):
        agree(organisation, change, "second_maintainer")
    lend(organisation, "maintainer", "second_maintainer")
    assert change_list(organisation.rights("second_maintainer"), waiting_on_me=True).get() == change
    assert agree(organisation, change, "second_maintainer").state == "running"
    decision = Decision.objects.get()
    assert (decision.user, decision.on_behalf_of) == (organisation.second_maintainer, organisation.maintainer)
    assert AuditEntry.objects.get(action="change.approve").data["for"] == "maintainer"


def test_a_stand_in_and_the_person_are_one_voice(organisation):
    change = waiting(organisation, stage("Two", "people:maintainer,stranger", count=2))
    lend(organisation, "maintainer", "second_maintainer")
    agree(organisation, change, "second_maintainer")
    assert agree(organisation, change, "maintainer").state == "pending"
    assert agree(organisation, change, "stranger").state == "running"


@pytest.mark.parametrize("who", ["maintainer", "second_maintainer"], ids=["whose right it is", "the stand-in"])
def test_nobody_agrees_to_their_own_by_a_stand_in(organisation, who):
    change = waiting(organisation, stage("Ann", "people:maintainer,stranger"), who=who)
    lend(organisation, "maintainer", "second_maintainer")
    with pytest.raises(Forbidden):
        agree(organisation, change, "second_maintainer")


def test_a_delegation_that_is_taken_back_withdraws_the_right_and_what_was_said(organisation):
    change = waiting(organisation, stage("Two", "people:maintainer,stranger,admin", count=2))
    lent = lend(organisation, "maintainer", "second_maintainer")
    agree(organisation, change, "second_maintainer")
    delegation_withdraw(organisation.actor("maintainer"), delegation_id=lent.pk, now=clock.now())
    assert not organisation.rights("second_maintainer").stands_for
    assert agree(organisation, change, "stranger").state == "pending"
    assert agree(organisation, change, "admin").state == "running"


def test_a_delegation_that_is_over_or_not_begun_gives_nothing(organisation):
    change = waiting(organisation, stage("Ann", "people:maintainer"))
    now = clock.now()
    lend(organisation, "maintainer", "second_maintainer", starts_at=now + timedelta(days=1))
    Delegation.objects.create(
        person=organisation.maintainer,
        stand_in=organisation.second_maintainer,
        starts_at=now - timedelta(days=9),
        ends_at=now - timedelta(days=2),
        created_at=now,
    )
    with pytest.raises(Forbidden):
        agree(organisation, change, "second_maintainer")


UNFIT = [
    ("somebody who decides nothing beside them", "maintainer", "developer", {}, "stand_in"),
    ("themselves", "maintainer", "maintainer", {}, "stand_in"),
    ("nobody", "maintainer", "no-one", {}, "stand_in"),
    ("an end before the beginning", "maintainer", "second_maintainer", {"ends_at": NOW}, "ends_at"),
    ("half a year", "maintainer", "second_maintainer", {"ends_at": clock.now() + timedelta(days=180)}, "ends_at"),
]


@pytest.mark.parametrize(("owner", "other", "given", "path"), [row[1:] for row in UNFIT], ids=[row[0] for row in UNFIT])
def test_it_refuses_a_stand_in(organisation, owner, other, given, path):
    with pytest.raises(InvalidInput) as caught:
        lend(organisation, owner, other, **given)
    assert path in [one.path for one in caught.value.errors]


def test_only_the_person_or_an_admin_arranges_it_and_no_token(organisation):
    now = clock.now()
    given: dict[str, Any] = {"starts_at": now, "ends_at": now + timedelta(days=1), "now": now}
    with pytest.raises(Forbidden):
        delegation_create(organisation.actor("developer"), person="maintainer", stand_in="second_maintainer", **given)
    with pytest.raises(Forbidden):
        delegation_create(
            organisation.actor("maintainer", scopes=["admin", "approve"]), stand_in="second_maintainer", **given
        )
    row = delegation_create(organisation.actor("admin"), person="maintainer", stand_in="second_maintainer", **given)
    assert Notice.objects.filter(kind="stand-in").count() == 2
    with pytest.raises(NotFound):
        delegation_withdraw(organisation.actor("stranger"), delegation_id=row.pk, now=now)


def test_a_removed_membership_withdraws_the_right_at_once(organisation):
    change = waiting(organisation, stage("Two", "team:maintainer", count=2))
    agree(organisation, change, "maintainer")
    membership_remove(PLATFORM, team=organisation.payments, user=organisation.maintainer, now=NOW)
    assert agree(organisation, change, "second_maintainer").state == "pending"


def test_a_revoked_token_withdraws_the_right_at_once(organisation):
    waiting(organisation, TEAM)
    now = clock.now()
    token, plaintext = token_create(
        organisation.actor("maintainer"), owner=organisation.maintainer, name="x", scopes=["read", "approve"], now=now
    )
    token_revoke(organisation.actor("maintainer"), token=token, now=now)
    with pytest.raises(NotSignedIn):
        token_authenticate(plaintext, now)


def test_it_asks_the_next_people_when_nobody_decides_in_time(organisation):
    change = waiting(organisation, stage("Team", "team:maintainer", escalate={"after": 4, "to": "group:platform"}))
    assert approvals_escalate(now=NOW + timedelta(hours=3)) == 0
    with pytest.raises(Forbidden):
        agree(organisation, change, "platform_engineer")
    late = NOW + timedelta(hours=4)
    assert approvals_escalate(now=late) == 1
    assert approvals_escalate(now=late) == 0
    assert change.events.last().event == "escalate"
    assert Notice.objects.filter(kind="change-waits", person=organisation.platform_engineer).exists()
    assert change_list(organisation.rights("platform_engineer"), waiting_on_me=True).get() == change
    assert agree(organisation, change, "platform_engineer", now=late).state == "running"


def test_a_change_that_waits_too_long_expires(organisation):
    change = waiting(organisation, TEAM, PLATFORM_STAGE, expires=24)
    agree(organisation, change, "maintainer", now=NOW + timedelta(hours=20))
    assert approvals_expire(now=NOW + timedelta(hours=25)) == 0, "the clock of a stage begins with the stage"
    assert approvals_expire(now=NOW + timedelta(hours=44)) == 1
    change.refresh_from_db()
    assert change.state == "expired"
    assert not Approval.objects.filter(state__in=("waiting", "later")).exists()
    told = Notice.objects.get(kind="change-cancelled", person=organisation.developer)
    assert "waited too long" in told.text
    with pytest.raises(Conflict):
        agree(organisation, change, "platform_engineer")


def test_a_plan_that_moves_dismisses_what_was_agreed_with_a_notice(organisation):
    change = waiting(organisation, TEAM, PLATFORM_STAGE)
    agree(organisation, change, "maintainer")
    agree(organisation, change, "platform_engineer")
    from provisioning.models import Run
    from tests.provisioning.organisation import carry_out

    carry_out(Run.objects.get())
    first, second = [
        change_submit(
            organisation.actor("developer"),
            ChangeRequest("update", "checkout", "live", spec=spec("prod", api={"replicas": replicas})),
            now=NOW,
        )
        for replicas in (3, 4)
    ]
    agree(organisation, second, "maintainer")
    agree(organisation, first, "maintainer")
    agree(organisation, first, "platform_engineer")
    read = second.plan_digest
    second.refresh_from_db()
    assert second.plan_digest != read
    assert states(second) == [("team:payments:maintainer", "waiting"), ("group:platform", "later")]
    gone = Approval.objects.filter(change_id=second.pk, plan_digest=read).order_by("position")
    assert [one.state for one in gone] == ["approved", "dismissed"]
    told = Notice.objects.filter(person=organisation.maintainer, kind="change-waits", url=f"/changes/{second.pk}/")
    assert told.count() == 2
    with pytest.raises(StalePlan):
        change_approve(organisation.actor("platform_engineer"), second.pk, plan_digest=read, now=NOW)


def test_every_version_of_a_route_can_be_taken_back(organisation):
    admin = organisation.actor("admin")
    first = route_save(admin, document=route(TEAM), now=NOW)
    assert route_save(admin, document=route(TEAM), now=NOW).version == first.version == 1
    route_save(admin, document=route(TEAM, PLATFORM_STAGE), expected_version=1, now=NOW)
    assert len(route_restore(admin, name="production", version=1, now=NOW).document["spec"]["stages"]) == 1
    policy_save(PLATFORM, document=asks_route(), now=NOW)
    with pytest.raises(Conflict, match="prod-needs-a-maintainer ask"):
        route_retire(admin, name="production", now=NOW)
    entries = AuditEntry.objects.filter(object_type="approval-route").order_by("sequence")
    assert [len((entry.data["before"] or {"spec": {"stages": []}})["spec"]["stages"]) for entry in entries] == [0, 1, 2]
    with pytest.raises(Forbidden):
        route_save(organisation.actor("maintainer"), document=route(TEAM), now=NOW)


@pytest.mark.parametrize(
    "source", ["team:nobody:maintainer", "group:nobody", "people:nobody"], ids=["team", "group", "person"]
)
def test_it_refuses_a_route_that_nobody_could_walk(organisation, source):
    with pytest.raises(InvalidInput) as caught:
        route_save(PLATFORM, document=route(stage("Nobody", source)), now=NOW)
    assert caught.value.errors[0].path == "spec.stages.0.approvers.0.from"


def test_a_policy_asks_only_for_a_route_in_force(organisation):
    with pytest.raises(InvalidInput, match="no approval route"):
        policy_save(PLATFORM, document=asks_route("nowhere"), now=NOW)
    route_save(PLATFORM, document=route(TEAM, name="nowhere"), draft=True, now=NOW)
    with pytest.raises(InvalidInput, match="no approval route"):
        policy_save(PLATFORM, document=asks_route("nowhere"), now=NOW)


def rules(organisation: Organisation) -> Change:
    """A living production environment, and an approved change of it that does not run yet, for a run is under way."""
    from provisioning.models import Run
    from tests.provisioning.organisation import carry_out

    change = waiting(organisation, TEAM)
    agree(organisation, change, "maintainer")
    carry_out(Run.objects.get())
    return change


def scale(organisation: Organisation, replicas: int, who: str = "developer") -> Change:
    request = ChangeRequest("update", "checkout", "live", spec=spec("prod", api={"replicas": replicas}))
    return change_submit(organisation.actor(who), request, now=NOW)


def has_its_own_agreement(change: Change) -> bool:
    """Whether what runs, or ran, is a plan to which everybody agreed who had to."""
    asked = Approval.objects.filter(change_id=change.pk, plan_digest=change.plan_digest)
    return asked.exists() and not asked.exclude(state__in=("approved", "skipped")).exists()


def by_an_edit_before_it(organisation: Organisation) -> Change:
    """Two are agreed to; the first to run moves the base of the other."""
    first, second = scale(organisation, 3), scale(organisation, 4)
    agree(organisation, first, "maintainer")
    second.refresh_from_db()
    return second


def by_a_run_that_is_overtaken(organisation: Organisation) -> Change:
    """The second is agreed to while the first still runs, which makes room for it."""
    from provisioning.models import Run
    from tests.provisioning.organisation import carry_out

    first = scale(organisation, 3)
    agree(organisation, first, "maintainer")
    second = scale(organisation, 4)
    agree(organisation, second, "maintainer")
    third = scale(organisation, 5)
    carry_out(Run.objects.get(change=first))
    third.refresh_from_db()
    return third


def by_a_hand_in_the_database(organisation: Organisation) -> Change:
    """Agreement to one digest does not become one to another, whatever moved the plan."""
    change = scale(organisation, 3)
    Decision.objects.create(
        change_id=change.pk, plan_digest="0" * 64, user=organisation.maintainer, verdict="approve", created_at=NOW
    )
    with pytest.raises(StalePlan):
        change_approve(organisation.actor("second_maintainer"), change.pk, plan_digest="0" * 64, now=NOW)
    change.refresh_from_db()
    return change


def by_the_sweep(organisation: Organisation) -> Change:
    """What waits is not started by the sweep that starts what is agreed to, nor can it be resumed."""
    from provisioning.services.starts import change_resume, changes_start_due

    change = scale(organisation, 3)
    assert changes_start_due(now=NOW + timedelta(hours=1)) == 0
    with pytest.raises(Conflict):
        change_resume(organisation.actor("developer"), change.pk, now=NOW)
    change.refresh_from_db()
    return change


@pytest.mark.parametrize(
    "way", [by_an_edit_before_it, by_a_run_that_is_overtaken, by_a_hand_in_the_database, by_the_sweep]
)
def test_a_plan_that_changed_never_runs_without_a_new_agreement(organisation, way):
    rules(organisation)
    change = way(organisation)
    assert change.state == "pending"
    assert not change.runs.exists()
    assert not has_its_own_agreement(change)
    agree(organisation, change, "maintainer")
    change.refresh_from_db()
    assert has_its_own_agreement(change)
    for other in Change.objects.filter(runs__isnull=False).distinct():
        assert has_its_own_agreement(other)

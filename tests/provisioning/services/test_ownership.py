"""Who owns a system stays true: confirmed, handed over by both sides, and brought to rest where nobody is left."""

from __future__ import annotations

from datetime import timedelta

import pytest

from governance.domain.ownership import CONFIRM_EVERY, ENDS_AFTER, SLEEPS_AFTER, TeamView, is_ring, successor
from governance.domain.quota import OverQuota
from governance.models import AuditEntry, Notice, Ownership, Reservation, Transfer
from governance.selectors.quota import quota_state
from governance.services.people import account_update
from governance.services.quota import quota_set
from governance.services.teams import team_update
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, InvalidInput
from provisioning.models import Change, Environment, Run, Stage
from provisioning.selectors.ownership import alone, team_is_alone, team_views, unconfirmed, without_maintainer
from provisioning.services.changes import ChangeRequest, change_plan
from provisioning.services.ownership import ownership_confirm, ownership_sweep
from provisioning.services.transfers import transfer_agree, transfer_ask, transfer_end
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]
PAYMENTS = ("developer", "maintainer", "second_maintainer")


@pytest.fixture
def there() -> Organisation:
    organisation = Organisation.found()
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation)))
    return organisation


def leave(there: Organisation, *people: str) -> None:
    for name in people:
        account_update(there.actor("admin"), username=name, active=False, now=NOW)


def view(number: int, parent: int | None, people: int) -> TeamView:
    return TeamView(number, f"team-{number}", parent, people, people, False)


@pytest.mark.parametrize(
    ("teams", "found"),
    [
        ([view(1, 2, 0), view(2, None, 3)], 2),
        ([view(1, 2, 0), view(2, 3, 0), view(3, None, 1)], 3),
        ([view(1, 2, 0), view(2, 1, 0)], None),
        ([view(1, None, 0)], None),
    ],
    ids=["parent", "above the parent", "a ring", "nobody above"],
)
def test_the_first_team_above_with_people_takes_over(teams: list[TeamView], found: int | None) -> None:
    taken = successor(1, {one.id: one for one in teams})
    assert (taken.id if taken else None) == found


def test_a_ring_of_parents_is_seen() -> None:
    assert is_ring(1, 3, {3: 2, 2: 1, 1: None})
    assert not is_ring(1, 3, {3: 2, 2: None})


def test_a_system_whose_team_is_left_by_everybody_waits_for_the_team_above(there: Organisation) -> None:
    team_update(there.actor("admin"), team=there.payments, parent="storefront", now=NOW)
    leave(there, *PAYMENTS)
    found = alone(there.rights("admin"), team_views())
    assert [(one.system.slug, one.successor) for one in found] == [("checkout", "storefront"), ("vault", "storefront")]
    assert team_is_alone(there.payments.pk)
    assert [one.may_act for one in alone(there.rights("storefront_maintainer"), team_views())] == [True]


def test_a_team_without_a_maintainer_is_named(there: Organisation) -> None:
    leave(there, "storefront_maintainer")
    assert [one.system.slug for one in without_maintainer(there.rights("admin"), team_views())] == ["shop"]
    assert not team_is_alone(there.storefront.pk)


def test_what_nobody_owns_cannot_be_promoted(there: Organisation) -> None:
    leave(there, *PAYMENTS)
    request = ChangeRequest("promote", "checkout", "stage", source="try")
    planned = change_plan(there.actor("admin"), request, now=NOW)
    assert "somebody-owns-it" in [one.policy for one in planned.denials]


def test_it_sleeps_after_a_week_and_goes_after_a_month_with_notice(there: Organisation) -> None:
    leave(there, *PAYMENTS)
    assert ownership_sweep(now=NOW) == 2
    assert Notice.objects.filter(kind="system-alone", person=there.admin).count() == 2
    ownership_sweep(now=NOW + timedelta(days=1))
    assert not Change.objects.filter(kind="sleep").exists()
    ownership_sweep(now=NOW + SLEEPS_AFTER)
    slept = Change.objects.get(kind="sleep")
    carry_out(Run.objects.get(change=slept), Clock(NOW + SLEEPS_AFTER))
    Environment.objects.update(expires_at=None)
    for hours in (0, 1, 2):
        ownership_sweep(now=NOW + ENDS_AFTER + timedelta(hours=hours))
    assert Change.objects.filter(kind="sleep").count() == 1
    assert Change.objects.filter(kind="extend").count() == 1
    asked = AuditEntry.objects.filter(action="change.submit", data__kind__in=("sleep", "extend"))
    assert set(asked.values_list("actor_name", "behalf")) == {("slipway", "team payments")}
    assert Notice.objects.filter(kind="system-alone", person=there.admin, title__startswith="checkout").count() == 3


def test_a_team_that_has_people_again_is_left_in_peace(there: Organisation) -> None:
    leave(there, *PAYMENTS)
    ownership_sweep(now=NOW)
    account_update(there.actor("admin"), username="developer", active=True, now=NOW)
    assert ownership_sweep(now=NOW + ENDS_AFTER) == 0
    assert not Ownership.objects.exclude(alone_since=None).exists()
    told = AuditEntry.objects.filter(object_type="system", object_label="checkout", actor_name="slipway")
    told = told.exclude(action="system.create").order_by("sequence")
    assert list(told.values_list("action", "behalf")) == [
        ("system.alone", "team payments"),
        ("system.owned-again", "team payments"),
    ]
    assert told[0].data["before"] == {"alone_since": None}
    assert told[0].data["after"] == told[1].data["before"] == {"alone_since": NOW.isoformat()}


def test_owners_confirm_once_a_period_or_work_on_it(there: Organisation) -> None:
    later, rights = NOW + CONFIRM_EVERY, there.rights("admin")
    names = [one.system.slug for one in unconfirmed(rights, team_views(), now=later)]
    assert set(names) == {"checkout", "vault", "shop"}
    assert [one.system.slug for one in unconfirmed(rights, team_views(), now=later - timedelta(days=1))] == []
    ownership_confirm(there.actor("developer"), system=there.checkout, now=later)
    assert "checkout" not in [one.system.slug for one in unconfirmed(rights, team_views(), now=later)]
    with pytest.raises(Forbidden):
        ownership_confirm(there.actor("viewer"), system=there.checkout, now=later)
    with pytest.raises(Forbidden):
        ownership_confirm(PLATFORM, system=there.checkout, now=later)


def test_a_system_changes_hands_with_its_quota_when_both_agree(there: Organisation) -> None:
    before = quota_state(there.payments.pk).used
    assert before
    row = transfer_ask(there.actor("maintainer"), system=there.checkout, taker="storefront", reason="Theirs.", now=NOW)
    assert (row.state, row.given_by, row.taken_by) == ("open", there.maintainer, None)
    assert Notice.objects.filter(kind="system-transfer", person=there.storefront_maintainer).exists()
    row = transfer_agree(there.actor("storefront_maintainer"), row.pk, now=NOW)
    there.checkout.refresh_from_db()
    assert (row.state, there.checkout.team) == ("done", there.storefront)
    assert (quota_state(there.payments.pk).used.cpu, quota_state(there.storefront.pk).used) == (0, before)
    assert Reservation.objects.filter(state="used").count() == 1
    assert AuditEntry.objects.latest("sequence").action == "transfer.done"
    assert there.rights("storefront_maintainer").may_request(there.checkout)
    assert not there.rights("maintainer").may_request(there.checkout)


def test_nothing_moves_where_the_taker_lacks_room(there: Organisation) -> None:
    quota_set(PLATFORM, team=there.storefront, cpu=0, memory_gib=1, storage_gib=1, environments=1, now=NOW)
    row = transfer_ask(there.actor("maintainer"), system=there.checkout, taker="storefront", reason="Theirs.", now=NOW)
    with pytest.raises(OverQuota):
        transfer_agree(there.actor("storefront_maintainer"), row.pk, now=NOW)
    there.checkout.refresh_from_db()
    assert there.checkout.team == there.payments
    assert Transfer.objects.get().state == "open"


def test_nothing_moves_in_the_middle_of_a_change(there: Organisation) -> None:
    create(there, "live", stage="prod")
    row = transfer_ask(there.actor("maintainer"), system=there.checkout, taker="storefront", reason="Theirs.", now=NOW)
    with pytest.raises(Conflict, match="under way"):
        transfer_agree(there.actor("storefront_maintainer"), row.pk, now=NOW)


def test_one_side_alone_moves_nothing(there: Organisation) -> None:
    with pytest.raises(Forbidden):
        transfer_ask(there.actor("developer"), system=there.checkout, taker="storefront", reason="Mine.", now=NOW)
    row = transfer_ask(there.actor("maintainer"), system=there.checkout, taker="storefront", reason="Theirs.", now=NOW)
    with pytest.raises(Conflict):
        transfer_ask(there.actor("maintainer"), system=there.checkout, taker="storefront", reason="Again.", now=NOW)
    assert transfer_agree(there.actor("second_maintainer"), row.pk, now=NOW).state == "open"
    with pytest.raises(Forbidden):
        transfer_agree(there.actor("stranger"), row.pk, now=NOW)
    assert transfer_end(there.actor("storefront_maintainer"), row.pk, now=NOW).state == "refused"
    with pytest.raises(Conflict):
        transfer_agree(there.actor("storefront_maintainer"), row.pk, now=NOW)


@pytest.mark.parametrize(
    ("taker", "reason", "path"),
    [("payments", "Why.", "team"), ("nobody", "Why.", "team"), ("storefront", " ", "reason")],
    ids=["its own", "unknown", "reason"],
)
def test_it_says_what_is_wrong_with_a_transfer(there: Organisation, taker: str, reason: str, path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        transfer_ask(there.actor("maintainer"), system=there.checkout, taker=taker, reason=reason, now=NOW)
    assert [one.path for one in refused.value.errors] == [path]


def test_an_admin_takes_over_for_a_team_that_is_gone(there: Organisation) -> None:
    leave(there, *PAYMENTS)
    ownership_sweep(now=NOW)
    row = transfer_ask(there.actor("admin"), system=there.checkout, taker="storefront", reason="Gone.", now=NOW)
    assert transfer_agree(there.actor("admin"), row.pk, now=NOW).state == "done"
    assert Ownership.objects.get(system=there.checkout).alone_since is None
    assert Environment.objects.get().system.team == there.storefront


def test_the_maintainers_of_the_team_above_are_told_and_no_admin(there: Organisation) -> None:
    team_update(there.actor("admin"), team=there.payments, parent="storefront", now=NOW)
    leave(there, *PAYMENTS)
    ownership_sweep(now=NOW)
    told = Notice.objects.filter(kind="system-alone").values_list("person__username", flat=True)
    assert set(told) == {"storefront_maintainer"}


def test_production_of_what_nobody_owns_stays_as_it_is(there: Organisation) -> None:
    leave(there, *PAYMENTS)
    Stage.objects.update(production=True)
    ownership_sweep(now=NOW)
    ownership_sweep(now=NOW + ENDS_AFTER)
    assert not Change.objects.filter(kind__in=("sleep", "extend")).exists()

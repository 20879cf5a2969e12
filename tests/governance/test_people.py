"""Accounts, groups and teams as admins edit them, and edits that are taken back."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from governance.access import AUDITORS, PLATFORM_ADMINS, rights_of
from governance.models import ApprovalRoute, AuditEntry, PeopleEdit, Policy
from governance.services.people import (
    account_state,
    account_update,
    group_create,
    group_delete,
    group_member_set,
    group_members,
)
from governance.services.systems import system_create
from governance.services.teams import membership_remove, membership_set, team_update
from governance.services.undoing import people_edit_undo
from idp.catalog.models import Membership, User
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed
from tests.personas import NOW, Organisation

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]


@pytest.fixture
def there() -> Organisation:
    return Organisation.found()


def undo(there: Organisation) -> PeopleEdit:
    return people_edit_undo(there.actor("admin"), PeopleEdit.objects.latest("pk").pk, now=NOW)


def test_an_account_is_switched_off_and_on_again(there: Organisation) -> None:
    account_update(there.actor("admin"), username="maintainer", active=False, now=NOW)
    assert not rights_of(there.actor("maintainer")).signed_in
    assert AuditEntry.objects.latest("sequence").action == "account.deactivate"
    undo(there)
    assert rights_of(there.actor("maintainer")).may_manage(there.payments)


@pytest.mark.parametrize(
    ("who", "fields", "path"),
    [
        ("admin", {"active": False}, "active"),
        ("maintainer", {"email": "nowhere"}, "email"),
        ("maintainer", {"display_name": "x" * 121}, "display_name"),
    ],
    ids=["oneself", "address", "name"],
)
def test_it_says_what_is_wrong_with_an_account(
    there: Organisation, who: str, fields: dict[str, object], path: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        account_update(there.actor("admin"), username=who, now=NOW, **fields)  # type: ignore[arg-type]
    assert [one.path for one in refused.value.errors] == [path]


def test_only_admins_edit_accounts_groups_and_the_place_of_teams(there: Organisation) -> None:
    maintainer = there.actor("maintainer")
    with pytest.raises(Forbidden):
        account_update(maintainer, username="viewer", active=False, now=NOW)
    with pytest.raises(Forbidden):
        group_member_set(maintainer, group=PLATFORM_ADMINS, username="maintainer", member=True, now=NOW)
    with pytest.raises(Forbidden):
        team_update(maintainer, team=there.payments, parent="storefront", now=NOW)
    with pytest.raises(Forbidden):
        people_edit_undo(maintainer, 0, now=NOW)


def test_the_platforms_own_account_is_no_account_to_edit(there: Organisation) -> None:
    with pytest.raises(NotFound):
        account_update(there.actor("admin"), username="slipway", active=True, now=NOW)


def test_a_group_takes_people_and_lets_them_go(there: Organisation) -> None:
    group_create(there.actor("admin"), name="security", now=NOW)
    with pytest.raises(Conflict):
        group_create(there.actor("admin"), name="security", now=NOW)
    group_member_set(there.actor("admin"), group="security", username="viewer", member=True, now=NOW)
    assert there.viewer.groups.filter(name="security").exists()
    undo(there)
    assert not there.viewer.groups.filter(name="security").exists()


def test_the_last_admin_stays(there: Organisation) -> None:
    User.objects.filter(is_superuser=True).update(is_superuser=False)
    with pytest.raises(Conflict):
        group_member_set(there.actor("admin"), group=PLATFORM_ADMINS, username="admin", member=False, now=NOW)


def test_roles_of_teams_are_no_groups_to_edit(there: Organisation) -> None:
    name = Group.objects.filter(name__startswith="team:").values_list("name", flat=True)[0]
    with pytest.raises(NotFound):
        group_member_set(there.actor("admin"), group=name, username="viewer", member=True, now=NOW)


def test_a_team_gets_a_parent_but_no_ring(there: Organisation) -> None:
    team_update(there.actor("admin"), team=there.payments, parent="storefront", now=NOW)
    with pytest.raises(InvalidInput):
        team_update(there.actor("admin"), team=there.storefront, parent="payments", now=NOW)
    with pytest.raises(InvalidInput):
        team_update(there.actor("admin"), team=there.storefront, parent="storefront", now=NOW)
    undo(there)
    there.payments.refresh_from_db()
    assert there.payments.parent is None


def test_a_team_that_owns_nothing_is_archived_and_takes_nothing_new(there: Organisation) -> None:
    with pytest.raises(Conflict, match="still owns"):
        team_update(there.actor("admin"), team=there.storefront, archived=True, now=NOW)
    there.systems["shop"].components.all().delete()
    there.systems["shop"].delete()
    team = team_update(there.actor("admin"), team=there.storefront, archived=True, now=NOW)
    with pytest.raises(InvalidInput):
        membership_set(there.actor("admin"), team=team, user=there.viewer, role="viewer", now=NOW)
    with pytest.raises(InvalidInput):
        system_create(there.actor("admin"), slug="late", name="Late", team=team, now=NOW)


def test_a_role_that_was_changed_since_is_not_taken_back(there: Organisation) -> None:
    admin = there.actor("admin")
    membership_set(admin, team=there.payments, user=there.viewer, role="developer", now=NOW)
    first = PeopleEdit.objects.latest("pk")
    membership_remove(admin, team=there.payments, user=there.viewer, now=NOW)
    with pytest.raises(Conflict):
        people_edit_undo(admin, first.pk, now=NOW)
    undo(there)
    assert Membership.objects.get(team=there.payments, user=there.viewer).role == "developer"
    people_edit_undo(admin, first.pk, now=NOW)
    assert Membership.objects.get(team=there.payments, user=there.viewer).role == "viewer"
    with pytest.raises(Conflict):
        people_edit_undo(admin, first.pk, now=NOW)


def test_a_maintainer_takes_a_role_of_their_team_back_and_no_other(there: Organisation) -> None:
    membership_set(there.actor("admin"), team=there.payments, user=there.viewer, role="developer", now=NOW)
    edit = PeopleEdit.objects.latest("pk")
    with pytest.raises(Forbidden):
        people_edit_undo(there.actor("storefront_maintainer"), edit.pk, now=NOW)
    people_edit_undo(there.actor("maintainer"), edit.pk, now=NOW)
    assert Membership.objects.get(team=there.payments, user=there.viewer).role == "viewer"
    account_update(there.actor("admin"), username="viewer", display_name="V", now=NOW)
    with pytest.raises(Forbidden):
        people_edit_undo(there.actor("maintainer"), PeopleEdit.objects.latest("pk").pk, now=NOW)


def test_a_group_ends_with_its_members_and_is_taken_back_with_them(there: Organisation) -> None:
    admin = there.actor("admin")
    group_create(admin, name="security", now=NOW)
    for name in ("viewer", "developer"):
        group_member_set(admin, group="security", username=name, member=True, now=NOW)
    with pytest.raises(PreconditionFailed):
        group_delete(admin, name="security", expected=["viewer"], now=NOW)
    group_delete(admin, name="security", expected=["viewer", "developer"], now=NOW)
    assert not Group.objects.filter(name="security").exists()
    assert AuditEntry.objects.latest("sequence").data["before"] == ["developer", "viewer"]
    undo(there)
    assert group_members("security") == ["developer", "viewer"]


@pytest.mark.parametrize("name", [PLATFORM_ADMINS, AUDITORS, "asked", "sent"])
def test_a_group_that_is_needed_stays(there: Organisation, name: str) -> None:
    Group.objects.get_or_create(name=name)
    rule = {"approvals": [{"from": "group:asked"}]}
    kind = {"mode": "enforce", "effect": "require-approval"}
    Policy.objects.create(name="p", title="P", document={"spec": rule}, active=True, updated_at=NOW, **kind)
    stages = [{"name": "One", "approvers": [{"from": "team:maintainer"}], "escalate": {"after": 1, "to": "group:sent"}}]
    route = {"metadata": {"name": "r"}, "spec": {"title": "R", "stages": stages}}
    ApprovalRoute.objects.create(name="r", title="R", document=route, updated_at=NOW)
    with pytest.raises(Conflict):
        group_delete(there.actor("admin"), name=name, now=NOW)


def test_only_admins_delete_groups_and_roles_are_none(there: Organisation) -> None:
    with pytest.raises(Forbidden):
        group_delete(there.actor("maintainer"), name="platform", now=NOW)
    with pytest.raises(NotFound):
        group_delete(there.actor("admin"), name="team:payments:viewer", now=NOW)


def test_an_account_that_was_edited_meanwhile_is_not_overwritten(there: Organisation) -> None:
    read = account_state(there.viewer)
    account_update(there.actor("admin"), username="viewer", display_name="V", expected=read, now=NOW)
    with pytest.raises(PreconditionFailed):
        account_update(there.actor("admin"), username="viewer", active=False, expected=read, now=NOW)

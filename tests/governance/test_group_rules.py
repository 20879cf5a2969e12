"""Memberships that follow groups: given, taken away, kept by hand, moved by rules, and taken back."""

from __future__ import annotations

import pytest

from governance.access import role_group
from governance.domain.group_rule import Rule
from governance.models import AuditEntry, GivenMembership, GroupRule, KnownGroup, PeopleEdit
from governance.services.group_rules import (
    Move,
    group_rule_preview,
    group_rule_remove,
    group_rule_set,
    memberships_follow,
)
from governance.services.teams import membership_set, team_update
from governance.services.undoing import people_edit_undo
from idp.catalog.models import Membership
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Forbidden, InvalidInput, NotFound
from tests.personas import NOW, person

pytestmark = pytest.mark.django_db
DEVS = Rule("oidc:corp", "devs", "payments", "developer")
LEADS = Rule("oidc:corp", "leads", "payments", "maintainer")


@pytest.fixture
def admin(organisation):
    return organisation.actor("admin")


@pytest.fixture
def ada(organisation):
    return person("ada")


def follow(user, *groups: str, source: str = "oidc:corp"):
    return memberships_follow(user, source=source, groups=frozenset(groups), now=NOW)


def role(user, team: str = "payments") -> str:
    """The role in the table and in the groups that rights are asked of, which must be the same one."""
    held = Membership.objects.filter(user=user, team__slug=team).values_list("role", flat=True).first() or ""
    names = set(user.groups.filter(name__startswith=f"team:{team}:").values_list("name", flat=True))
    assert names == ({role_group(team, held)} if held else set())
    return held


def test_it_gives_and_takes_what_the_groups_say(admin, ada):
    group_rule_set(admin, DEVS, now=NOW)
    assert follow(ada, "devs", "else") == (Move("ada", "payments", "", "developer"),)
    assert role(ada) == "developer"
    assert follow(ada, "devs") == ()
    assert follow(ada, "else") == (Move("ada", "payments", "developer", ""),)
    assert role(ada) == ""
    assert not GivenMembership.objects.exists()


def test_unknown_groups_change_nothing(admin, ada):
    group_rule_set(admin, DEVS, now=NOW)
    follow(ada, "devs")
    assert memberships_follow(ada, source="oidc:corp", groups=None, now=NOW) == ()
    many = frozenset(f"group-{at}" for at in range(5_001))
    assert memberships_follow(ada, source="oidc:corp", groups=many, now=NOW) == ()
    assert role(ada) == "developer"
    assert list(KnownGroup.objects.values_list("value", flat=True)) == ["devs"]


def test_what_was_given_by_hand_stays(admin, organisation):
    group_rule_set(admin, DEVS, now=NOW)
    for user, before in ((organisation.maintainer, "maintainer"), (organisation.viewer, "viewer")):
        follow(user, "devs")
        assert role(user) == ("maintainer" if before == "maintainer" else "developer")
        follow(user)
        assert role(user) == before


def test_the_log_says_who_gained_why_in_the_name_of_the_platform(admin, ada):
    group_rule_set(admin, DEVS, now=NOW)
    follow(ada, "devs")
    entry = AuditEntry.objects.get(action="membership.set", data__user="ada")
    assert (entry.actor_name, entry.behalf, entry.team_slug) == ("slipway", "ada", "payments")
    assert entry.data == {"user": "ada", "before": None, "after": "developer", "because": "groups of oidc:corp"}
    assert not PeopleEdit.objects.filter(kind="membership", key="payments/ada").exists()


def test_a_rule_moves_those_whose_groups_are_known_as_its_preview_said(admin, ada, organisation):
    follow(ada, "devs")
    follow(organisation.viewer, "devs")
    follow(organisation.maintainer, "devs")
    said = group_rule_preview(admin, DEVS)
    assert set(said) == {Move("ada", "payments", "", "developer"), Move("viewer", "payments", "viewer", "developer")}
    assert not GroupRule.objects.exists()
    assert set(group_rule_set(admin, DEVS, now=NOW)) == set(said)
    gone = group_rule_preview(admin, DEVS, remove=True)
    assert set(gone) == {Move("ada", "payments", "developer", ""), Move("viewer", "payments", "developer", "viewer")}
    assert set(group_rule_remove(admin, DEVS, now=NOW)) == set(gone)
    assert (role(ada), role(organisation.viewer), role(organisation.maintainer)) == ("", "viewer", "maintainer")


def test_another_group_of_the_same_team_gives_still(admin, ada):
    group_rule_set(admin, DEVS, now=NOW)
    group_rule_set(admin, LEADS, now=NOW)
    follow(ada, "devs", "leads")
    assert role(ada) == "maintainer"
    assert group_rule_remove(admin, LEADS, now=NOW) == (Move("ada", "payments", "maintainer", "developer"),)


def test_two_sources_give_side_by_side(admin, ada):
    group_rule_set(admin, DEVS, now=NOW)
    group_rule_set(admin, Rule("scim", "devs", "payments", "viewer"), now=NOW)
    follow(ada, "devs")
    follow(ada, "devs", source="scim")
    follow(ada)
    assert role(ada) == "viewer"
    follow(ada, source="scim")
    assert role(ada) == ""


def test_who_is_switched_off_gains_nothing_and_loses_what_ends(admin, ada):
    group_rule_set(admin, DEVS, now=NOW)
    follow(ada, "devs")
    ada.is_active = False
    ada.save()
    assert group_rule_set(admin, LEADS, now=NOW) == ()
    assert follow(ada, "devs", "leads") == ()
    assert follow(ada) == (Move("ada", "payments", "developer", ""),)
    assert follow(ada, "devs") == ()
    ada.is_active = True
    ada.save()
    assert follow(ada, "devs") == (Move("ada", "payments", "", "developer"),)


def test_an_archived_team_takes_nobody(admin, ada, organisation):
    group_rule_set(admin, Rule("scim", "docs", "storefront", "viewer"), now=NOW)
    organisation.systems["shop"].delete()
    team_update(PLATFORM, team=organisation.storefront, archived=True, now=NOW)
    assert follow(ada, "docs", source="scim") == ()


def test_an_edit_is_taken_back_with_what_it_moved(admin, ada):
    follow(ada, "devs")
    group_rule_set(admin, DEVS, now=NOW)
    people_edit_undo(admin, PeopleEdit.objects.get(kind="group-rule").pk, now=NOW)
    assert not GroupRule.objects.exists()
    assert role(ada) == ""
    last = PeopleEdit.objects.filter(kind="group-rule").latest("pk")
    people_edit_undo(admin, last.pk, now=NOW)
    assert (GroupRule.objects.get().role, role(ada)) == ("developer", "developer")


def test_what_is_saved_is_in_the_log_with_both_sides(admin):
    group_rule_set(admin, DEVS, now=NOW)
    group_rule_set(admin, Rule("oidc:corp", "devs", "payments", "viewer"), now=NOW)
    entry = AuditEntry.objects.filter(action="group-rule.save").latest("sequence")
    told = {"source": "oidc:corp", "group": "devs", "team": "payments"}
    assert entry.data == {"before": told | {"role": "developer"}, "after": told | {"role": "viewer"}, "moved": 0}


@pytest.mark.parametrize("persona", ["maintainer", "auditor", "stranger"])
def test_admins_alone_make_rules(organisation, persona):
    actor = organisation.actor(persona)
    for ask in (lambda: group_rule_set(actor, DEVS, now=NOW), lambda: group_rule_remove(actor, DEVS, now=NOW)):
        with pytest.raises(Forbidden):
            ask()
    for remove in (True, False):
        with pytest.raises(Forbidden):
            group_rule_preview(actor, DEVS, remove=remove)


def test_what_is_wrong_is_said_at_its_field(admin):
    with pytest.raises(InvalidInput) as caught:
        group_rule_set(admin, Rule("ldap", "", "nowhere", "owner"), now=NOW)
    assert [error.path for error in caught.value.errors] == ["source", "group", "role", "team"]
    with pytest.raises(NotFound):
        group_rule_remove(admin, DEVS, now=NOW)


def test_a_service_account_follows_nothing(admin, organisation):
    group_rule_set(admin, DEVS, now=NOW)
    robot = person("robot", service_of=organisation.payments)
    assert follow(robot, "devs") == ()


def test_a_role_by_hand_after_a_rule_is_kept(admin, ada, organisation):
    group_rule_set(admin, DEVS, now=NOW)
    follow(ada, "devs")
    membership_set(PLATFORM, team=organisation.payments, user=ada, role="maintainer", now=NOW)
    follow(ada)
    assert role(ada) == "maintainer"

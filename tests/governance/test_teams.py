"""Teams and memberships as use cases."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from governance.models import AuditEntry
from governance.services.teams import membership_remove, membership_set, team_create, team_update
from idp.catalog.models import Membership
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Forbidden, InvalidInput, NotFound, PreconditionFailed
from tests.personas import NOW, Organisation, person

pytestmark = pytest.mark.usefixtures("both_sides_told")


@pytest.mark.parametrize(
    ("slug", "name", "path"),
    [
        ("Payments", "x", "slug"),
        ("payments", "x", "slug"),
        ("a" * 31, "x", "slug"),
        ("good", "", "name"),
        ("good", "x" * 81, "name"),
    ],
    ids=["capital", "taken", "too long", "no name", "name too long"],
)
def test_it_refuses_a_wrong_team(organisation: Organisation, slug: str, name: str, path: str) -> None:
    entries = AuditEntry.objects.count()
    with pytest.raises(InvalidInput) as caught:
        team_create(organisation.actor("admin"), slug=slug, name=name, now=NOW)
    assert path in [error.path for error in caught.value.errors]
    assert AuditEntry.objects.count() == entries


@pytest.mark.parametrize("persona", ["maintainer", "developer", "auditor", "anonymous"])
def test_it_lets_only_admins_make_teams(organisation: Organisation, persona: str) -> None:
    from idp.kernel.errors import UserFault

    with pytest.raises(UserFault):
        team_create(organisation.actor(persona), slug="new", name="New", now=NOW)


def test_it_makes_a_team_that_works_at_once(organisation: Organisation) -> None:
    team = team_create(organisation.actor("admin"), slug="search", name="Search", now=NOW)
    assert team.quota.environments > 0
    membership_set(organisation.actor("admin"), team=team, user=organisation.stranger, role="maintainer", now=NOW)
    assert organisation.rights("stranger").may_manage(team)
    entry = AuditEntry.objects.get(action="team.create", object_label="search")
    assert (entry.actor_name, entry.team_slug) == ("admin", "search")


@pytest.mark.parametrize("role", ["viewer", "developer", "maintainer"])
def test_it_moves_a_person_between_roles(organisation: Organisation, role: str) -> None:
    user = organisation.developer
    membership_set(organisation.actor("maintainer"), team=organisation.payments, user=user, role=role, now=NOW)
    assert Membership.objects.get(user=user).role == role
    assert list(user.groups.values_list("name", flat=True)) == [f"team:payments:{role}"]


def test_it_writes_nothing_for_a_role_that_is_held_already(organisation: Organisation) -> None:
    entries = AuditEntry.objects.count()
    actor = organisation.actor("maintainer")
    membership_set(actor, team=organisation.payments, user=organisation.viewer, role="viewer", now=NOW)
    assert AuditEntry.objects.count() == entries


@pytest.mark.parametrize("persona", ["viewer", "developer", "storefront_maintainer", "auditor"])
def test_it_lets_only_maintainers_and_admins_change_members(organisation: Organisation, persona: str) -> None:
    with pytest.raises(Forbidden):
        membership_set(
            organisation.actor(persona), team=organisation.payments, user=organisation.stranger, role="viewer", now=NOW
        )
    assert not Membership.objects.filter(team=organisation.payments, user=organisation.stranger).exists()


def test_it_refuses_roles_that_would_not_hold(organisation: Organisation) -> None:
    robot = person("payments-ci", service_of=organisation.payments)
    foreign = person("shop-ci", service_of=organisation.storefront)
    gone = person("gone", is_active=False)
    team = organisation.payments
    for user, role in (
        (organisation.stranger, "owner"),
        (robot, "maintainer"),
        (foreign, "developer"),
        (gone, "viewer"),
    ):
        with pytest.raises(InvalidInput):
            membership_set(PLATFORM, team=team, user=user, role=role, now=NOW)
    membership_set(PLATFORM, team=team, user=robot, role="developer", now=NOW)


def test_it_removes_a_member_once(organisation: Organisation) -> None:
    actor = organisation.actor("maintainer")
    membership_remove(actor, team=organisation.payments, user=organisation.developer, now=NOW)
    assert not Group.objects.filter(user=organisation.developer).exists()
    with pytest.raises(NotFound):
        membership_remove(actor, team=organisation.payments, user=organisation.developer, now=NOW)


def test_it_edits_a_team_at_the_version_that_was_read(organisation: Organisation) -> None:
    actor = organisation.actor("maintainer")
    team = team_update(actor, team=organisation.payments, description="Cards", expected_version=1, now=NOW)
    assert (team.version, team.name, team.description) == (2, "Payments", "Cards")
    with pytest.raises(PreconditionFailed):
        team_update(actor, team=team, name="Cards", expected_version=1, now=NOW)
    assert team_update(actor, team=team, description="Cards", now=NOW).version == 2

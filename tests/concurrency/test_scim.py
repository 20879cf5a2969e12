"""A directory that patches one group many times at once: nobody is lost, and nobody keeps a role who went."""

from __future__ import annotations

import pytest

from governance.domain.group_rule import Rule
from governance.models import AuditEntry, ScimGroup
from governance.services.audit import audit_verify
from governance.services.group_rules import group_rule_set
from governance.services.scim_groups import scim_group_create, scim_group_patch
from governance.services.scim_users import scim_user_create
from idp.catalog.models import Membership
from idp.kernel.actor import PLATFORM, Actor
from tests.concurrency.threads import side_by_side
from tests.personas import NOW, Organisation

THREADS = 6
DIRECTORY = Actor(None, "scim", via="scim", scopes=frozenset({"scim"}))

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def patch(group: ScimGroup, *operations: dict[str, object]) -> None:
    scim_group_patch(DIRECTORY, group.key, sent={"Operations": list(operations)}, now=NOW)


def test_no_patch_of_a_group_is_lost(organisation: Organisation) -> None:
    """Each thread takes one out that was in, and brings one in, in one request, as Entra and Okta do."""
    group_rule_set(PLATFORM, Rule("scim", "devs", "payments", "developer"), now=NOW)
    people = [scim_user_create(DIRECTORY, sent={"userName": f"p{n}"}, now=NOW) for n in range(2 * THREADS)]
    inside, outside = people[:THREADS], people[THREADS:]
    sent = {"displayName": "devs", "members": [{"value": one.key} for one in inside]}
    group = scim_group_create(DIRECTORY, sent=sent, now=NOW)

    def move(number: int) -> None:
        patch(
            group,
            {"op": "Remove", "path": f'members[value eq "{inside[number].key}"]'},
            {"op": "Add", "path": "members", "value": [{"value": outside[number].key}]},
        )

    outcomes = side_by_side(THREADS, move)
    assert [one for one in outcomes if isinstance(one, Exception)] == []
    assert set(group.members.values_list("pk", flat=True)) == {one.pk for one in outside}
    held = Membership.objects.filter(team__slug="payments", user__username__regex=r"^p\d+$")
    assert set(held.values_list("user_id", flat=True)) == {one.user_id for one in outside}
    assert AuditEntry.objects.filter(action="scim-group.update").count() == THREADS
    assert ScimGroup.objects.get().version == THREADS + 1
    assert audit_verify() == []

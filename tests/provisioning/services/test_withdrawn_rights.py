"""Whoever loses a right to decide loses it at once, in whichever way: what they have not decided is no longer theirs.

A system does not change hands while something of it waits (``test_ownership.py``); tokens are in
``test_approval_routes.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta

import pytest

from governance.models import Delegation
from governance.services.delegations import delegation_create, delegation_withdraw
from governance.services.people import account_update, group_member_set
from governance.services.policies import policy_save
from governance.services.teams import membership_remove, membership_set
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Forbidden, NotFound
from provisioning.models import Change
from provisioning.selectors.changes import change_list
from provisioning.services.decisions import change_approve
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import PROD_NEEDS_A_MAINTAINER, create, equip

pytestmark = pytest.mark.django_db


def leaves_team(organisation: Organisation) -> None:
    membership_remove(PLATFORM, team=organisation.payments, user=organisation.maintainer, now=NOW)


def loses_role(organisation: Organisation) -> None:
    membership_set(PLATFORM, team=organisation.payments, user=organisation.maintainer, role="developer", now=NOW)


def leaves_group(organisation: Organisation) -> None:
    group_member_set(organisation.actor("admin"), group="platform", username="platform_engineer", member=False, now=NOW)


def is_switched_off(organisation: Organisation) -> None:
    account_update(organisation.actor("admin"), username="maintainer", active=False, now=NOW)


def stands_in_no_more(organisation: Organisation) -> None:
    lent = Delegation.objects.get()
    delegation_withdraw(organisation.actor("maintainer"), delegation_id=lent.pk, now=clock.now())


def time_is_over(organisation: Organisation) -> None:
    now = clock.now()
    Delegation.objects.update(starts_at=now - timedelta(days=2), ends_at=now - timedelta(seconds=1))


WAYS = {
    "removed from the team": ("team:maintainer", "maintainer", leaves_team),
    "another role": ("team:maintainer", "maintainer", loses_role),
    "removed from the group": ("group:platform", "platform_engineer", leaves_group),
    "account switched off": ("team:maintainer", "maintainer", is_switched_off),
    "standing in taken back": ("people:maintainer", "second_maintainer", stands_in_no_more),
    "standing in over": ("people:maintainer", "second_maintainer", time_is_over),
}


def waiting(organisation: Organisation, source: str) -> Change:
    document = deepcopy(PROD_NEEDS_A_MAINTAINER)
    document["spec"]["approvals"] = [{"from": source, "count": 1}]
    equip(organisation, policies=())
    policy_save(PLATFORM, document=document, now=NOW)
    return create(organisation, "live", stage="prod")


@pytest.mark.parametrize(("source", "who", "take"), WAYS.values(), ids=WAYS.keys())
def test_an_undecided_right_goes_at_once(
    organisation: Organisation, source: str, who: str, take: Callable[[Organisation], None]
) -> None:
    change = waiting(organisation, source)
    if source.startswith("people:"):
        now = clock.now()
        delegation_create(
            organisation.actor("maintainer"), stand_in=who, starts_at=now, ends_at=now + timedelta(days=1), now=now
        )
    mine = change_list(organisation.rights(who), waiting_on_me=True)
    assert list(mine) == [change], "otherwise losing it proves nothing"
    signed_in = organisation.actor(who)
    take(organisation)
    assert not change_list(organisation.rights(who), waiting_on_me=True).exists()
    with pytest.raises((Forbidden, NotFound)):
        change_approve(signed_in, change.pk, plan_digest=change.plan_digest, now=NOW)
    change.refresh_from_db()
    assert change.state == "pending"

"""What the platform does by itself says in the audit log on whose behalf: who began it, or whose environment it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from governance.models import Approval, AuditEntry
from provisioning.models import Change
from provisioning.services.approval_sweep import approvals_expire
from provisioning.services.trains import TrainRequest, train_submit
from tests.provisioning.services.test_agreed_plans import (
    HOUR,
    World,
    depart,
    drained,
    expired,
    founded,
    promotions,
    upgraded_with_the_fleet,
    woken_by_schedule,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]
ASKED: dict[str, tuple[Callable[[World], Change], str]] = {
    "a schedule": (woken_by_schedule, "team payments"),
    "a drain": (drained, "admin"),
    "a campaign": (upgraded_with_the_fleet, "admin"),
    "expiry": (expired, "team payments"),
}


@pytest.fixture
def world() -> World:
    return founded()


def behalf(action: str, object_type: str, object_id: int) -> tuple[str, str]:
    entry = AuditEntry.objects.get(action=action, object_type=object_type, object_id=str(object_id))
    return entry.actor_name, entry.behalf


@pytest.mark.parametrize(("ask", "whom"), ASKED.values(), ids=ASKED.keys())
def test_a_change_that_it_asks_for(world: World, ask: Callable[[World], Change], whom: str) -> None:
    assert behalf("change.submit", "change", ask(world).pk) == ("slipway", whom)


def test_the_waves_of_a_campaign(world: World) -> None:
    upgraded_with_the_fleet(world)
    found = AuditEntry.objects.filter(action="campaign.wave-start").values_list("actor_name", "behalf")
    assert set(found) == {("slipway", "admin")}


def test_a_train_that_leaves(world: World) -> None:
    train = train_submit(world.actor(), TrainRequest(promotions(world, "next", "beside")), now=world.now)
    for member in train.members.select_related("change"):
        world.agree(member.change)
    depart(world, train)
    assert behalf("train.depart", "train", train.pk) == ("slipway", "developer")


def test_a_change_about_which_nobody_decided_in_time(world: World) -> None:
    change = world.submit("sleep")
    Approval.objects.filter(change_id=change.pk).update(expires_at=world.now + HOUR)
    approvals_expire(now=world.now + HOUR + timedelta(minutes=1))
    assert behalf("change.expire", "change", change.pk) == ("slipway", "developer")

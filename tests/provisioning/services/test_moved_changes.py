"""A change that moves because something else was decided says so in the audit log: before, after, why and for whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from governance.models import AuditEntry
from governance.services.audit import audit_verify
from governance.services.policies import policy_save
from idp.kernel.actor import PLATFORM
from provisioning.models import Change, Run
from provisioning.services.contract_states import contract_state_set
from provisioning.services.freezes import freeze_declare
from provisioning.services.glass import glass_break
from provisioning.services.trains import TrainRequest, train_cancel, train_submit
from tests.provisioning.organisation import Clock, carry_out
from tests.provisioning.services.test_agreed_plans import (
    HOUR,
    World,
    depart,
    edited,
    founded,
    overtaken,
    promotions,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]
MOVES = ("change.replan", "change.ask-again", "change.refuse", "change.supersede", "change.cancel")


@pytest.fixture
def world() -> World:
    return founded()


def entry_of(change: Change) -> AuditEntry:
    """What the log says about the way in which ``change`` was moved; it says it once."""
    return AuditEntry.objects.get(action__in=MOVES, object_type="change", object_id=str(change.pk))


def told(change: Change) -> dict[str, Any]:
    entry = entry_of(change)
    assert (entry.actor_name, entry.actor_id, entry.team_slug) == ("slipway", None, "payments")
    assert (entry.system_slug, entry.environment_name) == ("checkout", change.environment_name)
    assert audit_verify() == []
    return {"action": entry.action, "behalf": entry.behalf, **entry.data}


def test_a_waiting_change_is_planned_anew_because_another_one_was_agreed_to(world: World) -> None:
    waiting, other = edited(world), world.other("9.1")
    world.agree(other)
    before = waiting.plan_digest
    waiting.refresh_from_db()
    said = told(waiting)
    assert said["before"]["plan_digest"] == before != waiting.plan_digest == said["after"]["plan_digest"]
    assert (said["before"]["state"], said["after"]["state"]) == ("pending", "pending")
    assert (said["action"], said["behalf"]) == ("change.replan", "maintainer")
    assert (said["cause"], said["why"]) == (f"change {other.pk}", "The environment moved to r2; planned anew")


def test_it_stands_after_the_decision_that_caused_it_in_the_same_transaction(world: World) -> None:
    waiting, other = edited(world), world.other("9.1")
    world.agree(other)
    decided = AuditEntry.objects.get(action="change.approve", object_id=str(other.pk))
    assert entry_of(waiting).sequence == decided.sequence + 1 == AuditEntry.objects.latest("sequence").sequence


def test_an_agreed_change_asks_again_because_one_that_nobody_is_asked_about_started(world: World) -> None:
    busy, agreed = world.other("9.1"), edited(world)
    world.agree(busy)
    world.agree(agreed)
    later = world.other("9.2")
    world.agree(later)
    carry_out(Run.objects.get(change=busy), Clock(world.now))
    later.refresh_from_db()
    agreed.refresh_from_db()
    assert {later.state, agreed.state} == {"running", "pending"}
    moved, started = (agreed, later) if agreed.state == "pending" else (later, agreed)
    entry = AuditEntry.objects.filter(action="change.ask-again", object_id=str(moved.pk)).get()
    assert entry.data["before"]["state"] == "approved"
    assert entry.data["after"] | {"monthly_cost": ""} == {
        "state": "pending", "plan_digest": moved.plan_digest, "monthly_cost": "",
    }  # fmt: skip
    assert (entry.behalf, entry.data["cause"]) == ("developer", f"change {started.pk}")


def same(world: World) -> Change:
    return world.other("9.1")


def deletion(world: World) -> Change:
    return world.submit("delete", confirm="live", reason="Gone.")


@pytest.mark.parametrize(
    ("decided", "why"),
    [
        (same, "A later change made it so already"),
        (deletion, "The environment is being deleted"),
    ],
    ids=["by the same wish", "by a deletion"],
)
def test_a_change_that_is_needless_by_then(world: World, decided: Callable[[World], Change], why: str) -> None:
    needless, other = same(world), decided(world)
    world.agree(other, "second_maintainer")
    said = told(needless)
    assert (said["action"], said["after"]["state"], said["why"]) == ("change.supersede", "superseded", why)
    assert said["behalf"] == "second_maintainer"


NEVER = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "not-any-more"},
    "spec": {
        "title": "Not any more",
        "mode": "enforce",
        "when": "change.kind == 'sleep'",
        "effect": "deny",
        "message": "Nothing sleeps.",
    },
}


def test_a_change_that_a_policy_forbids_when_it_starts(world: World) -> None:
    busy, change = world.other("9.1"), world.submit("sleep")
    world.agree(busy)
    world.agree(change)
    policy_save(PLATFORM, document=NEVER, now=world.now)
    carry_out(Run.objects.get(change=busy), Clock(world.now))
    last = AuditEntry.objects.get(action="change.refuse", object_id=str(change.pk))
    assert (last.data["after"]["state"], last.data["why"], last.behalf) == ("denied", "Nothing sleeps.", "developer")
    assert "cause" not in last.data


def test_a_version_that_became_defective(world: World) -> None:
    change = world.submit("upgrade", capability="web-service", version="1.1.0")
    contract_state_set(
        world.actor("admin"),
        capability="web-service",
        version="1.1.0",
        state="defective",
        reason="It loses requests.",
        replacement="1.0.0",
        now=world.now,
    )
    said = told(change)
    assert (said["action"], said["behalf"]) == ("change.refuse", "admin")
    assert said["cause"] == "web-service 1.1.0 is defective"


def test_glass_that_was_broken_for_another(world: World) -> None:
    waiting, change = edited(world), world.other("9.1")
    freeze_declare(world.actor("admin"), title="Sale", reason="The sale.", ends_at=world.now + HOUR, now=world.now)
    world.agree(change)
    glass_break(world.actor("admin"), change.pk, reason="Now.", now=world.now)
    said = told(waiting)
    assert (said["action"], said["behalf"], said["cause"]) == ("change.replan", "admin", f"change {change.pk}")


def test_a_train_whose_part_became_another_plan(world: World) -> None:
    requests = promotions(world, "next", "beside")
    train = train_submit(world.actor(), TrainRequest(requests, reason="Together."), now=world.now)
    first, second = (one.change for one in train.members.select_related("change").order_by("id"))
    world.agree(first)
    overtaken(world, first.environment_name)
    world.agree(second)
    depart(world, train)
    assert told(first)["action"] == "change.ask-again"


def test_a_train_that_is_called_off_ends_its_changes(world: World) -> None:
    requests = promotions(world, "next", "beside")
    train = train_submit(world.actor(), TrainRequest(requests), now=world.now)
    train_cancel(world.actor("maintainer"), train.pk, reason="Not today.", now=world.now + timedelta(minutes=1))
    for member in train.members.select_related("change"):
        said = told(member.change)
        assert (said["action"], said["behalf"], said["cause"]) == ("change.cancel", "maintainer", f"train {train.pk}")
        assert said["after"]["state"] == "cancelled"


def test_a_decision_that_moves_nothing_leaves_no_such_entry(world: World) -> None:
    world.agree(edited(world))
    assert not AuditEntry.objects.filter(action__in=MOVES).exists()

"""A plan that changed after it was agreed to never runs without a new agreement, however a change comes to its start.

``ASKED`` are the ways in which a change comes about, ``LATER`` the ways in which an agreed one comes to its start. Each
is tried with a plan that stays, which runs, and with one that moved meanwhile, which asks again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from governance.models import Approval, Decision
from governance.services.policies import policy_save
from idp.kernel.actor import PLATFORM, Actor
from idp.kernel.canonical import digest
from idp.kernel.errors import Conflict, PolicyDenied, StalePlan
from provisioning.domain.campaign import Pace
from provisioning.domain.driver import ObjectRef
from provisioning.domain.targets import spec_of
from provisioning.drivers import open_driver
from provisioning.models import Change, Environment, Revision, Run, Stage, Train
from provisioning.selectors.clusters import driver_settings
from provisioning.services import starts
from provisioning.services.campaign_sweep import campaigns_advance_due
from provisioning.services.campaigns import CampaignSettings, campaign_draft, campaign_start
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.clusters import cluster_cordon, cluster_register
from provisioning.services.decisions import change_approve
from provisioning.services.drains import drain_start, drains_sweep
from provisioning.services.expiry import environments_expire
from provisioning.services.freezes import freeze_declare
from provisioning.services.glass import glass_break
from provisioning.services.sleep import sleep_plan_save
from provisioning.services.sleep_sweep import environments_power
from provisioning.services.train_sweep import train_advance
from provisioning.services.trains import TrainRequest, train_submit
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, equip
from tests.provisioning.reconciler.watching import observe_once

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
EU = {"region": "eu"}
COPIES = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "somebody-agrees-to-copies"},
    "spec": {
        "title": "Somebody agrees to a copy",
        "mode": "enforce",
        "when": "change.kind == 'create'",
        "effect": "require-approval",
        "approvals": [{"from": "team:maintainer", "count": 1}],
        "message": "A maintainer agrees.",
    },
}
ASKS = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "somebody-agrees"},
    "spec": {
        "title": "Somebody agrees to whatever is done to what is there",
        "mode": "enforce",
        "when": "change.kind != 'create' && environment.name != 'source'",
        "effect": "require-approval",
        "approvals": [{"from": "team:maintainer", "count": 1}],
        "message": "A maintainer agrees.",
    },
}


@dataclass
class World:
    """``checkout/live`` runs; whatever is asked of it needs a maintainer."""

    organisation: Organisation
    now: datetime = NOW

    def actor(self, who: str = "developer") -> Actor:
        return self.organisation.actor(who)

    @property
    def environment(self) -> Environment:
        return Environment.objects.select_related("cluster", "desired").get(name="live")

    def submit(self, kind: str, name: str = "live", **asked: Any) -> Change:
        return change_submit(self.actor(), ChangeRequest(kind, "checkout", name, **asked), now=self.now)

    def other(self, tag: str) -> Change:
        """Another change of the same environment: a newer image."""
        desired = self.environment.desired
        assert desired is not None
        wish = spec_of(desired.document)
        wish["resources"]["api"]["inputs"] |= {"image": f"registry.example/checkout-api:{tag}"}
        return self.submit("update", spec=wish, reason=tag)

    def agree(self, change: Change, who: str = "maintainer") -> str:
        """A maintainer agrees to the plan as it is now; the digest of that plan."""
        change.refresh_from_db()
        assert change.state == "pending", change.state
        change_approve(self.actor(who), change.pk, plan_digest=change.plan_digest, now=self.now)
        agreed = change.plan_digest
        change.refresh_from_db()
        return agreed

    def work(self) -> None:
        """Workers carry out what runs, to its end."""
        for run in Run.objects.filter(state__in=("queued", "running")):
            carry_out(run, Clock(self.now))

    def sweep(self) -> None:
        starts.changes_start_due(now=self.now)


@pytest.fixture
def world() -> World:
    return founded()


def founded() -> World:
    organisation = Organisation.found()
    equip(organisation, policies=(ASKS,))
    Stage.objects.filter(name="dev").update(cluster_labels=EU)
    world = World(organisation)
    for name in ("eu-one", "eu-two"):
        cluster_register(world.actor("admin"), name=name, title=name, driver="sandbox", labels=EU, now=NOW)
    notes = {"notes": {"capability": "config@1", "inputs": {"values": {"a": "b"}}}}
    api = {"capability": "web-service@1.0.0", "inputs": {"image": "registry.example/checkout-api:1.0.0", "replicas": 1}}
    for name in ("source", "live"):
        world.submit("create", name, spec={"stage": "dev", "resources": {"api": api, **notes}})
    world.work()
    return world


def is_agreed(run: Run) -> bool:
    """Whether somebody agreed to exactly what the run carries out, on exactly the base from which it goes."""
    change = run.change
    if change.kind == "create":
        return True
    same = {"change_id": change.pk, "plan_digest": change.plan_digest}
    asked = list(Approval.objects.filter(**same).exclude(state="dismissed"))
    settled = asked and all(one.state == "approved" for one in asked)
    said = Decision.objects.filter(**same, verdict="approve").exists()
    if not settled or not said:
        return False
    if run.revision is None:
        return True
    wanted = (change.target, change.plan["target_digest"], change.plan["base"])
    return wanted == (run.revision.document, digest(run.revision.document), run.revision.number - 1 or None)


def check() -> None:
    """Nothing ran, ever, that nobody agreed to."""
    runs = Run.objects.select_related("change", "revision").exclude(environment__name="source")
    assert [run.change.title for run in runs if not is_agreed(run)] == []


# --- how a change comes about -----------------------------------------------------------------------------------


def edited(world: World) -> Change:
    wish = spec_of(world.environment.desired.document)  # type: ignore[union-attr]
    wish["resources"]["api"]["inputs"] |= {"replicas": 3}
    return world.submit("update", spec=wish)


def rolled_back(world: World) -> Change:
    world.agree(world.other("2.0"))
    world.work()
    return world.submit("rollback", revision=1)


def asleep(world: World) -> None:
    world.agree(world.submit("sleep"))
    world.work()
    assert world.environment.state == "asleep"


def woken(world: World) -> Change:
    asleep(world)
    return world.submit("wake")


def woken_by_schedule(world: World) -> Change:
    asleep(world)
    nights = [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "12:00"}]
    sleep_plan_save(
        world.actor(), system="checkout", environment="live", windows=nights, time_zone="UTC", now=world.now
    )
    world.now += 3 * HOUR
    environments_power(now=world.now)
    return Change.objects.get(kind="wake")


def moved(world: World) -> Change:
    return world.submit("move", confirm="live", reason="Elsewhere.")


def drained(world: World) -> Change:
    cluster = world.environment.cluster.name
    cluster_cordon(world.actor("admin"), name=cluster, reason="Old", now=world.now)
    drain_start(world.actor("admin"), cluster=cluster, at_once=5, now=world.now)
    drains_sweep(now=world.now)
    return Change.objects.get(kind="move", environment__name="live")


def upgraded(world: World) -> Change:
    return world.submit("upgrade", capability="web-service", version="1.1.0")


def upgraded_with_the_fleet(world: World) -> Change:
    pace = Pace(interval=HOUR, soak=HOUR / 2, patience=9 * HOUR, threshold=90, postpone_days=7, at_once=9)
    settings = CampaignSettings(capability="web-service", target="1.1.0", starts_at=world.now + HOUR, pace=pace)
    campaign = campaign_draft(world.actor("admin"), settings, now=world.now)
    campaign_start(world.actor("admin"), campaign.pk, now=world.now)
    world.now += HOUR
    for _ in range(3):
        campaigns_advance_due(now=world.now)
        world.now += timedelta(minutes=1)
    return Change.objects.get(kind="upgrade", environment__name="live")


def expired(world: World) -> Change:
    expires = world.environment.expires_at
    assert expires is not None
    world.now = expires + HOUR
    environments_expire(now=world.now)
    return Change.objects.get(kind="delete", environment__name="live")


def reverted(world: World) -> Change:
    drift(world, 5)
    return world.submit("revert", reason="Back.")


def drift(world: World, replicas: int) -> None:
    """Somebody scaled it by hand, and a controller saw that."""
    place = world.environment
    ref = ObjectRef("apps/v1", "Deployment", place.namespace, "api")
    driver = there(place)
    driver.edit(ref, {"spec": {"replicas": replicas}}, manager="kubectl")
    observe_once(place.cluster, driver)


def there(place: Environment) -> Any:
    return open_driver("sandbox", driver_settings(place.cluster))


def adopted(world: World) -> Change:
    drift(world, 5)
    desired = world.environment.desired
    assert desired is not None
    inputs = {**desired.document["resources"]["api"]["inputs"], "replicas": 5}
    return world.submit("adopt", patches={"api": inputs}, objects=("Deployment/api",))


ASKED: dict[str, Callable[[World], Change]] = {
    "an edit": edited,
    "a rollback": rolled_back,
    "extending": lambda world: world.submit("extend", until="20d"),
    "sleep by hand": lambda world: world.submit("sleep"),
    "waking by hand": woken,
    "waking by schedule": woken_by_schedule,
    "a move": moved,
    "a drain": drained,
    "an upgrade": upgraded,
    "a campaign": upgraded_with_the_fleet,
    "deleting": lambda world: world.submit("delete", confirm="live", reason="Gone."),
    "expiry": expired,
    "a revert of drift": reverted,
    "adopting drift": adopted,
}


STAYS_OR_MOVES = pytest.mark.parametrize("moves", [False, True], ids=["stays", "moved"])


def asks_again(world: World, change: Change, agreed: str) -> None:
    """Nothing of it ran; who agreed to the plan before has agreed to nothing."""
    change.refresh_from_db()
    assert (change.state, Run.objects.filter(change=change).exists()) == ("pending", False)
    assert change.plan_digest != agreed
    with pytest.raises(StalePlan):
        change_approve(world.actor("maintainer"), change.pk, plan_digest=agreed, now=world.now)
    world.sweep()
    assert not Run.objects.filter(change=change).exists()


def runs(change: Change) -> None:
    change.refresh_from_db()
    assert change.state == "running"
    check()


@STAYS_OR_MOVES
@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED.keys())
def test_what_waits_behind_a_run_starts_as_it_was_agreed_to_or_asks_again(
    world: World, ask: Callable[[World], Change], moves: bool
) -> None:
    older = world.other("9.2")
    change = ask(world)
    busy = world.other("9.1")
    world.agree(busy)
    agreed = world.agree(change)
    if moves:
        world.agree(older)
    carry_out(Run.objects.get(change=busy), Clock(world.now))
    check()
    if moves:
        asks_again(world, change, agreed)
        world.agree(change)
        carry_out(Run.objects.get(change=older), Clock(world.now))
    runs(change)


# --- how an agreed change comes to its start --------------------------------------------------------------------


def emergency(world: World) -> None:
    """Another change of the environment runs in spite of the freeze."""
    with pytest.raises(PolicyDenied) as refused:
        world.other("9.9")
    broken = glass_break(world.actor("admin"), refused.value.change_id or 0, reason="Now.", now=world.now)
    world.agree(broken, "second_maintainer")
    world.work()


def thawed(world: World, change: Change) -> None:
    world.now += 2 * HOUR
    world.sweep()


def glass_broken(world: World, change: Change) -> None:
    glass_break(world.actor("admin"), change.pk, reason="Now.", now=world.now)
    world.sweep()


@STAYS_OR_MOVES
@pytest.mark.parametrize("start", [thawed, glass_broken], ids=["the thaw", "broken glass"])
@pytest.mark.parametrize("ask", [edited, moved, upgraded], ids=["an edit", "a move", "an upgrade"])
def test_what_a_freeze_holds(world: World, ask: Callable[[World], Change], start: Any, moves: bool) -> None:
    change = ask(world)
    freeze_declare(world.actor("admin"), title="Sale", reason="The sale.", ends_at=world.now + HOUR, now=world.now)
    agreed = world.agree(change)
    assert change.state == "approved"
    if moves:
        emergency(world)
    start(world, change)
    check()
    if moves:
        asks_again(world, change, agreed)
        world.now += 2 * HOUR
        world.agree(change)
    runs(change)


def promotions(world: World, *names: str) -> tuple[ChangeRequest, ...]:
    """What promotes ``source`` into each of ``names`` once more; they are there, and run what came before."""
    requests = tuple(ChangeRequest("promote", "checkout", name, source="source") for name in names)
    world.now += 2 * HOUR
    for request in requests:
        world.agree(change_submit(world.actor(), request, now=world.now))
    world.work()
    wish = spec_of(Environment.objects.get(name="source").desired.document)  # type: ignore[union-attr]
    wish["resources"]["api"]["inputs"] |= {"image": "registry.example/checkout-api:3.0"}
    world.submit("update", "source", spec=wish)
    world.work()
    world.now += 2 * HOUR
    return requests


def overtaken(world: World, name: str) -> None:
    """Somebody else's change of ``name`` runs meanwhile."""
    wish = spec_of(Environment.objects.get(name=name).desired.document)  # type: ignore[union-attr]
    wish["resources"]["api"]["inputs"] |= {"replicas": 4}
    world.agree(world.submit("update", name, spec=wish))
    carry_out(Run.objects.get(state="queued"), Clock(world.now))


@STAYS_OR_MOVES
def test_a_promotion_that_was_put_off(world: World, moves: bool) -> None:
    [request] = promotions(world, "next")
    moment = world.now + 3 * HOUR
    change = change_submit(world.actor(), replace(request, not_before=moment.isoformat()), now=world.now)
    agreed = world.agree(change)
    assert change.state == "approved"
    if moves:
        overtaken(world, "next")
    world.now = moment
    world.sweep()
    check()
    if moves:
        asks_again(world, change, agreed)
        world.agree(change)
    runs(change)


@STAYS_OR_MOVES
def test_a_train(world: World, moves: bool) -> None:
    requests = promotions(world, "next", "beside")
    train = train_submit(world.actor(), TrainRequest(requests, reason="Together."), now=world.now)
    first, second = (one.change for one in train.members.select_related("change").order_by("id"))
    world.agree(first)
    if moves:
        agreed = first.plan_digest
        overtaken(world, first.environment_name)
    world.agree(second)
    depart(world, train)
    check()
    if moves:
        asks_again(world, first, agreed)
        assert not Run.objects.filter(change=second).exists()
        world.agree(first)
        depart(world, train)
    runs(first)
    runs(second)


def depart(world: World, train: Train) -> None:
    Train.objects.filter(pk=train.pk).update(due_at=world.now)
    train_advance(train.pk, now=world.now)


def failed(world: World) -> Change:
    """An agreed edit whose run broke."""
    change = edited(world)
    world.agree(change)
    Run.objects.filter(change=change).update(state="failed")
    Change.objects.filter(pk=change.pk).update(state="failed")
    return change


@STAYS_OR_MOVES
def test_resuming(world: World, moves: bool) -> None:
    change = failed(world)
    if moves:
        world.agree(world.other("9.1"))
        world.work()
        with pytest.raises(Conflict, match="A later change of this environment has run since"):
            starts.change_resume(world.actor(), change.pk, now=world.now)
        check()
        return
    starts.change_resume(world.actor(), change.pk, now=world.now)
    runs(change)


def test_trying_again_with_other_inputs_is_another_change(world: World) -> None:
    change = failed(world)
    wish = spec_of(change.target or {})
    wish["resources"]["api"]["inputs"] |= {"replicas": 7}
    again = world.submit("update", spec=wish)
    world.sweep()
    starts.change_resume(world.actor(), change.pk, now=world.now)
    world.work()
    world.sweep()
    again.refresh_from_db()
    assert (again.state, Run.objects.filter(change=again).exists()) == ("pending", False)
    check()
    assert replicas(world) == 3
    world.agree(again)
    runs(again)


def replicas(world: World) -> int:
    desired = world.environment.desired
    assert desired is not None
    return int(desired.document["resources"]["api"]["inputs"]["replicas"])


def test_a_copy_is_made_as_it_was_agreed_to_whatever_became_of_its_source(world: World) -> None:
    policy_save(PLATFORM, document=COPIES, now=world.now)
    change = world.submit("create", "copy", source="source")
    agreed = dict(change.target or {})
    promotions(world)
    world.agree(change)
    runs(change)
    assert Run.objects.get(change=change).revision.document == agreed  # type: ignore[union-attr]


# --- whatever a path forgets ------------------------------------------------------------------------------------


def base_moved(world: World, change: Change) -> None:
    """What is wanted of the environment became another revision, and nobody planned the change anew."""
    before = world.environment.desired
    assert before is not None
    after = Revision.objects.create(
        environment=world.environment, number=before.number + 1, document=before.document, digest=before.digest,
        change=before.change, created_at=world.now,
    )  # fmt: skip
    Environment.objects.filter(name="live").update(desired=after)


def plan_moved(world: World, change: Change) -> None:
    """What was agreed to is another plan than the change has."""
    Approval.objects.filter(change_id=change.pk, state="approved").update(plan_digest="0" * 64)


def agreement_lost(world: World, change: Change) -> None:
    Approval.objects.filter(change_id=change.pk, state="approved").update(state="waiting")


@pytest.mark.parametrize("happens", [base_moved, plan_moved, agreement_lost])
def test_the_last_look_before_a_run_finds_what_everybody_missed(world: World, happens: Any) -> None:
    busy, change = world.other("9.1"), edited(world)
    world.agree(busy)
    world.agree(change)
    Run.objects.filter(change=busy).update(state="succeeded")
    Change.objects.filter(pk=busy.pk).update(state="succeeded")
    happens(world, change)
    world.sweep()
    change.refresh_from_db()
    assert (change.state, Run.objects.filter(change=change).exists()) == ("pending", False)
    world.agree(change, "second_maintainer")
    runs(change)


def test_of_two_who_delete_it_one_does(world: World) -> None:
    """A deletion moves no base: the plan of the other is the same one, and nobody is left to be asked about it."""
    first, second = (world.submit("delete", confirm="live", reason="Gone.") for _ in range(2))
    world.agree(first)
    runs(first)
    second.refresh_from_db()
    assert second.state == "superseded"
    world.work()
    assert Environment.objects.get(pk=first.environment_id).deleted_at is not None


def test_drift_that_went_on_since_is_not_put_back_unseen(world: World) -> None:
    change = reverted(world)
    agreed = change.plan_digest
    drift(world, 7)
    change_approve(world.actor("maintainer"), change.pk, plan_digest=agreed, now=world.now)
    asks_again(world, change, agreed)
    assert change.plan["corrects"][0]["fields"][0]["live"] == 7
    world.agree(change)
    runs(change)

"""Promotion trains: several promotions that start together or not at all."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from governance.models import Notice, Quota
from idp.kernel.errors import Forbidden, InvalidInput, NotFound, PolicyDenied, QuotaExceeded
from provisioning.models import Change, Environment, Run, Stage, Train
from provisioning.selectors.trains import train_list
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.decisions import change_approve, change_cancel, change_reject
from provisioning.services.departures import stage_windows_set
from provisioning.services.starts import changes_start_due
from provisioning.services.train_sweep import train_advance, trains_advance_due
from provisioning.services.trains import TrainRequest, train_cancel, train_plan, train_submit
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip, spec

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def organisation() -> Organisation:
    """``checkout`` runs Ready in ``try`` and in ``two``, both at dev."""
    made = Organisation.found()
    equip(made)
    carry_out(Run.objects.get(change=create(made)))
    carry_out(Run.objects.get(change=create(made, "two", shop={"host": "two.dev.example"})))
    return made


def member(name: str, source: str = "try", **asked: object) -> ChangeRequest:
    hosts = {"resources": {"shop": {"inputs": {"host": f"{name}.example"}}}}
    return ChangeRequest("promote", "checkout", name, source=source, spec=hosts, **asked)  # type: ignore[arg-type]


def request(**asked: object) -> TrainRequest:
    return TrainRequest((member("one-s"), member("two-s", "two")), reason="Together.", **asked)  # type: ignore[arg-type]


def submit(organisation: Organisation, *, now: datetime = LATER, **asked: object) -> Train:
    return train_submit(organisation.actor("developer"), request(**asked), now=now)


def states(train: Train) -> list[str]:
    return list(train.members.order_by("id").values_list("change__state", flat=True))


def looked_at(train: Train, now: datetime) -> str:
    Train.objects.filter(pk=train.pk).update(due_at=now)
    train_advance(train.pk, now=now)
    train.refresh_from_db()
    return train.state


def to_production(organisation: Organisation) -> Train:
    """A train from staging to prod, whose members a maintainer must agree to."""
    train = submit(organisation)
    looked_at(train, LATER)
    for run in Run.objects.filter(state="queued"):
        carry_out(run, Clock(LATER))
    Stage.objects.filter(name="prod").update(soak_minutes=0)
    members = (member("one-p", "one-s"), member("two-p", "two-s"))
    return train_submit(organisation.actor("developer"), TrainRequest(members), now=LATER + timedelta(hours=1))


def test_it_starts_all_members_at_once_and_arrives(organisation):
    train = submit(organisation)
    assert (train.state, states(train)) == ("waiting", ["approved", "approved"])
    assert looked_at(train, LATER) == "running"
    assert states(train) == ["running", "running"]
    for run in Run.objects.filter(state="queued"):
        carry_out(run, Clock(LATER))
    assert looked_at(train, LATER + timedelta(minutes=9)) == "succeeded"
    assert set(Notice.objects.filter(kind="train-moved").values_list("person__username", flat=True)) == {"developer"}


def test_nobody_else_starts_a_member(organisation):
    train = submit(organisation)
    assert changes_start_due(now=LATER) == 0
    assert states(train) == ["approved", "approved"]


def test_it_waits_for_every_approval(organisation):
    train = to_production(organisation)
    now = LATER + timedelta(hours=1)
    first, second = Change.objects.filter(hold__train=train).order_by("id")
    change_approve(organisation.actor("maintainer"), first.pk, plan_digest=first.plan_digest, now=now)
    assert looked_at(train, now) == "waiting"
    assert states(train) == ["approved", "pending"]
    assert train.state_reason == "1 of 2 wait for approval"
    change_approve(organisation.actor("maintainer"), second.pk, plan_digest=second.plan_digest, now=now)
    assert looked_at(train, now) == "running"


def test_a_rejection_calls_all_of_it_off(organisation):
    train = to_production(organisation)
    now = LATER + timedelta(hours=1)
    first, second = Change.objects.filter(hold__train=train).order_by("id")
    change_approve(organisation.actor("maintainer"), first.pk, plan_digest=first.plan_digest, now=now)
    change_reject(organisation.actor("maintainer"), second.pk, comment="Not on a Friday.", now=now)
    assert looked_at(train, now) == "cancelled"
    assert states(train) == ["cancelled", "rejected"]
    assert Notice.objects.filter(kind="train-stopped", person__username="developer").count() == 1
    assert Environment.objects.filter(name="one-p", deleted_at=None).count() == 0


def test_it_fails_with_a_member_and_goes_on_when_that_is_resumed(organisation):
    train = submit(organisation)
    looked_at(train, LATER)
    run, other = Run.objects.filter(state="queued").order_by("id")
    carry_out(other, Clock(LATER))
    Run.objects.filter(pk=run.pk).update(state="failed")
    Change.objects.filter(pk=run.change_id).update(state="failed")
    now = LATER + timedelta(minutes=9)
    assert looked_at(train, now) == "failed"
    assert trains_advance_due(now=now) == 0
    Change.objects.filter(pk=run.change_id).update(state="running")
    assert trains_advance_due(now=now) == 1
    train.refresh_from_db()
    assert train.state == "running"


def test_it_waits_while_a_member_s_environment_is_busy(organisation):
    looked_at(submit(organisation), LATER)
    for run in Run.objects.filter(state="queued"):
        carry_out(run, Clock(LATER))
    actor, now = organisation.actor("developer"), LATER + timedelta(hours=1)
    for name, host in (("try", "shop.dev.example"), ("two", "two.dev.example")):
        wanted = spec(api={"image": "registry.example/checkout-api:1.8.4"}, shop={"host": host})
        update = change_submit(actor, ChangeRequest("update", "checkout", name, spec=wanted), now=now)
        carry_out(Run.objects.get(change=update), Clock(now))
    now += timedelta(hours=1)
    train = submit(organisation, now=now)
    sleep = change_submit(actor, ChangeRequest("sleep", "checkout", "one-s"), now=now)
    assert looked_at(train, now) == "waiting"
    assert train.state_reason == "Another run is under way in checkout / one-s"
    carry_out(Run.objects.get(change=sleep), Clock(now))
    assert states(train) == ["approved", "approved"]
    assert looked_at(train, now + timedelta(minutes=9)) == "running"


def test_it_leaves_at_its_moment_and_in_the_window(organisation):
    train = submit(organisation, not_before=(LATER + timedelta(hours=2)).isoformat())
    assert looked_at(train, LATER) == "waiting"
    assert train.due_at == LATER + timedelta(hours=2)
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(NOW + timedelta(days=2)).weekday()]
    stage_windows_set(
        organisation.actor("admin"),
        Stage.objects.get(name="staging"),
        windows=[{"days": [day], "from": "09:00", "to": "10:00"}],
        zone="UTC",
        now=LATER,
    )
    assert looked_at(train, LATER + timedelta(hours=2)) == "waiting"
    opening = (NOW + timedelta(days=2)).replace(hour=9, minute=30, second=0, microsecond=0)
    assert looked_at(train, opening) == "running"


def test_it_waits_while_nobody_has_decided_on_drift_where_it_goes(organisation, monkeypatch):
    train = submit(organisation)
    told = "Deployment/api was changed outside, and nobody has decided what becomes of that."
    monkeypatch.setattr("provisioning.services.train_sweep.start_blocked", lambda change: told)
    assert looked_at(train, LATER) == "waiting"
    assert train.state_reason == told
    monkeypatch.undo()
    assert looked_at(train, LATER + timedelta(minutes=2)) == "running"


def test_a_member_that_is_wrong_keeps_all_of_it_from_being_stored(organisation):
    wrong = TrainRequest((member("one-s"), member("two-s", "nowhere")))
    with pytest.raises(InvalidInput) as raised:
        train_submit(organisation.actor("developer"), wrong, now=LATER)
    assert raised.value.errors[0].path == "members.1.from"
    assert Change.objects.filter(kind="promote").count() == 0
    assert Train.objects.count() == 0


def test_it_needs_quota_for_all_of_it(organisation):
    one = change_of(organisation)
    Quota.objects.update(environments=one)
    with pytest.raises((QuotaExceeded, PolicyDenied)) as raised:
        submit(organisation)
    assert raised.value.change_id is None
    assert Train.objects.count() == 0
    assert Change.objects.filter(kind="promote").count() == 0


def change_of(organisation: Organisation) -> int:
    """How many environments there are, and room for one more."""
    return Environment.objects.filter(deleted_at=None).count() + 1


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        pytest.param(TrainRequest((member("one-s"),)), "members", id="one"),
        pytest.param(TrainRequest((member("one-s"), member("one-s", "two"))), "members", id="twice"),
        pytest.param(TrainRequest((member("a"), member("b")), not_before="x"), "not_before", id="moment"),
        pytest.param(TrainRequest((member("a"), member("b")), title="x" * 200), "title", id="title"),
    ],
)
def test_it_refuses_what_is_no_train(organisation, asked, path):
    with pytest.raises(InvalidInput) as raised:
        train_submit(organisation.actor("developer"), asked, now=LATER)
    assert raised.value.errors[0].path == path


def test_it_plans_all_of_it_and_writes_nothing(organisation):
    planned = train_plan(organisation.actor("developer"), request(), now=LATER)
    assert [one.outcome for one in planned] == ["starts", "starts"]
    assert Train.objects.count() == 0


def test_it_is_called_off_by_who_may(organisation):
    train = submit(organisation)
    with pytest.raises(Forbidden):
        train_cancel(organisation.actor("viewer"), train.pk, now=LATER)
    assert train_cancel(organisation.actor("maintainer"), train.pk, reason="Wait.", now=LATER).state == "cancelled"
    assert states(train) == ["cancelled", "cancelled"]


def test_a_member_that_is_withdrawn_takes_the_train_with_it(organisation):
    train = submit(organisation)
    change = Change.objects.filter(hold__train=train).first()
    change_cancel(organisation.actor("developer"), change.pk, now=LATER)
    assert looked_at(train, LATER) == "cancelled"
    assert states(train) == ["cancelled", "cancelled"]


def test_two_sweeps_do_not_meet(organisation):
    train = submit(organisation)
    Train.objects.update(lease_until=LATER + timedelta(minutes=1))
    assert not train_advance(train.pk, now=LATER)
    assert trains_advance_due(now=LATER + timedelta(minutes=2)) == 1
    assert train_advance(train.pk, now=LATER + timedelta(minutes=2))
    assert Run.objects.filter(change__hold__train=train).count() == 2


def test_it_is_hidden_from_who_sees_no_member(organisation):
    from governance.access import rights_of
    from idp.catalog.models import System

    train = submit(organisation)
    System.objects.filter(slug="checkout").update(restricted=True)
    assert not train_list(rights_of(organisation.actor("stranger"))).exists()
    with pytest.raises(NotFound):
        train_cancel(organisation.actor("stranger"), train.pk, now=LATER)

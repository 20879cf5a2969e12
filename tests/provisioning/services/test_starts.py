"""Who waits for an environment starts when it is free, and a change that cannot start stands in nobody's way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from governance.selectors.quota import quota_state
from idp.kernel.errors import Conflict
from provisioning.models import Change, Run
from provisioning.orchestrator import advance, sweep
from provisioning.selectors.changes import change_get, change_view
from provisioning.selectors.runs import run_view
from provisioning.services import runs, starts
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.decisions import change_cancel
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip, spec

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made)
    return made


def update(organisation: Organisation, name: str, replicas: int) -> Change:
    request = ChangeRequest("update", "checkout", name, spec=spec(api={"replicas": replicas}))
    return change_submit(organisation.actor("developer"), request, now=NOW)


@pytest.fixture
def stuck(organisation, monkeypatch) -> Change:
    """An approved change behind a running one, whose start fails whoever tries."""
    create(organisation)
    waiting = update(organisation, "try", 3)
    assert waiting.state == "approved"
    start = starts.change_start

    def failing(change, **how):
        if change.pk == waiting.pk:
            raise RuntimeError("a contract that nobody can read")
        return start(change, **how)

    monkeypatch.setattr(starts, "change_start", failing)
    return waiting


def test_a_run_ends_although_the_next_cannot_start(stuck):
    run = carry_out(Run.objects.get())
    stuck.refresh_from_db()
    assert (run.state, run.change.state, stuck.state) == ("cancelled", "superseded", "approved")


def test_the_sweep_goes_on_to_others(organisation, stuck):
    carry_out(Run.objects.get())
    create(organisation, "busy")
    behind = update(organisation, "busy", 3)
    Run.objects.filter(environment=behind.environment).update(state="cancelled")
    create(organisation, "other")
    assert sweep(now=Clock(NOW)) == 3  # the change behind, and the runs of it and of the other
    behind.refresh_from_db()
    assert behind.state == "running"


def test_what_waits_starts_when_it_can_again(stuck, monkeypatch):
    carry_out(Run.objects.get())
    monkeypatch.undo()
    sweep(now=Clock(NOW))
    stuck.refresh_from_db()
    assert stuck.state == "running"


def test_who_asks_to_cancel_while_a_worker_gives_back_does_not_wait(organisation):
    run = Run.objects.get(change=create(organisation))
    claim = runs.run_claim(run.pk, owner="a", lease=timedelta(seconds=30), now=NOW)
    runs.run_cancel(organisation.actor("developer"), run.pk, now=NOW)
    runs.run_release(claim, due_at=NOW + timedelta(minutes=1))
    assert runs.runs_due(NOW) == [run.pk]


def test_a_run_is_given_back_until_its_time(organisation):
    run = Run.objects.get(change=create(organisation))
    claim = runs.run_claim(run.pk, owner="a", lease=timedelta(seconds=30), now=NOW)
    runs.run_release(claim, due_at=NOW + timedelta(minutes=1))
    assert runs.runs_due(NOW) == []
    assert runs.runs_due(NOW + timedelta(minutes=1)) == [run.pk]


@pytest.fixture
def stopped(organisation, settings) -> Run:
    """A run that was stopped while its resources were not ready yet."""
    settings.SANDBOX_READY_SECONDS = 600
    run = Run.objects.get(change=create(organisation))
    clock = Clock()
    advance(run.pk, now=clock)
    runs.run_cancel(organisation.actor("developer"), run.pk, now=clock())
    carry_out(run, clock)
    settings.SANDBOX_READY_SECONDS = 0
    return run


def test_what_was_stopped_goes_on_where_it_stopped(organisation, stopped):
    change = stopped.change
    assert run_view(organisation.rights("developer"), stopped, now=NOW).may_resume
    rights = organisation.rights("developer")
    assert change_view(rights, change_get(rights, change.pk)).may_resume
    starts.change_resume(organisation.actor("developer"), change.pk, now=NOW)
    assert carry_out(stopped).state == "succeeded"
    change.refresh_from_db()
    assert (change.state, change.environment.state) == ("succeeded", "ready")


def test_what_was_withdrawn_before_it_began_does_not_go_on(organisation):
    change = create(organisation, "live", stage="prod")
    change_cancel(organisation.actor("developer"), change.pk, now=NOW)
    with pytest.raises(Conflict, match="only one that failed or was stopped on its way"):
        starts.change_resume(organisation.actor("developer"), change.pk, now=NOW)


def test_two_who_resume_at_once_start_it_once(organisation, stopped):
    starts.change_resume(organisation.actor("developer"), stopped.change_id, now=NOW)
    with pytest.raises(Conflict, match="This change is running"):
        starts.change_resume(organisation.actor("maintainer"), stopped.change_id, now=NOW)


def test_a_newer_change_supersedes_a_running_one_at_its_next_step(organisation, settings):
    settings.SANDBOX_READY_SECONDS = 30
    first = create(organisation)
    run, clock = Run.objects.get(change=first), Clock()
    advance(run.pk, now=clock)
    second = update(organisation, "try", 3)
    assert second.state == "approved"
    carry_out(run, clock)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (run.state, first.state, second.state) == ("cancelled", "superseded", "running")
    settings.SANDBOX_READY_SECONDS = 0
    assert carry_out(Run.objects.get(change=second), clock).state == "succeeded"
    environment = second.environment
    environment.refresh_from_db()
    assert (environment.state, environment.observed, environment.desired) == ("ready", second.revision, second.revision)
    with pytest.raises(Conflict):
        starts.change_resume(organisation.actor("developer"), first.pk, now=NOW)


def test_of_many_that_wait_each_makes_room_for_the_next(organisation):
    create(organisation)
    waiting = [update(organisation, "try", replicas) for replicas in (3, 4, 5)]
    clock = Clock()
    for _ in range(4):
        carry_out(Run.objects.get(state__in=("queued", "running")), clock)
    states = [Change.objects.get(pk=one.pk).state for one in waiting]
    assert states == ["superseded", "superseded", "succeeded"]
    inputs = Run.objects.get(state="succeeded").revision.document["resources"]["api"]["inputs"]
    assert inputs["replicas"] == 5


def test_a_run_goes_on_when_the_newer_change_is_withdrawn_in_time(organisation):
    first = create(organisation)
    second = update(organisation, "try", 3)
    change_cancel(organisation.actor("developer"), second.pk, now=NOW)
    assert carry_out(Run.objects.get(change=first)).state == "succeeded"
    first.refresh_from_db()
    assert first.state == "succeeded"


def test_a_deletion_makes_room_for_nobody(organisation):
    carry_out(Run.objects.get(change=create(organisation)))
    request = ChangeRequest("delete", "checkout", "try", confirm="try", reason="x")
    deletion = change_submit(organisation.actor("developer"), request, now=NOW)
    runs.run_supersede(Run.objects.get(change=deletion), deletion.pk, now=NOW)
    assert carry_out(Run.objects.get(change=deletion)).state == "succeeded"


def test_what_a_stopped_run_may_have_left_stays_counted(organisation):
    carry_out(Run.objects.get(change=create(organisation, api={"replicas": 8})))
    high = quota_state(organisation.payments.pk).used.cpu
    update(organisation, "try", 1)
    last = update(organisation, "try", 2)
    clock = Clock()
    carry_out(Run.objects.get(state="queued"), clock)
    assert quota_state(organisation.payments.pk).used.cpu == high
    carry_out(Run.objects.get(change=last), clock)
    last.environment.refresh_from_db()
    assert quota_state(organisation.payments.pk).used.cpu == last.environment.cpu < high

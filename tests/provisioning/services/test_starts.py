"""Who waits for an environment starts when it is free, and a change that cannot start stands in nobody's way."""

from __future__ import annotations

from datetime import timedelta

import pytest

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
    assert (run.state, run.change.state, stuck.state) == ("succeeded", "succeeded", "approved")


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

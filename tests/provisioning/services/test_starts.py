"""Who waits for an environment starts when it is free, and a change that cannot start stands in nobody's way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from provisioning.models import Change, Run
from provisioning.orchestrator import sweep
from provisioning.services import runs, starts
from provisioning.services.changes import ChangeRequest, change_submit
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

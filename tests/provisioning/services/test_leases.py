"""Workers whose clocks differ by minutes: who holds a run keeps it, who is gone is followed, nothing is done twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from provisioning.models import Run
from provisioning.orchestrator import advance
from provisioning.services import runs
from tests.personas import NOW
from tests.provisioning.organisation import Clock, carry_out, create, equip

pytestmark = pytest.mark.django_db

LEASE = timedelta(seconds=30)
SKEW = timedelta(minutes=5)


@pytest.fixture
def run(organisation) -> Run:
    equip(organisation)
    return Run.objects.get(change=create(organisation))


@pytest.mark.parametrize("skew", [SKEW, timedelta(0)], ids=["clock-ahead", "same-clock"])
def test_nobody_takes_a_run_that_somebody_holds(run, skew):
    assert runs.run_claim(run.pk, owner="a", lease=LEASE, now=NOW) is not None
    assert runs.run_claim(run.pk, owner="b", lease=LEASE, now=NOW + skew) is None
    assert runs.runs_due(NOW + skew) == []


@pytest.mark.parametrize("skew", [SKEW, timedelta(0)], ids=["the-lost-one-was-ahead", "same-clock"])
def test_another_follows_when_the_lease_is_over_and_fences_the_first_off(run, skew):
    lost = runs.run_claim(run.pk, owner="a", lease=timedelta(seconds=-1), now=NOW + skew)
    assert lost is not None
    assert runs.runs_due(NOW) == [run.pk]
    assert runs.run_claim(run.pk, owner="b", lease=LEASE, now=NOW) is not None
    with pytest.raises(runs.LeaseLost):
        runs.lease_renew(lost)


def test_workers_ten_minutes_apart_carry_a_run_out_together(run):
    """Each in its turn; what one put off to its own time is late for the other, never lost."""
    ahead, behind = Clock(NOW + SKEW), Clock(NOW - SKEW)
    for _ in range(6):
        advance(run.pk, now=ahead)
        advance(run.pk, now=behind)
        ahead.forward(5)
        behind.forward(5)
    assert carry_out(run, ahead).state == "succeeded"
    assert set(run.steps.values_list("attempt", flat=True)) <= {1, 2, 3}

"""Two controllers on one PostgreSQL: one leads, the other takes over, and the one that was gone stores nothing more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from idp.kernel import clock
from provisioning.domain.driver import ObjectRef
from provisioning.models import ClusterWatch, Drift, Environment, Run
from tests.chaos.workers import environment_of_processes, wait_until
from tests.personas import Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip, sandbox

pytestmark = [pytest.mark.postgres, pytest.mark.chaos, pytest.mark.django_db(transaction=True)]

API = ObjectRef("apps/v1", "Deployment", "checkout-staging", "api")
TAKE_OVER = 15.0
START = 60.0
SHIFTED = """
import sys
from datetime import timedelta
import django
django.setup()
from idp.kernel import clock
true = clock.now
clock.now = lambda: true() + timedelta(seconds=float(sys.argv[1]))
from django.core.management import call_command
call_command("slipway_controller")
"""
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def environment(organisation: Organisation) -> Environment:
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation, "staging", now=clock.now())), Clock(clock.now()))
    return Environment.objects.get(state="ready")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a controller whose clock is ``ahead`` seconds ahead; none is left at the end."""
    running: list[subprocess.Popen[bytes]] = []

    def started(ahead: float = 0.0) -> subprocess.Popen[bytes]:
        with (tmp_path / f"controller-{len(running)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", SHIFTED, str(ahead)],
                env=environment_of_processes(""),
                cwd=settings.BASE_DIR,
                stdout=log,
                stderr=log,
            )
        running.append(process)
        return process

    yield started
    for process in running:
        process.kill()
        process.wait()


def watch_of(environment: Environment) -> ClusterWatch | None:
    return ClusterWatch.objects.filter(cluster=environment.cluster_id).first()


def leader(environment: Environment) -> int:
    """The process id of who leads and has seen everything; 0 when nobody does."""
    watch = watch_of(environment)
    return int(watch.owner.split(":")[1]) if watch is not None and watch.owner and watch.synced_at else 0


def drift(replicas: int) -> None:
    sandbox().edit(API, {"spec": {"replicas": replicas}}, manager="kubectl-edit")


def drift_is_seen(replicas: int) -> bool:
    return any(one.fields[0]["live"] == replicas for one in Drift.objects.filter(state="open"))


@pytest.mark.parametrize("skew", [0, 300], ids=["same-clocks", "clocks-ten-minutes-apart"])
def test_another_takes_over_within_fifteen_seconds_of_a_kill(environment, start, skew):
    processes = {one.pid: one for one in (start(skew), start(-skew))}
    wait_until(lambda: leader(environment) in processes, seconds=START, what="a leader")
    first = leader(environment)
    for _ in range(20):  # the other one does not take what is held, whatever its clock says
        time.sleep(0.3)
        assert leader(environment) == first
    drift(5)
    wait_until(lambda: drift_is_seen(5), seconds=15, what="drift seen by the first")
    os.kill(first, signal.SIGKILL)
    began = time.monotonic()
    drift(6)
    wait_until(lambda: leader(environment) not in (0, first), seconds=60, what="the take-over")
    assert time.monotonic() - began < TAKE_OVER
    wait_until(lambda: drift_is_seen(6), seconds=15, what="drift that nobody saw happen")
    assert Drift.objects.filter(state="open").count() == 1


def test_one_that_was_frozen_stores_nothing_of_what_it_still_believes(environment, start):
    processes = {one.pid: one for one in (start(), start())}
    wait_until(lambda: leader(environment) in processes, seconds=START, what="a leader")
    first = leader(environment)
    os.kill(first, signal.SIGSTOP)
    try:
        wait_until(lambda: leader(environment) not in (0, first), seconds=60, what="the take-over")
        epoch = ClusterWatch.objects.get(cluster=environment.cluster_id).epoch
        drift(5)
        wait_until(lambda: drift_is_seen(5), seconds=15, what="drift seen by the second")
    finally:
        os.kill(first, signal.SIGCONT)
    for _ in range(25):
        time.sleep(0.2)
        watch = ClusterWatch.objects.get(cluster=environment.cluster_id)
        assert (watch.epoch, int(watch.owner.split(":")[1])) == (epoch, leader(environment))
        assert leader(environment) != first
    assert Drift.objects.filter(state="open").count() == 1


def test_one_that_is_asked_to_stop_gives_its_lease_back(environment, start):
    process = start()
    wait_until(lambda: leader(environment) == process.pid, seconds=START, what="a leader")
    process.terminate()
    process.wait(20)
    watch = watch_of(environment)
    assert watch is not None
    assert (watch.lease_until, watch.owner) == (None, "")

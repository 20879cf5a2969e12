"""Starts and ends the workers of a chaos test, and waits for what they do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection


class Workers:
    """Real worker processes on one PostgreSQL and one Redis."""

    def __init__(self, nursery: subprocess.Popen[str], journal: Path) -> None:
        self._nursery = nursery
        self._pids: set[int] = set()
        self.journal = journal

    def start(self, queue: str = "runs", *, dies_at: int = 0) -> int:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(f"{queue} {dies_at}\n")
        self._nursery.stdin.flush()
        pid = int(self._nursery.stdout.readline())
        self._pids.add(pid)
        return pid

    def alive(self, pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self, pid: int) -> None:
        """SIGKILL: no goodbye, nothing is flushed."""
        if self.alive(pid):
            os.kill(pid, signal.SIGKILL)
        self._pids.discard(pid)

    def end(self) -> None:
        for pid in list(self._pids):
            self.kill(pid)
        self._nursery.kill()
        self._nursery.wait()


def environment_of_processes(redis_url: str) -> dict[str, str]:
    """The environment in which a process of ours uses this test's database, Redis and sandbox."""
    database = connection.settings_dict
    account = f"{database['USER']}:{database['PASSWORD']}"
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": f"postgresql://{account}@{database['HOST']}:{database['PORT']}/{database['NAME']}",
        "REDIS_URL": redis_url,
        "SLIPWAY_DATA_DIR": str(settings.SANDBOX_PATH.parent),
        "SLIPWAY_LEASE_SECONDS": "3",
        "SLIPWAY_SWEEP_SECONDS": "1",
        "SLIPWAY_SECRET_KEY": settings.SECRET_KEY,
        "SLIPWAY_ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS),
        "SLIPWAY_LOG_LEVEL": "ERROR",
    }


@contextmanager
def running_workers(redis_url: str, folder: Path) -> Iterator[Workers]:
    """A nursery whose workers use this test's database, Redis and sandbox."""
    journal = folder / "journal"
    journal.touch()
    environment = environment_of_processes(redis_url) | {"JOURNAL": str(journal)}
    command = [sys.executable, "-m", "tests.chaos.nursery"]
    nursery = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR
    )
    workers = Workers(nursery, journal)
    try:
        yield workers
    finally:
        workers.end()


def crowd() -> float:
    """How many want each processor just now, at least 1: by so much longer everything takes."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def wait_until(
    done: Callable[[], bool], *, seconds: float, what: str, meanwhile: Callable[[], object] | None = None
) -> None:
    """Wait for ``done``, doing ``meanwhile`` four times a second; fails naming ``what`` after ``seconds``.

    Those are seconds of a machine that has a processor for everyone who wants one; where they stand in line it is
    waited for longer. What hangs stands in no line, so that it is told in time.
    """
    began = time.monotonic()
    while not done():
        waited = time.monotonic() - began
        if waited > seconds * crowd():
            raise AssertionError(f"{what} did not happen within {waited:.0f} s")
        if meanwhile is not None:
            meanwhile()
        time.sleep(0.25)

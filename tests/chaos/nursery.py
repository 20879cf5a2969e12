"""Forks real Celery workers that kill themselves with SIGKILL at a given crossing.

Run as a program with DATABASE_URL and REDIS_URL set; it loads Django once, opens no connection, and for each line
``<queue> <crossing>`` on standard input forks a worker for that queue and prints its process id. Crossing 0 never
comes. A crossing is the moment after a commit of the run, or a point inside a driver call (between two objects).
Every executed step is written to the file JOURNAL as ``<run> <step> <seconds since 1970>``.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


class Crossings:
    """Counts, and at the chosen one there is no more worker."""

    def __init__(self, last: int) -> None:
        self.left = last

    def cross(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def after(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """``call`` with a crossing behind it: what it stored is committed, what follows has not begun."""

        def crossing(*args: Any, **kwargs: Any) -> Any:
            answer = call(*args, **kwargs)
            self.cross()
            return answer

        return crossing


class InterruptedDriver:
    """A driver whose calls can be cut between two objects."""

    def __init__(self, driver: Any, crossings: Crossings) -> None:
        self._driver, self._crossings = driver, crossings

    def apply(self, objects: Sequence[Any], scope: Any, *, force: bool = False) -> list[Any]:
        made = []
        for one in objects:
            made += self._driver.apply([one], scope, force=force)
            self._crossings.cross()
        return made

    def delete(self, refs: Sequence[Any], scope: Any) -> list[Any]:
        gone = []
        for one in refs:
            gone += self._driver.delete([one], scope)
            self._crossings.cross()
        return gone

    def observe(self, refs: Sequence[Any]) -> list[Any]:
        self._crossings.cross()
        seen: list[Any] = self._driver.observe(refs)
        return seen


def work(queue: str, last: int, journal: Path) -> None:
    """Be a worker for ``queue`` until crossing ``last``."""
    from idp.celery import app
    from provisioning.orchestrator import steps
    from provisioning.services import run_outcomes, runs

    crossings = Crossings(last)
    for module, name in (
        (runs, "run_claim"),
        (runs, "step_start"),
        (runs, "step_settle"),
        (runs, "resource_intend"),
        (runs, "resource_observe"),
        (run_outcomes, "run_end"),
    ):
        setattr(module, name, crossings.after(getattr(module, name)))
    opened = steps.driver_for
    steps.driver_for = lambda cluster: InterruptedDriver(opened(cluster), crossings)

    def journalled(handler: Callable[..., Any]) -> Callable[..., Any]:
        def execute(context: Any, step: Any) -> Any:
            with journal.open("a") as file:
                file.write(f"{step.run_id} {step.key} {time.time()}\n")
            return handler(context, step)

        return execute

    # The module, not the function of the same name that its package hands out.
    module = importlib.import_module("provisioning.orchestrator.advance")
    module.ALL_HANDLERS = {kind: journalled(handler) for kind, handler in module.ALL_HANDLERS.items()}  # type: ignore[attr-defined]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR"]
    app.worker_main(["worker", "-P", "solo", "-Q", queue, "-n", f"{queue}-{os.getpid()}@chaos", *quiet])


def _become_quiet() -> None:
    """Celery greets on standard output, where the test reads process ids; and it must not read the test's lines."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - for the rest of the worker's life


def main(journal: Path) -> None:
    import warnings

    import django

    warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")
    django.setup()
    import celery.bin.celery  # noqa: F401

    import provisioning.orchestrator.advance
    import provisioning.services.starts  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        queue, last = line.split()
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _become_quiet()
            work(queue, int(last), journal)
            os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    main(Path(os.environ["JOURNAL"]))

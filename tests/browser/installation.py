"""Slipway as ``make run`` starts it, in a folder and on a port of its own.

Used by the browser tests and by ``tests.browser.screenshots``. Nothing is replaced: gunicorn, embedded worker, SQLite
and the demo organisation are those that a visitor gets.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.services.programs import await_port, end, free_port

ROOT = Path(__file__).resolve().parents[2]
INHERITED = ("SLIPWAY_", "DJANGO_", "DATABASE_URL", "REDIS_URL", "PORT")
"""What the test session sets for itself and a server that stands alone must not see."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A server that answers at ``url``; every account of its demo has the one ``password``."""

    url: str
    password: str
    log: Path
    environment: Mapping[str, str]

    def printed(self, code: str) -> str:
        """What a program prints that runs beside the server, on its data; RuntimeError with what went wrong."""
        program = f"import django; django.setup()\n{code}"
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**self.environment, "DJANGO_SETTINGS_MODULE": "idp.settings"},
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout


@contextlib.contextmanager
def running_installation(folder: Path, *, ready_seconds: int = 3) -> Iterator[Installation]:
    """Make the demo in ``folder``, serve it, and stop at the end. RuntimeError with the log when it does not start.

    ``ready_seconds`` is how long workloads of the sandbox take to become ready.
    """
    port = free_port()
    environment = _environment(folder, port, ready_seconds)
    made = subprocess.run(
        [sys.executable, "manage.py", "slipway_demo"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    if made.returncode != 0:
        raise RuntimeError(f"manage.py slipway_demo failed:\n{made.stdout}{made.stderr}")
    log = folder / "server.log"
    command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.py", "idp.wsgi:application"]
    with log.open("wb") as sink:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=sink, stderr=sink)
        try:
            await_port(port, process, log)
            _await_answer(f"http://127.0.0.1:{port}/livez")
            password = (folder / "demo-password").read_text(encoding="utf-8").strip()
            yield Installation(f"http://127.0.0.1:{port}", password, log, environment)
        finally:
            end(process)


def _await_answer(address: str, *, seconds: float = 90) -> None:
    """The port is open before the process behind it has read the program, which takes long on a busy machine."""
    with urllib.request.urlopen(address, timeout=seconds) as answer:
        answer.read()


def _environment(folder: Path, port: int, ready_seconds: int) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(INHERITED)}
    return own | {
        "SLIPWAY_DEMO": "1",
        "SLIPWAY_DATA_DIR": str(folder),
        "SLIPWAY_OUTBOUND_ALLOW": "127.0.0.0/8",
        "SLIPWAY_SANDBOX_READY_SECONDS": str(ready_seconds),
        "PORT": str(port),
    }

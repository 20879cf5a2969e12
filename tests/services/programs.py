"""What the throw-away servers share: a free port, an account to run as, waiting until a port answers, a clean end."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

UNPRIVILEGED = "nobody"


class ServiceMissing(Exception):
    """The programs of a service are not installed; the message is one line for the test report."""


def required() -> bool:
    """With REQUIRE_SERVICES=1 (as CI sets it) a missing service is a failure, not a skip."""
    return os.environ.get("REQUIRE_SERVICES") == "1"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """A folder of its own that the unprivileged account may use when we are root; removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f"slipway-{name}-"))
    try:
        if os.geteuid() == 0:
            account = pwd.getpwnam(UNPRIVILEGED)
            os.chown(folder, account.pw_uid, account.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unprivileged() -> dict[str, object]:
    """Arguments for subprocess: servers refuse root, so root becomes somebody else."""
    if os.geteuid() != 0:
        return {}
    return {"user": UNPRIVILEGED, "group": pwd.getpwnam(UNPRIVILEGED).pw_gid, "extra_groups": []}


def await_port(port: int, process: subprocess.Popen[bytes], log: Path, *, seconds: float = 30) -> None:
    """Returns once 127.0.0.1:port answers; RuntimeError with the end of the log when it never does."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    end = log.read_text(errors="replace")[-1500:] if log.exists() else ""
    raise RuntimeError(f"the server did not answer on port {port}:\n{end}")


def end(process: subprocess.Popen[bytes], *, seconds: float = 15) -> None:
    """Ask to stop, and insist after a while."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(seconds)

"""A PostgreSQL for tests: the one that DATABASE_URL names, else a throw-away server from the installed programs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.services.programs import (
    ServiceMissing,
    await_port,
    free_port,
    scratch_folder,
    unprivileged,
)

MISSING = "needs PostgreSQL: install its server programs (initdb, postgres), or set DATABASE_URL"
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "shared_buffers=32MB")


def configured_url() -> str | None:
    """DATABASE_URL when it names a PostgreSQL."""
    url = os.environ.get("DATABASE_URL", "")
    return url if url.startswith(("postgres://", "postgresql://")) else None


def programs() -> Path | None:
    """The folder with initdb and postgres, the newest version where there are several."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda path: int("0" + "".join(filter(str.isdigit, path.parts[4]))),
    )
    on_path = shutil.which("initdb")
    candidates = [*reversed(folders), *([Path(on_path).parent] if on_path else [])]
    return next((path for path in candidates if (path / "initdb").exists() and (path / "postgres").exists()), None)


def _version(folder: Path) -> int:
    return int("0" + "".join(filter(str.isdigit, folder.parent.name)))


@contextlib.contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[str]:
    """The URL of a PostgreSQL that tests may do anything to; ServiceMissing when there is none.

    ``durable`` keeps what was committed through a kill, for chaos tests; otherwise it is as quick as it can be.
    """
    url = configured_url()
    if url is not None:
        yield url
        return
    binaries = programs()
    if binaries is None:
        raise ServiceMissing(MISSING)
    with scratch_folder("postgres") as folder:
        _initialise(binaries, folder / "data")
        port = free_port()
        process = _start(binaries, folder, port, durable=durable)
        try:
            await_port(port, process, folder / "log")
            yield f"postgresql://slipway@127.0.0.1:{port}/postgres"
        finally:
            _stop(process)


class PostgresServer:
    """A PostgreSQL of one test alone, to be stopped and started; what was committed stays."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries, self._folder, self._port = binaries, folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        _initialise(binaries, folder / "data")

    @property
    def url(self) -> str:
        return f"postgresql://slipway@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        self._process = _start(self._binaries, self._folder, self._port, durable=True)
        await_port(self._port, self._process, self._folder / "log")

    def stop(self) -> None:
        """As an administrator would: connections are cut, transactions rolled back."""
        if self._process is not None:
            _stop(self._process)
            self._process = None


@contextlib.contextmanager
def own_postgres() -> Iterator[PostgresServer]:
    """ServiceMissing when the programs are not installed; a server that DATABASE_URL names is never stopped."""
    binaries = programs()
    if binaries is None:
        raise ServiceMissing(MISSING)
    with scratch_folder("postgres") as folder:
        server = PostgresServer(binaries, folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _initialise(binaries: Path, data: Path) -> None:
    command = [
        str(binaries / "initdb"),
        f"--pgdata={data}",
        "--username=slipway",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=data.parent, **unprivileged())  # type: ignore[call-overload]
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stderr.strip()}")


def _start(binaries: Path, folder: Path, port: int, *, durable: bool) -> subprocess.Popen[bytes]:
    settings = [part for setting in (() if durable else FAST) for part in ("-c", setting)]
    if durable:
        settings = ["-c", "max_connections=200"]
    command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-h", "127.0.0.1"]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(  # type: ignore[call-overload]
            [*command, "-k", str(folder), *settings], stdout=log, stderr=log, cwd=folder, **unprivileged()
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGINT is PostgreSQL's fast shutdown: it does not wait for clients."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(15)

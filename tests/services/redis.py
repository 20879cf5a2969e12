"""A Redis for tests: the one that REDIS_URL names, else a throw-away server from the installed program."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.services.programs import ServiceMissing, await_port, end, free_port, scratch_folder, unprivileged

MISSING = "needs Redis: install redis-server, or set REDIS_URL"


@dataclass
class RedisServer:
    """A throw-away server that a test may stop and start again on the same port. It keeps nothing on disk."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        if self.process is not None:
            return
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(  # type: ignore[call-overload]
                command, stdout=log, stderr=log, cwd=self.folder, **unprivileged()
            )
        await_port(self.port, self.process, self.folder / "log")

    def stop(self) -> None:
        """Gone at once, with all it held, as in a crash."""
        if self.process is not None:
            end(self.process)
            self.process = None


def configured_url() -> str | None:
    """REDIS_URL; tests that run side by side get a database each, counted from the one that it names."""
    url = os.environ.get("REDIS_URL")
    if not url:
        return None
    address = urlsplit(url)
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = int(address.path.strip("/") or 0)
    return urlunsplit(address._replace(path=f"/{first + worker}"))


def installed() -> bool:
    return shutil.which("redis-server") is not None


@contextlib.contextmanager
def running_redis() -> Iterator[str]:
    """The URL of a Redis that tests may use; ServiceMissing when there is none."""
    url = configured_url()
    if url is not None:
        yield url
        return
    with own_redis() as server:
        yield server.url


@contextlib.contextmanager
def own_redis() -> Iterator[RedisServer]:
    """A server of our own even when REDIS_URL is set, for tests that stop it."""
    if not installed():
        raise ServiceMissing(MISSING)
    with scratch_folder("redis") as folder:
        server = RedisServer(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()

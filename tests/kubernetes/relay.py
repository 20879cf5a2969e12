"""A network between Slipway and an API server that can fail: a TCP relay on loopback that stalls, cuts and slows.

Bytes are passed on as they are; TLS goes through it end to end.
"""

from __future__ import annotations

import contextlib
import copy
import select
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit


class Relay:
    """Listens from the start. ``swallow``: what is open now never hears or says anything again, and is not closed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[_Line] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.delay = 0.0
        """Seconds that every piece of an answer takes."""
        self.away = False
        """Whether new connections are swallowed too."""
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def kubeconfig(self, direct: Mapping[str, Any]) -> dict[str, Any]:
        """``direct`` with this relay as its server."""
        made = copy.deepcopy(dict(direct))
        made["clusters"][0]["cluster"]["server"] = self.url
        return made

    def swallow(self) -> None:
        with self._lock:
            for line in self._open:
                line.silent = True

    def cut(self) -> int:
        """Close whatever is open, as a load balancer that is restarted; how many connections that was."""
        with self._lock:
            number = len(self._open)
            for line in self._open:
                line.close()
            self._open.clear()
        return number

    def close(self) -> None:
        self._closed.set()
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                continue
            line = _Line(self, client, server)
            line.silent = self.away
            with self._lock:
                self._open.append(line)
            threading.Thread(target=line.carry, daemon=True).start()


class _Line:
    """One connection through the relay."""

    def __init__(self, relay: Relay, client: socket.socket, server: socket.socket) -> None:
        self._relay, self._client, self._server = relay, client, server
        self.silent = False

    def carry(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                ready, _, _ = select.select([self._client, self._server], [], [], 0.2)
                for one in ready:
                    data = one.recv(65_536)
                    if not data and not self.silent:
                        return self.close()
                    if not self.silent:
                        time.sleep(self._relay.delay if one is self._server else 0)
                        (self._server if one is self._client else self._client).sendall(data)
                    elif not data:
                        time.sleep(0.2)
        return None

    def close(self) -> None:
        for one in (self._client, self._server):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextlib.contextmanager
def relayed(url: str) -> Iterator[Relay]:
    relay = Relay(url)
    try:
        yield relay
    finally:
        relay.close()

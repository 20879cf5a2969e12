"""A receiver of webhooks on this machine: keeps what it was sent, and answers as the test says."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """``answers`` are given in turn, the last one for ever; each is a status, or a status with headers and a body."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: list[int | tuple[int, Mapping[str, str], bytes]] = field(default_factory=lambda: [204])

    def next_answer(self) -> tuple[int, Mapping[str, str], bytes]:
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return (found, {}, b"") if isinstance(found, int) else found


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listens on a free port of 127.0.0.1, which the test lets outgoing calls reach."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(self.path, headers, body))
            status, more, content = receiver.next_answer()
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing: the test says what it wants to see."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()

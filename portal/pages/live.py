"""The live part of a run as server-sent events: the whole part again whenever something in it moved.

A stream holds a web thread, so they are bounded: a quarter of the threads, a minute each; then the browser comes back
with ``Last-Event-ID``, and when there is no place it polls ``run-progress`` instead. Between two looks the database
connection is given back. Nothing but drawing happens here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from typing import Any

from django.conf import settings
from django.db import connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string

from idp.kernel.errors import NotFound
from portal.pages.runs import run_context
from portal.pages.shell import page
from portal.reading.run import signature
from provisioning.selectors.runs import run_get

MAX_STREAMS = settings.MOST_STREAMS
LIFE_SECONDS = 60.0
LOOK_SECONDS = 1.0
HEARTBEAT_SECONDS = 10.0
RETRY_MILLISECONDS = 2000

places = threading.BoundedSemaphore(MAX_STREAMS)


@page("changes")
def run_events(request: HttpRequest, run: int) -> HttpResponse | StreamingHttpResponse:
    run_get(request.rights, run)  # type: ignore[attr-defined]
    if not places.acquire(blocking=False):
        response = HttpResponse("Too many people watch at the moment; the page asks by itself meanwhile.", status=503)
        response["Retry-After"] = "5"
        return response
    seen = request.headers.get("Last-Event-ID", "")
    stream = Stream(request, run, seen=int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 19 else -1)
    answer = StreamingHttpResponse(stream, content_type="text/event-stream")
    answer["Cache-Control"] = "no-store"
    answer["X-Accel-Buffering"] = "no"
    return answer


class Stream:
    """One watcher. Gives its place back once, also when nobody ever read from it."""

    def __init__(self, request: HttpRequest, run_id: int, *, seen: int) -> None:
        self._lines = _lines(request, run_id, seen)
        self._lock = threading.Lock()
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._lines).encode()

    def close(self) -> None:
        with self._lock:
            was_open, self._open = self._open, False
        if was_open:
            self._lines.close()
            places.release()


def _lines(request: HttpRequest, run_id: int, seen: int) -> Generator[str, None, None]:
    """Messages until the run is over or a minute has passed; ``seen`` is the newest event that the browser has."""
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    end = spoken = time.monotonic()
    end += LIFE_SECONDS
    shown: tuple[Any, ...] | None = None
    while True:
        try:
            context = run_context(request.rights, run_id)  # type: ignore[attr-defined]
        except NotFound:
            yield message("over", "", 0)
            return
        now = signature(context["view"], context["newest"])
        first_is_known = shown is None and context["newest"] == seen and not context["over"]
        if now != shown and not first_is_known:
            yield message("progress", render_to_string("runs/run.html#progress", context, request), context["newest"])
            spoken = time.monotonic()
        shown = now
        _give_back()
        if context["over"]:
            yield message("over", "", context["newest"])
            return
        if time.monotonic() > end:
            return
        if time.monotonic() - spoken > HEARTBEAT_SECONDS:
            yield ": still here\n\n"
            spoken = time.monotonic()
        time.sleep(LOOK_SECONDS)


def message(event: str, data: str, number: int) -> str:
    """One server-sent event; every line of ``data`` becomes a data line."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {event}\nid: {number}\n{lines}\n"


def _give_back() -> None:
    """A watcher must not hold a connection while it waits; inside a test's transaction it has to."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()

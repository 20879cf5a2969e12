"""A run's events as server-sent events, for a browser or a program that wants to watch.

A stream holds a web thread, so they are bounded: a quarter of the threads of this process, a minute each, then the
client comes back with ``Last-Event-ID``. Between two looks the database connection is given back.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Generator, Iterator

from django.conf import settings
from django.db import connections
from django.http import StreamingHttpResponse
from rest_framework.request import Request

from idp.kernel.errors import Transient
from portal.api.events import run_event_row
from portal.api.faults import BadRequest
from provisioning.domain.run import TERMINAL_RUN_STATES
from provisioning.models import Run, RunEvent

MAX_STREAMS = settings.MOST_STREAMS
LIFE_SECONDS = 60.0
LOOK_SECONDS = 0.5
HEARTBEAT_SECONDS = 10.0
BATCH = 200


class Places:
    """How many streams may be open in this process, and how many are."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0
        self._lock = threading.Lock()

    def take(self) -> bool:
        with self._lock:
            if self.taken >= self.most:
                return False
            self.taken += 1
            return True

    def give_back(self) -> None:
        with self._lock:
            self.taken -= 1


places = Places(MAX_STREAMS)


def wants_stream(request: Request) -> bool:
    return "text/event-stream" in request.headers.get("Accept", "")


def last_event_id(request: Request) -> int:
    """The id after which to go on; 0 for the beginning."""
    given = request.headers.get("Last-Event-ID", "").strip() or "0"
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise BadRequest("Last-Event-ID is not one of ours.", remedy="Send the id of the last event you got, or none.")
    return int(given)


def stream_of(run_id: int, *, after: int) -> StreamingHttpResponse:
    """The stream; Transient when all places are taken."""
    if not places.take():
        raise Transient(
            "Too many people watch at the moment.",
            code="too-many-streams",
            remedy="Read the events page by page meanwhile.",
            delay=5,
        )
    response = StreamingHttpResponse(EventStream(run_id, after), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


class EventStream:
    """Iterates over the bytes of one stream and gives its place back when it is closed, started or not."""

    def __init__(
        self,
        run_id: int,
        after: int,
        *,
        life: float = LIFE_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parts = self._watch(run_id, after, life, sleep, clock)
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._parts.close()
        places.give_back()

    def _watch(
        self, run_id: int, after: int, life: float, sleep: Callable[[float], None], clock: Callable[[], float]
    ) -> Generator[bytes]:
        yield b"retry: 1000\n\n"
        ends = clock() + life
        beat = clock() + HEARTBEAT_SECONDS
        while clock() < ends:
            state = Run.objects.filter(pk=run_id).values_list("state", flat=True).first()
            events = list(RunEvent.objects.filter(run_id=run_id, pk__gt=after).order_by("id")[:BATCH])
            release_connections()
            for event in events:
                after = event.pk
                yield _frame("event", run_event_row(event), event.pk)
            if len(events) == BATCH:
                continue
            if state is None or state in TERMINAL_RUN_STATES:
                yield _frame("end", {"state": state or "gone"})
                return
            if clock() >= beat:
                beat = clock() + HEARTBEAT_SECONDS
                yield b": still here\n\n"
            sleep(LOOK_SECONDS)


def release_connections() -> None:
    """Give back this thread's connections; one inside a transaction (a test's) stays."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


def _frame(name: str, data: dict[str, object], event_id: int | None = None) -> bytes:
    head = f"id: {event_id}\n" if event_id is not None else ""
    return f"{head}event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()

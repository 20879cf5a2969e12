"""Watching a run: streamed, taken up after the last event that was seen, read page by page, given up in the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from portal.cli.client import ATTEMPTS, Client
from portal.cli.exits import Fault
from portal.cli.following import AWAY_SECONDS, Event, Watch, events_in

STREAM = {"content-type": "text/event-stream"}
PROBLEM = {"content-type": "application/problem+json"}
EVENT = {"at": "2026-11-22T09:30:00Z", "level": "info", "step": ""}
EVENTS = [{**EVENT, "id": number, "text": f"{number}"} for number in range(1, 6)]


class Server:
    """A run of five events. ``streams`` are answered in turn: how many events one sends, or what goes wrong."""

    def __init__(self, *streams: Any, state: str = "succeeded") -> None:
        self.streams, self.state, self.asked = list(streams), state, list[str]()
        self.change = {"id": 1, "state": "running", "runs": [{"id": 9}]}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if "event-stream" in request.headers["accept"]:
            after = int(request.headers.get("last-event-id", 0))
            self.asked.append(f"stream after {after}")
            return self._stream(after)
        self.asked.append(path)
        if path.endswith("/events/"):
            return httpx.Response(200, json={"items": EVENTS, "next": None})
        if "/runs/" in path:
            return httpx.Response(200, json={"id": 9, "state": self.state})
        self.change["state"] = self.state
        return httpx.Response(200, json=self.change)

    def _stream(self, after: int) -> httpx.Response:
        wish = self.streams.pop(0)
        if isinstance(wish, Exception):
            raise wish
        if isinstance(wish, httpx.Response):
            return wish
        sent = EVENTS[after : after + wish]
        text = "retry: 1000\n\n" + "".join(
            f"id: {one['id']}\nevent: event\ndata: {json.dumps(one)}\n\n" for one in sent
        )
        if after + wish >= len(EVENTS):
            text += f'event: end\ndata: {{"state": "{self.state}"}}\n\n'
        return httpx.Response(200, headers=STREAM, text=text)


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def watch(handler: Callable[[httpx.Request], httpx.Response], *, ends: float = 600) -> tuple[Watch, list[str]]:
    clock, said = Clock(), list[str]()
    client = Client("https://x.example", "slw_x", transport=httpx.MockTransport(handler), sleep=clock.sleep)
    return Watch(client, said.append, ends, sleep=clock.sleep, clock=clock), said


def followed(server: Server) -> tuple[str | None, list[int]]:
    seen: list[int] = []
    state = watch(server)[0].run(9, lambda event: seen.append(event["id"]))
    return state, seen


NO_ROOM = httpx.Response(503, json={"detail": "Too many.", "code": "too-many-streams"}, headers=PROBLEM)


@pytest.mark.parametrize(
    "streams",
    [
        pytest.param([5], id="at once"),
        pytest.param([2, 3], id="a stream that ends and is taken up"),
        pytest.param([2, httpx.ReadError("reset"), 5], id="a connection that breaks, then pages"),
        pytest.param([httpx.ReadTimeout("silent")], id="a stream that says nothing, then pages"),
        pytest.param([NO_ROOM], id="no room for a stream, then pages"),
    ],
)
def test_every_event_is_told_once_and_in_order(streams: list[Any]) -> None:
    state, seen = followed(Server(*streams))
    assert (state, seen) == ("succeeded", [1, 2, 3, 4, 5])


def test_a_stream_is_taken_up_after_the_last_event_that_was_seen() -> None:
    server = Server(2, 1, 2)
    followed(server)
    assert server.asked == ["stream after 0", "stream after 2", "stream after 3"]


def test_a_run_that_one_may_not_see_is_told_at_once() -> None:
    refused = httpx.Response(404, json={"detail": "No such run.", "code": "not-found"}, headers=PROBLEM)
    with pytest.raises(Fault):
        followed(Server(refused))


def test_time_runs_out_while_it_goes_on() -> None:
    server = Server(*[0] * 50, state="running")
    seen = watch(server, ends=5)[0].run(9, lambda event: None)
    assert seen is None


def test_an_installation_that_restarts_is_waited_for_and_both_are_said() -> None:
    server = Server(5)
    away = iter([True] * (3 * ATTEMPTS) + [False] * 100)

    def handler(request: httpx.Request) -> httpx.Response:
        if next(away):
            raise httpx.ConnectError("refused")
        return server(request)

    seen: list[int] = []
    looking, said = watch(handler)
    change = looking.change(1, lambda event: seen.append(event["id"]), people=False)
    assert (change["state"], seen) == ("succeeded", [1, 2, 3, 4, 5])
    assert ["cannot be reached" in said[0], said[1:]] == [True, ["Connected again."]]


def test_an_installation_that_stays_away_is_given_up() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    looking, _ = watch(handler, ends=10 * AWAY_SECONDS)
    with pytest.raises(Fault):
        looking.change(1, lambda event: None, people=False)
    assert AWAY_SECONDS <= looking.clock() < 2 * AWAY_SECONDS


@pytest.mark.parametrize(("people", "state"), [(False, "pending"), (True, "succeeded")], ids=["at once", "through it"])
def test_a_change_that_waits_for_people(people: bool, state: str) -> None:
    states = iter(["pending", "pending", "succeeded", "succeeded"])

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"id": 1, "state": next(states), "runs": []})

    assert watch(handler)[0].change(1, lambda event: None, people=people)["state"] == state


@pytest.mark.parametrize(
    ("text", "events"),
    [
        pytest.param("event: a\ndata: 1\n\n", [Event("a", 1)], id="one"),
        pytest.param("id: 4\nevent: a\ndata: {\ndata: }\n\n", [Event("a", {}, 4)], id="data in two lines"),
        pytest.param(": still here\n\nretry: 5\n\ndata: 1\n\n", [Event("message", 1)], id="comments, and the unknown"),
        pytest.param("id: x\ndata:1\n\n", [Event("message", 1)], id="an id that is no number, no space"),
        pytest.param("event: a\ndata: 1\n", [], id="one that was cut off"),
    ],
)
def test_it_reads_server_sent_events(text: str, events: list[Event]) -> None:
    assert list(events_in(iter(text.split("\n")[:-1]))) == events

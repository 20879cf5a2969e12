"""Watches a run or a change until it is over, and survives that the connection does not.

A run's events come as server-sent events; when the stream ends, breaks or has no room, it is taken up again after the
last event that was seen, and read page by page meanwhile. Everything is told on standard error.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx

from .client import Client
from .exits import Fault

OVER: Final = frozenset({"succeeded", "failed", "cancelled"})
CHANGE_OVER: Final = OVER | {"denied", "rejected", "expired", "superseded"}
POLL_SECONDS: Final = 2.0
RECONNECT_SECONDS: Final = 0.5
AWAY_SECONDS: Final = 300.0
"""How long an installation may be away before it is given up."""


@dataclass(frozen=True, slots=True)
class Event:
    """One message of a stream of server-sent events."""

    name: str
    data: Any
    id: int | None = None


Tell = Callable[[dict[str, Any]], None]


@dataclass
class Watch:
    """How to watch: until ``ends`` (on ``clock``), telling of lost connections through ``notice``."""

    client: Client
    notice: Callable[[str], None]
    ends: float
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def change(self, change_id: int, tell: Tell, *, people: bool) -> dict[str, Any]:
        """The change once it is over, once it waits for people unless ``people`` are to be waited for too, or as it is
        when time is up.

        ``tell`` gets every event of its newest run.
        """
        seen: set[int] = set()
        while True:
            change: dict[str, Any] = self._alive(lambda: self.client.get(f"changes/{change_id}/"))
            begun = change["runs"] if change["state"] != "pending" else []
            newest = int(begun[0]["id"]) if begun else 0
            if newest and newest not in seen and self.run(newest, tell) is not None:
                seen.add(newest)
                continue
            waits = change["state"] == "pending" and not people
            if change["state"] in CHANGE_OVER or waits or self.is_late:
                return change
            self.sleep(POLL_SECONDS)

    def run(self, run_id: int, tell: Tell) -> str | None:
        """Every event of a run until it is over; its state, None when time was up before."""
        after = 0
        path = f"runs/{run_id}/events/"
        pages = Pages(self.client, path)
        while not self.is_late:
            try:
                for event in self._streamed(path, after):
                    if event.name == "end":
                        return str(event.data["state"])
                    if event.name == "event":
                        after = event.id or after
                        tell(event.data)
                    if self.is_late:
                        return None
                self.sleep(RECONNECT_SECONDS)
                continue
            except (httpx.TransportError, Fault) as error:
                if isinstance(error, Fault) and error.status not in (429, 502, 503, 504):
                    raise
            for row in self._alive(lambda: pages.after(after)):  # noqa: B023 - asked before ``after`` moves on
                after = row["id"]
                tell(row)
            state = str(self._alive(lambda: self.client.get(f"runs/{run_id}/"))["state"])
            if state in OVER:
                for row in self._alive(lambda: pages.after(after)):  # noqa: B023 - as above
                    tell(row)
                return state
            self.sleep(POLL_SECONDS)
        return None

    @property
    def is_late(self) -> bool:
        return self.clock() >= self.ends

    def _streamed(self, path: str, after: int) -> Iterator[Event]:
        with self.client.stream(path, after=after) as lines:
            yield from events_in(lines)

    def _alive(self, ask: Callable[[], Any]) -> Any:
        """What ``ask`` answers, patiently: an installation that restarts is waited for, for minutes."""
        gives_up = self.clock() + AWAY_SECONDS
        told = False
        while True:
            try:
                found = ask()
            except Fault as fault:
                lost = fault.status in (0, 429, 502, 503, 504) and fault.exit_code == 1
                if not lost or self.clock() >= gives_up:
                    raise
                if not told:
                    self.notice(f"{fault.message} The work goes on without us; trying again.")
                    told = True
                self.sleep(POLL_SECONDS)
            else:
                if told:
                    self.notice("Connected again.")
                return found


@dataclass
class Pages:
    """A run's events page by page; reads the last page again and again, and goes on from there."""

    client: Client
    path: str

    def after(self, last: int) -> list[dict[str, Any]]:
        """The events behind the one with that number, in order."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.client.get(self.path)
            found += [one for one in page["items"] if one["id"] > last]
            if not page.get("next"):
                return found
            self.path = page["next"]


def events_in(lines: Iterator[str]) -> Iterator[Event]:
    """The events of a stream's lines, as the standard has it; comments and what is unknown are passed over."""
    name, number = "message", None
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                yield Event(name, json.loads("\n".join(data)), number)
            name, data, number = "message", [], None
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            with contextlib.suppress(ValueError):
                number = int(value)

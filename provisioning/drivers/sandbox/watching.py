"""The sandbox's watch: what changed in its file since somebody looked last. Used by the sandbox driver only.

Nothing runs in the sandbox, so an object's status moves with time alone; the watch looks a few times a second and
tells of what was written, of what is on its way to ready or out, and of what is gone. One feed has all kinds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from idp.kernel.canonical import digest
from provisioning.domain.driver import FIELD_MANAGER, LABEL_MANAGED, Event, VersionExpired
from provisioning.drivers.sandbox import faults, view
from provisioning.drivers.sandbox.store import Store, Transaction

EVERYTHING = "everything"
LOOK_EVERY = 0.3
"""Seconds between two looks."""
SETTLED = 2.0
"""Seconds after an object's time to become ready until its status is taken as final."""


def is_managed(manifest: Mapping[str, Any]) -> bool:
    labels = manifest["metadata"].get("labels") or {}
    return bool(labels.get(LABEL_MANAGED) == FIELD_MANAGER)


class SandboxWatch:
    """Iterate it in one thread; ``close`` may be called from another."""

    def __init__(
        self,
        store: Store,
        version: int,
        *,
        settle: Callable[[Transaction], None],
        clock: Callable[[], float],
        ready_after: float,
        seconds: float,
    ) -> None:
        self._store = store
        self._version = version
        self._settle = settle
        self._clock = clock
        self._ready_after = ready_after
        self._seconds = seconds
        self._closed = threading.Event()
        self._unsettled_until = clock() + ready_after + SETTLED
        self._told: dict[str, str] = {}

    def __iter__(self) -> Iterator[Event]:
        ends = time.monotonic() + self._seconds
        while not self._closed.is_set() and time.monotonic() < ends:
            if self._clock() < self._unsettled_until or self._store.version() != self._version:
                yield from self._look()
            self._closed.wait(LOOK_EVERY)

    def close(self) -> None:
        self._closed.set()

    def _look(self) -> list[Event]:
        now = self._clock()
        with self._store.transaction() as transaction:
            faults.strike(transaction, "watch", [])
            self._settle(transaction)
            if transaction.forgotten(self._version):
                raise VersionExpired
            moving = transaction.changed_after(self._version, now - self._ready_after - SETTLED)
            gone = transaction.removed_after(self._version)
            told, version = transaction.faults(), transaction.version()
        if version != self._version or any(stored.deleting_at is not None for stored in moving):
            self._unsettled_until = now + self._ready_after + SETTLED
        events = [Event("gone", last, str(number)) for number, last in gone if is_managed(last)]
        for stored in moving:
            manifest = view.observed(stored, told, now, self._ready_after).manifest
            assert manifest is not None
            mark = digest(manifest)
            if self._told.get(stored.uid) != mark:
                self._told[stored.uid] = mark
                # What lost our label is gone for who watches by it, as on a real API server.
                events.append(Event("seen" if is_managed(manifest) else "gone", manifest, str(version)))
        self._version = version
        if len(self._told) > 2 * len(moving) + 100:
            kept = {stored.uid for stored in moving}
            self._told = {uid: mark for uid, mark in self._told.items() if uid in kept}
        return events

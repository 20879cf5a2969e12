"""Everything that Slipway made on one cluster, as its watches tell it; and which environments to look at again.

Written by the followers' threads, read by the controller's. Objects are kept packed: ten thousand environments have
some eighty thousand of them. Events may be repeated or come in another order: what is older than what is known, a
deletion included, tells nothing. Holds no decision and touches no database.
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from provisioning.domain.driver import LABEL_ENVIRONMENT, LABEL_SYSTEM, Event, Listed, Manifest, ObjectRef, Scope

REMEMBERED_REMOVALS: Final = 20_000
"""Of one feed between two lists; an event that is repeated later than that could bring an object back until then."""


@dataclass(frozen=True, slots=True)
class _Held:
    feed: str
    scope: Scope | None
    version: int
    packed: bytes


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be looked at: how many environments, and for how many seconds the first that an event named."""

    environments: int
    seconds: float


class ClusterCache:
    """Thread-safe. ``feeds`` are those that must have been listed once before anything can be said to be missing."""

    def __init__(self, feeds: Collection[str]) -> None:
        self._lock = threading.Lock()
        self._held: dict[ObjectRef, _Held] = {}
        self._scopes: dict[Scope, set[ObjectRef]] = {}
        self._urgent: dict[Scope, float] = {}
        self._patient: dict[Scope, None] = {}
        self._waiting = set(feeds)
        self._listed: dict[str, int] = {}
        self._gone: dict[str, dict[ObjectRef, int]] = {}
        self.stirred = threading.Event()

    @property
    def synced(self) -> bool:
        """Whether every feed has been listed at least once."""
        return not self._waiting

    def __len__(self) -> int:
        return len(self._held)

    @property
    def packed_bytes(self) -> int:
        with self._lock:
            return sum(len(one.packed) for one in self._held.values())

    def has_listed(self, feed: str) -> bool:
        return feed in self._listed

    def replace(self, feed: str, listed: Listed) -> None:
        """Take ``listed`` for all there is of ``feed``; what it lacks is gone, whatever was told before."""
        made = [(ObjectRef.of(one), _scope(one), _version(one), _packed(one)) for one in listed.objects]
        there = {ref for ref, *_ in made}
        with self._lock:
            for ref in [ref for ref, held in self._held.items() if held.feed == feed and ref not in there]:
                self._forget(ref)
            for ref, scope, version, packed in made:
                self._keep(ref, _Held(feed, scope, version, packed))
            self._listed[feed] = _number(listed.version)
            self._gone[feed] = {}
            self._waiting.discard(feed)
        self.stirred.set()

    def forget_feed(self, feed: str) -> None:
        """The cluster does not have that kind: there is nothing of it."""
        self.replace(feed, Listed((), ""))

    def apply(self, feed: str, event: Event) -> None:
        """Take one event. One that is older than what is known tells nothing new and is dropped."""
        if event.kind == "bookmark":
            return
        ref, version = ObjectRef.of(event.manifest), _number(event.version)
        made = _Held(feed, _scope(event.manifest), version, _packed(event.manifest))
        with self._lock:
            if 0 < version < self._known_version(feed, ref):
                return
            if event.kind == "gone":
                self._remember_removal(feed, ref, version)
                self._forget(ref)
            else:
                self._keep(ref, made)
        self.stirred.set()

    def mark(self, scopes: Iterable[Scope], *, urgent: bool = True) -> None:
        """Have these environments looked at again; what is not ``urgent`` waits until nothing else does."""
        with self._lock:
            for scope in scopes:
                if urgent:
                    self._stir(scope)
                elif scope not in self._urgent:
                    self._patient[scope] = None
        self.stirred.set()

    def mark_all(self) -> None:
        self.mark(self.scopes(), urgent=False)

    def take_dirty(self, most: int) -> list[Scope]:
        """Up to ``most`` environments to look at, those that events named first; they count as looked at."""
        with self._lock:
            taken = list(islice(self._urgent, most))
            for scope in taken:
                del self._urgent[scope]
            more = list(islice(self._patient, most - len(taken)))
            for scope in more:
                del self._patient[scope]
            if not self._urgent and not self._patient:
                self.stirred.clear()
        return [*taken, *more]

    def backlog(self) -> Backlog:
        with self._lock:
            first = next(iter(self._urgent.values()), None)
            waiting = len(self._urgent) + len(self._patient)
        return Backlog(waiting, 0.0 if first is None else time.monotonic() - first)

    def objects(self, scope: Scope) -> dict[ObjectRef, Manifest]:
        """What lives of one environment."""
        with self._lock:
            packed = {ref: self._held[ref].packed for ref in self._scopes.get(scope, ())}
        return {ref: _unpacked(data) for ref, data in packed.items()}

    def scopes(self) -> list[Scope]:
        with self._lock:
            return list(self._scopes)

    def _known_version(self, feed: str, ref: ObjectRef) -> int:
        """The version of the newest that is known about ``ref``: a list, an event, or its removal."""
        held = self._held.get(ref)
        removed = self._gone.get(feed, {}).get(ref, 0)
        return max(held.version if held else 0, removed, self._listed.get(feed, 0))

    def _remember_removal(self, feed: str, ref: ObjectRef, version: int) -> None:
        removals = self._gone.setdefault(feed, {})
        removals.pop(ref, None)
        removals[ref] = version
        if len(removals) > REMEMBERED_REMOVALS:
            del removals[next(iter(removals))]

    def _keep(self, ref: ObjectRef, made: _Held) -> None:
        before = self._held.get(ref)
        self._held[ref] = made
        if before is not None and (before.scope, before.packed) == (made.scope, made.packed):
            return
        if before is not None and before.scope != made.scope:
            self._leave(ref, before)
        if made.scope is not None:
            self._scopes.setdefault(made.scope, set()).add(ref)
            self._stir(made.scope)

    def _forget(self, ref: ObjectRef) -> None:
        held = self._held.pop(ref, None)
        if held is not None:
            self._leave(ref, held)

    def _leave(self, ref: ObjectRef, held: _Held) -> None:
        if held.scope is None:
            return
        members = self._scopes.get(held.scope, set())
        members.discard(ref)
        if not members:
            self._scopes.pop(held.scope, None)
        self._stir(held.scope)

    def _stir(self, scope: Scope) -> None:
        self._patient.pop(scope, None)
        self._urgent.setdefault(scope, time.monotonic())


def _scope(manifest: Manifest) -> Scope | None:
    labels = manifest["metadata"].get("labels") or {}
    system, environment = labels.get(LABEL_SYSTEM), labels.get(LABEL_ENVIRONMENT)
    return Scope(system, environment) if system and environment else None


def _version(manifest: Manifest) -> int:
    return _number(str(manifest["metadata"].get("resourceVersion", "")))


def _number(version: str) -> int:
    """Versions of one kind can be compared since Kubernetes 1.35 says so; what is no number counts as new: 0."""
    return int(version) if version.isascii() and version.isdigit() else 0


def _packed(manifest: Manifest) -> bytes:
    return zlib.compress(json.dumps(manifest, separators=(",", ":"), default=str).encode(), 1)


def _unpacked(data: bytes) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(zlib.decompress(data))
    return manifest

"""Everything that Slipway made on one cluster, as its watches tell it; and which environments to look at again.

Written by the followers' threads, read by the controller's. Objects are kept packed: ten thousand environments have
some eighty thousand of them. Holds no decision and touches no database.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from provisioning.domain.driver import LABEL_ENVIRONMENT, LABEL_SYSTEM, Event, Listed, Manifest, ObjectRef, Scope


@dataclass(frozen=True, slots=True)
class _Held:
    feed: str
    scope: Scope | None
    version: int
    packed: bytes


class ClusterCache:
    """Thread-safe. ``feeds`` are those that must have been listed once before anything can be said to be missing."""

    def __init__(self, feeds: Collection[str]) -> None:
        self._lock = threading.Lock()
        self._held: dict[ObjectRef, _Held] = {}
        self._scopes: dict[Scope, set[ObjectRef]] = {}
        self._dirty: set[Scope] = set()
        self._waiting = set(feeds)
        self.stirred = threading.Event()

    @property
    def synced(self) -> bool:
        """Whether every feed has been listed at least once."""
        return not self._waiting

    def __len__(self) -> int:
        return len(self._held)

    def replace(self, feed: str, listed: Listed) -> None:
        """Take ``listed`` for all there is of ``feed``; what it lacks is gone."""
        there = {ObjectRef.of(one) for one in listed.objects}
        with self._lock:
            for ref in [ref for ref, held in self._held.items() if held.feed == feed and ref not in there]:
                self._forget(ref)
            for one in listed.objects:
                self._keep(feed, one)
            self._waiting.discard(feed)
        self.stirred.set()

    def forget_feed(self, feed: str) -> None:
        """The cluster does not have that kind: there is nothing of it."""
        self.replace(feed, Listed((), ""))

    def apply(self, feed: str, event: Event) -> None:
        """Take one event. One that is older than what is held tells nothing new and is dropped."""
        if event.kind == "bookmark":
            return
        ref = ObjectRef.of(event.manifest)
        with self._lock:
            held = self._held.get(ref)
            if held is not None and _version(event.manifest) < held.version:
                return
            if event.kind == "gone":
                self._forget(ref)
            else:
                self._keep(feed, event.manifest)
        self.stirred.set()

    def mark(self, scopes: Iterable[Scope]) -> None:
        """Have these environments looked at again."""
        with self._lock:
            self._dirty.update(scopes)
        self.stirred.set()

    def mark_all(self) -> None:
        self.mark(list(self._scopes))

    def take_dirty(self, most: int) -> list[Scope]:
        """Up to ``most`` environments to look at; they count as looked at."""
        with self._lock:
            taken = [self._dirty.pop() for _ in range(min(most, len(self._dirty)))]
            if not self._dirty:
                self.stirred.clear()
        return taken

    def objects(self, scope: Scope) -> dict[ObjectRef, Manifest]:
        """What lives of one environment."""
        with self._lock:
            packed = {ref: self._held[ref].packed for ref in self._scopes.get(scope, ())}
        return {ref: _unpacked(data) for ref, data in packed.items()}

    def scopes(self) -> list[Scope]:
        with self._lock:
            return list(self._scopes)

    def _keep(self, feed: str, manifest: Manifest) -> None:
        ref, version = ObjectRef.of(manifest), _version(manifest)
        before = self._held.get(ref)
        if before is not None and before.version == version and before.packed == _packed(manifest):
            return
        scope = _scope(manifest)
        if before is not None and before.scope not in (None, scope):
            self._leave(ref, before)
        self._held[ref] = _Held(feed, scope, version, _packed(manifest))
        if scope is not None:
            self._scopes.setdefault(scope, set()).add(ref)
            self._dirty.add(scope)

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
        self._dirty.add(held.scope)


def _scope(manifest: Manifest) -> Scope | None:
    labels = manifest["metadata"].get("labels") or {}
    system, environment = labels.get(LABEL_SYSTEM), labels.get(LABEL_ENVIRONMENT)
    return Scope(system, environment) if system and environment else None


def _version(manifest: Manifest) -> int:
    """Versions of one kind can be compared since Kubernetes 1.35 says so; what is no number counts as new."""
    text = str(manifest["metadata"].get("resourceVersion", ""))
    return int(text) if text.isascii() and text.isdigit() else 0


def _packed(manifest: Manifest) -> bytes:
    return zlib.compress(json.dumps(manifest, separators=(",", ":"), default=str).encode(), 1)


def _unpacked(data: bytes) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(zlib.decompress(data))
    return manifest

"""A sandbox that is watched kind by kind, as a real cluster is, and whose watches a test can hold up or refuse."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from provisioning.domain.driver import Event, Listed, ObjectRef, Observed, PermanentError, TemporaryError
from provisioning.drivers.sandbox.watching import EVERYTHING

USUAL = (
    "v1/Namespace",
    "v1/Service",
    "v1/ResourceQuota",
    "v1/LimitRange",
    "networking.k8s.io/v1/NetworkPolicy",
    "rbac.authorization.k8s.io/v1/RoleBinding",
)


class KindByKind:
    """Everything else is the sandbox. ``held``: watches tell nothing while it is set; ``unserved`` and ``forbidden``
    are feeds; ``looks`` are the objects that were read one by one."""

    def __init__(self, sandbox: Any) -> None:
        self._sandbox = sandbox
        self.held = threading.Event()
        self.unserved: set[str] = set()
        self.forbidden: set[str] = set()
        self.away = False
        self.looks: list[ObjectRef] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sandbox, name)

    def probe(self) -> Any:
        if self.away:
            raise TemporaryError("unreachable", "The cluster cannot be reached.")
        return self._sandbox.probe()

    def observe(self, refs: Sequence[ObjectRef]) -> list[Observed]:
        if self.away:
            raise TemporaryError("unreachable", "The cluster cannot be reached.")
        self.looks += refs
        found: list[Observed] = self._sandbox.observe(refs)
        return found

    def feeds(self, kinds: Collection[str] = ()) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*USUAL, *sorted(kinds))))

    def list_feed(self, feed: str) -> Listed:
        self._refuse(feed)
        listed = self._sandbox.list_feed(EVERYTHING)
        return Listed(tuple(one for one in listed.objects if _feed_of(one) == feed), listed.version)

    def watch(self, feed: str, version: str, *, seconds: float) -> _Watch:
        return _Watch(self, feed, self._sandbox.watch(EVERYTHING, version, seconds=seconds))

    def _refuse(self, feed: str) -> None:
        if feed in self.unserved:
            raise PermanentError("kind-not-served", f"The cluster does not know {feed}.")
        if feed in self.forbidden:
            raise PermanentError("forbidden", f"The cluster does not allow Slipway to watch {feed}.")


class _Watch:
    def __init__(self, driver: KindByKind, feed: str, inner: Any) -> None:
        self._driver, self._feed, self._inner = driver, feed, inner
        self._closed = False

    def __iter__(self) -> Iterator[Event]:
        for event in self._inner:
            while self._driver.held.is_set() and not self._closed:
                time.sleep(0.02)
            self._driver._refuse(self._feed)
            if event.kind == "bookmark" or _feed_of(event.manifest) == self._feed:
                yield event

    def close(self) -> None:
        self._closed = True
        self._inner.close()


def _feed_of(manifest: Any) -> str:
    return f"{manifest['apiVersion']}/{manifest['kind']}"

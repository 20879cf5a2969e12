"""Follows one feed of a cluster: lists it, watches from there, and lists again when the watch cannot go on.

One thread per feed, started by the controller. It writes into the cache only and never touches the database. A broken
stream is taken up where it stopped; a version that the server forgot costs a new list, and so does a watch that fails
again and again, so that what cannot be watched is at least looked at.
"""

from __future__ import annotations

import random
import threading
import time
from typing import Final

import structlog

from provisioning.domain.driver import Driver, DriverError, PermanentError, VersionExpired, Watch
from provisioning.domain.run import backoff
from provisioning.reconciler.cache import ClusterCache

log = structlog.get_logger(__name__)

LONGEST_WATCH = 300.0
"""Seconds; each watch lasts between 80 and 100 % of it, so that they do not all end together."""
LONGEST_PAUSE: Final = 10.0
NOT_SERVED: Final = frozenset({"kind-not-served", "not-found"})
NOT_SERVED_AGAIN: Final = 60.0
SURE_AFTER: Final = 5.0
"""Seconds until a kind that was there and is not served any more is asked for again, before its objects are gone."""
LIST_AGAIN_AFTER: Final = 4
"""Watches that fail one after the other until the feed is listed instead."""
REFUSED_AFTER: Final = 30.0
"""Seconds; a server that has just started refuses what it will allow in a moment."""


class Follower(threading.Thread):
    """Runs until ``close``."""

    def __init__(self, driver: Driver, feed: str, cache: ClusterCache) -> None:
        super().__init__(name=f"slipway-watch-{feed}", daemon=True)
        self._driver = driver
        self._feed = feed
        self._cache = cache
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._watch: Watch | None = None
        self._version: str | None = None
        self._failures = 0
        self._refused_since: float | None = None
        self._why = ""

    @property
    def refused(self) -> str:
        """Why the cluster does not let this feed be followed, once it has said so for a while."""
        since = self._refused_since
        return self._why if since is not None and time.monotonic() - since >= REFUSED_AFTER else ""

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
                self._failures = 0
            except VersionExpired:
                self._version = None
            except PermanentError as error:
                self._wait_for_kind(error)
            except DriverError as error:
                self._pause(error)
            except Exception:  # a watch at fault lists anew instead of ending: nobody would see the cluster else
                log.exception("watch_fault", feed=self._feed)
                self._version = None
                self._rest(backoff(5, random.random()))  # noqa: S311 - jitter, not a secret

    def close(self) -> None:
        """Ask it to end; a stream that waits is broken off."""
        self._stopping.set()
        self.reconnect()

    def reconnect(self) -> None:
        """Try again now: open the stream anew from where it was, as after the network was away."""
        self._woken.set()
        watch = self._watch
        if watch is not None:
            watch.close()

    def _follow(self) -> None:
        if self._version is None:
            listed = self._driver.list_feed(self._feed)
            self._cache.replace(self._feed, listed)
            self._version = listed.version
            self._refused_since = None
        seconds = LONGEST_WATCH * (0.8 + 0.2 * random.random())  # noqa: S311 - jitter, not a secret
        began = time.monotonic()
        self._watch = self._driver.watch(self._feed, self._version, seconds=seconds)
        if self._stopping.is_set():
            self._watch.close()
        for event in self._watch:
            self._cache.apply(self._feed, event)
            self._version = event.version
            self._failures = 0
        self._watch = None
        if time.monotonic() - began < 1:  # a server that closes at once must not be asked in a tight loop
            self._rest(1)

    def _wait_for_kind(self, error: PermanentError) -> None:
        """A kind that the cluster does not have (yet), or that this account may not read."""
        self._version = None
        if error.code not in NOT_SERVED:
            self._failures += 1
            self._refused_since, self._why = self._refused_since or time.monotonic(), error.message
            log.warning("watch_refused", feed=self._feed, code=error.code)
            self._rest(min(NOT_SERVED_AGAIN, backoff(self._failures, random.random())))  # noqa: S311 - jitter
        elif self._cache.has_listed(self._feed) and self._failures == 0:
            self._failures += 1
            self._rest(SURE_AFTER)
        else:
            self._cache.forget_feed(self._feed)
            self._rest(NOT_SERVED_AGAIN)

    def _pause(self, error: DriverError) -> None:
        self._failures += 1
        if self._failures in (1, 10):
            log.info("watch_broken", feed=self._feed, code=error.code)
        if self._failures >= LIST_AGAIN_AFTER:
            self._version = None
        self._rest(min(LONGEST_PAUSE, backoff(self._failures, random.random())))  # noqa: S311 - jitter, not a secret

    def _rest(self, seconds: float) -> None:
        """Until ``seconds`` are over, or somebody wants it to go on."""
        if not self._stopping.is_set():
            self._woken.wait(seconds)
            self._woken.clear()


class Pulse(threading.Thread):
    """Asks the cluster every few seconds whether it answers, once for all its environments."""

    EVERY = 5.0
    UNREACHABLE_AFTER = 10.0

    def __init__(self, driver: Driver) -> None:
        super().__init__(name="slipway-pulse", daemon=True)
        self._driver = driver
        self._stopping = threading.Event()
        self._failing_since: float | None = None
        self._answered = False
        self.why = ""
        self.came_back = threading.Event()
        """Set when it answers after it did not; streams that were open before may be dead without having ended."""

    @property
    def unreachable(self) -> bool:
        since = self._failing_since
        return since is not None and time.monotonic() - since >= self.UNREACHABLE_AFTER

    @property
    def reachable(self) -> bool:
        """Whether it answered when it was asked last; not the contrary of ``unreachable``."""
        return self._answered and self._failing_since is None

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._driver.probe()
                if self._failing_since is not None:
                    self.came_back.set()
                self._failing_since, self.why, self._answered = None, "", True
            except DriverError as error:
                self._failing_since = self._failing_since or time.monotonic()
                self.why = error.message
            except Exception:  # the pulse must outlive its own faults, or all environments become unknown
                log.exception("pulse_fault")
            self._stopping.wait(1.0 if self._failing_since else self.EVERY)

    def close(self) -> None:
        self._stopping.set()

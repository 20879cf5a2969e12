"""A watch session that a test turns by hand, so that what it stores is seen at once and in one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from provisioning.domain.driver import Driver
from provisioning.models import Cluster
from provisioning.reconciler.session import WatchSession
from provisioning.services import observations


@contextmanager
def session_of(
    cluster: Cluster, driver: Driver, *, owner: str = "test", seconds: float = 20.0
) -> Iterator[WatchSession]:
    """A running session that has seen everything once."""
    watching = observations.watch_claim(cluster, owner=owner)
    assert watching is not None
    session = WatchSession(cluster, watching, driver)
    session.start()
    try:
        until(session, lambda: session.synced, seconds=seconds)
        session.turn()
        yield session
    finally:
        session.close()
        observations.watch_release(watching)


def observe_once(cluster: Cluster, driver: Driver) -> None:
    """What a controller stores that lists everything once, without threads and without waiting."""
    watching = observations.watch_claim(cluster, owner="once")
    assert watching is not None
    session = WatchSession(cluster, watching, driver)
    for feed in session.followers:
        session.cache.replace(feed, driver.list_feed(feed))
    session.turn()
    observations.watch_release(watching)


def until(session: WatchSession, reached: Callable[[], bool], *, seconds: float = 20.0) -> float:
    """Turn until ``reached``; how long that took. Fails when it never is."""
    began = time.monotonic()
    while not reached():
        assert time.monotonic() - began < seconds, f"not reached within {seconds} s"
        session.turn()
        time.sleep(0.05)
    return time.monotonic() - began

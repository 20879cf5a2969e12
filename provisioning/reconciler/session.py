"""One term of watching a cluster: its followers, its cache, and what is judged and stored when something stirred.

Used by the controller, in its thread. In a steady state a turn renews the lease and asks once every few seconds
whether a run changed any environment; nothing is asked of the cluster or written about an environment that stays as
it is.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Final

import structlog

from idp.kernel import clock
from idp.kernel.errors import SlipwayError
from provisioning.domain.driver import Driver
from provisioning.domain.observation import see
from provisioning.models import Cluster
from provisioning.reconciler.cache import ClusterCache
from provisioning.reconciler.following import Follower, Pulse
from provisioning.selectors import observing
from provisioning.services import observations
from provisioning.services.observations import EnvironmentSeen, Watching

log = structlog.get_logger(__name__)

BATCH: Final = 100
RENEW_EVERY: Final = 3.0
ASK_EVERY: Final = 2.0
KINDS_EVERY: Final = 30.0
GATHER: Final = 0.2
"""Seconds that events gather before they are judged: a rollout tells of many."""


class WatchSession:
    """One term of leading: its followers, its cache, and what is due when."""

    def __init__(self, cluster: Cluster, watching: Watching, driver: Driver) -> None:
        self._cluster = cluster
        self.watching = watching
        self._driver = driver
        self._kinds = observing.living_kinds(cluster.pk)
        feeds = driver.feeds(self._kinds)
        self._cache = ClusterCache(feeds)
        self.followers = {feed: Follower(driver, feed, self._cache) for feed in feeds}
        self._pulse = Pulse(driver)
        self._asked_from = clock.now() - timedelta(seconds=ASK_EVERY)
        self._due = {"renew": 0.0, "ask": 0.0, "kinds": time.monotonic() + KINDS_EVERY}
        self.synced = False
        self._unreachable = False

    def start(self) -> None:
        for follower in self.followers.values():
            follower.start()
        self._pulse.start()

    def close(self) -> None:
        for follower in self.followers.values():
            follower.close()
        self._pulse.close()
        close = getattr(self._driver, "close", None)
        if close is not None:
            close()

    def turn(self) -> bool:
        """One round; False when the cluster's registration changed and everything must be opened anew."""
        now = clock.now()
        if self._is_due("renew", RENEW_EVERY):
            observations.watch_renew(self.watching)
            self._look_at_pulse(now)
        if self._cache.synced and not self.synced:
            self.synced = True
            observations.watch_renew(self.watching, synced_at=now)
            self._cache.mark_all()
            self._cache.mark(observing.judged_scopes(self._cluster.pk))
        if self.synced and self._is_due("ask", ASK_EVERY):
            changed, self._asked_from = observing.scopes_changed(self._cluster.pk, self._asked_from)
            self._cache.mark(changed)
        if self._is_due("kinds", KINDS_EVERY) and not self._same_registration():
            return False
        if self.synced and not self._unreachable:
            self._judge(now)
        return True

    def rest(self) -> None:
        """Until something stirs, and a moment longer; a second at most."""
        self._cache.stirred.wait(RENEW_EVERY / 3)
        time.sleep(GATHER)

    def _is_due(self, what: str, every: float) -> bool:
        if time.monotonic() < self._due[what]:
            return False
        self._due[what] = time.monotonic() + every
        return True

    def _look_at_pulse(self, now: datetime) -> None:
        if self._pulse.unreachable and not self._unreachable:
            self._unreachable = True
            observations.cluster_unreachable(self.watching, self._pulse.why, now=now)
        elif self._unreachable and not self._pulse.unreachable:
            self._unreachable = False
            observations.cluster_reachable(self.watching, now=now)
            self._cache.mark_all()
            self._cache.mark(observing.judged_scopes(self._cluster.pk))

    def _same_registration(self) -> bool:
        """Whether the cluster is registered as it was, after following kinds that came into use meanwhile."""
        version = Cluster.objects.filter(pk=self._cluster.pk).values_list("version", flat=True).first()
        if version != self._cluster.version:
            return False
        for feed in self._driver.feeds(observing.living_kinds(self._cluster.pk)):
            if feed not in self.followers:
                self.followers[feed] = Follower(self._driver, feed, self._cache)
                self.followers[feed].start()
        return True

    def _judge(self, now: datetime) -> None:
        while scopes := self._cache.take_dirty(BATCH):
            observations.runs_hint(observing.waiting_environments(self._cluster.pk, scopes), now=now)
            batch = [one for one in map(self._seen, observing.watched(self._cluster.pk, scopes)) if one is not None]
            observations.environments_observed(self.watching, batch, now=now)
            observations.watch_renew(self.watching)

    def _seen(self, one: observing.Watched) -> EnvironmentSeen | None:
        assert one.environment.observed_id is not None
        try:
            seen = see(one.compared(self._cache.objects(one.scope)))
        except SlipwayError as error:  # what cannot be rendered cannot be compared; the page of its change says why
            log.warning("not_comparable", environment=f"{one.scope.system}/{one.scope.environment}", code=error.code)
            return None
        return EnvironmentSeen(one.environment.pk, one.environment.observed_id, one.power, seen)

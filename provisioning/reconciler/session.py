"""One term of watching a cluster: its followers, its cache, and what is judged and stored when something stirred.

Used by the controller, in its thread. In a steady state a turn renews the lease and asks once every few seconds
whether a run changed any environment; nothing is asked of the cluster or written about an environment that stays as
it is. Everything is judged anew once an hour, from the cache, in case something was missed that nobody thought of.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from idp.kernel import clock
from idp.kernel.errors import SlipwayError
from provisioning.domain.driver import Driver, DriverError, Manifest, ObjectRef, Scope
from provisioning.domain.observation import Seen, Wanted, doubtful, see
from provisioning.models import Cluster
from provisioning.reconciler.cache import ClusterCache
from provisioning.reconciler.following import Follower, Pulse
from provisioning.selectors import observing
from provisioning.services import observations
from provisioning.services.observations import EnvironmentSeen, Watching

log = structlog.get_logger(__name__)

BATCH: Final = 100
BATCHES: Final = 10
RENEW_EVERY: Final = 3.0
ASK_EVERY: Final = 2.0
KINDS_EVERY: Final = 30.0
JUDGE_ALL_EVERY: Final = 3600.0
GATHER: Final = 0.2
"""Seconds that events gather before they are judged: a rollout tells of many."""
CLOCKS_DIFFER: Final = timedelta(minutes=15)
"""How far the clocks of this host and of those that carry runs out may be apart without a change being missed."""
LOOKS: Final = 200
"""Objects that are read from the cluster itself in one turn, because the cache might be behind what a run did."""


class WatchSession:
    """One term of leading: its followers, its cache, and what is due when."""

    def __init__(self, cluster: Cluster, watching: Watching, driver: Driver) -> None:
        self._cluster = cluster
        self.watching = watching
        self._driver = driver
        feeds = driver.feeds(observing.living_kinds(cluster.pk))
        self.cache = ClusterCache(feeds)
        self.followers = {feed: Follower(driver, feed, self.cache) for feed in feeds}
        self._pulse = Pulse(driver)
        self._changes: dict[Scope, tuple[int, datetime]] = {}
        self._judged: dict[Scope, int] = {}
        self._awaiting: dict[str, set[Scope]] = {}
        self._looks = LOOKS
        self._due = {
            "renew": 0.0,
            "ask": 0.0,
            "kinds": time.monotonic() + KINDS_EVERY,
            "all": time.monotonic() + JUDGE_ALL_EVERY,
        }
        self.synced = False
        self._unreachable = observing.is_unreachable(cluster.pk)

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
            self._renew()
            self._look_at_pulse(now)
        if self.cache.synced and not self.synced:
            self._judge_all()
            observations.watch_renew(self.watching, synced_at=now)
            self.synced = True
        if self.synced and self._is_due("ask", ASK_EVERY):
            self._ask(now)
        if self._is_due("kinds", KINDS_EVERY) and not self._same_registration():
            return False
        if self.synced and not self._unreachable:
            if self._is_due("all", JUDGE_ALL_EVERY):
                self._judge_all()
            self._judge(now)
        return True

    def rest(self) -> None:
        """Until something stirs, and a moment longer; a second at most."""
        self.cache.stirred.wait(RENEW_EVERY / 3)
        time.sleep(GATHER)

    def _is_due(self, what: str, every: float) -> bool:
        if time.monotonic() < self._due[what]:
            return False
        self._due[what] = time.monotonic() + every
        return True

    def _renew(self) -> None:
        """The lease, with what can be said of this watch for whoever looks at figures; one write."""
        backlog = self.cache.backlog()
        observations.watch_renew(
            self.watching, objects_seen=len(self.cache), backlog=backlog.environments, lag_seconds=backlog.seconds
        )

    def _look_at_pulse(self, now: datetime) -> None:
        if self._pulse.came_back.is_set():
            self._pulse.came_back.clear()
            for follower in self.followers.values():
                follower.reconnect()
        trouble = self._trouble()
        if trouble and not self._unreachable:
            self._unreachable = True
            observations.cluster_unreachable(self.watching, trouble, now=now)
        elif self._unreachable and not trouble and self._pulse.reachable:
            self._unreachable = False
            observations.cluster_reachable(self.watching, now=now)
            self._judge_all()

    def _trouble(self) -> str:
        """Why nothing can be said of the cluster's environments; empty while all of it can be watched."""
        if self._pulse.unreachable:
            return self._pulse.why or "It does not answer."
        return next((one.refused for one in self.followers.values() if one.refused), "")

    def _judge_all(self) -> None:
        self.cache.mark_all()
        self.cache.mark(observing.judged_scopes(self._cluster.pk), urgent=False)

    def _ask(self, now: datetime) -> None:
        """Mark what runs and people changed. No clock is trusted: what was changed lately is compared with before."""
        changes = observing.scopes_changed(self._cluster.pk, now - CLOCKS_DIFFER)
        self.cache.mark([scope for scope, mark in changes.items() if self._changes.get(scope) != mark])
        self._changes = changes
        for feed in [feed for feed in self._awaiting if self.cache.has_listed(feed)]:
            self.cache.mark(self._awaiting.pop(feed))

    def _same_registration(self) -> bool:
        """Whether the cluster is registered as it was, after following kinds that came into use meanwhile."""
        version = Cluster.objects.filter(pk=self._cluster.pk).values_list("version", flat=True).first()
        if version != self._cluster.version:
            return False
        self._follow(self._driver.feeds(observing.living_kinds(self._cluster.pk)))
        return True

    def _follow(self, feeds: Sequence[str]) -> None:
        for feed in feeds:
            if feed not in self.followers:
                self.followers[feed] = Follower(self._driver, feed, self.cache)
                self.followers[feed].start()

    def _judge(self, now: datetime) -> None:
        """At most ``BATCHES`` at once; the rest in the next turn, after a look at the clock and at the pulse."""
        self._looks = LOOKS
        for _ in range(BATCHES):
            scopes = self.cache.take_dirty(BATCH)
            if not scopes:
                return
            observations.runs_hint(observing.waiting_environments(self._cluster.pk, scopes), now=now)
            batch = [one for one in map(self._seen, observing.watched(self._cluster.pk, scopes)) if one is not None]
            observations.environments_observed(self.watching, batch, now=now)
            self._renew()

    def _seen(self, one: observing.Watched) -> EnvironmentSeen | None:
        """One environment's judgement; None when nothing can be said now. No environment spoils it for the others."""
        if self._is_due("renew", RENEW_EVERY):
            self._renew()
        try:
            seen = self._judged_now(one)
        except SlipwayError as error:  # what cannot be rendered cannot be compared; the page of its change says why
            log.warning("not_comparable", environment=_label(one.scope), code=error.code)
            return None
        except Exception:  # one environment that cannot be judged must not stop the others
            log.exception("not_judged", environment=_label(one.scope))
            return None
        if seen is None:
            return None
        self._judged[one.scope] = one.environment.version
        assert one.environment.observed_id is not None
        return EnvironmentSeen(one.environment.pk, one.environment.observed_id, one.power, seen)

    def _judged_now(self, one: observing.Watched) -> Seen | None:
        """None when a kind that it is made of has not been listed yet, or the cluster cannot be asked in doubt."""
        live = self.cache.objects(one.scope)
        wanted = one.compared(live)
        if self._awaits_kinds(one.scope, wanted):
            return None
        refs = doubtful(wanted, fresh=self._judged.get(one.scope) != one.environment.version)
        if not refs or self._looks <= 0:
            return see(wanted)
        fresh = self._looked_up(one.scope, refs)
        return None if fresh is None else see(one.compared({**live, **fresh}))

    def _awaits_kinds(self, scope: Scope, wanted: Sequence[Wanted]) -> bool:
        """Whether it is made of a kind of which nothing was listed yet; that kind is followed from now on."""
        kinds = {f"{one.manifest['apiVersion']}/{one.manifest['kind']}" for one in wanted}
        feeds = [feed for feed in self._driver.feeds(kinds) if not self.cache.has_listed(feed)]
        self._follow(feeds)
        for feed in feeds:
            self._awaiting.setdefault(feed, set()).add(scope)
        return bool(feeds)

    def _looked_up(self, scope: Scope, refs: Sequence[ObjectRef]) -> dict[ObjectRef, Manifest] | None:
        """What lives of ``refs`` by the cluster's own word. None when it does not answer: then it is asked later."""
        self._looks -= len(refs)
        try:
            found = self._driver.observe(refs)
        except DriverError as error:
            log.info("cannot_look_up", environment=_label(scope), code=error.code)
            self.cache.mark([scope], urgent=False)
            self._looks = 0  # no use in asking for others in this turn
            return None
        return {one.ref: one.manifest for one in found if one.manifest is not None}


def _label(scope: Scope) -> str:
    return f"{scope.system}/{scope.environment}"

"""What every driver promises to those who watch it, as tests. A driver's test module inherits ``WatchConformance``.

The world is that of ``conformance``; nothing here knows which driver it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from provisioning.domain.drift import drift_of
from provisioning.domain.driver import FIELD_MANAGER, Event, Manifest, ObjectRef
from provisioning.domain.readiness import readiness
from tests.provisioning.drivers import manifests as made
from tests.provisioning.drivers.conformance import PATIENCE, World


def follow(world: World, feed: str, version: str, wanted: Callable[[Event], bool]) -> list[Event]:
    """Events of ``feed`` after ``version`` up to the first that is ``wanted``; fails when none comes in time."""
    watch = world.driver.watch(feed, version, seconds=PATIENCE)
    told: list[Event] = []
    try:
        for event in watch:
            told.append(event)
            if wanted(event):
                return told
    finally:
        watch.close()
    raise AssertionError(f"only {[(one.kind, one.manifest.get('kind')) for one in told]} within {PATIENCE} s")


def feed_of(world: World, kind: str) -> str:
    feeds = world.driver.feeds()
    return kind if kind in feeds else feeds[0]


def is_about(event: Event, manifest: Manifest) -> bool:
    return bool(event.manifest) and ObjectRef.of(event.manifest) == ObjectRef.of(manifest)


class WatchConformance:
    """What every driver promises to those who watch. Inherit it and give the fixture ``world``."""

    def test_it_lists_what_it_made_with_its_managers(self, world: World) -> None:
        api = made.deployment(world.namespace, world.scope)
        world.apply(api)
        listed = world.driver.list_feed(feed_of(world, "apps/v1/Deployment"))
        (mine,) = [one for one in listed.objects if ObjectRef.of(one) == ObjectRef.of(api)]
        assert mine["apiVersion"] == "apps/v1"
        assert any(one["manager"] == FIELD_MANAGER for one in mine["metadata"]["managedFields"])
        assert listed.version

    def test_it_tells_of_what_is_made_changed_and_gone(self, world: World) -> None:
        feed = feed_of(world, "v1/ConfigMap")
        start = world.driver.list_feed(feed).version
        settings = made.config_map(world.namespace, world.scope)
        world.apply(settings)
        made_at = follow(world, feed, start, lambda event: is_about(event, settings))[-1]
        assert made_at.kind == "seen"
        world.edit(ObjectRef.of(settings), {"data": {"mode": "slow"}}, "kubectl-edit")
        changed = follow(
            world, feed, made_at.version, lambda event: event.manifest.get("data", {}).get("mode") == "slow"
        )[-1]
        assert drift_of(settings, changed.manifest)[0].manager == "kubectl-edit"
        world.driver.delete([ObjectRef.of(settings)], world.scope)
        gone = follow(world, feed, changed.version, lambda event: event.kind == "gone" and is_about(event, settings))
        assert gone[-1].manifest["metadata"]["name"] == settings["metadata"]["name"]

    def test_it_tells_when_a_workload_becomes_ready(self, world: World) -> None:
        feed = feed_of(world, "apps/v1/Deployment")
        start = world.driver.list_feed(feed).version
        api = made.deployment(world.namespace, world.scope)
        world.apply(api)
        follow(world, feed, start, lambda event: is_about(event, api) and readiness(event.manifest).is_ready)

    def test_it_never_shows_the_data_of_a_secret(self, world: World) -> None:
        feed = feed_of(world, "v1/Secret")
        start = world.driver.list_feed(feed).version
        given = made.secret(world.namespace, world.scope, password="s3cr3t-value")
        world.apply(given)
        told = follow(world, feed, start, lambda event: is_about(event, given))
        listed = world.driver.list_feed(feed).objects
        assert all("data" not in one and "stringData" not in one for one in (told[-1].manifest, *listed))

    def test_it_leaves_out_what_is_not_ours(self, world: World) -> None:
        feed = feed_of(world, "v1/ConfigMap")
        assert all(is_ours(one) for one in world.driver.list_feed(feed).objects)

    def test_it_stops_when_somebody_closes_it(self, world: World) -> None:
        watch = world.driver.watch(
            feed_of(world, "v1/ConfigMap"),
            world.driver.list_feed(feed_of(world, "v1/ConfigMap")).version,
            seconds=PATIENCE,
        )
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(lambda: list(watch))
            time.sleep(1)
            watch.close()
            assert isinstance(reading.result(timeout=5), list)

    def test_it_ends_after_its_time(self, world: World) -> None:
        feed = feed_of(world, "v1/LimitRange")
        watch = world.driver.watch(feed, world.driver.list_feed(feed).version, seconds=1)
        began = time.monotonic()
        list(watch)
        assert time.monotonic() - began < PATIENCE / 2


def is_ours(manifest: Manifest) -> bool:
    return bool(manifest["metadata"]["labels"]["app.kubernetes.io/managed-by"] == FIELD_MANAGER)

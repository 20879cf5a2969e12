"""However events are repeated, reordered and interleaved with lists, the cache ends as the cluster is."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.domain.driver import LABEL_ENVIRONMENT, LABEL_SYSTEM, Event, Listed, ObjectRef, Scope
from provisioning.reconciler.cache import ClusterCache

FEED = "v1/ConfigMap"
NAMES = ("a", "b", "c")
ENVIRONMENTS = ("dev", "prod", "")


def config_map(name: str, environment: str, version: int) -> dict[str, Any]:
    labels = {LABEL_SYSTEM: "shop", LABEL_ENVIRONMENT: environment} if environment else {}
    metadata = {"name": name, "namespace": "shop", "resourceVersion": str(version), "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"version": str(version)}}


class Server:
    """What an API server would tell: every write has the next version; a list is all there is at one version."""

    def __init__(self) -> None:
        self.version = 10
        self.objects: dict[str, dict[str, Any]] = {}
        self.events: list[Event] = []

    def write(self, name: str, environment: str) -> None:
        self.version += 1
        self.objects[name] = config_map(name, environment, self.version)
        self.events.append(Event("seen", self.objects[name], str(self.version)))

    def remove(self, name: str) -> None:
        last = self.objects.pop(name, None)
        if last is not None:
            self.version += 1
            gone = {**last, "metadata": {**last["metadata"], "resourceVersion": str(self.version)}}
            self.events.append(Event("gone", gone, str(self.version)))

    def listed(self) -> Listed:
        return Listed(tuple(self.objects.values()), str(self.version))


def everything(cache: ClusterCache) -> dict[Scope, dict[ObjectRef, Any]]:
    return {scope: cache.objects(scope) for scope in cache.scopes()}


def as_it_is(server: Server) -> dict[Scope, dict[ObjectRef, Any]]:
    found: dict[Scope, dict[ObjectRef, Any]] = {}
    for one in server.objects.values():
        environment = one["metadata"]["labels"].get(LABEL_ENVIRONMENT)
        if environment:
            found.setdefault(Scope("shop", environment), {})[ObjectRef.of(one)] = one
    return found


writes = st.tuples(st.just("write"), st.sampled_from(NAMES), st.sampled_from(ENVIRONMENTS))
removals = st.tuples(st.just("remove"), st.sampled_from(NAMES), st.just(""))
lists = st.tuples(st.just("list"), st.just(""), st.just(""))


@settings(max_examples=300, deadline=None)
@given(data=st.data(), steps=st.lists(st.one_of(writes, removals, lists), max_size=25))
def test_it_ends_as_the_cluster_is_whatever_order_events_come_in(data, steps):
    server, cache = Server(), ClusterCache((FEED,))
    cache.replace(FEED, server.listed())
    pending: list[Event] = []
    for what, name, environment in steps:
        before = len(server.events)
        if what == "write":
            server.write(name, environment)
        elif what == "remove":
            server.remove(name)
        pending += server.events[before:]
        if what == "list":
            cache.replace(FEED, server.listed())
        elif pending and data.draw(st.booleans(), label="deliver one"):
            cache.apply(FEED, data.draw(st.sampled_from(pending), label="which"))
    # What was told already is told again, as after a stream that is taken up; every event comes at least once.
    for event in data.draw(st.permutations([*pending, *pending[::2]]), label="the rest"):
        cache.apply(FEED, event)
    assert everything(cache) == as_it_is(server)


@settings(max_examples=100, deadline=None)
@given(steps=st.lists(st.one_of(writes, removals), min_size=1, max_size=15), data=st.data())
def test_it_names_every_environment_that_is_no_longer_as_it_was(steps, data):
    server, cache = Server(), ClusterCache((FEED,))
    cache.replace(FEED, server.listed())
    known: dict[Scope, Any] = {}
    for what, name, environment in steps:
        told = len(server.events)
        if what == "write":
            server.write(name, environment)
        else:
            server.remove(name)
        for event in server.events[told:]:
            cache.apply(FEED, event)
        if data.draw(st.booleans(), label="look"):
            for scope in cache.take_dirty(100):
                known[scope] = cache.objects(scope)
    for scope in cache.take_dirty(100):
        known[scope] = cache.objects(scope)
    assert {scope: found for scope, found in known.items() if found} == as_it_is(server)


def test_a_list_counts_also_when_the_cluster_was_restored_from_an_older_backup():
    cache = ClusterCache((FEED,))
    cache.replace(FEED, Listed((config_map("a", "dev", 900),), "900"))
    cache.replace(FEED, Listed((config_map("a", "dev", 20),), "20"))
    cache.apply(FEED, Event("seen", config_map("a", "dev", 21), "21"))
    (found,) = cache.objects(Scope("shop", "dev")).values()
    assert found["data"] == {"version": "21"}


def test_what_events_name_is_looked_at_before_what_is_only_looked_at_again():
    cache = ClusterCache((FEED,))
    cache.mark([Scope("shop", f"old-{number}") for number in range(50)], urgent=False)
    cache.apply(FEED, Event("seen", config_map("a", "dev", 30), "30"))
    assert cache.take_dirty(1) == [Scope("shop", "dev")]
    assert cache.backlog().environments == 50


def test_it_is_stirred_until_nothing_is_left_to_look_at():
    cache = ClusterCache((FEED,))
    cache.mark([Scope("shop", "dev"), Scope("shop", "prod")])
    assert cache.stirred.is_set()
    cache.take_dirty(1)
    assert cache.stirred.is_set()
    cache.take_dirty(1)
    assert not cache.stirred.is_set()


def test_a_list_of_what_is_known_already_names_nothing():
    cache = ClusterCache((FEED,))
    listed = Listed((config_map("a", "dev", 30),), "30")
    cache.replace(FEED, listed)
    cache.take_dirty(10)
    cache.replace(FEED, listed)
    assert cache.take_dirty(10) == []

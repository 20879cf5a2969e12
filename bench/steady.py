"""One controller and many environments on a real API server: what it costs while nothing happens, and to list anew.

The environments are copies of one that a run made and sent to sleep, so that the cluster is not busy with pods. The
floor is listing the same objects once, without keeping them. Beside the ratio: calls and writes within a quiet
minute, which must be none, how soon drift is seen, and what the cache takes.
"""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import yaml

from bench.report import Row, missing
from bench.seed import Seeded
from bench.timing import median
from bench.wanted import small
from idp.catalog.models import User
from idp.kernel import clock, wake
from idp.kernel.actor import PLATFORM, Actor
from provisioning.drivers.kubernetes import KubernetesDriver
from provisioning.models import Cluster, Drift, Environment, Run
from provisioning.orchestrator import advance
from provisioning.reconciler.cache import ClusterCache
from provisioning.reconciler.session import WatchSession
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.clusters import cluster_register
from provisioning.services.stages import stage_save
from tests.kubernetes.server import KubernetesServer, find_assets, running_server
from tests.provisioning.many import Calls, applied, copied, queries, writes
from tests.provisioning.reconciler.watching import session_of, until

BUDGET = "≤ 3 × a full list; 0 calls, 0 writes; drift ≤ 5 s"
MOST_LISTS = 3.0
SEEN_WITHIN = 5.0
STAGE = "bench-steady"
_names = itertools.count(1)


@dataclass(slots=True)
class Found:
    """Seconds are of the processor where they end in ``cpu``, else of the clock."""

    environments: int
    objects: int
    list_cpu: float
    resync_cpu: float
    first_sync: float
    first_sync_cpu: float
    judge_all_cpu: float
    judge_all_queries: int
    quiet_seconds: float
    calls: int
    streams_opened: int
    writes: int
    queries: int
    quiet_cpu: float
    drift_seen: float
    cache_megabytes: float


def measure(at: Seeded, *, environments: int, quiet: float, rounds: int) -> tuple[Row, dict[str, Any]]:
    what = f"steady-state reconcile of {environments:,} environments"
    if find_assets() is None:
        return missing(what, BUDGET, "needs a kube-apiserver: run .ci/kubernetes-control-plane"), {}
    wake.register("run", lambda run_id: None)
    with running_server() as server:
        account = server.slipway_account()
        cluster = _register(account)
        made = copied(_asleep(at), environments)
        objects = applied(account, made)
        found = _watched(server, account, cluster, made, quiet, rounds)
        found.objects = objects
    return _row(what, found), asdict(found)


def _row(what: str, found: Found) -> Row:
    ratio = found.resync_cpu / found.list_cpu
    told = f"{found.calls} calls, {found.writes} writes in {found.quiet_seconds:.0f} s; drift {found.drift_seen:.1f} s"
    return Row(
        what=what,
        floor=f"{found.list_cpu:.2f} s CPU to list {found.objects:,}",
        measured=f"{found.resync_cpu:.2f} s; {told}; cache {found.cache_megabytes:.0f} MB",
        ratio=f"{ratio:.1f} ×",
        budget=BUDGET,
        ok=ratio <= MOST_LISTS and not found.calls and not found.writes and found.drift_seen <= SEEN_WITHIN,
    )


def _register(account: dict[str, Any]) -> Cluster:
    kubeconfig = yaml.safe_dump(account)
    cluster = cluster_register(
        PLATFORM, name=STAGE, title="Bench", driver="kubernetes", kubeconfig=kubeconfig, prices={}, now=clock.now()
    )
    stage_save(
        PLATFORM,
        name=STAGE,
        title="Bench",
        summary="",
        order=91,
        cluster=cluster,
        promotes_from=None,
        production=False,
        default_days=None,
        max_days=None,
        now=clock.now(),
    )
    return cluster


def _asleep(at: Seeded) -> Environment:
    """One environment that runs made and sent to sleep."""
    person = User.objects.get(username=at.developer)
    actor, name = Actor(person.pk, person.username), f"steady-{next(_names)}"
    _carried_out(actor, ChangeRequest("create", at.system, name, spec={"stage": STAGE, "resources": small("1.0.0")}))
    _carried_out(actor, ChangeRequest("sleep", at.system, name))
    return Environment.objects.select_related("observed").get(system__slug=at.system, name=name, deleted_at=None)


def _carried_out(actor: Actor, request: ChangeRequest) -> None:
    run = Run.objects.get(change=change_submit(actor, request, now=clock.now()))
    until_then = time.monotonic() + 120
    while run.state in ("queued", "running") and time.monotonic() < until_then:
        advance(run.pk)
        run.refresh_from_db()
        time.sleep(0.1)
    if run.state != "succeeded":
        raise RuntimeError(f"run {run.pk} is {run.state}: {run.error}")


def _watched(
    server: KubernetesServer,
    account: dict[str, Any],
    cluster: Cluster,
    made: list[Environment],
    quiet: float,
    rounds: int,
) -> Found:
    driver = KubernetesDriver(account)
    calls = Calls(driver)
    began, spent = time.monotonic(), time.process_time()
    with session_of(cluster, driver, seconds=300) as session:
        synced, synced_cpu = time.monotonic() - began, time.process_time() - spent
        _settle(session)
        before = Drift.objects.count()
        floor, resync = _lists(driver, rounds)
        judge, judge_queries = _judged_anew(session)
        del calls.sent[:]
        with queries() as asked:
            quiet_cpu = _cpu(lambda: _turn_for(session, quiet))
        asked_of_cluster, streams = len(calls.about_objects), len(calls.streams)
        place = f"/api/v1/namespaces/{made[len(made) // 2].namespace}/services/api"
        label = {"metadata": {"labels": {"slipway.dev/resource": "somebody-else"}}}
        server.request("PATCH", place, label, content_type="application/merge-patch+json")
        seen = until(session, lambda: Drift.objects.count() > before)
        return Found(
            environments=len(made),
            objects=0,
            list_cpu=floor,
            resync_cpu=resync,
            first_sync=synced,
            first_sync_cpu=synced_cpu,
            judge_all_cpu=judge,
            judge_all_queries=judge_queries,
            quiet_seconds=quiet,
            calls=asked_of_cluster,
            streams_opened=streams,
            writes=len(writes(asked)),
            queries=len(asked),
            quiet_cpu=quiet_cpu,
            drift_seen=seen,
            cache_megabytes=session.cache.packed_bytes / 1e6,
        )


def _lists(driver: KubernetesDriver, rounds: int) -> tuple[float, float]:
    """Processor time to list every feed, and to list it into a cache that holds the same already: a resync."""
    feeds = driver.feeds()
    cache = ClusterCache(feeds)

    def listed() -> None:
        for feed in feeds:
            driver.list_feed(feed)

    def taken() -> None:
        for feed in feeds:
            cache.replace(feed, driver.list_feed(feed))

    taken()
    floors, ours = [], []
    for _ in range(rounds):
        gc.collect()
        floors.append(_cpu(listed))
        ours.append(_cpu(taken))
    return median(floors), median(ours)


def _judged_anew(session: WatchSession) -> tuple[float, int]:
    """What the hourly look at everything costs: processor time and queries."""
    session.cache.mark_all()
    with queries() as asked:
        spent = _cpu(lambda: session.turn() and None)
    return spent, len(asked)


def _cpu(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _settle(session: WatchSession) -> None:
    """Until the cluster's own controllers have written what they write about what is new to them."""
    quiet_since, until_then = time.monotonic(), time.monotonic() + 300
    while time.monotonic() - quiet_since < 5 and time.monotonic() < until_then:
        if session.cache.backlog().environments:
            quiet_since = time.monotonic()
        session.turn()
        time.sleep(0.2)


def _turn_for(session: WatchSession, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        session.turn()
        session.rest()

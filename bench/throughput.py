"""Environments per second on a real API server, beside a bare loop that applies the same objects.

Both have four threads of this process and begin with what is to be applied already planned. The bare loop sends one
server-side apply per object and looks at nothing. Slipway's threads carry runs out from the first step to the last:
claim, apply, look at the objects until they are ready, publish outputs, store every step and event. There are no
nodes: the node of the tests marks pods ready within a fraction of a second, and works on meanwhile in both cases.
"""

from __future__ import annotations

import heapq
import itertools
import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import yaml
from django.db import connection

from bench.report import Row, missing
from bench.seed import Seeded
from bench.timing import median
from bench.wanted import usual
from idp.catalog.models import User
from idp.kernel import clock, wake
from idp.kernel.actor import PLATFORM, Actor
from provisioning.domain.driver import ObjectRef
from provisioning.drivers.kubernetes.connection import METADATA, Connection
from provisioning.drivers.kubernetes.driver import APPLY
from provisioning.drivers.kubernetes.kubeconfig import read_kubeconfig
from provisioning.drivers.kubernetes.resources import Resources
from provisioning.models import Environment, Run
from provisioning.orchestrator import advance
from provisioning.selectors.desired import desired_of
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.clusters import cluster_register
from provisioning.services.stages import stage_save
from tests.kubernetes.server import KubernetesServer, find_assets, running_server

THREADS = 4
LEAST_SHARE = 0.6
WHAT = f"environments a second, {THREADS} threads, real API server"
BUDGET = f"≥ {LEAST_SHARE:.0%} of the bare loop"
STAGE = "bench-cluster"
PATIENCE = 240.0
_names = itertools.count(1)


def measure(at: Seeded, *, environments: int, rounds: int) -> tuple[Row, dict[str, Any]]:
    if find_assets() is None:
        return missing(WHAT, BUDGET, "needs a kube-apiserver: run .ci/kubernetes-control-plane"), {}
    wake.register("run", lambda run_id: None)
    with running_server() as server:
        account = server.slipway_account()
        _register(account)
        taken: dict[str, list[float]] = {"floor": [], "ours": []}
        _provision(at, 2)
        for _ in range(rounds):
            runs = _submit(at, environments)
            objects = _objects(runs)
            _settle(server)
            taken["floor"].append(environments / _bare(account, objects))
            _settle(server)
            taken["ours"].append(environments / _carry_out(runs))
    return _row(taken, environments, len(objects[0])), taken


def _row(taken: dict[str, list[float]], environments: int, objects: int) -> Row:
    ours, floor = median(taken["ours"]), median(taken["floor"])
    return Row(
        what=WHAT,
        floor=f"{floor:.2f} /s",
        measured=f"{ours:.2f} /s ({environments} at once, {objects} objects each)",
        ratio=f"{ours / floor:.0%}",
        budget=BUDGET,
        ok=ours >= LEAST_SHARE * floor,
    )


def _register(account: dict[str, Any]) -> None:
    cluster = cluster_register(
        PLATFORM,
        name="bench",
        title="Bench",
        driver="kubernetes",
        kubeconfig=yaml.safe_dump(account),
        prices={},
        now=clock.now(),
    )
    stage_save(
        PLATFORM,
        name=STAGE,
        title="Bench",
        summary="",
        order=90,
        cluster=cluster,
        promotes_from=None,
        production=False,
        default_days=None,
        max_days=None,
        now=clock.now(),
    )


def _submit(at: Seeded, number: int) -> list[Run]:
    person = User.objects.get(username=at.developer)
    actor = Actor(person.pk, person.username)
    made = []
    for _ in range(number):
        spec = {"stage": STAGE, "resources": usual("1.0.0")}
        request = ChangeRequest("create", at.system, f"t-{next(_names)}", spec=spec)
        made.append(Run.objects.get(change=change_submit(actor, request, now=clock.now())))
    return made


def _provision(at: Seeded, number: int) -> None:
    """Once before anything counts: contracts parsed, connections open, the server warm."""
    _carry_out(_submit(at, number))


def _carry_out(runs: Sequence[Run]) -> float:
    """Seconds until all have succeeded. Each thread takes whatever run is due first, as workers do."""
    due = [(0.0, run.pk) for run in runs]
    ended: list[int] = []
    lock = threading.Lock()
    began = time.monotonic()

    def work() -> None:
        try:
            while len(ended) < len(runs) and time.monotonic() - began < PATIENCE:
                run_id = _next_due(due, lock)
                if run_id is None:
                    time.sleep(0.005)
                    continue
                advance(run_id)
                state, at = Run.objects.values_list("state", "due_at").get(pk=run_id)
                with lock:
                    if state in ("queued", "running"):
                        heapq.heappush(due, (at.timestamp(), run_id))
                    else:
                        ended.append(run_id)
        finally:
            connection.close()

    _in_threads(work)
    took = time.monotonic() - began
    failed = Run.objects.filter(pk__in=[run.pk for run in runs]).exclude(state="succeeded").first()
    if failed is not None:
        raise RuntimeError(f"run {failed.pk} is {failed.state}: {failed.error}")
    return took


def _next_due(due: list[tuple[float, int]], lock: threading.Lock) -> int | None:
    with lock:
        return heapq.heappop(due)[1] if due and due[0][0] <= time.time() else None


def _in_threads(work: Callable[[], None]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for future in [pool.submit(work) for _ in range(THREADS)]:
            future.result()


def _objects(runs: Sequence[Run]) -> list[list[dict[str, Any]]]:
    """The objects of each run in a namespace of the bare loop's own."""
    return [_objects_of(run) for run in runs]


def _objects_of(run: Run) -> list[dict[str, Any]]:
    environment = Environment.objects.select_related("system__team", "stage").get(pk=run.environment_id)
    assert run.revision is not None
    desired = desired_of(environment, run.revision.document, revision=run.revision.number)
    manifests = [*desired.guardrails()]
    for name in desired.order:
        manifests += [one.manifest for one in desired.render_expected(name)]
    text = json.dumps(manifests).replace(environment.namespace, f"bare-{run.pk}")
    return list(json.loads(text))


def _bare(account: dict[str, Any], environments: Sequence[list[dict[str, Any]]]) -> float:
    """Seconds to apply everything, one environment after the other in each thread."""
    sender = Connection(read_kubeconfig(account))
    paths = Resources(lambda _: {})
    waiting = list(reversed(environments))
    began = time.monotonic()

    def work() -> None:
        while True:
            try:
                manifests = waiting.pop()
            except IndexError:
                return
            for manifest in manifests:
                sender.request(
                    "PATCH",
                    paths.one(ObjectRef.of(manifest)),
                    query={"fieldManager": "slipway", "force": "true"},
                    body=manifest,
                    accept=METADATA,
                    content_type=APPLY,
                )

    _in_threads(work)
    took = time.monotonic() - began
    sender.close()
    return took


def _settle(server: KubernetesServer) -> None:
    """Wait until the controllers have nothing left to do, at most a minute."""
    before: object = None
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(OSError):
            pods = server.request("GET", "/api/v1/pods")["items"]
            seen = (len(pods), sum(pod["status"].get("phase") == "Running" for pod in pods))
            if seen == before and seen[0] == seen[1]:
                return
            before = seen
        time.sleep(1)

"""From the commit that approves a change until its first object is applied, beside a Celery task that does nothing.

Real Redis, a real worker process with four threads, the sandbox as the cluster. Both begin at the moment at which the
hint is sent: for a run that is right after its commit. A run's end is ``Run.applied_at``, which the worker writes
once the guardrails of the environment are applied.
"""

from __future__ import annotations

import time
from typing import Any

from bench.api import client_of, submit
from bench.noop import REPLIES, noop
from bench.processes import environment, running
from bench.report import Row, milliseconds, missing
from bench.seed import Seeded
from bench.timing import median, percentile
from idp.kernel import wake
from provisioning.models import Run
from provisioning.tasks import run_advance
from tests.services.programs import ServiceMissing
from tests.services.redis import running_redis

WHAT = "change approved → first object applied"
MOST_RATIO, MORE_MS = 2.0, 50.0
BUDGET = f"≤ {MOST_RATIO:g} × floor + {MORE_MS:g} ms"
PATIENCE = 30.0


def measure(at: Seeded, *, times: int) -> tuple[Row, dict[str, Any]]:
    try:
        with running_redis() as url:
            return _with_redis(url, at, times)
    except ServiceMissing as reason:
        return missing(WHAT, BUDGET, str(reason)), {}


def _with_redis(url: str, at: Seeded, times: int) -> tuple[Row, dict[str, Any]]:
    import redis
    from django.conf import settings

    settings.REDIS_URL = url
    connection = redis.Redis.from_url(url)
    app = noop.app
    kept = app.conf.broker_url, dict(app.conf.broker_transport_options)
    _send_to(url, {"socket_timeout": 5})
    sent: dict[int, float] = {}
    wake.register("run", lambda run_id: _send(run_id, sent))
    command = ("celery", "-A", "bench.noop", "worker", "--pool", "threads", "--concurrency", "4", "--queues",
               "runs,reconcile,notify", "--without-gossip", "--without-mingle", "--without-heartbeat")  # fmt: skip
    try:
        with running(*command, env=environment(REDIS_URL=url)):
            return _row(_taken(connection, at, sent, times))
    finally:
        _send_to(*kept)
        wake.register("run", lambda run_id: None)


def _send_to(url: str, options: dict[str, Any]) -> None:
    """The broker of this process from now on; the pool of connections remembers the one before."""
    noop.app.conf.update(broker_url=url, broker_transport_options=options)
    noop.app.amqp._producer_pool = None


def _send(run_id: int, sent: dict[int, float]) -> None:
    sent[run_id] = time.time()
    run_advance.apply_async((run_id,), ignore_result=True, retry=False)


def _taken(redis: Any, at: Seeded, sent: dict[int, float], times: int) -> dict[str, list[float]]:
    """Milliseconds of both, in turns, with a pause so that the worker is idle each time."""
    client = client_of(at.developer)
    taken: dict[str, list[float]] = {"floor": [], "ours": []}
    for number in range(times + 2):
        floor, ours = _noop(redis), _run(client, at, sent)
        if number >= 2:
            taken["floor"].append(floor)
            taken["ours"].append(ours)
        time.sleep(0.05)
    return taken


def _noop(redis: Any) -> float:
    began = time.time()
    noop.apply_async(ignore_result=True, retry=False)
    reply = redis.blpop(REPLIES, timeout=PATIENCE)
    if reply is None:
        raise RuntimeError("the worker took no task")
    return (float(reply[1]) - began) * 1000


def _run(client: Any, at: Seeded, sent: dict[int, float]) -> float:
    change = submit(client, at.system, "dev")
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        run = Run.objects.get(change_id=change)
        if run.state == "failed":
            raise RuntimeError(f"run {run.pk} failed: {run.error}")
        if run.applied_at is not None and run.lease_until is None:  # and the worker is idle again
            return (run.applied_at.timestamp() - sent[run.pk]) * 1000
        time.sleep(0.01)
    raise RuntimeError(f"nothing was applied for change {change}")


def _row(taken: dict[str, list[float]]) -> tuple[Row, dict[str, Any]]:
    ours, floor = median(taken["ours"]), median(taken["floor"])
    row = Row(
        what=WHAT,
        floor=milliseconds(floor),
        measured=f"{milliseconds(ours)}, p95 {milliseconds(percentile(taken['ours'], 0.95))}",
        ratio=f"{ours / floor:.1f}",
        budget=BUDGET,
        ok=ours <= MOST_RATIO * floor + MORE_MS,
    )
    return row, taken

"""Memory of the one process that serves pages and carries runs out, under load: gunicorn with the embedded worker."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import Any

import psutil
from django.db import connection

from bench.api import token_of
from bench.pages import PAGES, address, signed_in
from bench.processes import environment, running
from bench.report import Row
from bench.seed import Seeded
from bench.wanted import small
from provisioning.models import Run
from tests.services.programs import free_port

MOST_MB = 250.0
CLIENTS = 4
SHOWN = ("home", "systems", "system", "environments", "environment", "new environment", "changes", "change", "run")


def measure(at: Seeded, *, seconds: float) -> tuple[Row, dict[str, Any]]:
    port = free_port()
    before = Run.objects.filter(state="succeeded").count()
    env = environment(SLIPWAY_EMBEDDED_WORKER="1", PORT=str(port), SLIPWAY_SANDBOX_READY_SECONDS="0", REDIS_URL="")
    with running("gunicorn", "--config", "deploy/gunicorn.py", "idp.wsgi:application", env=env) as process:
        _await(port)
        samples, requests = _under_load(process.pid, port, at, seconds)
    runs = Run.objects.filter(state="succeeded").count() - before
    half, end = max(samples[: len(samples) // 2 + 1]), samples[-1]
    row = Row(
        what=f"memory: web + worker, {seconds:.0f} s of load",
        floor=f"{samples[0]:.0f} MB idle",
        measured=f"{end:.0f} MB after {requests:,} requests, {runs:,} runs; {end - half:+.0f} in 2nd half",
        ratio="",
        budget=f"≤ {MOST_MB:g} MB",
        ok=max(samples) <= MOST_MB,
    )
    return row, {"megabytes": samples, "requests": requests, "runs": runs}


def _await(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if _ask(http.client.HTTPConnection("127.0.0.1", port, timeout=5), "GET", "/livez", {}) == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("gunicorn did not answer")


def _ask(client: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], body: str = "") -> int:
    client.request(method, path, body=body or None, headers=headers)
    answer = client.getresponse()
    answer.read()
    return answer.status


def _megabytes(pid: int) -> float:
    """Of the largest of the process's children: gunicorn's parent only watches."""
    children = psutil.Process(pid).children()
    return max(float(child.memory_info().rss) for child in children) / 1e6


def _under_load(pid: int, port: int, at: Seeded, seconds: float) -> tuple[list[float], int]:
    """Megabytes, ten times in all, the first before any load; and how many requests were answered."""
    session = signed_in(at.developer).cookies["sessionid"].value
    cookie = {"Cookie": f"sessionid={session}"}
    paths = [address(page, at) for page in SHOWN if page in PAGES]
    token = {"Authorization": f"Bearer {token_of(at.developer)}", "Content-Type": "application/json"}
    done = threading.Event()
    answered = [0] * (CLIENTS + 1)
    samples = [_megabytes(pid)]

    def read(number: int) -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while not done.is_set():
            status = _ask(client, "GET", paths[answered[number] % len(paths)], cookie)
            assert status == 200, status
            answered[number] += 1

    def write() -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while not done.is_set():
            spec = {"stage": "dev", "resources": small("1.0.0")}
            body = {"kind": "create", "system": at.system, "environment": f"m-{answered[-1]}", "spec": spec}
            status = _ask(client, "POST", "/api/v1/changes/", token, json.dumps(body))
            assert status == 202, status
            answered[-1] += 1

    threads = [threading.Thread(target=read, args=(number,)) for number in range(CLIENTS)]
    threads.append(threading.Thread(target=write))
    connection.close()
    for thread in threads:
        thread.start()
    try:
        for _ in range(9):
            time.sleep(seconds / 9)
            samples.append(_megabytes(pid))
    finally:
        done.set()
        for thread in threads:
            thread.join()
    return samples, sum(answered)

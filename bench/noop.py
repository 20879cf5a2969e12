"""The Celery application of the product with one task more: nothing, told to Redis when it begins.

A worker is started on this module by ``bench.latency``: ``celery -A bench.noop worker``.
"""

from __future__ import annotations

import time
from functools import lru_cache

from idp.celery import app

REPLIES = "bench:noop"


@lru_cache(maxsize=1)
def _redis():  # type: ignore[no-untyped-def]
    import redis
    from django.conf import settings

    return redis.Redis.from_url(settings.REDIS_URL)


@app.task(name="bench.noop", queue="runs")
def noop() -> None:
    _redis().rpush(REPLIES, repr(time.time()))

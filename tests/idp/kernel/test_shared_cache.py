"""Counts that processes share: seen by both, kept as JSON, and counted by each alone while Redis is away."""

from __future__ import annotations

from typing import Any

import redis

from idp.kernel.shared_cache import SharedCache, shared_cache
from tests.services.redis import RedisServer

OPTIONS: dict[str, Any] = {
    "OPTIONS": {
        "serializer": "django.core.signing.JSONSerializer",
        "socket_connect_timeout": 0.5,
        "socket_timeout": 0.5,
    }
}


def test_it_is_the_own_cache_where_there_is_no_redis(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    shared_cache().set("wrong", [1.5], timeout=60)
    assert shared_cache().get("wrong", ()) == [1.5]


def test_what_one_process_counts_another_sees(redis_url: str) -> None:
    one, other = SharedCache(redis_url, OPTIONS), SharedCache(redis_url, OPTIONS)
    one.set("attempts:name:x", [1.5, 2.5], timeout=60)
    assert other.get("attempts:name:x", ()) == [1.5, 2.5]
    assert redis.from_url(redis_url).get(one.make_key("attempts:name:x")) == b"[1.5,2.5]"
    assert other.delete("attempts:name:x")
    assert one.get("attempts:name:x", ()) == ()


def test_each_counts_for_itself_while_redis_is_away(own_redis_server: RedisServer) -> None:
    counts = SharedCache(own_redis_server.url, OPTIONS)
    counts.set("attempts:name:y", [1.5], timeout=60)
    own_redis_server.stop()
    assert counts.get("attempts:name:y", ()) == ()
    counts.set("attempts:name:y", [2.5], timeout=60)
    assert counts.get("attempts:name:y", ()) == [2.5]
    own_redis_server.start()
    counts._away_until = 0.0
    counts.set("attempts:name:y", [3.5], timeout=60)
    assert counts.get("attempts:name:y", ()) == [3.5]

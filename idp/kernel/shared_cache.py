"""Counts that all web processes share: in Redis where there is one, else in this process.

For what is counted to keep people safe, as wrong passwords. A Redis that is away stops nobody from signing in: each
process counts for itself until it answers again. Only values that JSON has are kept; nothing from Redis is executed.
"""

from __future__ import annotations

import time
from typing import Any, Final

import structlog
from django.conf import settings
from django.core.cache import BaseCache, cache, caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

ALIAS: Final = "shared"
LEFT_ALONE_SECONDS: Final = 30
log = structlog.get_logger(__name__)


def shared_cache() -> BaseCache:
    """Where to count; ``get``, ``set`` and ``delete`` are all that it is good for."""
    return caches[ALIAS] if ALIAS in settings.CACHES else cache


class SharedCache(RedisCache):
    """Redis, or this process for half a minute after Redis did not answer."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._here = LocMemCache(ALIAS, {})
        self._away_until = 0.0

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._asked("get", key, default, version=version)

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._asked("set", key, value, timeout=timeout, version=version)

    def delete(self, key: Any, version: int | None = None) -> bool:
        return bool(self._asked("delete", key, version=version))

    def _asked(self, verb: str, *values: Any, **named: Any) -> Any:
        if time.monotonic() >= self._away_until:
            try:
                return getattr(RedisCache, verb)(self, *values, **named)
            except RedisError as error:
                self._away_until = time.monotonic() + LEFT_ALONE_SECONDS
                log.warning("shared_counts_away", error=type(error).__name__)
        return getattr(self._here, verb)(*values, **named)

"""How often one principal may ask: a leaky bucket in the cache, one number per principal.

The rate is ``SLIPWAY_API_RATE`` (``1200/min``); a whole period's worth may come at once. With several web
processes and the in-process cache each process counts for itself.
"""

from __future__ import annotations

import time
from functools import lru_cache

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from portal.api.authentication import actor_of

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class PerPrincipal(BaseThrottle):
    """By account, so that many tokens of one owner share one allowance; by address for those without identity."""

    def allow_request(self, request: Request, view: object) -> bool:
        count, period = rate_of(api_settings.DEFAULT_THROTTLE_RATES["principal"])
        now = time.time()
        key = f"rate:{self.principal(request)}"
        full_at = max(cache.get(key, 0.0), now) + period / count
        if full_at - now > period:
            self.delay = full_at - now - period
            return False
        cache.set(key, full_at, timeout=period)
        return True

    def wait(self) -> float:
        return self.delay

    def principal(self, request: Request) -> str:
        """Whose requests are counted together."""
        return _principal(request)


@lru_cache(maxsize=8)
def rate_of(rate: str) -> tuple[int, int]:
    """``1200/min`` → (1200, 60)."""
    count, _, period = rate.partition("/")
    return int(count), _SECONDS[period.strip()[:1]]


def _principal(request: Request) -> str:
    actor = actor_of(request)
    if actor.is_anonymous:
        return f"address:{request.META.get('REMOTE_ADDR', '')}"
    return f"user:{actor.user_id}"

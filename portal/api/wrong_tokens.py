"""How many wrong tokens one address may send, so that nobody has the database look for them by the thousand.

A token cannot be guessed, whatever the rate; this is about work. Only wrong ones count, and a right one waits no longer
than the flood and a minute. Called by what reads tokens, before they are looked up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.core.cache import cache

from idp.kernel.errors import NotSignedIn, RateLimited

MOST_IN_A_MINUTE: Final = 120
MINUTE: Final = 60.0


@contextmanager
def wrong_tokens_counted(address: str) -> Iterator[None]:
    """Counts what is refused within. RateLimited, before anything is looked at, when it was too much lately."""
    key, now = f"rate:wrong-tokens:{address}", time.time()
    full_at = max(cache.get(key, 0.0), now) + MINUTE / MOST_IN_A_MINUTE
    if full_at - now > MINUTE:
        raise RateLimited(
            "Too many wrong tokens came from this address.",
            remedy="Put the token right in whatever sends it, and wait a minute.",
        )
    try:
        yield
    except NotSignedIn:
        cache.set(key, full_at, timeout=MINUTE)
        raise

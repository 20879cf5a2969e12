"""How long something takes this thread, for limits so short that the rest of a whole suite would show in them."""

from __future__ import annotations

import time
from collections.abc import Callable


def quickest(call: Callable[[], object], *, times: int = 3) -> float:
    """Seconds of processor of the best of some tries; the garbage of a whole suite may be collected in any of them."""
    taken = []
    for _ in range(times):
        started = time.thread_time()
        call()
        taken.append(time.thread_time() - started)
    return min(taken)

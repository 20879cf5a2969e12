"""How durations are taken: many short ones, in turns with their floor, so that a slow moment hits both."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Mapping, Sequence

Action = Callable[[], object]


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that ``share`` of all samples do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(samples: Sequence[float]) -> float:
    return percentile(samples, 0.5)


def once(action: Action) -> float:
    """Milliseconds that ``action`` takes."""
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1000


def once_with_cpu(action: Action) -> tuple[float, float]:
    """Milliseconds that ``action`` takes, and those of them that this process computed.

    The second does not count waiting, be it for the database or for other work of the machine.
    """
    computed = time.process_time()
    took = once(action)
    return took, (time.process_time() - computed) * 1000


def in_turns(actions: Mapping[str, Action], *, times: int, warm_up: int = 2) -> dict[str, list[float]]:
    """Milliseconds of each action, ``times`` each, all in turns. The first ``warm_up`` rounds do not count."""
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(warm_up):
        for action in actions.values():
            action()
    gc.collect()
    for _ in range(times):
        for name, action in actions.items():
            taken[name].append(once(action))
    return taken

"""How a cluster is drained: in waves of so many environments, the next when the one before is over.

Asked by the sweep of drains with what became of each environment. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

DRAIN_STATES: Final = ("running", "paused", "done", "ended")
OPEN_DRAIN_STATES: Final = ("running", "paused")
ITEM_STATES: Final = ("waiting", "moving", "moved", "held", "failed")
"""``held``: it has data, so its people decide. ``failed``: its move was refused or did not end well."""

ACTS: Final = MappingProxyType(
    {
        ("running", "pause"): "paused",
        ("paused", "resume"): "running",
        ("running", "end"): "ended",
        ("paused", "end"): "ended",
    }
)
MOST_AT_ONCE: Final = 50
OUTCOMES: Final = MappingProxyType(
    {
        "pending": "moving",
        "approved": "moving",
        "running": "moving",
        "succeeded": "moved",
        "failed": "failed",
        "denied": "failed",
        "rejected": "failed",
        "cancelled": "failed",
        "expired": "failed",
        "superseded": "failed",
    }
)
"""What becomes of an item by the state of its change, while the environment still is on the cluster."""


@dataclass(frozen=True, slots=True)
class ItemView:
    key: int
    state: str


@dataclass(frozen=True, slots=True)
class Next:
    """What to do now: the items whose move to ask for, why to pause, whether it is over."""

    start: tuple[int, ...] = ()
    pause: str = ""
    over: bool = False


def next_of(items: Sequence[ItemView], *, at_once: int) -> Next:
    """The next wave begins when nothing of the one before is under way; whatever failed stops it until people look."""
    failed = sum(one.state == "failed" for one in items)
    if failed:
        return Next(pause=f"{failed} {'move' if failed == 1 else 'moves'} did not end well.")
    if any(one.state == "moving" for one in items):
        return Next()
    waiting = tuple(one.key for one in items if one.state == "waiting")
    return Next(start=waiting[:at_once], over=not waiting)


def item_state(change_state: str, *, is_there: bool) -> str:
    """Of an environment that a drain asked to move. Gone from the cluster is moved, whatever moved it."""
    if not is_there and change_state not in ("pending", "approved", "running"):
        return "moved"
    return OUTCOMES[change_state]

"""States of changes, environments and resources: one table for each machine, one pure function to move.

Called by services; nobody else decides what may follow what.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from idp.kernel.errors import Conflict

CHANGE_KINDS: Final = (
    "create", "update", "promote", "upgrade", "rollback", "sleep", "wake", "extend", "adopt", "revert",
    "move", "delete",
)  # fmt: skip
CHANGE_STATES: Final = (
    "denied", "pending", "approved", "running", "succeeded", "failed", "rejected", "cancelled", "expired", "superseded",
)  # fmt: skip
OPEN_CHANGE_STATES: Final = ("pending", "approved", "running")
RESUMABLE_CHANGE_STATES: Final = ("failed", "cancelled")
"""A cancelled change only when it had begun: one that was withdrawn before has no run to go on with."""
CHANGE_TRANSITIONS: Final = MappingProxyType(
    {
        ("pending", "approve"): "approved",
        ("pending", "reject"): "rejected",
        ("pending", "cancel"): "cancelled",
        ("pending", "expire"): "expired",
        ("pending", "supersede"): "superseded",
        ("pending", "deny"): "denied",
        ("approved", "ask-again"): "pending",
        ("approved", "start"): "running",
        ("approved", "cancel"): "cancelled",
        ("approved", "supersede"): "superseded",
        ("approved", "deny"): "denied",
        ("running", "succeed"): "succeeded",
        ("running", "fail"): "failed",
        ("running", "stop"): "cancelled",
        ("running", "supersede"): "superseded",
        ("failed", "resume"): "running",
        ("cancelled", "resume"): "running",
    }
)

ENVIRONMENT_STATES: Final = (
    "requested", "progressing", "ready", "degraded", "failed", "deleting", "gone", "asleep", "unknown",
)  # fmt: skip
RESOURCE_STATES: Final = ("pending", "applying", "progressing", "ready", "failed", "deleting", "gone")


def next_change_state(state: str, event: str) -> str:
    """The state that follows; raises Conflict in words when ``event`` is not possible in ``state``."""
    try:
        return CHANGE_TRANSITIONS[state, event]
    except KeyError:
        raise Conflict(
            f"This change is {state}; it can no longer {event.replace('-', ' ')}."
            if not any(start == state for start, _ in CHANGE_TRANSITIONS)
            else f"This change is {state}; “{event}” is not possible now.",
            code="illegal-state",
            remedy="Open the change again to see where it stands.",
        ) from None


def environment_state_after_run(kind: str, outcome: str, power: str = "awake") -> str:
    """The environment's state once a run of ``kind`` ended with ``outcome`` (succeeded, failed, cancelled).

    ``power`` is that of the revision that the run carried out.
    """
    if outcome == "succeeded":
        return "gone" if kind == "delete" else "asleep" if power == "asleep" else "ready"
    return "failed" if outcome == "failed" else "degraded"

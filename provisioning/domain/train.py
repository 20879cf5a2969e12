"""A promotion train: its states, and what to do next given how its members stand. Pure.

Called by ``services.trains``. A train waits until every member is approved and could start, then starts all of them at
once; as soon as one member can no longer start, none does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal

from idp.kernel.errors import Conflict

TRAIN_STATES: Final = ("waiting", "running", "succeeded", "failed", "cancelled")
OPEN_TRAIN_STATES: Final = ("waiting", "running")
MOST_MEMBERS: Final = 20
TRAIN_TRANSITIONS: Final = MappingProxyType(
    {
        ("waiting", "depart"): "running",
        ("waiting", "cancel"): "cancelled",
        ("running", "arrive"): "succeeded",
        ("running", "fail"): "failed",
        ("failed", "resume"): "running",
    }
)
LOST: Final = MappingProxyType(
    {
        "denied": "was stopped by a rule",
        "rejected": "was rejected",
        "cancelled": "was cancelled",
        "expired": "was not decided in time",
        "superseded": "is no longer needed",
    }
)
"""States of a change that will not start, in words."""

Step = Literal["depart", "cancel", "arrive", "fail", "resume", ""]


@dataclass(frozen=True, slots=True)
class Member:
    """One change of the train. ``opens_at`` is the first moment at which it may start; ``busy``: a run is under way."""

    label: str
    state: str
    opens_at: datetime | None = None
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do now (nothing when ``step`` is empty), why, and when to look again by the clock."""

    step: Step
    why: str = ""
    look_at: datetime | None = None


def next_train_state(state: str, event: str) -> str:
    """The state that follows; Conflict in words when ``event`` is not possible in ``state``."""
    try:
        return TRAIN_TRANSITIONS[state, event]
    except KeyError:
        raise Conflict(
            f"This train is {state}; it cannot {event} now.",
            code="illegal-state",
            remedy="Open the train again to see where it stands.",
        ) from None


def verdict(state: str, members: Sequence[Member], now: datetime) -> Verdict:
    """What the members' states mean for a train in ``state``."""
    if state == "waiting":
        return _before(members, now)
    if state == "running":
        return _after(members)
    if state == "failed" and not _stopped(members):
        return Verdict("resume")
    return Verdict("")


def _before(members: Sequence[Member], now: datetime) -> Verdict:
    for one in members:
        if one.state in LOST:
            return Verdict("cancel", f"{one.label} {LOST[one.state]}")
    undecided = sum(one.state == "pending" for one in members)
    if undecided:
        return Verdict("", f"{undecided} of {len(members)} wait for approval")
    late = max((one.opens_at for one in members if one.opens_at is not None), default=None)
    if late is not None and late > now:
        return Verdict("", "It waits for its time", late)
    busy = [one.label for one in members if one.busy]
    if busy:
        return Verdict("", f"Another run is under way in {', '.join(busy)}")
    return Verdict("depart")


def _after(members: Sequence[Member]) -> Verdict:
    if any(one.state in ("approved", "running") for one in members):
        return Verdict("")
    stopped = _stopped(members)
    if stopped:
        return Verdict("fail", f"{', '.join(stopped)} did not arrive")
    return Verdict("arrive")


def _stopped(members: Sequence[Member]) -> list[str]:
    """Members that neither arrived nor are on their way."""
    return [one.label for one in members if one.state not in ("succeeded", "superseded", "running", "approved")]

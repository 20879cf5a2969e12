"""How a run advances, decided without a database: states, the step graph, backoff and outcomes.

The orchestrator asks these functions and stores what they say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from idp.kernel.errors import Conflict

RUN_STATES: Final = ("queued", "running", "succeeded", "failed", "cancelled")
STEP_STATES: Final = ("next", "running", "waiting", "done", "failed", "skipped", "cancelled")
TERMINAL_RUN_STATES: Final = frozenset({"succeeded", "failed", "cancelled"})
SETTLED_STEP_STATES: Final = frozenset({"done", "skipped", "failed", "cancelled"})

RUN_TRANSITIONS: Final = MappingProxyType(
    {
        ("queued", "claim"): "running",
        ("running", "claim"): "running",
        ("running", "succeed"): "succeeded",
        ("running", "fail"): "failed",
        ("queued", "cancel"): "cancelled",
        ("running", "cancel"): "cancelled",
        ("failed", "resume"): "queued",
        ("cancelled", "resume"): "queued",
    }
)
STEP_TRANSITIONS: Final = MappingProxyType(
    {
        ("next", "start"): "running",
        ("waiting", "start"): "running",
        ("running", "start"): "running",
        ("running", "finish"): "done",
        ("running", "wait"): "waiting",
        ("running", "fail"): "failed",
        ("next", "cancel"): "cancelled",
        ("waiting", "cancel"): "cancelled",
        ("running", "cancel"): "cancelled",
        ("failed", "resume"): "next",
        ("cancelled", "resume"): "next",
    }
)

FIRST_BACKOFF: Final = 1.0
LONGEST_BACKOFF: Final = 60.0
STEP_DEADLINE: Final = timedelta(minutes=15)
PATIENCE: Final = timedelta(days=14)
"""How long a step waits for people before it fails; its own deadline begins anew when they have done their part."""


def next_run_state(state: str, event: str) -> str:
    try:
        return RUN_TRANSITIONS[state, event]
    except KeyError:
        raise Conflict(
            f"This run is {state}; “{event}” is not possible now.",
            code="illegal-state",
            remedy="Open the run again to see where it stands.",
        ) from None


def next_step_state(state: str, event: str) -> str:
    try:
        return STEP_TRANSITIONS[state, event]
    except KeyError:
        raise Conflict(f"A step that is {state} cannot {event}.", code="illegal-state") from None


@dataclass(frozen=True, slots=True)
class Done:
    """The step is finished. ``message`` says what was reached; ``progress`` is kept with the step.

    ``resource`` is the key of a resource and what was last seen of it, to be stored together with the step.
    """

    message: str = ""
    progress: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[str, ...] = ()
    resource: tuple[int, Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again after ``delay`` seconds; ``reason`` says what is awaited, which is people when it is ``patient``."""

    delay: float
    reason: str
    progress: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[str, ...] = ()
    patient: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """The step cannot go on: stable ``code``, sentence, remedy, and the raw answer folded away."""

    code: str
    message: str
    remedy: str = ""
    raw: str = ""
    progress: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message, "remedy": self.remedy, "raw": self.raw}


Outcome = Done | Wait | Failed


@dataclass(frozen=True, slots=True)
class StepView:
    """What the decision needs to know of a step."""

    key: str
    state: str
    needs: tuple[str, ...]
    due_at: datetime | None


def ready_steps(steps: Sequence[StepView], now: datetime) -> list[str]:
    """Keys of the steps that may be executed now, in order: all they need is done, and their time has come.

    A step found ``running`` was interrupted by a lost worker and is executed again.
    """
    done = {step.key for step in steps if step.state in ("done", "skipped")}
    return [
        step.key
        for step in steps
        if step.state in ("next", "waiting", "running")
        and done.issuperset(step.needs)
        and (step.due_at is None or step.due_at <= now)
    ]


def blocked_steps(steps: Sequence[StepView]) -> set[str]:
    """Keys of the steps that can never start, because a step they need, directly or not, failed."""
    stopped = {step.key for step in steps if step.state in ("failed", "cancelled")}
    growing = True
    while growing:
        more = {step.key for step in steps if step.key not in stopped and stopped.intersection(step.needs)}
        growing = bool(more)
        stopped |= more
    return stopped


def verdict(steps: Sequence[StepView]) -> str | None:
    """The event that ends the run (``succeed`` or ``fail``), or None while something can still happen."""
    if all(step.state in ("done", "skipped") for step in steps):
        return "succeed"
    blocked = blocked_steps(steps)
    alive = [step for step in steps if step.state in ("next", "waiting", "running") and step.key not in blocked]
    return None if alive else "fail"


def next_due(steps: Iterable[StepView], now: datetime) -> datetime:
    """When the run must be looked at again: the earliest of its waiting steps, else now."""
    times = [step.due_at for step in steps if step.state in ("waiting", "next") and step.due_at is not None]
    return min(times, default=now)


def backoff(failures: int, jitter: float) -> float:
    """Seconds before try ``failures + 1``: doubling from one second, at most a minute, scaled by 0.5 to 1.

    ``jitter`` is a number in [0, 1), so that many runs that failed together do not come back together.
    """
    return min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(failures, 10)) * (0.5 + jitter / 2)

"""The one table of states: which word, tone and shape stands for each state of each kind of thing.

Template tags draw from it, so that no page chooses a colour or a word by hand. A state is never shown by colour
alone: the mark differs in shape, and the word is always there. Adding a state to a transition table means adding
its row here; tests/portal/test_drawing_states.py compares the two.

Filled marks are settled, outlines are on their way or at rest. Tones: ok, busy (moves), wait (a person must act),
warn (needs care), bad (broke or was refused), off (over, asleep or not begun).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TONES: Final = frozenset({"ok", "warn", "bad", "busy", "wait", "off"})


@dataclass(frozen=True, slots=True)
class State:
    """How one state looks. `mark` is the id of a symbol in icons.svg."""

    word: str
    tone: str
    mark: str


def _ok(word: str) -> State:
    return State(word, "ok", "s-ready")


def _busy(word: str) -> State:
    return State(word, "busy", "s-running")


def _wait(word: str) -> State:
    return State(word, "wait", "s-waiting")


def _warn(word: str, mark: str = "s-warn") -> State:
    return State(word, "warn", mark)


def _bad(word: str, mark: str = "s-failed") -> State:
    return State(word, "bad", mark)


def _off(word: str, mark: str = "s-off") -> State:
    return State(word, "off", mark)


STATES: Final[dict[str, dict[str, State]]] = {
    "change": {
        "denied": _bad("Denied", "s-denied"),
        "pending": _wait("Pending approval"),
        "approved": _ok("Approved"),
        "running": _busy("Running"),
        "succeeded": _ok("Succeeded"),
        "failed": _bad("Failed"),
        "rejected": _bad("Rejected", "s-denied"),
        "cancelled": _off("Cancelled"),
        "expired": _off("Expired"),
        "superseded": _off("Superseded"),
    },
    "environment": {
        "requested": _wait("Requested"),
        "progressing": _busy("Rolling out"),
        "ready": _ok("Ready"),
        "degraded": _warn("Degraded"),
        "failed": _bad("Failed"),
        "deleting": _busy("Deleting"),
        "gone": _off("Gone", "s-retired"),
        "asleep": _off("Asleep", "s-asleep"),
        "unknown": _off("Unknown", "s-next"),
        "drifted": _warn("Drifted", "s-drift"),
        "expiring": _warn("Expires soon"),
    },
    "resource": {
        "pending": _off("Not started", "s-next"),
        "applying": _busy("Applying"),
        "progressing": _busy("Rolling out"),
        "ready": _ok("Ready"),
        "failed": _bad("Failed"),
        "deleting": _busy("Deleting"),
        "gone": _off("Gone", "s-retired"),
        "degraded": _warn("Degraded"),
        "drifted": _warn("Drifted", "s-drift"),
        "asleep": _off("Asleep", "s-asleep"),
        "unknown": _off("Unknown", "s-next"),
    },
    "run": {
        "queued": _off("Queued", "s-next"),
        "running": _busy("Running"),
        "waiting": _busy("Waiting"),
        "succeeded": _ok("Succeeded"),
        "failed": _bad("Failed"),
        "cancelled": _off("Cancelled"),
    },
    "step": {
        "next": _off("Not started", "s-next"),
        "pending": _off("Not started", "s-next"),
        "running": _busy("Running"),
        "waiting": _busy("Waiting"),
        "done": _ok("Done"),
        "succeeded": _ok("Done"),
        "failed": _bad("Failed"),
        "skipped": _off("Skipped"),
        "cancelled": _off("Cancelled"),
    },
    "contract": {
        "preview": _off("Preview", "s-preview"),
        "stable": _ok("Stable"),
        "deprecated": _warn("Deprecated"),
        "defective": _bad("Defective"),
        "retired": _off("Retired", "s-retired"),
    },
    "impact": {
        "fails": _bad("Fails"),
        "replaces": _wait("Replaces storage"),
        "restarts": _warn("Restarts pods", "s-drift"),
        "changed": State("Changes", "busy", "s-info"),
        "unchanged": _off("Unchanged"),
    },
    "policy": {
        "passes": _ok("Passes"),
        "warns": _warn("Warns"),
        "denies": _bad("Denies", "s-denied"),
        "asks": _wait("Asks"),
        "admits": _ok("Admits"),
        "observes": _off("Observes", "s-info"),
        "errors": _bad("Errors"),
    },
    "approval": {
        "waits": _wait("Waits"),
        "waiting": _wait("Waits"),
        "approved": _ok("Approved"),
        "rejected": _bad("Rejected", "s-denied"),
        "dismissed": _off("Dismissed"),
        "later": _off("Later", "s-next"),
        "skipped": _off("Left out"),
    },
    "condition": {
        "yes": _ok("Yes"),
        "no": _warn("No", "s-drift"),
        "unknown": _off("Unknown", "s-next"),
    },
    "quota": {
        "fits": _ok("Fits"),
        "near": _warn("Near limit"),
        "over": _bad("Over limit"),
    },
    "loan": {
        "offered": _wait("Offered"),
        "asked": _wait("Asked for"),
        "active": _busy("Runs"),
        "due": _warn("Over, still in use"),
        "returned": _ok("Back"),
        "declined": _off("Declined"),
        "withdrawn": _off("Withdrawn"),
        "lapsed": _off("Never answered"),
    },
    "quota_request": {
        "open": _wait("Waits"),
        "granted": _ok("Granted"),
        "refused": _bad("Refused", "s-denied"),
        "withdrawn": _off("Withdrawn"),
    },
    "message": {
        "success": _ok("Done"),
        "error": _bad("Not done"),
        "warning": _warn("Take care"),
        "info": _off("Note", "s-info"),
        "debug": _off("Note", "s-info"),
    },
    "campaign": {
        "draft": _off("Draft", "s-preview"),
        "running": _busy("Running"),
        "paused": _warn("Paused"),
        "finished": _ok("Finished"),
        "cancelled": _off("Cancelled"),
    },
    "train": {
        "waiting": _wait("Waiting to leave"),
        "running": _busy("On its way"),
        "succeeded": _ok("Arrived"),
        "failed": _bad("Not all arrived"),
        "cancelled": _off("Called off"),
    },
    "wave": {
        "planned": _off("Planned", "s-next"),
        "running": _busy("Moving"),
        "settled": _ok("Settled"),
        "reverting": _busy("Going back"),
        "reverted": _warn("Taken back", "s-drift"),
        "cancelled": _off("Cancelled"),
    },
    "campaign-item": {
        "planned": _off("Planned", "s-next"),
        "rescheduled": _off("Day chosen", "s-next"),
        "waiting": _wait("Waits for approval"),
        "running": _busy("Moving"),
        "succeeded": _ok("Moved"),
        "failed": _bad("Failed"),
        "refused": _bad("Refused", "s-denied"),
        "needs-person": _warn("Needs a person"),
        "skipped": _off("Not needed"),
        "withdrawn": _off("Withdrawn"),
        "reverting": _busy("Going back"),
        "reverted": _warn("Taken back", "s-drift"),
        "stuck": _bad("Not taken back"),
    },
    "drift": {
        "open": _warn("Drifted", "s-drift"),
        "answered": _busy("Being decided"),
        "snoozed": _off("Snoozed", "s-asleep"),
        "adopted": _ok("Adopted"),
        "reverted": _ok("Reverted"),
        "vanished": _off("Undone"),
    },
    "document": {
        "created": _ok("New"),
        "changed": _ok("Changed"),
        "unchanged": _off("Unchanged"),
        "waiting": _wait("Waits for approval"),
        "refused": _bad("Refused", "s-denied"),
        "deleted": _warn("Taken away"),
    },
    "sync": {
        "live": _busy("Live"),
        "delayed": _warn("Delayed"),
        "none": _off("None"),
    },
}

# Without a kind the first table that knows the key wins, so "pending" is a change that waits for people.
_ANY: Final[dict[str, State]] = {key: state for table in reversed(STATES.values()) for key, state in table.items()}


def state_of(key: object, kind: str = "") -> State:
    """The look of a state. An unknown key is drawn grey with its own word: a page about a failure must not fail.

    An unknown `kind` is a mistake in a template and raises KeyError.
    """
    text = str(key)
    table = STATES[kind] if kind else _ANY
    found = table.get(text) or _ANY.get(text)
    return found or _off(text.replace("_", " ").replace("-", " ").capitalize() or "Unknown", "s-next")

"""The life of a published version: which state may follow which, what must be said, and who may still use it.

Called by the service that moves a version, by the gate for every resource of a plan, and by pages that offer the moves.
Pure: versions, uses and the time are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from idp.kernel.errors import FieldError

TRANSITIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "preview": ("stable", "retired"),
    "stable": ("deprecated", "defective"),
    "deprecated": ("stable", "defective", "retired"),
    "defective": ("deprecated", "retired"),
    "retired": (),
}
EXPLAINED: Final = ("deprecated", "defective")
"""States that need a reason, and whose reason, sunset and replacement may be told anew without leaving the state."""

LONGEST_REASON: Final = 400


@dataclass(frozen=True, slots=True)
class StateNote:
    """Why a version is in its state, since and until when, and the version to use instead."""

    capability: str
    version: str
    state: str
    reason: str = ""
    since: datetime | None = None
    sunset: datetime | None = None
    replacement: str = ""

    @property
    def label(self) -> str:
        return f"{self.capability} {self.version}"

    @property
    def sentence(self) -> str:
        """``postgres 1.0.0 is deprecated until 1 Dec 2026: Slow. Use 2.0.0 instead.``"""
        until = f" and ends on {self.sunset.day} {self.sunset:%b %Y}" if self.sunset else ""
        why = f": {self.reason.rstrip('.')}" if self.reason else ""
        instead = f" Use {self.replacement} instead." if self.replacement else ""
        return f"{self.label} is {self.state}{until}{why}.{instead}"


def may_become(before: str) -> tuple[str, ...]:
    """The states that a version in ``before`` may be moved to, itself first where only its note may change."""
    return ((before,) if before in EXPLAINED else ()) + TRANSITIONS.get(before, ())


def transition_refused(before: str, after: str, *, in_use: int) -> str:
    """Why a version may not go from ``before`` to ``after``; empty when it may. ``in_use`` counts living resources."""
    allowed = may_become(before)
    if after not in allowed:
        ways = f"it may become {' or '.join(allowed)}" if allowed else "it stays so for good"
        return f"A version that is {before} does not become {after}; {ways}."
    if after == "retired" and in_use:
        counted = "1 living resource uses" if in_use == 1 else f"{in_use} living resources use"
        return f"{counted} it. A version is retired when nothing uses it any more."
    return ""


def note_problems(
    state: str,
    *,
    version: str,
    reason: str,
    sunset: datetime | None,
    replacement: str,
    usable: Mapping[str, str],
    now: datetime,
) -> Iterator[FieldError]:
    """What is missing or wrong in the note. ``usable`` are the capability's versions with their states."""
    if state in EXPLAINED and not reason:
        yield FieldError("reason", f"Say why it is {state}, and what its users should do.")
    if len(reason) > LONGEST_REASON:
        yield FieldError("reason", f"Write at most {LONGEST_REASON} characters.")
    if state == "deprecated" and sunset is None:
        yield FieldError("sunset", "Give the day on which it ends.")
    if sunset is not None and state not in EXPLAINED:
        yield FieldError("sunset", f"A version that is {state} has no end; leave it out.")
    elif sunset is not None and sunset <= now:
        yield FieldError("sunset", "Give a day that is still to come.")
    if replacement and state not in EXPLAINED:
        yield FieldError("replacement", f"A version that is {state} is not replaced; leave it out.")
    elif replacement and (replacement == version or usable.get(replacement) != "stable"):
        stable = ", ".join(one for one, is_now in usable.items() if is_now == "stable" and one != version)
        yield FieldError("replacement", f"Name another stable version: {stable or 'there is none yet'}.")


StateOf = Callable[[str, str], str]


def new_uses_refused(
    wanted: Mapping[str, Any],
    base: Mapping[str, Any] | None,
    *,
    state_of: StateOf,
    joined: Callable[[str], bool],
) -> Iterator[FieldError]:
    """What of ``wanted`` (a revision's document) begins to use a version that takes no new users.

    What ``base`` has under the same name in the same version may stay. ``joined`` says whether the team has opted in
    to a capability's previews.
    """
    before = (base or {}).get("resources", {})
    for name, one in wanted["resources"].items():
        capability, version = one["capability"], one["contract"]
        had = before.get(name, {})
        if (had.get("capability"), had.get("contract")) == (capability, version) or "from" in one:
            continue
        state, path = state_of(capability, version), f"spec.resources.{name}.capability"
        if state == "defective":
            yield FieldError(path, f"{capability} {version} is defective and takes no new use; choose another version")
        elif state == "preview" and not joined(capability):
            yield FieldError(
                path, f"{capability} {version} is a preview; a maintainer of your team can join the previews of it"
            )

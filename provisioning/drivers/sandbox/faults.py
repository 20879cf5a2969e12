"""What the sandbox can be told to do wrong, and to which objects. Used by the sandbox driver only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from provisioning.domain.driver import ObjectRef, PermanentError, TemporaryError
from provisioning.drivers.sandbox.store import Fault, Transaction

ACTIONS = {
    "fail": "workloads do not become ready, and say so once their time is over",
    "stall": "workloads stay as they are, for ever",
    "hold": "deletion does not end: a finalizer holds the object",
    "let-go": "deletion ends though it was told to hold before, as when the finalizer is taken away",
    "refuse": "apply answers with a PermanentError of the given code (invalid-object if none)",
    "forbid": "every call is answered with a PermanentError forbidden",
    "unavailable": "every call is answered with a TemporaryError, as if the cluster could not be reached",
}
FINALIZER = "sandbox.slipway.dev/hold"
_CALLS = {"refuse": {"apply"}, "forbid": {"apply", "fill", "observe", "delete", "probe", "watch"}}
_CALLS["unavailable"] = _CALLS["forbid"]


def checked(pattern: str, action: str, reason: str, code: str, times: int | None) -> Fault:
    """A fault that can be stored. Raises ValueError for an action there is none of."""
    if action not in ACTIONS:
        raise ValueError(f"the sandbox knows {', '.join(ACTIONS)}, not {action}")
    return Fault(0, pattern, action, reason, code, times)


def matches(fault: Fault, ref: ObjectRef) -> bool:
    return fits(ref, fault.pattern)


def fits(ref: ObjectRef, pattern: str) -> bool:
    return fnmatchcase(f"{ref.namespace}/{ref.kind}/{ref.name}", pattern)


def told_about(ref: ObjectRef, faults: Iterable[Fault], actions: set[str]) -> Fault | None:
    """The latest fault of one of these actions that matches ``ref``."""
    return next((fault for fault in reversed(list(faults)) if fault.action in actions and matches(fault, ref)), None)


def held(ref: ObjectRef, faults: Iterable[Fault]) -> bool:
    latest = told_about(ref, faults, {"hold", "let-go"})
    return latest is not None and latest.action == "hold"


def strike(transaction: Transaction, call: str, refs: Sequence[ObjectRef]) -> None:
    """Raise what was told about this call and one of these objects; a call without objects meets the pattern ``*``
    only.

    The use is counted at once, outside of what the caller goes on to undo: the transaction is committed first.
    """
    for fault in transaction.faults():
        touched = any(matches(fault, ref) for ref in refs) or (not refs and fault.pattern == "*")
        if touched and call in _CALLS.get(fault.action, ()):
            if fault.times is not None:
                transaction.use_fault(fault)
                transaction.commit()
            raise _error(fault)


def _error(fault: Fault) -> PermanentError | TemporaryError:
    if fault.action == "unavailable":
        return TemporaryError(fault.code or "unreachable", fault.reason or "The cluster cannot be reached.", delay=1.0)
    if fault.action == "forbid":
        return PermanentError("forbidden", fault.reason or "The cluster does not allow this.")
    return PermanentError(fault.code or "invalid-object", fault.reason or "The sandbox was told to refuse this.")

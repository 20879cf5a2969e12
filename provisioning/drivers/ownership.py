"""Whose object is it? The one answer, and the errors that go with it, for every driver.

What does not carry the labels of the scope is never changed nor deleted, whatever its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioning.domain.driver import FieldConflict, Manifest, ObjectRef, PermanentError, Scope


def is_ours(labels: Mapping[str, str] | None, scope: Scope) -> bool:
    """Whether ``labels`` say that Slipway made this for this system's environment."""
    return bool(labels) and scope.labels().items() <= dict(labels or {}).items()


def require_scope_labels(manifest: Manifest, scope: Scope) -> None:
    """Refuse to make an object that the next call would not know as ours. Raises PermanentError
    ``invalid-object``.
    """
    if not is_ours(manifest.get("metadata", {}).get("labels"), scope):
        wanted = ", ".join(f"{key}={value}" for key, value in scope.labels().items())
        message = f"{ObjectRef.of(manifest)} must carry the labels {wanted}."
        raise PermanentError("invalid-object", message, remedy="Publish a version of the contract that sets them.")


def not_ours(ref: ObjectRef) -> PermanentError:
    where = f" in namespace {ref.namespace}" if ref.namespace else ""
    return PermanentError(
        "not-ours",
        f"{ref} exists already{where} and was not made by Slipway for this environment, so it was left alone.",
        remedy="Choose another name, or delete that object if nobody needs it.",
    )


def require_releasable(ref: ObjectRef, *, deleting: bool) -> None:
    """Raises PermanentError ``not-releasable`` or ``not-deleting``."""
    if ref.kind == "Namespace":
        raise PermanentError(
            "not-releasable",
            f"{ref} waits for what is in it; releasing it would leave that behind.",
            remedy="Release the objects in it that hang.",
        )
    if not deleting:
        raise PermanentError("not-deleting", f"{ref} is not being deleted, so nothing holds it.")


def field_conflict(ref: ObjectRef, conflicts: Sequence[tuple[str, str]]) -> FieldConflict:
    """``conflicts`` are pairs of manager and field, at least one."""
    by_manager: dict[str, list[str]] = {}
    for manager, field in conflicts:
        by_manager.setdefault(manager, []).append(field.lstrip("."))
    told = "; ".join(f"{manager} owns {', '.join(fields)}" for manager, fields in by_manager.items())
    return FieldConflict(
        f"{ref} was also changed by somebody else: {told}.",
        [field for _, field in conflicts],
        remedy="Agree with the owner of that change, then adopt it or take the fields over.",
    )


def still_deleting(ref: ObjectRef) -> str:
    return f"{ref} is still being deleted; it is made anew when that is over."

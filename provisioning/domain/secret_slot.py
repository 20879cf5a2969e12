"""A Secret whose values people fill in, or something else in the cluster: which keys it wants, and which it has.

Read by readiness, by both drivers and by the service that fills. What is known of a value is that it is there: the
server names in ``metadata.managedFields`` the keys that were set, by whom and when, and the values are never asked for.
Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from idp.kernel.errors import FieldError
from provisioning.domain.driver import ANNOTATION_FILL, Manifest, PermanentError
from provisioning.domain.field_ownership import owners_of

ANNOTATION_OPTIONAL: Final = "slipway.dev/fill-optional"
ANNOTATION_FILLED_BY: Final = "slipway.dev/filled-by"
OUTSIDE: Final = "outside"
WAITING: Final = "waiting-for-people"
WAITING_OUTSIDE: Final = "waiting-for-values"
PATIENT: Final = frozenset({WAITING, WAITING_OUTSIDE})
"""Reasons of a slot that lacks a key that it needs: people fill it, or something else in the cluster does."""

_PEOPLE: Final = "Waits for people to fill "

LONGEST_VALUE: Final = 65_536
MOST_BYTES: Final = 524_288
"""All values that are filled at once; Kubernetes keeps at most a mebibyte in one Secret."""


@dataclass(frozen=True, slots=True)
class SlotKey:
    """One key. ``filled_at`` is when it was set last and ``filled_by`` the manager that did, both unknown if empty."""

    name: str
    required: bool
    filled: bool = False
    filled_at: datetime | None = None
    filled_by: str = ""


def is_slot(manifest: Manifest) -> bool:
    return manifest.get("kind") == "Secret" and ANNOTATION_FILL in _annotations(manifest)


def is_filled_outside(manifest: Manifest) -> bool:
    """Whether something else in the cluster fills it, so that people are not asked."""
    return bool(_annotations(manifest).get(ANNOTATION_FILLED_BY) == OUTSIDE)


def slot_keys(manifest: Manifest, live: Manifest | None = None) -> tuple[SlotKey, ...]:
    """The keys that ``manifest`` wants, in its order, with what ``live`` says of them; ``live`` has no values."""
    found = _filled(live) if live is not None else {}
    wanted = [(name, True) for name in _listed(manifest, ANNOTATION_FILL)]
    wanted += [(name, False) for name in _listed(manifest, ANNOTATION_OPTIONAL)]
    return tuple(SlotKey(name, required, name in found, *found.get(name, (None, ""))) for name, required in wanted)


def missing_keys(live: Manifest) -> tuple[str, ...]:
    """Required keys of the live slot that nobody has filled."""
    return tuple(one.name for one in slot_keys(live, live) if one.required and not one.filled)


def waits_for(live: Manifest) -> str:
    """What a slot waits for, as a sentence; empty when every required key is there."""
    missing = missing_keys(live)
    if not missing:
        return ""
    *before, last = missing
    names = f"{', '.join(before)} and {last}" if before else last
    if is_filled_outside(live):
        return f"Waits until {names} {'are' if before else 'is'} there, which something else in the cluster fills."
    return f"{_PEOPLE}{names}: open “Secrets” on the environment's page."


def waits_for_people(state: str, message: str) -> bool:
    """Whether a resource or a step in this state, with this message, is a slot that people are to fill."""
    return state in ("progressing", "waiting") and message.startswith(_PEOPLE)


def value_problems(keys: Sequence[SlotKey], values: Mapping[str, Any]) -> list[FieldError]:
    """What is wrong with ``values`` by key; never quotes one."""
    known = {one.name for one in keys}
    problems = [
        FieldError(f"values.{name[:63]}", "is not a key of this secret")
        for name in sorted(map(str, values))
        if name not in known
    ]
    for name, value in values.items():
        if not isinstance(value, str) or not value:
            problems.append(FieldError(f"values.{name[:63]}", "must be text that is not empty"))
        elif len(value.encode()) > LONGEST_VALUE:
            problems.append(FieldError(f"values.{name[:63]}", f"must have at most {LONGEST_VALUE:,} bytes"))
    if not values:
        problems.append(FieldError("values", "needs at least one key with its value"))
    elif not problems and sum(len(value.encode()) for value in values.values()) > MOST_BYTES:
        problems.append(FieldError("values", f"must have at most {MOST_BYTES:,} bytes together"))
    return problems


def require_slot(live: Manifest, name: str) -> None:
    """PermanentError ``not-a-slot`` for an object that is not there to be filled, whatever keys are asked for."""
    if not is_slot(live):
        raise PermanentError(
            "not-a-slot",
            f"Secret {name} is not one that people fill.",
            remedy="Fill the secret of a resource of the capability secret-slot.",
        )


def _filled(live: Manifest) -> dict[str, tuple[datetime | None, str]]:
    """Keys that are there, with when and by whom they were set last."""
    found: dict[str, tuple[datetime | None, str]] = {}
    for owner in owners_of(live):
        for step in owner.fields.get("f:data", {}):
            if step.startswith("f:"):
                found.setdefault(step[2:], (owner.at, owner.manager))
    return found


def _annotations(manifest: Manifest) -> Mapping[str, str]:
    found: Mapping[str, str] = manifest.get("metadata", {}).get("annotations") or {}
    return found


def _listed(manifest: Manifest, annotation: str) -> list[str]:
    return [name for name in _annotations(manifest).get(annotation, "").split(",") if name]

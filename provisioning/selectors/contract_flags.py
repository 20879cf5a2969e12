"""Versions that somebody should leave: deprecated, defective or retired ones, with why, until when, and what instead.

Read by pages, by the API's headers and by the plan. There are few of them and they seldom change, so they are kept for
seconds in the process; the gate, which refuses new uses, looks at the rows themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.core.cache import cache
from django.db import transaction

from provisioning.domain.contract_states import StateNote
from provisioning.models import Contract, Resource

FLAGGED: Final = ("deprecated", "defective", "retired")
_KEY: Final = "contracts.flagged"
_KNOWN_FOR: Final = 10
MOST_USES: Final = 200
Flags = Mapping[tuple[str, str], StateNote]


def state_note(row: Contract) -> StateNote:
    """Needs ``capability`` joined."""
    return StateNote(
        capability=row.capability.name,
        version=row.version,
        state=row.state,
        reason=row.state_reason,
        since=row.state_since or row.published_at,
        sunset=row.sunset_at,
        replacement=row.replacement,
    )


def flags() -> Flags:
    """All flagged versions by capability and version; at most one query, and that once in ten seconds."""
    found: Flags = cache.get_or_set(_KEY, _flags, _KNOWN_FOR) or {}
    return found


def _flags() -> dict[tuple[str, str], StateNote]:
    rows = Contract.objects.filter(state__in=FLAGGED).select_related("capability")
    return {(row.capability.name, row.version): state_note(row) for row in rows.defer("document", "capability__readme")}


def flags_forget() -> None:
    """Look again: at once, and once more when what this transaction wrote is there for everyone."""
    cache.delete(_KEY)
    transaction.on_commit(lambda: cache.delete(_KEY))


def flagged_in(document: Mapping[str, Any] | None) -> tuple[StateNote, ...]:
    """The flagged versions that a revision's document uses, each once, in the order of its resources."""
    known = flags()
    if not known or not document:
        return ()
    used = dict.fromkeys((one["capability"], one["contract"]) for one in document.get("resources", {}).values())
    return tuple(known[key] for key in used if key in known)


@dataclass(frozen=True, slots=True)
class DefectiveUse:
    """A living resource on a defective version."""

    system: str
    environment: str
    resource: str
    note: StateNote


def defective_uses(systems: Iterable[int]) -> list[DefectiveUse]:
    """What of these systems runs a defective version, by place. No query when no version is defective."""
    known = flags()
    if not any(note.state == "defective" for note in known.values()):
        return []
    rows = (
        Resource.objects.filter(environment__system__in=list(systems), environment__deleted_at=None)
        .filter(contract__state="defective", borrowed=False)
        .exclude(state="gone")
        .order_by("environment__system__slug", "environment__name", "name")
        .values_list(
            "environment__system__slug",
            "environment__name",
            "name",
            "contract__capability__name",
            "contract__version",
        )[:MOST_USES]
    )
    return [
        DefectiveUse(system, environment, resource, known[capability, version])
        for system, environment, resource, capability, version in rows
        if (capability, version) in known
    ]

"""The audit chain's arithmetic: what an entry's hash covers, and which links are broken. Pure.

Each entry's hash covers all its fields and the hash before it, so an entry that was altered, removed or moved
breaks the chain at its number. ``governance.services.audit`` stores and reads the rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from idp.kernel.canonical import digest

HIDDEN = "[hidden]"
MAX_TEXT = 2_000
LATER = ("token_id", "behalf", "address", "system_slug", "environment_name")
"""Fields that entries did not have at first. The hash leaves an empty one out, so that older entries keep theirs."""
_SECRET_NAME = re.compile(r"passw|secret|token|kubeconfig|credential|private|api[-_]?key|authorization", re.IGNORECASE)
_TOKEN = re.compile(r"slw_[A-Za-z0-9]+_[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the chain, without its own hash."""

    sequence: int
    at: datetime
    actor_id: int | None
    actor_name: str
    via: str
    action: str
    object_type: str
    object_id: str
    object_label: str
    team_slug: str
    data: Mapping[str, Any]
    request_id: str
    previous_hash: str
    token_id: int | None = None
    behalf: str = ""
    address: str = ""
    system_slug: str = ""
    environment_name: str = ""

    def fields(self) -> dict[str, Any]:
        """What the hash covers and an export writes; ``at`` counts in UTC to the microsecond."""
        fields = asdict(self) | {"at": self.at.astimezone(UTC).isoformat(timespec="microseconds")}
        return {name: value for name, value in fields.items() if value or name not in LATER}

    def hash(self) -> str:
        """SHA-256 over the canonical JSON of ``fields``."""
        return digest(self.fields())


@dataclass(frozen=True, slots=True)
class Broken:
    """A number in the chain where something is not as it was written."""

    sequence: int
    reason: str


def public_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """``data`` as it may be kept for ever: JSON types only, nothing that is named or looks like a secret."""
    return {str(key): HIDDEN if _SECRET_NAME.search(str(key)) else _public(value) for key, value in data.items()}


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Only what changed, as an audit entry keeps it."""
    changed = [field for field in before if before[field] != after[field]]
    return {
        "before": {field: before[field] for field in changed},
        "after": {field: after[field] for field in changed},
    }


def broken_links(links: Iterable[tuple[Entry, str]], *, start: int = 1, previous_hash: str = "") -> Iterator[Broken]:
    """Faults in ``links`` (entry and its stored hash), in order of their sequence.

    After a fault the walk goes on from the stored hash, so that one altered row is one fault and not many.
    """
    expected = start
    for entry, stored in links:
        gap = expected != entry.sequence
        for missing in range(expected, min(entry.sequence, expected + 100)):
            yield Broken(missing, "was removed")
        if entry.hash() != stored:
            yield Broken(entry.sequence, "was altered or moved")
        elif not gap and entry.previous_hash != previous_hash:
            yield Broken(entry.sequence, "does not follow the entry before it")
        expected, previous_hash = entry.sequence + 1, stored


def _public(value: Any) -> Any:
    if isinstance(value, Mapping):
        return public_data(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_public(item) for item in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, str):
        return _TOKEN.sub(HIDDEN, value.replace("\x00", ""))[:MAX_TEXT]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise TypeError(f"{type(value).__name__} cannot be kept in the audit log")

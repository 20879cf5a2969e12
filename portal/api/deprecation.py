"""``Deprecation`` (RFC 9745), ``Sunset`` (RFC 8594) and the successor, for answers about versions that are to go.

The two dates have two forms. Read by the endpoints of contracts, plans, changes and environments.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final

from portal.api import paths
from provisioning.domain.contract_states import StateNote
from provisioning.models import Contract

LEAVE: Final = ("deprecated", "defective", "retired")
HEADERS: Final = {
    "Deprecation": "Since when a version in it is deprecated, as RFC 9745 has it.",
    "Sunset": "When the first of them ends, as RFC 8594 has it.",
    "Link": "With rel successor-version: what to use instead.",
}


def deprecation_headers(contract: Contract) -> dict[str, str]:
    """Those of one version. Dates that the document itself says, as ``spec.deprecated`` and ``spec.sunset``, hold
    where nobody moved the version since. Needs ``capability`` joined."""
    if contract.state not in LEAVE:
        return {}
    spec = contract.document.get("spec", {})
    note = StateNote(
        capability=contract.capability.name,
        version=contract.version,
        state=contract.state,
        since=contract.state_since or _date(spec.get("deprecated")) or contract.published_at,
        sunset=contract.sunset_at or _date(spec.get("sunset")),
        replacement=contract.replacement,
    )
    return headers_of([note])


def headers_of(notes: Iterable[StateNote]) -> dict[str, str]:
    """Those of everything that ``notes`` are about: the earliest dates, and a link for each. Empty without notes."""
    flagged = [one for one in notes if one.state in LEAVE]
    if not flagged:
        return {}
    headers = {"Link": ", ".join(dict.fromkeys(_successor(one) for one in flagged))}
    begun = [one.since for one in flagged if one.since]
    ended = [one.sunset for one in flagged if one.sunset and (one.since is None or one.sunset >= one.since)]
    if begun:
        headers["Deprecation"] = f"@{int(min(begun).timestamp())}"
    if ended:
        headers["Sunset"] = format_datetime(min(ended).astimezone(UTC), usegmt=True)
    return headers


def _successor(note: StateNote) -> str:
    page = paths.contract(note.capability, note.replacement) if note.replacement else paths.capability(note.capability)
    return f'<{page}>; rel="successor-version"'


def _date(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)

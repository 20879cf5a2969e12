"""Which teams see a capability's previews, as its page shows it: who has joined, and for whom the reader may decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from governance.access import Rights
from provisioning.models import Capability, Contract
from provisioning.selectors.capabilities import PreviewSeat, preview_seats


@dataclass(frozen=True, slots=True)
class Panel:
    """``may_join`` are the reader's teams that have not joined."""

    versions: tuple[str, ...]
    joined: tuple[PreviewSeat, ...]
    may_join: tuple[PreviewSeat, ...]


def panel(rights: Rights, capability: Capability, versions: Sequence[Contract]) -> Panel | None:
    """None where there is neither a preview nor a team that has joined; else one query.

    ``capability`` as ``capability_for_page`` gives it.
    """
    previewed = tuple(row.version for row in versions if row.state == "preview")
    if not previewed and not capability.has_preview_team:  # type: ignore[attr-defined]  # annotated
        return None
    seats = preview_seats(rights, capability)
    return Panel(
        previewed,
        tuple(one for one in seats if one.joined),
        tuple(one for one in seats if one.managed and not one.joined),
    )

"""What the page of a system says when its ownership needs somebody. Reads the system's own row; asks nothing more."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse

from governance.access import Rights
from governance.domain.ownership import confirm_due
from idp.catalog.models import System


def owner_hint(rights: Rights, system: System, *, now: datetime) -> dict[str, str] | None:
    """A banner, or None when all is well. ``system`` as ``portal.reading.systems.system_get`` gives it."""
    ownership, team = reverse("ownership"), system.team
    if team.archived_at is not None or not system.has_people:  # type: ignore[attr-defined]  # annotated
        may = rights.may_manage(team)
        return {
            "strong": "Nobody owns it.",
            "text": f"Nobody is left in {team.name} who may change it. "
            "It is not promoted; outside production it sleeps, then goes.",
            "url": reverse("system-transfer", args=[system.slug]) if may else ownership,
            "label": "Transfer it" if may else "Ownership",
        }
    if system.goes_to:  # type: ignore[attr-defined]  # annotated
        return {
            "strong": "It changes hands.",
            "text": f"A transfer to {system.goes_to} waits until both teams have agreed.",  # type: ignore[attr-defined]
            "url": ownership,
            "label": "See the transfer",
        }
    known = (system.created_at, system.confirmed_at, system.worked_at)  # type: ignore[attr-defined]  # annotated
    if confirm_due(max(one for one in known if one is not None), now):
        return {
            "strong": "Still yours?" if rights.may_request(system) else "Does somebody still own it?",
            "text": f"Nobody of {team.name} has worked on it or confirmed it for half a year.",
            "url": ownership,
            "label": "Confirm it" if rights.may_request(system) else "Ownership",
        }
    return None

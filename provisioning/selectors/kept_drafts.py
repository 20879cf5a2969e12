"""What a person has begun to ask for and not asked for yet. Only ever the reader's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from idp.catalog.models import System
from provisioning.models import KeptDraft

SHOWN: Final = 3


def kept_drafts(person: int | None, system: System, environment: str = "") -> Sequence[KeptDraft]:
    """The newest few of this person for a new environment of ``system``, or for the one that is named."""
    rows = KeptDraft.objects.filter(person_id=person, system=system, environment=environment)
    return list(rows.order_by("-changed_at", "-pk")[:SHOWN])

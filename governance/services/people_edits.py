"""Keeps what was edited of teams, people and groups, so that one click takes it back. Called by their services."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from governance.models import PeopleEdit
from governance.services.transactions import require_transaction
from idp.kernel.actor import Actor


def people_edit_keep(
    actor: Actor,
    kind: str,
    key: str,
    *,
    label: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    now: datetime,
) -> None:
    """Inside the transaction of the edit. ``label`` is the edit in words."""
    require_transaction("people_edit_keep")
    PeopleEdit.objects.create(
        kind=kind, key=key, label=label[:200], before=dict(before), after=dict(after), by=actor.username, at=now
    )

"""Remembers what admins' edits replaced, so that one click takes it back. A part of the service that edits."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from governance.models import Edit
from governance.services.transactions import require_transaction
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict


def edit_keep(
    actor: Actor, *, subject: str, key: int, before: dict[str, Any], after: dict[str, Any], now: datetime
) -> Edit:
    require_transaction("edit_keep")
    return Edit.objects.create(subject=subject, key=key, before=before, after=after, actor_name=actor.username, at=now)


def edit_last(subject: str, key: int) -> Edit | None:
    return Edit.objects.filter(subject=subject, key=key).order_by("-pk").first()


def edit_to_undo(subject: str, key: int, edit_id: int) -> Edit:
    """The latest edit, which must be the one that was shown; Conflict when there is a newer one or none."""
    last = edit_last(subject, key)
    if last is None or last.pk != edit_id:
        raise Conflict("Somebody edited it after that.", remedy="Read it again; only the latest edit is taken back.")
    return last

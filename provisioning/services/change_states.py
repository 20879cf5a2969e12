"""Moves a change along its transition table. Called by the other services, inside their transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import F

from idp.kernel.errors import Conflict
from provisioning.domain.lifecycle import next_change_state
from provisioning.models import Change, ChangeEvent, Environment
from provisioning.services import runs
from provisioning.services.change_notices import change_told
from provisioning.services.event_lines import change_event_told


def change_lock(change_id: int) -> Change:
    """The change with its environment and itself locked, in that order. Raises Change.DoesNotExist."""
    environment_id = Change.objects.values_list("environment_id", flat=True).get(pk=change_id)
    if environment_id is not None:
        Environment.objects.select_for_update().get(pk=environment_id)
    return (
        Change.objects.select_for_update(of=("self",))
        .select_related("environment", "system__team", "stage")
        .get(pk=change_id)
    )


def made_for(change: Change) -> int:
    """The environment's id; only a denied create has none, and nothing is done with that."""
    assert change.environment_id is not None
    return change.environment_id


def change_move(change: Change, event: str, *, actor_name: str, now: datetime, text: str = "", **fields: Any) -> Change:
    """Store the state that follows ``event``, with its history row; Conflict when somebody else was first.

    ``change`` is locked, or made by this transaction; it and its row have the same ``fields`` afterwards.
    """
    before, state = change.state, next_change_state(change.state, event)
    moved = Change.objects.filter(pk=change.pk, state=change.state).update(
        state=state, version=F("version") + 1, **fields
    )
    if moved != 1:
        raise Conflict("Somebody else decided at the same moment.", remedy="Open the change again to see the outcome.")
    change_note(change, event, state=state, actor_name=actor_name, now=now, text=text)
    if before == "approved" and state != "running":
        runs.run_goes_on(change.pk, now=now)
    change.version += 1
    for name, value in {"state": state, **fields}.items():
        setattr(change, name, value)
    return change


def change_begins(change: Change, *, actor_name: str, now: datetime) -> None:
    """The first lines of the history of a change that was just made: asked for, and agreed to where nobody needs to.

    Nobody is told of either: who asked knows.
    """
    asked = "denied" if change.state == "denied" else "pending"
    lines = [ChangeEvent(change=change, at=now, actor_name=actor_name, event="submit", state=asked)]
    if change.state == "approved":
        state, text = next_change_state(asked, "approve"), "No approval is needed"
        lines.append(ChangeEvent(change=change, at=now, actor_name="slipway", event="approve", state=state, text=text))
    ChangeEvent.objects.bulk_create(lines)
    before = ""
    for line in lines:
        told = {"state": line.state, "actor_name": line.actor_name, "text": line.text}
        change_event_told(change, line.event, before=before, now=now, **told)
        before = line.state


def change_note(change: Change, event: str, *, state: str, actor_name: str, now: datetime, text: str = "") -> None:
    """One line of the change's history, and who and what is told of it."""
    line = ChangeEvent.objects.create(
        change=change, at=now, actor_name=actor_name, event=event, state=state, text=text[:400]
    )
    change_told(change, event, line=line.pk, state=state, actor_name=actor_name, now=now, text=text)
    change_event_told(change, event, state=state, before=change.state, actor_name=actor_name, now=now, text=text)

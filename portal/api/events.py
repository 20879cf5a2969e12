"""Lines of histories: of a change, of a run."""

from __future__ import annotations

from typing import Any

from portal.api.answers import moment
from provisioning.models import ChangeEvent, RunEvent


def change_event_row(event: ChangeEvent) -> dict[str, Any]:
    return {
        "id": event.pk,
        "change": event.change_id,
        "at": moment(event.at),
        "actor": event.actor_name,
        "event": event.event,
        "state": event.state,
        "text": event.text,
    }


def run_event_row(event: RunEvent) -> dict[str, Any]:
    return {
        "id": event.pk,
        "at": moment(event.at),
        "level": event.level,
        "step": event.step,
        "text": event.text,
    }

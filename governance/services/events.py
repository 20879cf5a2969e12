"""Tells other programs what happened: the event is stored in the transaction of what it tells, and sent later.

Called by the services in which things happen. Nothing is stored where nobody listens, which costs one query; who
exactly gets an event is decided when the worker makes deliveries of it (``governance.services.webhook_delivery``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.domain.event import EVENT_TYPES, wanted
from governance.domain.webhook import event_id_of, new_event_id
from governance.models import OutgoingEvent
from governance.selectors.webhooks import listening, listening_widely
from governance.services.transactions import require_transaction
from idp.catalog.models import System, Team
from idp.kernel.errors import PlatformFault
from idp.kernel.wake import wake_after_commit

LONGEST_TEXT = 2_000


@dataclass(frozen=True, slots=True)
class Listeners:
    """What the endpoints that may be told of a system have asked for, as read once."""

    chosen: tuple[tuple[str, ...], ...]

    def want(self, key: str) -> bool:
        return any(wanted(one, key) for one in self.chosen)


def listeners_of(system: System) -> Listeners:
    """One query. May be kept for as long as the transaction that asked."""
    found = listening(system=system.pk, team=system.team_id, restricted=system.restricted)
    return Listeners(tuple(tuple(one.events) for one in found))


def event_tell(
    key: str,
    *,
    system: System,
    subject: str,
    data: Mapping[str, Any],
    now: datetime,
    once: str = "",
    listeners: Listeners | None = None,
) -> bool:
    """Store one event of a type of ``EVENT_TYPES`` for whoever listens; whether anybody does.

    ``subject`` is what it is about (``checkout/staging``). ``data`` are JSON types that fit the type's schema, without
    secrets. ``system`` comes with its team. What has ``once`` is stored once for it, however often it is told.
    """
    require_transaction("event_tell")
    if key not in EVENT_TYPES:
        raise PlatformFault(f"There is no type of event “{key}”.")
    if not (listeners or listeners_of(system)).want(key):
        return False
    row = OutgoingEvent(
        uid=_uid(key, once, ""),
        type=key,
        at=now,
        subject=subject[:120],
        data={name: _cut(value) for name, value in data.items()},
        system=system,
        team_id=system.team_id,
    )
    OutgoingEvent.objects.bulk_create([row], ignore_conflicts=bool(once))
    wake_after_commit("webhooks", 0)
    return True


def audience_tell(
    key: str, *, teams: Iterable[Team], subject: str, data: Mapping[str, Any], now: datetime, once: str = ""
) -> int:
    """Store an event that is of no system, once for the organisation's endpoints and once for each team's.

    Only where some listen that are not narrowed to a system; how many were stored. One query where nobody does. A
    copy for a team says so in ``team``, where ``data`` does not. ``once`` as with ``event_tell``, for each of them.
    """
    require_transaction("audience_tell")
    if key not in EVENT_TYPES:
        raise PlatformFault(f"There is no type of event “{key}”.")
    waiting = {one.team_id for one in listening_widely() if wanted(one.events, key)}
    told: list[Team | None] = [None] if None in waiting else []
    told += [one for one in teams if one.pk in waiting] if waiting - {None} else []
    cut = {name: _cut(value) for name, value in data.items()}
    rows = [
        OutgoingEvent(
            uid=_uid(key, once, f"team/{team.slug}" if team else "organisation"),
            type=key,
            at=now,
            subject=subject[:120],
            data={"team": team.slug if team else "", **cut},
            team=team,
        )
        for team in told
    ]
    OutgoingEvent.objects.bulk_create(rows, ignore_conflicts=bool(once))
    if told:
        wake_after_commit("webhooks", 0)
    return len(told)


def _uid(key: str, once: str, audience: str) -> str:
    return event_id_of(key, once, audience) if once else new_event_id()


def _cut(value: Any) -> Any:
    return value.replace("\x00", "")[:LONGEST_TEXT] if isinstance(value, str) else value

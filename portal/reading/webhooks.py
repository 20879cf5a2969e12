"""Endpoints, deliveries and attempts as pages draw them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings

from governance.access import MANAGE_TEAM, Rights
from governance.domain.event import CHOICES, cloud_event
from governance.domain.webhook import KIND_WORDS
from governance.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from governance.selectors.webhooks import endpoints_managed, last_deliveries
from idp.catalog.models import Team
from portal.drawing import words

ENDPOINT_STATES: Final = {
    "active": ("ready", "Active"),
    "paused": ("asleep", "Paused"),
    "disabled": ("failed", "Disabled"),
}
DELIVERY_STATES: Final = {
    "due": ("pending", "Waits"),
    "sending": ("running", "On its way"),
    "delivered": ("succeeded", "Taken"),
    "failed": ("failed", "Given up"),
    "dropped": ("cancelled", "Not sent"),
}
ICONS: Final = {"webhook": "link", "slack": "message-circle", "teams": "message-circle"}


@dataclass(frozen=True, slots=True)
class EndpointLine:
    """One endpoint; ``state`` and ``word`` are how it is drawn, ``last`` its newest delivery."""

    row: WebhookEndpoint
    state: str
    word: str
    kind: str
    icon: str
    owner: str
    about: str
    hears: str
    last: DeliveryLine | None


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """One delivery; ``settled`` where it can be sent again."""

    row: WebhookDelivery
    state: str
    word: str
    settled: bool


def endpoint_lines(rights: Rights, *, team: Team | None = None, most: int = 200) -> list[EndpointLine]:
    """Endpoints that the person manages. Two queries."""
    rows = list(endpoints_managed(rights, team=team)[:most])
    last = last_deliveries(rows)
    return [endpoint_line(row, last.get(row.pk)) for row in rows]


def endpoint_line(row: WebhookEndpoint, last: WebhookDelivery | None = None) -> EndpointLine:
    state, word = ENDPOINT_STATES[row.state]
    if row.state == "active" and row.failing_since is not None:
        state, word = "degraded", "Fails"
    return EndpointLine(
        row=row,
        state=state,
        word=word,
        kind=KIND_WORDS[row.kind],
        icon=ICONS[row.kind],
        owner=row.team.name if row.team else "The organisation",
        about=row.system.slug if row.system else ("Every system" if row.team is None else "All of its systems"),
        hears=_hears(row.events),
        last=delivery_line(last) if last else None,
    )


def _hears(events: list[str]) -> str:
    if not events:
        return "Every event but notices"
    if len(events) == len(CHOICES):
        return "Every event, and notices"
    return ", ".join(events) if len(events) < 4 else words.count(len(events), "event,events")


def delivery_lines(rows: Iterable[WebhookDelivery]) -> list[DeliveryLine]:
    return [delivery_line(row) for row in rows]


def delivery_line(row: WebhookDelivery) -> DeliveryLine:
    state, word = DELIVERY_STATES[row.state]
    if row.state == "due" and row.attempts:
        word = f"Tried {words.count(row.attempts, 'time,times')}"
    return DeliveryLine(row, state, word, row.state not in ("due", "sending"))


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """One attempt; ``headers`` of the request as text."""

    row: WebhookAttempt
    ok: bool
    headers: str


def attempt_lines(rows: Iterable[WebhookAttempt]) -> list[AttemptLine]:
    return [
        AttemptLine(
            row,
            row.status is not None and 200 <= row.status < 300,
            "\n".join(f"{name}: {value}" for name, value in sorted(row.headers.items())),
        )
        for row in rows
    ]


def body_text(delivery: WebhookDelivery) -> str:
    """The event as it is sent, laid out to be read."""
    event = delivery.event
    told = cloud_event(
        event.uid, event.type, subject=event.subject, at=event.at, data=event.data, base_url=settings.BASE_URL
    )
    return json.dumps(told, indent=2, ensure_ascii=False)


def both_sign_until(row: WebhookEndpoint, now: datetime) -> datetime | None:
    return row.old_until if row.old_until and row.old_until > now else None


def manages_any(rights: Rights) -> bool:
    """Whether the person may have endpoints at all. No query."""
    return rights.may_administer() or any(MANAGE_TEAM in held for held in rights.teams.values())


def initial_of(row: WebhookEndpoint) -> dict[str, Any]:
    return {"name": row.name, "events": list(row.events), "notices": list(row.notices), "existing": True}

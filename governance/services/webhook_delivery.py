"""Makes deliveries of stored events and sends them. Called by the worker, after something was told and by beat.

A delivery is claimed by a filtered update that raises its epoch, and settled by one filtered on it, as runs are: a
worker that was killed, or was slower than its lease, neither loses a delivery nor settles another's. What it sent may
be sent again, with the same ``webhook-id``. Nothing is sent inside a transaction; calls are made side by side, and no
endpoint gets more than a few at a time, so that a slow one does not hold up the others.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Min, Q
from django.db.models.functions import Now

from governance.access import admins
from governance.domain.chat import message_of, slack_message, teams_message
from governance.domain.event import MEDIA, body_of, cloud_event, wanted, wanted_kind
from governance.domain.slack import workspace_of
from governance.domain.webhook import (
    KEPT_ANSWER,
    LEASE,
    TIMEOUT,
    Attempted,
    ends_for_good,
    in_words,
    next_attempt,
    retry_after,
    signed_headers,
)
from governance.models import OutgoingEvent, SlackApp, SlackLink, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from governance.selectors.people import team_people
from governance.selectors.webhooks import listening_to, may_be_told
from governance.services.audit import audit_append
from governance.services.notice_events import About
from governance.services.notices import notify
from governance.services.webhooks import switch_off
from idp.kernel import outbound, vault
from idp.kernel.actor import PLATFORM
from idp.kernel.canonical import canonical_json
from idp.kernel.errors import PlatformFault

log = structlog.get_logger(__name__)

SPREAD_AT_ONCE = 200
AT_ONCE = 16
PER_ENDPOINT = 4
MOST_ANSWER = 64_000
ROUNDS = 200
SHOWN_HEADERS = ("webhook-id", "webhook-timestamp", "content-type")
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Claimed:
    """One delivery that this worker may send until its lease ends."""

    delivery_id: int
    epoch: int
    attempts: int
    endpoint: WebhookEndpoint
    event: OutgoingEvent


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent in one attempt."""

    url: str
    headers: dict[str, str]
    body: bytes


def webhooks_send(*, now: datetime) -> int:
    """Spread and send what is due; how many attempts were made. Safe to run twice or side by side."""
    if not _one_at_a_time.acquire(blocking=False):
        return 0
    try:
        sent = 0
        for _ in range(ROUNDS):
            events_spread(now=now)
            claimed = _claim(now)
            if not claimed:
                break
            sent += _send(claimed, now)
        return sent
    finally:
        _one_at_a_time.release()


def events_spread(*, now: datetime) -> int:
    """Make the deliveries of events that have none yet; how many events. Each event in one transaction of its own."""
    ids = OutgoingEvent.objects.filter(spread_at=None).order_by("id").values_list("pk", flat=True)
    return sum(_spread(pk, now) for pk in list(ids[:SPREAD_AT_ONCE]))


@transaction.atomic
def _spread(event_id: int, now: datetime) -> bool:
    if not OutgoingEvent.objects.filter(pk=event_id, spread_at=None).update(spread_at=now):
        return False
    event = OutgoingEvent.objects.select_related("system__team").get(pk=event_id)
    rows = [
        WebhookDelivery(event=event, endpoint=one, due_at=now, happened_at=event.at)
        for one in listening_to(event)
        if wanted(one.events, event.type)
        and wanted_kind(one.notices, event.type, event.data)
        and one.created_at <= event.at
    ]
    WebhookDelivery.objects.bulk_create(rows, ignore_conflicts=True)
    return True


def _claim(now: datetime) -> list[Claimed]:
    """Up to ``AT_ONCE`` that are due, or whose lease has ended, a few of each endpoint that is told."""
    left_behind = Q(state="sending", lease_until__lte=Now())
    due = WebhookDelivery.objects.filter(Q(state="due", due_at__lte=now) | left_behind, endpoint__state="active")
    first = due.order_by().values("endpoint").annotate(first=Min("due_at")).order_by("first", "endpoint")
    found: list[int] = []
    for endpoint_id in list(first.values_list("endpoint", flat=True)[:AT_ONCE]):
        if len(found) < AT_ONCE:
            rows = due.filter(endpoint=endpoint_id).order_by("due_at", "id")
            found += rows.values_list("pk", flat=True)[:PER_ENDPOINT]
    return [one for pk in found[:AT_ONCE] if (one := _claim_one(pk, now)) is not None]


def _claim_one(pk: int, now: datetime) -> Claimed | None:
    free = Q(state="due", due_at__lte=now) | Q(state="sending", lease_until__lte=Now())
    epoch = WebhookDelivery.objects.values_list("epoch", flat=True).filter(pk=pk).first()
    if epoch is None:
        return None
    claimed = WebhookDelivery.objects.filter(free, pk=pk, epoch=epoch).update(
        state="sending",
        epoch=F("epoch") + 1,
        attempts=F("attempts") + 1,
        tries=F("tries") + 1,
        lease_until=Now() + LEASE,
        due_at=None,
    )
    if not claimed:
        return None
    row = WebhookDelivery.objects.select_related("event__system", "endpoint__team", "endpoint__system").get(pk=pk)
    return Claimed(row.pk, epoch + 1, row.attempts, row.endpoint, row.event)


def _send(claimed: Sequence[Claimed], now: datetime) -> int:
    buttons = SlackApp.objects.exists()
    letters: list[tuple[Claimed, Letter]] = []
    for one in claimed:
        if not may_be_told(one.endpoint, one.event):
            refusal = Attempted(None, "Not sent: its team may no longer see what this is about.", final=True)
            _settle(one, refusal, {}, now)
            continue
        try:
            letters.append((one, letter_of(one.endpoint, one.event, now=now, buttons=buttons)))
        except PlatformFault as error:
            _settle(one, Attempted(None, error.message), {}, now)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        for (one, letter), attempted in zip(letters, pool.map(_post, [letter for _, letter in letters]), strict=True):
            _settle(one, attempted, letter.headers, now)
    return len(claimed)


def letter_of(endpoint: WebhookEndpoint, event: OutgoingEvent, *, now: datetime, buttons: bool = False) -> Letter:
    """What one attempt sends: a signed CloudEvent, or a message of chat. PlatformFault when a key is missing."""
    url = vault.decrypt(endpoint.address)
    if endpoint.kind != "webhook":
        message = message_of(event.type, event.data, settings.BASE_URL)
        if endpoint.kind == "slack":
            told = slack_message(message, buttons=buttons, members=_members(message.people, url))
        else:
            told = teams_message(message)
        return Letter(url, {"content-type": "application/json"}, canonical_json(told).encode())
    told = cloud_event(
        event.uid, event.type, subject=event.subject, at=event.at, data=event.data, base_url=settings.BASE_URL
    )
    body = body_of(told)
    headers = signed_headers(event.uid, now, body, _secrets(endpoint, now))
    return Letter(url, {"content-type": MEDIA, **headers}, body)


def _members(people: Collection[str], url: str) -> dict[str, str]:
    """Who of these is who in the workspace that the address posts to, by their own word. One query where it may be."""
    workspace = workspace_of(url) if people else ""
    if not workspace:
        return {}
    rows = SlackLink.objects.filter(workspace=workspace, person__username__in=people, person__is_active=True)
    return dict(rows.values_list("person__username", "member"))


def _secrets(endpoint: WebhookEndpoint, now: datetime) -> list[str]:
    """The secret, and the one before it for as long as both sign."""
    found = [vault.decrypt(endpoint.secret)]
    if endpoint.old_secret and endpoint.old_until and endpoint.old_until > now:
        found.append(vault.decrypt(endpoint.old_secret))
    return found


def _post(letter: Letter) -> Attempted:
    """One call, in a thread that knows no database. Redirects are failures and are not followed."""
    began = time.monotonic()
    try:
        answer = outbound.call(
            "POST",
            letter.url,
            headers={**letter.headers, "user-agent": "Slipway-Webhooks/1"},
            body=letter.body,
            timeout=TIMEOUT,
            most_bytes=MOST_ANSWER,
        )
    except outbound.AnswerTooLarge as error:
        return Attempted(None, error.message, milliseconds=_since(began))
    except outbound.Refused as error:
        return Attempted(None, error.message, milliseconds=_since(began), final=True)
    except outbound.Unreachable as error:
        return Attempted(None, error.message, milliseconds=_since(began))
    except Exception as error:
        log.exception("webhook_fault")
        return Attempted(None, f"It could not be sent ({type(error).__name__}).", milliseconds=_since(began))
    return Attempted(
        answer.status,
        answer=answer.body[:KEPT_ANSWER].decode("utf-8", "replace").replace("\x00", ""),
        wish=_wish(answer.headers.get("retry-after", "")),
        milliseconds=_since(began),
    )


def _wish(header: str) -> timedelta | None:
    from idp.kernel import clock

    return retry_after(header, clock.now()) if header else None


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)


@transaction.atomic
def _settle(one: Claimed, attempted: Attempted, headers: dict[str, str], now: datetime) -> None:
    """Store what came of an attempt, filtered on its epoch. Locks: the endpoint, then the audit head."""
    endpoint = WebhookEndpoint.objects.select_for_update(of=("self",)).filter(pk=one.endpoint.pk).first()
    if endpoint is None:
        return
    told = in_words(attempted)[:400]
    again = None
    if not (attempted.delivered or attempted.gone or attempted.final):
        again = next_attempt(one.attempts, now, wish=attempted.wish, chance=random.random())  # noqa: S311 - no secret
    state = "delivered" if attempted.delivered else "due" if again and endpoint.state == "active" else "failed"
    settled = WebhookDelivery.objects.filter(pk=one.delivery_id, epoch=one.epoch, state="sending").update(
        state=state,
        due_at=again if state == "due" else None,
        lease_until=None,
        status=attempted.status,
        outcome=told,
        settled_at=None if state == "due" else now,
    )
    if not settled:
        return
    WebhookAttempt.objects.create(
        delivery_id=one.delivery_id,
        at=now,
        status=attempted.status,
        outcome=told,
        headers={name: value for name, value in headers.items() if name in SHOWN_HEADERS},
        answer=attempted.answer,
        milliseconds=attempted.milliseconds,
    )
    _endpoint_after(endpoint, attempted, told, now=now)


def _endpoint_after(endpoint: WebhookEndpoint, attempted: Attempted, told: str, *, now: datetime) -> None:
    if attempted.delivered:
        if endpoint.failing_since is not None:
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=None)
        return
    if endpoint.state != "active":
        return
    if endpoint.failing_since is None:
        endpoint.failing_since = now
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=now)
    if attempted.gone:
        _disable(endpoint, "It answered 410: it wants nothing any more.", now=now)
    elif ends_for_good(endpoint.failing_since, now):
        _disable(endpoint, f"It has taken nothing for three days. The last time: {told}", now=now)


def _disable(endpoint: WebhookEndpoint, reason: str, *, now: datetime) -> None:
    """Switch it off, and tell whoever answers for it."""
    switch_off(endpoint, "disabled", reason, now=now)
    owners = team_people(endpoint.team_id, roles=("maintainer",)) if endpoint.team_id else []
    notify(
        "webhook-disabled",
        to=owners or list(admins().values_list("pk", flat=True)),
        title=f"{endpoint.name} is told nothing any more",
        text=f"{reason} Mend the receiver, let it go on, and replay what it missed.",
        url=f"/webhooks/{endpoint.pk}/",
        key=f"webhook:{endpoint.pk}:disabled:{endpoint.version}",
        now=now,
        about=About(team=endpoint.team),
    )
    audit_append(
        PLATFORM,
        action="webhook.disable",
        object_type="webhook",
        object_id=endpoint.pk,
        object_label=endpoint.name,
        team_slug=endpoint.team.slug if endpoint.team else "",
        data={"before": {"state": "active"}, "after": {"state": "disabled"}, "reason": reason},
        now=now,
    )

"""Endpoints of webhooks and chat: made, changed, given a new secret, paused, removed, and deliveries sent again.

Maintainers manage those of their team, platform admins also those of the organisation. Addresses and secrets are kept
encrypted; the secret is given back once, when it is made. Locks: the endpoint, then the audit head.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import F

from governance.access import Rights, rights_of
from governance.domain.audit import difference
from governance.domain.event import CHOICES, NOTICE, TEST, unknown_types
from governance.domain.notice_ways import TOLD
from governance.domain.webhook import BOTH_SIGN, KINDS, new_event_id, new_secret
from governance.models import OutgoingEvent, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from governance.selectors.webhooks import endpoint_get, replayable
from governance.services.audit import audit_append
from governance.services.transactions import checked, require_version
from idp.catalog.models import System, Team
from idp.kernel import outbound, vault
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput
from idp.kernel.wake import wake_after_commit

MOST_PER_TEAM = 50
MOST_REPLAYED = 10_000
PURGED_AT_ONCE = 1_000
_EDITED = ("name", "events", "notices", "address", "shown", "previous", "previous_address")


@transaction.atomic
def webhook_create(
    actor: Actor,
    *,
    name: str,
    kind: str = "webhook",
    url: str,
    team: Team | None,
    system: System | None = None,
    events: Collection[str] = (),
    notices: Collection[str] = (),
    now: datetime,
) -> tuple[WebhookEndpoint, str]:
    """An endpoint and its secret in plain text, shown this once; chat has none, so it is empty there.

    ``events`` are keys of event types, none for all but those that are explicit; ``notices`` kinds of notices, none for
    all of them. Without ``team`` it is the organisation's. InvalidInput names each field that is wrong, also for an
    address that leads into a private network.
    """
    rights = rights_of(actor)
    _require_owner(rights, team)
    errors = _errors(rights, name=name, events=events, notices=notices, team=team, system=system)
    errors += [] if kind in KINDS else [FieldError("kind", f"Choose one of {', '.join(KINDS)}.")]
    errors += _address_errors(kind, url)
    if WebhookEndpoint.objects.filter(team=team).count() >= MOST_PER_TEAM:
        errors.append(FieldError("name", f"There are {MOST_PER_TEAM} endpoints already. Remove one first."))
    _refuse(errors)
    secret = new_secret() if kind == "webhook" else ""
    row = checked(
        WebhookEndpoint(
            name=name.strip(),
            kind=kind,
            team=team,
            system=system,
            events=_ordered(events),
            notices=_ordered_kinds(notices),
            address=vault.encrypt(url),
            shown=shown_of(kind, url),
            secret=vault.encrypt(secret) if secret else "",
            created_by_id=actor.user_id,
            created_at=now,
        )
    )
    row.save(force_insert=True)
    _audit(actor, "webhook.create", row, {"before": {}, "after": _state(row)}, now)
    return row, secret


@transaction.atomic
def webhook_update(
    actor: Actor,
    endpoint_id: int,
    *,
    name: str | None = None,
    url: str | None = None,
    events: Collection[str] | None = None,
    notices: Collection[str] | None = None,
    version: int | None = None,
    now: datetime,
) -> WebhookEndpoint:
    """Change what is given. The address is never read back, so it stays unless a new one is given.

    Kinds of ``notices`` go with ``notice.told`` where events without it are given and no kinds.
    """
    rights = rights_of(actor)
    row = _locked(rights, endpoint_id)
    require_version(row, row.version, version)
    before, kept = _state(row), _kept(row)
    wished = row.events if events is None else events
    kinds = row.notices if notices is None and NOTICE in wished else notices or ()
    name = row.name if name is None else name
    errors = _errors(rights, name=name, events=wished, notices=kinds, team=row.team, system=row.system)
    errors += _address_errors(row.kind, url) if url else []
    _refuse(errors)
    row.name, row.events, row.notices = name.strip(), _ordered(wished), _ordered_kinds(kinds)
    if url:
        row.address, row.shown = vault.encrypt(url), shown_of(row.kind, url)
    if _state(row) == before and not url:
        return row
    row.previous, row.previous_address = kept
    row.version += 1
    checked(row).save(update_fields=[*_EDITED, "version"])
    told = {**difference(before, _state(row)), "address": "a new one" if url else "as it was"}
    _audit(actor, "webhook.update", row, told, now)
    return row


@transaction.atomic
def webhook_take_back(actor: Actor, endpoint_id: int, *, now: datetime) -> WebhookEndpoint:
    """Name, address, events and kinds of notices as before the last edit, which can be taken back in the same way.

    Conflict when nothing was edited; InvalidInput when what was there is no longer allowed.
    """
    rights = rights_of(actor)
    row = _locked(rights, endpoint_id)
    if row.previous is None:
        raise Conflict(f"{row.name} was never edited, so nothing can be taken back.", code="illegal-state")
    earlier, address = row.previous, row.previous_address
    kinds = earlier.get("notices", [])
    errors = _errors(
        rights, name=earlier["name"], events=earlier["events"], notices=kinds, team=row.team, system=row.system
    )
    moved = earlier["shown"] != row.shown or address != row.address
    errors += _address_errors(row.kind, vault.decrypt(address)) if moved else []
    _refuse(errors)
    before, kept = _state(row), _kept(row)
    row.name, row.events, row.notices = earlier["name"], _ordered(earlier["events"]), _ordered_kinds(kinds)
    row.shown, row.address = earlier["shown"], address
    row.previous, row.previous_address = kept
    row.version += 1
    checked(row).save(update_fields=[*_EDITED, "version"])
    told = {**difference(before, _state(row)), "address": "the one before" if moved else "as it was"}
    _audit(actor, "webhook.take-back", row, told, now)
    return row


@transaction.atomic
def webhook_rotate(actor: Actor, endpoint_id: int, *, now: datetime) -> tuple[WebhookEndpoint, str]:
    """A new secret, shown this once. For a day the old one signs too, so that the receiver can follow in its time."""
    row = _locked(rights_of(actor), endpoint_id)
    if row.kind != "webhook":
        raise Conflict("Messages to chat are not signed, so there is no secret.", code="illegal-state")
    secret = new_secret()
    row.old_secret, row.old_until = row.secret, now + BOTH_SIGN
    row.secret = vault.encrypt(secret)
    row.version += 1
    row.save(update_fields=["secret", "old_secret", "old_until", "version"])
    _audit(actor, "webhook.rotate", row, {"both_sign_until": row.old_until.isoformat()}, now)
    return row, secret


@transaction.atomic
def webhook_pause(actor: Actor, endpoint_id: int, *, now: datetime) -> WebhookEndpoint:
    """Tell it nothing until somebody lets it go on; what waits is not sent, and can be replayed."""
    row = _locked(rights_of(actor), endpoint_id)
    if row.state != "active":
        raise Conflict(f"{row.name} is {row.state} already.", code="illegal-state")
    switch_off(row, "paused", f"{actor.username} paused it.", now=now)
    _audit(actor, "webhook.pause", row, {"before": {"state": "active"}, "after": {"state": "paused"}}, now)
    return row


@transaction.atomic
def webhook_resume(actor: Actor, endpoint_id: int, *, now: datetime) -> WebhookEndpoint:
    """Tell it again, from now on, whoever or whatever switched it off."""
    row = _locked(rights_of(actor), endpoint_id)
    if row.state == "active":
        raise Conflict(f"{row.name} is told already.", code="illegal-state")
    before = {"state": row.state, "reason": row.reason}
    row.state, row.reason, row.failing_since = "active", "", None
    row.version += 1
    row.save(update_fields=["state", "reason", "failing_since", "version"])
    _audit(actor, "webhook.resume", row, {"before": before, "after": {"state": "active", "reason": ""}}, now)
    return row


@transaction.atomic
def webhook_delete(actor: Actor, endpoint_id: int, *, confirm: str | None = None, now: datetime) -> None:
    """Remove the endpoint with its log; nothing more is sent. ``confirm``, where it is given, must be its name."""
    row = _locked(rights_of(actor), endpoint_id)
    if confirm is not None and confirm != row.name:
        told = f"Type “{row.name}” to confirm that it goes with its log."
        raise InvalidInput(told, code="name-differs", errors=[FieldError("confirm", told)])
    _audit(actor, "webhook.delete", row, {"before": _state(row), "after": {}}, now)
    row.delete()


@transaction.atomic
def webhook_test(actor: Actor, endpoint_id: int, *, now: datetime) -> WebhookDelivery:
    """Send it an event that says nothing but that it arrives, whatever it asked for."""
    row = _locked(rights_of(actor), endpoint_id)
    _require_active(row)
    event = OutgoingEvent.objects.create(
        uid=new_event_id(),
        type=TEST,
        at=now,
        subject=row.name,
        data={"actor": actor.username, "text": f"A test of {row.name} from Slipway."},
        only=row,
        spread_at=now,
    )
    delivery = WebhookDelivery.objects.create(event=event, endpoint=row, due_at=now, happened_at=now)
    wake_after_commit("webhooks", 0)
    _audit(actor, "webhook.test", row, {"event": event.uid}, now)
    return delivery


@transaction.atomic
def webhook_replay(actor: Actor, endpoint_id: int, delivery_id: int, *, now: datetime) -> None:
    """Send one delivery again, with the same ``webhook-id``; Conflict while it is still on its way."""
    row = _locked(rights_of(actor), endpoint_id)
    _require_active(row)
    again = WebhookDelivery.objects.filter(endpoint=row, pk=delivery_id).exclude(state__in=("due", "sending"))
    if not again.update(**_again(now)):
        raise Conflict("This delivery is still on its way, or is not there any more.", code="illegal-state")
    wake_after_commit("webhooks", 0)
    _audit(actor, "webhook.replay", row, {"delivery": delivery_id}, now)


@transaction.atomic
def webhook_replay_period(
    actor: Actor, endpoint_id: int, *, since: datetime, until: datetime, every: bool = False, now: datetime
) -> int:
    """Send again what happened from ``since`` to before ``until`` and was not taken, with ``every`` also what was.

    How many; InvalidInput for more than ten thousand at once.
    """
    row = _locked(rights_of(actor), endpoint_id)
    _require_active(row)
    if since >= until:
        raise InvalidInput("The period ends before it begins.", errors=[FieldError("until", "Choose a later moment.")])
    found = replayable(row, since=since, until=until, every=every)
    ids = list(found.order_by("id").values_list("pk", flat=True)[: MOST_REPLAYED + 1])
    if len(ids) > MOST_REPLAYED:
        told = f"More than {MOST_REPLAYED:,} deliveries are in that period. Choose a shorter one."
        raise InvalidInput(told, errors=[FieldError("until", told)])
    number = sum(
        WebhookDelivery.objects.filter(pk__in=ids[at : at + 500]).update(**_again(now))
        for at in range(0, len(ids), 500)
    )
    wake_after_commit("webhooks", 0)
    data = {"since": since.isoformat(), "until": until.isoformat(), "every": every, "deliveries": number}
    _audit(actor, "webhook.replay", row, data, now)
    return number


def switch_off(row: WebhookEndpoint, state: str, reason: str, *, now: datetime) -> None:
    """Inside the caller's transaction, with the endpoint locked: what waits for it is not sent."""
    row.state, row.reason = state, reason[:400]
    row.version += 1
    row.save(update_fields=["state", "reason", "version"])
    WebhookDelivery.objects.filter(endpoint=row, state="due").update(
        state="dropped", due_at=None, settled_at=now, outcome=f"Not sent: {reason}"[:400]
    )


def webhooks_purge(now: datetime, *, days: int | None = None) -> int:
    """Forget events older than ``days`` (the setting, when None) with their deliveries; how many events.

    What is still on its way is kept.
    """
    old = now - timedelta(days=settings.WEBHOOK_DAYS if days is None else days)
    open_still = WebhookDelivery.objects.filter(state__in=("due", "sending")).order_by().values("event")
    removed = 0
    while True:
        past = OutgoingEvent.objects.filter(at__lt=old).exclude(pk__in=open_still).order_by("at")
        ids = list(past.values_list("pk", flat=True)[:PURGED_AT_ONCE])
        if not ids:
            return removed
        WebhookAttempt.objects.filter(delivery__event__in=ids).delete()
        WebhookDelivery.objects.filter(event__in=ids).delete()
        removed += OutgoingEvent.objects.filter(pk__in=ids).delete()[0]


def shown_of(kind: str, url: str) -> str:
    """What may be read of an address: of chat the host alone, as the rest is its password; else all but the query."""
    parts = urlsplit(url)
    if kind != "webhook":
        return f"{parts.scheme}://{parts.hostname}/…"[:400]
    query = "?…" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{parts.path}{query}"[:400]


def _again(now: datetime) -> dict[str, Any]:
    return {"state": "due", "due_at": now, "attempts": 0, "settled_at": None, "epoch": F("epoch") + 1}


def _locked(rights: Rights, endpoint_id: int) -> WebhookEndpoint:
    """The endpoint, locked, which the actor may manage; NotFound for one of others."""
    row = endpoint_get(rights, endpoint_id, scope="admin")
    _require_owner(rights, row.team)
    WebhookEndpoint.objects.select_for_update(of=("self",)).get(pk=row.pk)
    return endpoint_get(rights, endpoint_id, scope="admin")


def _require_owner(rights: Rights, team: Team | None) -> None:
    if team is None:
        rights.require_admin()
    else:
        rights.require_manage(team)


def _require_active(row: WebhookEndpoint) -> None:
    if row.state != "active":
        raise Conflict(
            f"{row.name} is {row.state}, so nothing is sent to it.", code="illegal-state", remedy="Let it go on first."
        )


def _errors(
    rights: Rights,
    *,
    name: str,
    events: Collection[str],
    notices: Collection[str],
    team: Team | None,
    system: System | None,
) -> list[FieldError]:
    errors = [] if 1 <= len(name.strip()) <= 80 else [FieldError("name", "Write a name of 1 to 80 characters.")]
    unknown = unknown_types(events)
    if unknown:
        errors.append(FieldError("events", f"There is no type of event {', '.join(unknown)[:200]}."))
    if strange := sorted(set(notices) - set(TOLD)):
        errors.append(FieldError("notices", f"No notices of the kind {', '.join(strange)[:200]} are told here."))
    elif notices and NOTICE not in events:
        errors.append(FieldError("notices", f"Choose {NOTICE} among the events too, or no kinds of notices."))
    if system is not None and not rights.may_see(system):
        errors.append(FieldError("system", f"There is no system “{system.slug}” that you may see."))
    elif system is not None and team is not None and system.restricted and system.team_id != team.pk:
        errors.append(FieldError("system", f"{system.slug} is restricted; only its own team is told of it."))
    return errors


def _address_errors(kind: str, url: str) -> list[FieldError]:
    try:
        outbound.check_url(url)
    except outbound.Refused as error:
        return [FieldError("url", f"{error.message} {error.remedy}".strip())]
    if kind != "webhook" and urlsplit(url).scheme != "https":
        return [FieldError("url", "The address of a chat is its password; it begins with https://.")]
    return []


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise InvalidInput(f"This endpoint is not right yet: {errors[0].message}", errors=errors)


def _kept(row: WebhookEndpoint) -> tuple[dict[str, Any], str]:
    """What an edit may replace, and the address as it is kept."""
    kept = {"name": row.name, "events": list(row.events), "notices": list(row.notices), "shown": row.shown}
    return kept, row.address


def _ordered(events: Collection[str]) -> list[str]:
    return [one.key for one in CHOICES if one.key in set(events)]


def _ordered_kinds(notices: Collection[str]) -> list[str]:
    return [one for one in TOLD if one in set(notices)]


def _state(row: WebhookEndpoint) -> dict[str, Any]:
    return {
        "name": row.name,
        "kind": row.kind,
        "host": urlsplit(row.shown).netloc,
        "system": row.system.slug if row.system else "",
        "events": list(row.events),
        "notices": list(row.notices),
        "state": row.state,
    }


def _audit(actor: Actor, action: str, row: WebhookEndpoint, data: dict[str, Any], now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="webhook",
        object_id=row.pk,
        object_label=row.name,
        team_slug=row.team.slug if row.team else "",
        data=data,
        now=now,
    )

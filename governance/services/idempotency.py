"""Idempotency keys: the same POST with the same key answers with the first result for a day.

Called by the API around a POST, outside the POST's own transaction: ``begin`` commits at once, so that a second
request sees the first one running. A request that died leaves its record unfinished; after ``ABANDONED`` the next one
takes it over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from governance.models import IdempotencyRecord
from idp.kernel.errors import Conflict, FieldError, InvalidInput

KEPT = timedelta(hours=24)
ABANDONED = timedelta(seconds=60)
MAX_KEY = 200


@dataclass(frozen=True, slots=True)
class Replay:
    """The first answer, to be given again as it was."""

    status: int
    headers: Mapping[str, str]
    body: str


def begin(principal: str, key: str, fingerprint: str, now: datetime) -> Replay | None:
    """None when the caller shall do the work and then call ``finish`` or ``abandon``; else the answer to repeat.

    ``fingerprint`` is the digest of method, path and body. Raises InvalidInput (code ``idempotency-key-reused``) when
    the key was used with another body, Conflict (code ``request-in-progress``) while the first request is running.
    """
    _require_key(key)
    record = _claimed(principal, key, fingerprint, now)
    if record is None:
        return None
    if record.fingerprint != fingerprint:
        raise InvalidInput(
            "This Idempotency-Key was used with another request.",
            code="idempotency-key-reused",
            remedy="Use a new key for a new request.",
        )
    if record.status is None:
        raise Conflict(
            "The first request with this Idempotency-Key is still running.",
            code="request-in-progress",
            remedy="Wait a moment and send the same request again.",
        )
    return Replay(record.status, record.headers, record.body)


def finish(principal: str, key: str, *, status: int, headers: Mapping[str, str], body: str) -> None:
    """Keep the answer. ``headers`` only those that belong to the result (Location, ETag)."""
    IdempotencyRecord.objects.filter(principal=principal, key=key, status=None).update(
        status=status, headers=dict(headers), body=body
    )


def abandon(principal: str, key: str) -> None:
    """Nothing was done (a fault of ours, or a refusal worth trying again): the next request starts anew."""
    IdempotencyRecord.objects.filter(principal=principal, key=key, status=None).delete()


def idempotency_purge(now: datetime) -> int:
    """Remove what is over; answers how many."""
    return IdempotencyRecord.objects.filter(expires_at__lte=now).delete()[0]


def _require_key(key: str) -> None:
    if not 0 < len(key) <= MAX_KEY or not key.isprintable():
        message = f"An Idempotency-Key has 1 to {MAX_KEY} printable characters."
        raise InvalidInput(message, errors=[FieldError("Idempotency-Key", message)])


def _claimed(principal: str, key: str, fingerprint: str, now: datetime) -> IdempotencyRecord | None:
    """None when this request is the first (or takes over an abandoned one), else the first one's record."""
    IdempotencyRecord.objects.filter(principal=principal, key=key, expires_at__lte=now).delete()
    try:
        with transaction.atomic():
            IdempotencyRecord.objects.create(
                principal=principal, key=key, fingerprint=fingerprint, created_at=now, expires_at=now + KEPT
            )
        return None
    except IntegrityError:
        pass
    mine = IdempotencyRecord.objects.filter(
        principal=principal, key=key, fingerprint=fingerprint, status=None, created_at__lt=now - ABANDONED
    )
    if mine.update(created_at=now):
        return None
    record = IdempotencyRecord.objects.filter(principal=principal, key=key).first()
    if record is None:
        raise Conflict("Send the request again.", code="request-in-progress")
    return record

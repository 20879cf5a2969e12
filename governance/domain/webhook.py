"""Standard Webhooks: secrets, signatures, when to try again, and what an answer means. Pure.

Held against the reference library in the tests. A secret is ``whsec_`` and the base64 of random bytes; what is signed
is ``id.timestamp.body`` with the decoded bytes. While a secret is being replaced, both sign.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

KINDS: Final = ("webhook", "slack", "teams")
KIND_WORDS: Final[Mapping[str, str]] = {
    "webhook": "Webhook",
    "slack": "Slack or compatible",
    "teams": "Microsoft Teams",
}
STATES: Final = ("active", "paused", "disabled")
DELIVERY_STATES: Final = ("due", "sending", "delivered", "failed", "dropped")

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what every secret begins with
SECRET_BYTES: Final = 32
BOTH_SIGN: Final = timedelta(hours=24)
TIMEOUT: Final = 15.0
LEASE: Final = timedelta(seconds=90)
PAUSES: Final = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER: Final = 0.1
LONGEST_WISH: Final = timedelta(hours=24)
DISABLED_AFTER: Final = timedelta(days=3)
KEPT_ANSWER: Final = 2_000
GONE: Final = 410


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def new_event_id() -> str:
    """Unique, and without a dot, which would make what is signed ambiguous."""
    return f"evt_{secrets.token_hex(16)}"


def event_id_of(*parts: str) -> str:
    """The same for the same parts, so that one thing becomes one event however often it is told."""
    return f"evt_{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"


def key_of(secret: str) -> bytes:
    """The bytes to sign with; ValueError for what is no secret of 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("A secret is whsec_ and base64.") from None
    if not secret.startswith(SECRET_PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError("A secret is whsec_ and the base64 of 24 to 64 bytes.")
    return key


def signature(secret: str, uid: str, timestamp: int, body: bytes) -> str:
    """``v1,`` and the base64 of HMAC-SHA256 over ``id.timestamp.body``."""
    digest = hmac.digest(key_of(secret), f"{uid}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def signed_headers(uid: str, at: datetime, body: bytes, sign_with: Sequence[str]) -> dict[str, str]:
    """Headers of one attempt; every secret of ``sign_with`` signs."""
    timestamp = int(at.timestamp())
    return {
        "webhook-id": uid,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, uid, timestamp, body) for secret in sign_with),
    }


def next_attempt(
    attempts: int, now: datetime, *, wish: timedelta | None = None, chance: float = 0.0
) -> datetime | None:
    """When to try again after ``attempts`` that failed; None when all are used up.

    ``wish`` is what the receiver asked for with Retry-After, and is waited for where it is longer. ``chance`` of 0 to 1
    spreads those that failed together, by up to a tenth of the pause.
    """
    if attempts >= len(PAUSES):
        return None
    pause = PAUSES[attempts] * (1 + JITTER * chance)
    return now + max(pause, min(wish or timedelta(0), LONGEST_WISH))


def retry_after(header: str, now: datetime) -> timedelta | None:
    """Retry-After as a span, whether it names seconds or a date; None for what is neither."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), int(LONGEST_WISH.total_seconds())))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(moment - now, timedelta(0))


@dataclass(frozen=True, slots=True)
class Attempted:
    """What became of one attempt. ``status`` is None where nobody answered; ``final`` when trying again is no use."""

    status: int | None
    error: str = ""
    answer: str = ""
    wish: timedelta | None = None
    milliseconds: int = 0
    final: bool = False

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """The receiver wants nothing any more."""
        return self.status == GONE


def in_words(attempted: Attempted) -> str:
    """The outcome as the log says it."""
    if attempted.delivered:
        return f"Taken with {attempted.status}."
    if attempted.gone:
        return "Answered 410: it wants nothing any more."
    if attempted.status is None:
        return attempted.error or "Nobody answered."
    if 300 <= attempted.status < 400:
        return f"Answered {attempted.status}: it leads elsewhere, which is not followed."
    return f"Answered {attempted.status}."


def ends_for_good(failing_since: datetime, now: datetime) -> bool:
    """Whether an endpoint that has taken nothing since is disabled."""
    return now - failing_since >= DISABLED_AFTER

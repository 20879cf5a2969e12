"""The end of an environment as it comes near: which notice is due, and how far it may be moved without asking.

Called by ``services.expiry_notices``, by what stores conditions, and by the pages. Pure.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

THRESHOLDS: Final = (timedelta(days=7), timedelta(days=1), timedelta(hours=1))
"""Before the end; the place of one, counted from 1, is its level."""
WORDS: Final = ("", "in 7 days", "in a day", "in an hour")
SOON: Final = THRESHOLDS[0]
USUAL_EXTENSION: Final = timedelta(days=14)
WORTH_IT: Final = timedelta(minutes=30)


def notice_level(expires_at: datetime, now: datetime) -> int:
    """How many of ``THRESHOLDS`` are past; 0 while none is, and when it is over already."""
    if expires_at <= now:
        return 0
    return sum(expires_at - now <= span for span in THRESHOLDS)


def worth_telling(level: int, expires_at: datetime, set_at: datetime) -> bool:
    """Whether people have not just said so themselves: the end was set before the notice of ``level`` fell due."""
    return level > 0 and set_at < expires_at - THRESHOLDS[level - 1]


def expiring(expires_at: datetime | None, now: datetime) -> list[dict[str, str]]:
    """The condition of an environment whose end is near, without since when; empty while it is not."""
    if expires_at is None or expires_at - now > SOON:
        return []
    told = f"It goes away on {expires_at:%d %B %Y at %H:%M} UTC."
    return [{"type": "Expiring", "status": "True", "reason": "TimeRunsOut", "message": told}]


def extension(
    expires_at: datetime, *, created: datetime, default_days: int | None, max_days: int | None
) -> datetime | None:
    """The end that one click gives: the stage's usual life more, up to its longest; None when that is reached."""
    usual = timedelta(days=default_days) if default_days else USUAL_EXTENSION
    wanted = expires_at + usual
    if max_days is not None:
        wanted = min(wanted, created + timedelta(days=max_days))
    return wanted.replace(second=0, microsecond=0) if wanted - expires_at > WORTH_IT else None


def beyond(expires_at: datetime, *, now: datetime, default_days: int | None, max_days: int | None) -> datetime:
    """The end to ask people for when the longest life is reached: the usual life more, as far as may be asked for."""
    usual = timedelta(days=default_days) if default_days else USUAL_EXTENSION
    wanted = expires_at + usual
    return min(wanted, now + timedelta(days=max_days)) if max_days is not None else wanted

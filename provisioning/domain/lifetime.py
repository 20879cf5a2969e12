"""How long an environment lives: what people write (``14d``, a date, nothing) becomes one moment, or for ever."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from idp.kernel.errors import FieldError

_SPAN = re.compile(r"^(\d{1,4})([hdw])$")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
PATH = "spec.expires"


def expiry(
    asked: object,
    *,
    held: str | None,
    has_base: bool,
    created: datetime,
    now: datetime,
    default_days: int | None,
    max_days: int | None,
    extends: bool = False,
) -> tuple[str | None, list[FieldError]]:
    """The moment it goes away as ISO text in UTC (None: never), and what is wrong with what was asked.

    ``held`` is what the present revision says; it stays when nothing is asked. ``max_days`` counts from ``created``.
    A stage without a longest life lets it live for ever unless something else is asked. ``extends``: people will be
    asked for what goes beyond the longest life (``beyond_cap``), so that it may reach ``max_days`` from now.
    """
    if asked is None and has_base:
        return held, []
    if asked in (None, ""):
        return (None if default_days is None else _text(now + timedelta(days=default_days))), []
    if asked == "never":
        if max_days is None:
            return None, []
        return held, [
            FieldError(PATH, f"At this stage nothing lives longer than {max_days} days. Write {max_days}d or less.")
        ]
    moment = _moment(asked, now)
    if moment is None:
        return held, [FieldError(PATH, "Write a span such as 12h, 14d or 2w, a date such as 2030-01-31, or never.")]
    if asked == held:
        return held, []
    if moment <= now:
        return held, [FieldError(PATH, "This moment is over. Write one that is still to come.")]
    latest = None if max_days is None else (now if extends else created) + timedelta(days=max_days, minutes=1)
    if latest is not None and moment > latest:
        return held, [
            FieldError(PATH, f"At this stage the longest life is {max_days} days, so until {latest:%d %B %Y}.")
        ]
    return _text(moment), []


def beyond_cap(expires: str | None, *, created: datetime, max_days: int | None) -> bool:
    """Whether an environment that goes away at ``expires`` would outlive the longest life of its stage."""
    if max_days is None:
        return False
    return expires is None or datetime.fromisoformat(expires) > created + timedelta(days=max_days, minutes=1)


def _moment(asked: object, now: datetime) -> datetime | None:
    if isinstance(asked, datetime):
        return asked if asked.tzinfo else asked.replace(tzinfo=UTC)
    if isinstance(asked, date):
        return datetime(asked.year, asked.month, asked.day, tzinfo=UTC)
    if not isinstance(asked, str):
        return None
    span = _SPAN.match(asked)
    if span:
        return now + timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        read = datetime.fromisoformat(asked)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(second=0, microsecond=0).isoformat().replace("+00:00", "Z")

"""Figures and times in words: "38 min ago", "2 min 4 s", "€1,200.00", "3 replicas".

The browser redraws relative times by the same rules (static/js/live.js); test_static_scripts.py compares the two.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86400
MONTH: Final = 30 * DAY
YEAR: Final = 365 * DAY

Figure = Decimal | float | int | str

# unit, its seconds, where the next unit takes over
_UNITS: Final = (
    ("s", 1, MINUTE),
    ("min", MINUTE, HOUR),
    ("h", HOUR, DAY),
    ("day", DAY, 2 * MONTH),
    ("month", MONTH, YEAR),
    ("year", YEAR, None),
)
_SYMBOLS: Final = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
_MINUS: Final = "\u2212"


def _amount_of_time(seconds: float, *, nearest: bool) -> str:
    whole = int(seconds)
    for unit, size, limit in _UNITS:
        # Rounding must not write "in 60 min" for 59 min 45 s, hence the comparison after rounding.
        number = int(whole / size + 0.5) if nearest else whole // size
        if limit is None or number * size < limit:
            plural = "s" if unit in {"day", "month", "year"} and number != 1 else ""
            return f"{number} {unit}{plural}"
    raise AssertionError("the last unit has no limit")


def age(moment: datetime, now: datetime) -> str:
    """Distance without direction, for columns: "38 min", "12 days"; "now" under ten seconds."""
    seconds = abs((now - moment).total_seconds())
    return "now" if seconds < 10 else _amount_of_time(seconds, nearest=moment > now)


def relative(moment: datetime, now: datetime) -> str:
    """Distance with direction: "38 min ago", "in 3 days", "just now".

    The past is cut off (2 days 23 h is "2 days ago"), the future rounded, so that what was just set to last three
    days does not read "in 2 days".
    """
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 10:
        return "just now"
    distance = _amount_of_time(abs(seconds), nearest=seconds < 0)
    return f"{distance} ago" if seconds > 0 else f"in {distance}"


def duration(value: float | timedelta) -> str:
    """A length of time in its two largest units: "41 s", "2 min 4 s", "3 h 10 min", "1 day 4 h", "12 days"."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 1:
        return "under 1 s"
    whole = int(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return _two(whole // MINUTE, "min", whole % MINUTE, "s")
    if whole < DAY:
        return _two(whole // HOUR, "h", whole % HOUR // MINUTE, "min")
    days = whole // DAY
    if days < 3:
        return _two(days, "day" if days == 1 else "days", whole % DAY // HOUR, "h")
    return f"{days:,} days"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"


def exact(moment: datetime) -> str:
    """What a person reads on hover: "2026-11-24 14:28:07 UTC"."""
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname() or 'UTC'}"


def day(moment: datetime) -> str:
    """ "1 Dec 2026": no leading zero, no order of numbers to guess."""
    return f"{moment.day} {moment:%b %Y}"


def decimal(value: Figure) -> Decimal:
    """Any figure as a Decimal without float noise (0.1 is 0.1). Raises ValueError for what is no number."""
    try:
        return value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation as bad:
        raise ValueError(f"{value!r} is no number.") from bad


def number(value: Figure) -> str:
    """Grouped by thousands, at most two decimals, no trailing zeros: "1,000", "26.5", "−3"."""
    rounded = decimal(value).quantize(Decimal("0.01"), ROUND_HALF_UP)
    figure = f"{abs(rounded):,.2f}".rstrip("0").rstrip(".")
    return f"{_MINUS}{figure}" if rounded < 0 else figure


def money(value: Figure, currency: str) -> str:
    """An amount in major units: "€207.00", "−€3.00", "CHF 1,200.00". `currency` is an ISO 4217 code."""
    rounded = decimal(value).quantize(Decimal("0.01"), ROUND_HALF_UP)
    symbol = _SYMBOLS.get(currency, f"{currency}\u00a0" if currency else "")
    return f"{_MINUS if rounded < 0 else ''}{symbol}{abs(rounded):,.2f}"


def money_change(value: Figure, currency: str) -> str:
    """A difference in cost: "+€17.40", "−€3.00", "No cost" when it rounds to nothing."""
    rounded = decimal(value).quantize(Decimal("0.01"), ROUND_HALF_UP)
    if not rounded:
        return "No cost"
    return f"+{money(rounded, currency)}" if rounded > 0 else money(rounded, currency)


def count(value: int, words: str) -> str:
    """ "3 replicas" from 3 and "replica,replicas"; "no replicas" for 0. One word is used for both."""
    one, _, many = words.partition(",")
    if value == 0:
        return f"no {many or one}"
    return f"{value:,} {one if value == 1 else many or one}"


def size(octets: float) -> str:
    """A number of bytes in binary units: "512 MiB", "1.5 GiB"."""
    amount, unit = float(octets), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if abs(amount) < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{number(round(amount, 1))} {unit}"


def digest(value: str) -> str:
    """The short form of a digest: "7f3a…c91e". What is short already stays as it is."""
    bare = value.rpartition(":")[2]
    return f"{bare[:4]}…{bare[-4:]}" if len(bare) > 12 else bare


def initials(name: str) -> str:
    """Two letters for an avatar: "second-maintainer" is SM, "developer" is DE, "" is ?."""
    parts = [part for part in name.replace(".", "-").replace("_", "-").replace(" ", "-").split("-") if part]
    if not parts:
        return "?"
    letters = parts[0][0] + parts[1][0] if len(parts) > 1 else parts[0][:2]
    return letters.upper()


def entity_kind(kind: str) -> str:
    """Kinds of other catalogs are kept in small letters; people know them as ``API`` and ``Component``."""
    return "API" if kind == "api" else kind[:1].upper() + kind[1:]

"""The time zones that are known, read once per process: asking for them walks the files of the zone database."""

from __future__ import annotations

from functools import cache
from typing import Final
from zoneinfo import available_timezones

_LEFT_OUT: Final = ("Etc/", "posix")


@cache
def time_zones() -> frozenset[str]:
    """Every name that is accepted, such as ``Europe/Berlin`` and ``UTC``."""
    return frozenset(available_timezones())


@cache
def places() -> tuple[str, ...]:
    """The names that a form offers, in order: those of places, and ``UTC``."""
    named = (one for one in time_zones() if "/" in one and not one.startswith(_LEFT_OUT))
    return tuple(sorted({*named, "UTC"}))

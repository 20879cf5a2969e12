"""When a promotion may start: windows of a stage in a time zone, and the moment somebody asked for.

Called by ``services.departures`` and by pages that show the moment. Pure. Windows are those of ``sleep_schedule``, read
as the hours in which starting is allowed; who leaves them empty allows every hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from idp.kernel.errors import FieldError
from provisioning.domain.sleep_schedule import (
    DAYS,
    MAX_WINDOWS,
    WEEK_MINUTES,
    Schedule,
    Window,
    asleep_minutes,
    last_edge,
    next_edge,
    schedule_read,
)

ALWAYS: Final = Schedule(())
LATEST: Final = timedelta(days=90)


def windows_read(windows: Any, zone: str) -> tuple[Schedule, list[FieldError]]:
    """The windows, and what is wrong with them by field; ``windows`` are as of ``schedule_read``."""
    schedule, errors = schedule_read(windows, zone)
    if len(schedule.windows) <= MAX_WINDOWS and asleep_minutes(schedule) > WEEK_MINUTES - 60:
        told = "These windows leave nothing out; remove them to allow every hour."
        return schedule, [FieldError("windows", told)]
    return schedule, [FieldError(one.path.replace("schedule", "windows", 1), one.message) for one in errors]


def opens(schedule: Schedule, at: datetime) -> datetime:
    """The first moment from ``at`` on that lies in a window; ``at`` itself without windows."""
    if not schedule.windows:
        return at
    edge = last_edge(schedule, at)
    if edge is not None and edge.power == "asleep":
        return at
    coming = next_edge(schedule, at)
    return coming.at if coming is not None else at


def moment_read(text: str, now: datetime) -> tuple[datetime | None, list[FieldError]]:
    """``2026-12-01T09:00`` (UTC unless it names an offset) as a moment that is to come; None for empty text."""
    if not text.strip():
        return None, []
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None, [FieldError("not_before", "Write a moment such as 2026-12-01T09:00+01:00.")]
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    if moment > now + LATEST:
        return None, [FieldError("not_before", f"Write a moment within the next {LATEST.days} days.")]
    return moment, []


def in_words(schedule: Schedule) -> str:
    """``Mon to Thu 09:00 to 16:00, Europe/Berlin``; at any time without windows."""
    if not schedule.windows:
        return "At any time"
    return f"{'; '.join(_window_in_words(one) for one in schedule.windows)}, {schedule.zone}"


def moment_in_words(moment: datetime, schedule: Schedule) -> str:
    """``Tue 1 Dec 09:00 Europe/Berlin``, in the windows' zone."""
    local = moment.astimezone(ZoneInfo(schedule.zone))
    return f"{local:%a} {local.day} {local:%b %H:%M} {schedule.zone}"


def _window_in_words(window: Window) -> str:
    return f"{_days(window.days)} {window.start:%H:%M} to {window.end:%H:%M}"


def _days(days: Sequence[str]) -> str:
    """Neighbouring days as a span: ``Mon to Fri``, ``Mon, Wed``."""
    places = [DAYS.index(one) for one in days]
    names = [one.capitalize() for one in days]
    if len(places) > 2 and places == list(range(places[0], places[0] + len(places))):
        return f"{names[0]} to {names[-1]}"
    return ", ".join(names)

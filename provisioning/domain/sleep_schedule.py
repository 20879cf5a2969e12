"""When an environment sleeps by itself: weekly windows in a time zone, and what the clock asks for at a moment.

Called by ``services.sleep`` and by pages that preview a schedule. Pure: the present moment is an argument. Where the
clock of a zone leaves an hour out or has it twice, the environment is awake for the hour that is in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Literal, TypeVar
from zoneinfo import ZoneInfo

from idp.kernel.errors import FieldError
from idp.kernel.time_zones import time_zones

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_WINDOWS: Final = 14
MAX_IDLE_HOURS: Final = 720
WEEK_MINUTES: Final = 7 * 24 * 60
LATE: Final = timedelta(hours=6)
"""A transition that was missed by more than this, because nothing swept, is let go: it belongs to another day."""

Power = Literal["awake", "asleep"]
_T = TypeVar("_T", int, datetime)


@dataclass(frozen=True, slots=True)
class Window:
    """On each of ``days`` it falls asleep at ``start``, until the next ``end``; equal times make 24 hours."""

    days: tuple[str, ...]
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Schedule:
    windows: tuple[Window, ...]
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Edge:
    """A moment (UTC) from which the schedule wants another power."""

    at: datetime
    power: Power


def schedule_read(windows: Any, zone: str) -> tuple[Schedule, list[FieldError]]:
    """A schedule from ``[{"days": ["mon"], "from": "19:00", "to": "07:00"}]``, and what is wrong with it, by field."""
    errors: list[FieldError] = []
    if zone not in time_zones():
        errors.append(FieldError("timezone", "Write the name of a time zone, such as Europe/Berlin or UTC."))
    read = []
    listed = windows if isinstance(windows, Sequence) and not isinstance(windows, str) else []
    if len(listed) > MAX_WINDOWS:
        errors.append(FieldError("schedule", f"Write at most {MAX_WINDOWS} windows."))
    for place, one in enumerate(listed[:MAX_WINDOWS]):
        window, wrong = _window(one, f"schedule.{place}")
        errors += wrong
        read += [window] if window else []
    schedule = Schedule(tuple(read), zone)
    if not errors and asleep_minutes(schedule) > WEEK_MINUTES - 60:
        errors.append(FieldError("schedule", "Leave at least one hour of the week in which it is awake."))
    return schedule, errors


def schedule_written(schedule: Schedule) -> list[dict[str, Any]]:
    """The windows as plain data, as ``schedule_read`` takes them."""
    return [
        {"days": list(one.days), "from": f"{one.start:%H:%M}", "to": f"{one.end:%H:%M}"} for one in schedule.windows
    ]


def asleep_minutes(schedule: Schedule) -> int:
    """Minutes of an ordinary week, one without a change of the clock, that its windows cover together."""
    spans = []
    for window in schedule.windows:
        length = _length(window)
        for day in window.days:
            begin = DAYS.index(day) * 1440 + window.start.hour * 60 + window.start.minute
            spans.append((begin, min(begin + length, WEEK_MINUTES)))
            if begin + length > WEEK_MINUTES:
                spans.append((0, begin + length - WEEK_MINUTES))
    return sum(end - begin for begin, end in _merged(spans))


def monthly_saving(asleep: float, awake: float, minutes: int) -> float:
    """What sleeping ``minutes`` of each week saves a month, given what a whole month costs asleep and awake."""
    return max(0.0, awake - asleep) * minutes / WEEK_MINUTES


def last_edge(schedule: Schedule, now: datetime) -> Edge | None:
    """The newest transition up to ``now``; None without windows."""
    past = [edge for edge in _edges(schedule, now) if edge.at <= now]
    return past[-1] if past else None


def next_edge(schedule: Schedule, now: datetime) -> Edge | None:
    """The first transition after ``now``; None without windows."""
    return next((edge for edge in _edges(schedule, now) if edge.at > now), None)


@dataclass(frozen=True, slots=True)
class Clockwork:
    """What decides about one environment's power. ``handled`` is the newest moment that has been seen to;
    ``idle_hours`` and ``active_at`` belong together. ``awake_until``: people asked it to stay awake that long.
    """

    schedule: Schedule
    handled: datetime
    idle_hours: int | None = None
    active_at: datetime | None = None
    awake_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """What to do now. ``power`` None: nothing. ``handled`` is to be kept; ``look_at`` is when to ask again.

    ``wanted`` is what the clock has just asked for, also where it is so already.
    """

    power: Power | None
    handled: datetime
    look_at: datetime | None
    why: str = ""
    wanted: Power | None = None


def due(clock: Clockwork, power: Power, now: datetime) -> Due:
    """What ``now`` asks of an environment that is ``power``.

    Each transition is acted on once: whoever wakes it in the middle of a window has it awake until the next one, and
    whoever puts it to sleep by day has it asleep until it is woken. Staying awake moves the beginning of sleep, never
    a waking.
    """
    edge = last_edge(clock.schedule, now)
    held = clock.awake_until is not None and clock.awake_until > now
    handled, wanted, why = clock.handled, None, ""
    if edge is not None and edge.at > clock.handled and (edge.power == "awake" or not held):
        handled = edge.at
        late = now - max(edge.at, clock.awake_until or edge.at) > LATE and edge.power == "asleep"
        wanted = None if late else edge.power
        why = "by its schedule"
    idle_at = _idle_at(clock)
    if wanted is None and idle_at is not None and idle_at <= now and not held:
        handled, wanted, why = max(handled, idle_at), "asleep", f"after {clock.idle_hours} hours without activity"
    look_at = _look_at(clock, handled, now)
    return Due(wanted if wanted != power else None, handled, look_at, why, wanted)


def _idle_at(clock: Clockwork) -> datetime | None:
    """When it will have been idle for long enough; None when that has been seen to, or is not asked for."""
    if clock.idle_hours is None or clock.active_at is None:
        return None
    moment = clock.active_at + timedelta(hours=clock.idle_hours)
    return moment if moment > clock.handled else None


def _look_at(clock: Clockwork, handled: datetime, now: datetime) -> datetime | None:
    coming = next_edge(clock.schedule, now)
    idle_at = _idle_at(clock)
    moments = [
        coming.at if coming else None,
        clock.awake_until if clock.awake_until and clock.awake_until > now else None,
        idle_at if idle_at and idle_at > max(handled, now) else None,
    ]
    return min((one for one in moments if one is not None), default=None)


def _window(written: Any, path: str) -> tuple[Window | None, list[FieldError]]:
    given = written if isinstance(written, Mapping) else {}
    errors = []
    asked = given.get("days")
    days: list[Any] = list(asked) if isinstance(asked, (list, tuple)) else []
    chosen = tuple(day for day in DAYS if day in days)
    if not chosen or any(day not in DAYS for day in days):
        errors.append(FieldError(f"{path}.days", f"Choose at least one of {', '.join(DAYS)}."))
    times = {}
    for key in ("from", "to"):
        times[key] = _time(given.get(key))
        if times[key] is None:
            errors.append(FieldError(f"{path}.{key}", "Write a time of day such as 19:00."))
    start, end = times["from"], times["to"]
    return (Window(chosen, start, end), []) if not errors and start and end else (None, errors)


def _time(text: Any) -> time | None:
    if not isinstance(text, str) or len(text) != 5 or text[2] != ":":
        return None
    try:
        return time.fromisoformat(text)
    except ValueError:
        return None


def _length(window: Window) -> int:
    """Minutes from ``start`` to the next ``end``, 1 to 1440."""
    begin, end = (one.hour * 60 + one.minute for one in (window.start, window.end))
    return (end - begin - 1) % 1440 + 1


def _edges(schedule: Schedule, now: datetime) -> Iterator[Edge]:
    """Transitions from more than a week before ``now`` to more than a week after, where windows that meet are one."""
    zone = ZoneInfo(schedule.zone)
    today = now.astimezone(zone).date()
    spans = [
        span
        for offset in range(-9, 10)
        for window in schedule.windows
        if (span := _span(window, today + timedelta(days=offset), zone)) is not None
    ]
    for begin, end in _merged(spans):
        yield Edge(begin, "asleep")
        yield Edge(end, "awake")


def _span(window: Window, day: date, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """The window that begins on the local ``day``, in UTC; None when it does not, or the clock's change swallows it."""
    if DAYS[day.weekday()] not in window.days:
        return None
    last = day if window.end > window.start else day + timedelta(days=1)
    begin = max(_moments(day, window.start, zone))
    end = min(_moments(last, window.end, zone))
    return (begin, end) if end > begin else None


def _moments(day: date, at: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Both readings of a local time, which differ in the hour that the clock repeats or leaves out."""
    local = datetime.combine(day, at, zone)
    return local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def _merged(spans: Iterable[tuple[_T, _T]]) -> list[tuple[_T, _T]]:
    """Spans in order, those that overlap or meet as one."""
    merged: list[tuple[_T, _T]] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged

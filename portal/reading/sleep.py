"""When an environment sleeps, and when it ends, in words. Read by the pages of sleep, settings and the overview."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from portal.drawing.words import money
from provisioning.domain.expiring import extension
from provisioning.domain.sleep_schedule import DAYS, Schedule, Window
from provisioning.models import Environment
from provisioning.selectors.sleeping import SleepView, preview_key, sleep_view

WEEK_HOURS = 168


def summary(view: SleepView, currency: str) -> str:
    """``Asleep 108 of 168 h a week, which saves €31.20 a month.``"""
    if not view.hours_asleep:
        return "It never sleeps by schedule."
    hours = f"{view.hours_asleep:.1f}".removesuffix(".0")
    saved = (
        f"saves {money(view.saving, currency)} a month" if view.saving else "saves nothing: it costs the same asleep"
    )
    return f"Asleep {hours} of {WEEK_HOURS} h a week, which {saved}."


def coming(view: SleepView) -> str:
    """``Falls asleep Mon 1 Jun at 19:00 (Europe/Berlin).``"""
    if view.coming is None:
        return ""
    local = view.coming.at.astimezone(ZoneInfo(view.schedule.zone))
    verb = "Falls asleep" if view.coming.power == "asleep" else "Wakes"
    return f"{verb} {local:%a} {local.day} {local:%b} at {local:%H:%M} ({view.schedule.zone})."


def windows(schedule: Schedule) -> list[str]:
    """``Mon to Fri, 19:00 to 07:00`` for each window."""
    return [f"{_days(one.days)}, {one.start:%H:%M} to {_end(one)}" for one in schedule.windows]


def _end(window: Window) -> str:
    later = "" if window.end > window.start else " the next day"
    return f"{window.end:%H:%M}{later}"


def _days(days: Sequence[str]) -> str:
    places = [DAYS.index(day) for day in days]
    words = [day.capitalize() for day in days]
    if len(days) > 2 and places == list(range(places[0], places[-1] + 1)):
        return f"{words[0]} to {words[-1]}"
    return ", ".join(words)


def idle_words(view: SleepView) -> str:
    """What happens when nobody uses it."""
    if view.idle_hours is None:
        return "It does not fall asleep because nobody uses it."
    by = "its stage says so" if view.idle_said_by == "stage" else "as it was set here"
    told = f"After {view.idle_hours} h without reported activity it falls asleep, {by}."
    return told if view.active_at else f"{told} No activity was reported yet, so that does not count."


def pairs(view: SleepView, currency: str) -> list[dict[str, Any]]:
    """What a month costs awake, asleep, and by the schedule."""
    return [
        {"label": "Awake all month", "value": money(view.cost_awake, currency)},
        {"label": "Asleep all month", "value": money(view.cost_asleep, currency)},
        {"label": "By this schedule", "value": money(view.cost_awake - view.saving, currency)},
        {"label": "Saved a month", "value": money(view.saving, currency), "total": True},
    ]


def one_click(environment: Environment) -> datetime | None:
    """The end that one click gives it without asking anybody; None when there is none."""
    if environment.expires_at is None or environment.stage.production:
        return None
    return extension(
        environment.expires_at,
        created=environment.created_at,
        default_days=environment.stage.default_days,
        max_days=environment.stage.max_days,
    )


def settings_lines(found: Environment, currency: str, now: datetime) -> dict[str, Any]:
    """What the page of settings says of sleep and of the end."""
    view = sleep_view(found, now=now)
    return {
        "sleep": view,
        "sleep_summary": summary(view, currency),
        "sleep_windows": windows(view.schedule),
        "sleep_coming": coming(view),
        "sleep_idle": idle_words(view),
        "one_click": one_click(found),
        "preview": preview_key(found),
    }

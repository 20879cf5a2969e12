"""Shapes of when environments sleep, and of activity in them."""

from __future__ import annotations

from portal.api.shapes.words import listed, maybe, moment, number, record, ref, shape, text, whole
from provisioning.domain.sleep_schedule import DAYS, MAX_IDLE_HOURS, MAX_WINDOWS

WINDOW = shape(
    "SleepWindow",
    record(
        {
            "days": listed(text(one_of=DAYS), "Days on which it falls asleep.", most=7),
            "from": text("Time of day at which it falls asleep.", example="19:00", most=5),
            "to": text(
                "It wakes when this time comes next; the same time means 24 hours later.", example="07:00", most=5
            ),
        },
        closed=True,
    ),
)
_IDLE = maybe(
    whole(
        "After so many hours without reported activity it falls asleep; 0 never, null as the stage says.",
        most=MAX_IDLE_HOURS,
    )
)
_SCHEDULE = listed(ref(WINDOW), "Weekly windows; those that meet or overlap count as one.", most=MAX_WINDOWS)
_ZONE = text("The time zone of the windows.", most=64, example="Europe/Berlin")
SLEEP_REQUEST = shape(
    "SleepRequest",
    record(
        {"schedule": _SCHEDULE, "timezone": _ZONE},
        {"idle_hours": _IDLE},
        about="Nothing happens before the next transition of the schedule.",
        closed=True,
        examples=(
            {
                "schedule": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "19:00", "to": "07:00"}],
                "timezone": "Europe/Berlin",
            },
        ),
    ),
)
HOLD_REQUEST = shape(
    "HoldRequest",
    record(
        {"for": text("Hours or days from now, such as 4h or 2d; 0h ends it.", most=5, example="4h")},
        closed=True,
        examples=({"for": "4h"},),
    ),
)
ACTIVITY = shape(
    "ActivityRequest",
    record(
        {},
        {"at": text("When it was used last, RFC 3339; now, where it is left out.", form="date-time")},
        closed=True,
        examples=({},),
    ),
)
SLEEP = shape(
    "Sleep",
    record(
        {
            "schedule": _SCHEDULE,
            "timezone": _ZONE,
            "idle_hours": _IDLE,
            "idle_hours_in_force": maybe(whole("What holds, of the environment or its stage; null: never.")),
            "hours_asleep_per_week": number("By the schedule."),
            "monthly_cost_awake": number("If it were awake for the whole month."),
            "monthly_cost_asleep": number("If it were asleep for the whole month."),
            "monthly_saving": number("What the schedule saves."),
            "currency": text(example="EUR"),
            "next": maybe(
                record({"at": moment(), "power": text(one_of=("awake", "asleep"))}, about="The next transition.")
            ),
            "active_at": maybe(moment("When activity was reported last.")),
            "awake_until": maybe(moment("People asked it to stay awake until then.")),
            "said": text("Why the last transition did not happen; empty when it did."),
            "version": whole("0 while nothing is kept."),
        }
    ),
)

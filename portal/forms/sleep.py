"""The form of when an environment sleeps: windows of a week, a time zone, hours of idleness.

Used by ``portal.pages.sleep``. It translates fields to what the service takes and back; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import QueryDict

from idp.kernel.errors import FieldError
from portal.forms.time_zones import time_zone_options
from provisioning.domain.sleep_schedule import DAYS, MAX_WINDOWS

WORKDAYS: Final = ["mon", "tue", "wed", "thu", "fri"]
DAY_WORDS: Final = dict(
    zip(DAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
_NIGHTS: Final = {"days": WORKDAYS, "from": "19:00", "to": "07:00"}
_WEEKEND: Final = {"days": ["sat", "sun"], "from": "07:00", "to": "07:00"}
PRESETS: Final[Mapping[str, tuple[str, list[dict[str, Any]]]]] = {
    "nights": ("Nights", [_NIGHTS]),
    "nights-and-weekends": ("Nights and weekends", [_NIGHTS, _WEEKEND]),
    "weekends": ("Weekends", [{"days": ["fri"], "from": "19:00", "to": "07:00"}, _WEEKEND]),
}
IDLE_WORDS: Final = {"": "As the stage says", "never": "Never", "own": "After so many hours"}


@dataclass(frozen=True, slots=True)
class SleepForm:
    """What stands in the form. ``idle`` is a key of ``IDLE_WORDS``, ``hours`` belongs to ``own``."""

    windows: Sequence[Mapping[str, Any]]
    zone: str = "UTC"
    idle: str = ""
    hours: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def idle_hours(self) -> int | None:
        """As the service takes it; a number that is none becomes one that it refuses."""
        if self.idle == "own":
            return int(self.hours) if self.hours.isascii() and self.hours.isdigit() and len(self.hours) < 6 else -1
        return 0 if self.idle == "never" else None

    def rows(self) -> list[dict[str, Any]]:
        """The windows as rows of the form, and an empty one to add to them."""
        shown: list[Mapping[str, Any]] = list(self.windows)[:MAX_WINDOWS]
        if len(shown) < MAX_WINDOWS:
            shown.append({"days": [], "from": "", "to": ""})
        return [
            {
                "number": place + 1,
                "name": f"w{place}",
                "days": [
                    {"value": day, "short": DAY_WORDS[day][:3], "word": DAY_WORDS[day], "chosen": day in one["days"]}
                    for day in DAYS
                ],
                "from": one["from"],
                "to": one["to"],
                "error": " ".join(
                    self.errors[f"schedule.{place}.{key}"]
                    for key in ("days", "from", "to")
                    if f"schedule.{place}.{key}" in self.errors
                ),
            }
            for place, one in enumerate(shown)
        ]

    def zone_field(self) -> dict[str, Any]:
        return {
            "id": "zone",
            "name": "zone",
            "label": "Time zone",
            "kind": "text",
            "value": self.zone,
            "suggested": time_zone_options(),
            "error": self.errors.get("timezone"),
            "hint": "Times follow its clock, also when that changes in spring and autumn.",
        }

    def idle_field(self) -> dict[str, Any]:
        return {
            "id": "idle",
            "name": "idle",
            "label": "When nobody uses it",
            "kind": "select",
            "options": [
                {"value": key, "label": word, "selected": key == self.idle} for key, word in IDLE_WORDS.items()
            ],
            "hint": "Counts from the last activity that was reported over the API.",
        }

    def hours_field(self) -> dict[str, Any]:
        return {
            "id": "hours",
            "name": "hours",
            "label": "Hours without activity",
            "kind": "number",
            "value": self.hours,
            "unit": "h",
            "error": self.errors.get("idle_hours"),
        }


def from_fields(given: QueryDict) -> SleepForm:
    """What was posted; rows in which nothing stands are left out."""
    windows = []
    for place in range(MAX_WINDOWS):
        days = [day for day in given.getlist(f"w{place}_days") if day in DAYS]
        begin, end = (given.get(f"w{place}_{key}", "").strip()[:5] for key in ("from", "to"))
        if days or begin or end:
            windows.append({"days": days, "from": begin, "to": end})
    idle = given.get("idle", "")
    return SleepForm(
        windows,
        zone=given.get("zone", "").strip()[:64] or "UTC",
        idle=idle if idle in IDLE_WORDS else "",
        hours=given.get("hours", "").strip()[:6],
    )


def from_plan(windows: Sequence[Mapping[str, Any]], zone: str, idle_hours: int | None) -> SleepForm:
    """What is kept."""
    idle = "" if idle_hours is None else "own" if idle_hours else "never"
    return SleepForm(windows, zone=zone, idle=idle, hours=str(idle_hours or ""))


def errors_of(found: Iterable[FieldError]) -> dict[str, str]:
    """The first sentence for each field."""
    said: dict[str, str] = {}
    for one in found:
        said.setdefault(one.path, one.message)
    return said

"""The form of a freeze: what it holds, whom, when, and who may break its glass. Translates; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.http import QueryDict

from idp.kernel.errors import FieldError
from idp.kernel.time_zones import time_zones
from portal.forms.sleep import DAYS, MAX_WINDOWS, SleepForm
from portal.forms.time_zones import time_zone_options
from provisioning.domain.freeze import COVERS, GLASS, PARTS
from provisioning.models import Freeze

PART_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "stages": ("Stages", "prod"),
    "teams": ("Teams", "payments, search"),
    "systems": ("Systems", "checkout"),
    "capabilities": ("Capabilities", "postgres"),
}
COVER_WORDS: Final = {
    "changes": "Changes",
    "promotions": "Promotions",
    "upgrades": "Upgrades",
    "expiry": "Expiry",
    "sleep": "Sleep",
}
MOMENT: Final = "%Y-%m-%d %H:%M"
SPANS: Final = (("1", "1 hour"), ("4", "4 hours"), ("24", "1 day"), ("72", "3 days"), ("", "Until lifted"))


@dataclass(frozen=True, slots=True)
class FreezeForm:
    """What stands in the form; names of a part are text, separated by commas."""

    title: str = ""
    reason: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    covers: Sequence[str] = tuple(COVERS)
    starts: str = ""
    ends: str = ""
    zone: str = "UTC"
    windows: Sequence[Mapping[str, Any]] = ()
    glass: str = "maintainers"
    version: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)

    def scope(self) -> dict[str, list[str]]:
        """Names by part."""
        read = {part: [one.strip() for one in self.parts.get(part, "").split(",") if one.strip()] for part in PARTS}
        return {part: names for part, names in read.items() if names}

    def asked(self) -> tuple[dict[str, Any], list[FieldError]]:
        """What the service takes, and moments that cannot be read."""
        starts, late = _moment(self.starts, self.zone, "starts_at")
        ends, wrong = _moment(self.ends, self.zone, "ends_at")
        asked = {
            "title": self.title,
            "reason": self.reason,
            "scope": self.scope(),
            "covers": list(self.covers),
            "starts_at": starts,
            "ends_at": ends,
            "zone": self.zone,
            "windows": list(self.windows),
            "glass": self.glass,
        }
        return asked, [*late, *wrong]

    def rows(self) -> list[dict[str, Any]]:
        errors = {key.replace("windows.", "schedule.", 1): text for key, text in self.errors.items()}
        return SleepForm(self.windows, errors=errors).rows()

    def text_fields(self) -> list[dict[str, Any]]:
        return [
            {
                "id": "f-title",
                "name": "title",
                "label": "Title",
                "kind": "text",
                "value": self.title,
                "maxlength": 120,
                "required": True,
                "placeholder": "Summer sale",
                "error": self.errors.get("title"),
            },
            {
                "id": "f-reason",
                "name": "reason",
                "label": "Why",
                "kind": "textarea",
                "rows": 2,
                "value": self.reason,
                "maxlength": 1000,
                "required": True,
                "hint": "Everybody who meets the freeze reads it.",
                "error": self.errors.get("reason"),
            },
        ]

    def part_fields(self) -> list[dict[str, Any]]:
        return [
            {
                "id": f"f-{part}",
                "name": part,
                "label": word,
                "kind": "text",
                "value": self.parts.get(part, ""),
                "placeholder": example,
                "error": self.errors.get(f"scope.{part}"),
            }
            for part, (word, example) in PART_WORDS.items()
        ]

    def cover_choices(self) -> list[dict[str, Any]]:
        return [
            {"value": key, "label": COVER_WORDS[key], "hint": about, "on": key in self.covers}
            for key, about in COVERS.items()
        ]

    def time_fields(self) -> list[dict[str, Any]]:
        return [
            {
                "id": "f-starts",
                "name": "starts",
                "label": "From",
                "kind": "text",
                "mono": True,
                "value": self.starts,
                "placeholder": "2026-12-01 09:00",
                "hint": "Empty: at once.",
                "error": self.errors.get("starts_at"),
            },
            {
                "id": "f-ends",
                "name": "ends",
                "label": "Until",
                "kind": "text",
                "mono": True,
                "value": self.ends,
                "placeholder": "2026-12-02 18:00",
                "hint": "Empty: until somebody lifts it.",
                "error": self.errors.get("ends_at"),
            },
        ]

    def zone_field(self) -> dict[str, Any]:
        return {
            "id": "f-zone",
            "name": "zone",
            "label": "Time zone",
            "kind": "text",
            "value": self.zone,
            "suggested": time_zone_options(),
            "error": self.errors.get("timezone"),
        }

    def glass_field(self) -> dict[str, Any]:
        return {
            "id": "f-glass",
            "name": "glass",
            "label": "Who may break the glass",
            "kind": "select",
            "options": [{"value": key, "label": word, "selected": key == self.glass} for key, word in GLASS.items()],
            "hint": "A change then goes on with a reason, and a platform admin agrees afterwards.",
            "error": self.errors.get("break_glass"),
        }


def from_fields(given: QueryDict) -> FreezeForm:
    """What was posted; rows in which nothing stands are left out."""
    windows = []
    for place in range(MAX_WINDOWS):
        days = [day for day in given.getlist(f"w{place}_days") if day in DAYS]
        begin, end = (given.get(f"w{place}_{key}", "").strip()[:5] for key in ("from", "to"))
        if days or begin or end:
            windows.append({"days": days, "from": begin, "to": end})
    return FreezeForm(
        title=given.get("title", "")[:200],
        reason=given.get("reason", "")[:2000],
        parts={part: given.get(part, "").strip()[:2000] for part in PARTS},
        covers=[one for one in COVERS if one in given.getlist("covers")],
        starts=given.get("starts", "").strip()[:40],
        ends=given.get("ends", "").strip()[:40],
        zone=given.get("zone", "").strip()[:64] or "UTC",
        windows=windows,
        glass=given.get("glass", "")[:12],
        version=given.get("version", "")[:9],
    )


def from_freeze(row: Freeze) -> FreezeForm:
    """What is kept, its moments in its own zone."""
    zone = ZoneInfo(row.zone)
    return FreezeForm(
        title=row.title,
        reason=row.reason,
        parts={part: ", ".join(row.scope.get(part, ())) for part in PARTS},
        covers=row.covers,
        starts=f"{row.starts_at.astimezone(zone):{MOMENT}}",
        ends=f"{row.ends_at.astimezone(zone):{MOMENT}}" if row.ends_at else "",
        zone=row.zone,
        windows=row.windows,
        glass=row.glass,
        version=str(row.version),
    )


def switched(given: QueryDict, now: datetime) -> dict[str, Any]:
    """What the red switch asks of the service: everything, at once, for so many hours."""
    hours = given.get("hours", "")
    known = hours if hours in {key for key, _ in SPANS} else "4"
    return {
        "title": "Everything is frozen",
        "reason": given.get("reason", "")[:2000],
        "ends_at": now + timedelta(hours=int(known)) if known else None,
    }


def _moment(text: str, zone: str, path: str) -> tuple[datetime | None, list[FieldError]]:
    """``2026-12-01 09:00`` in ``zone``; None for empty text."""
    if not text:
        return None, []
    try:
        read = datetime.fromisoformat(text)
        local = read if read.tzinfo else read.replace(tzinfo=ZoneInfo(zone if zone in time_zones() else "UTC"))
        return local.astimezone(UTC), []
    except (ValueError, OverflowError):
        return None, [FieldError(path, "Write a moment such as 2026-12-01 09:00.")]

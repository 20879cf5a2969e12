"""Stages for their pages: each in words, and what an edit would mean for what lives there. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from portal.drawing import words
from provisioning.domain.isolation import WAYS
from provisioning.domain.windows import in_words
from provisioning.models import Stage
from provisioning.selectors.departures import schedule_of
from provisioning.selectors.stages import StageReach, stage_reaches, stages_in_order

NEVER: Final = "Never"


@dataclass(frozen=True, slots=True)
class StageLine:
    """A stage in the list."""

    stage: Stage
    life: str
    soak: str
    drift: str
    lives: int


def stage_lines() -> list[StageLine]:
    """All stages in their order; two queries."""
    lives = stage_reaches()
    return [
        StageLine(one, _life(one), _soak(one), _drift(one.drift_mode), lives.get(one.pk, 0))
        for one in stages_in_order()
    ]


def stage_pairs(stage: Stage) -> list[dict[str, str]]:
    """Everything that is said of a stage, with its windows; one query for those."""
    written = {key: label(getattr(stage, key)) for key, (_, label) in _FIELDS.items() if key not in _NAMED}
    source = stage.promotes_from
    labels = _labels(stage.cluster_labels)
    rows = [
        ("Takes promotions from", source.name if source else "Nowhere: things begin here"),
        ("Soak time", written["soak_minutes"]),
        ("Promotions start", _windows(stage)),
        ("Usual life", NEVER_EXPIRES if stage.production else written["default_days"]),
        ("Longest life", NEVER_EXPIRES if stage.production else written["max_days"]),
        ("Falls asleep", written["idle_hours"]),
        ("Drift", written["drift_mode"]),
        ("Kept apart", _apart(stage.isolation)),
        (
            "New environments go to",
            f"the emptiest cluster with {labels}" if stage.cluster_labels else stage.cluster.name,
        ),
    ]
    return [{"label": label, "value": value} for label, value in rows]


NEVER_EXPIRES: Final = "Production never expires"


def _windows(stage: Stage) -> str:
    row = getattr(stage, "promotion_windows", None)
    return in_words(schedule_of(row)) if row is not None and row.windows else "At any time"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of an edit, and what it means for what lives there; ``tone`` is empty or ``warn``."""

    label: str
    before: str
    after: str
    means: str
    tone: str = ""


def stage_differences(before: Mapping[str, Any], after: Mapping[str, Any], reach: StageReach) -> list[Difference]:
    """What would differ, field by field, in words; ``before`` and ``after`` as of ``stage_written``."""
    found = []
    for key, (label, shown) in _FIELDS.items():
        if key in after and before.get(key) != after[key]:
            means, tone = _meaning(key, before, after, reach)
            found.append(Difference(label, shown(before.get(key)), shown(after[key]), means, tone))
    return found


def _meaning(key: str, before: Mapping[str, Any], after: Mapping[str, Any], reach: StageReach) -> tuple[str, str]:
    """What a changed field means for people, and whether that deserves a warning."""
    living = words.count(reach.environments, "environment,environments")
    if key == "production" and reach.environments:
        return f"Rights inside of {living} differ then, which shows as drift until each is changed or reverted.", "warn"
    if key == "drift_mode" and after[key] == "correct" and reach.drifted:
        drifted = words.count(reach.drifted, "environment,environments")
        return f"Drift in {drifted} that is open now is put back within a minute.", "warn"
    if key == "drift_mode":
        return f"From the next drift on, in {living}.", ""
    if key in ("cluster", "cluster_labels"):
        return f"New environments only; {living} stay where they are." if reach.environments else "", ""
    if key == "isolation":
        return f"New environments only; {living} stay as they are until moved." if reach.environments else "", ""
    if key in ("default_days", "max_days"):
        return f"{living[:1].upper()}{living[1:]} keep their end; it counts when one is made or extended.", ""
    if key == "soak_minutes":
        return "Counts for every promotion into it that is asked for or starts from now on.", ""
    if key == "idle_hours" and reach.environments:
        return f"Counts at once for {living}, where none has hours of its own.", ""
    return "", ""


def _days(value: Any) -> str:
    return words.count(value, "day,days") if value else "No end"


def _minutes(value: Any) -> str:
    return words.duration(timedelta(minutes=value)) if value else "None"


def _hours(value: Any) -> str:
    return f"Unused for {words.count(value, 'hour,hours')}" if value else "Never by itself"


def _drift(value: Any) -> str:
    return "Put back at once" if value == "correct" else "Its owners decide"


def _yes(value: Any) -> str:
    return "Yes" if value else "No"


def _text(value: Any) -> str:
    return str(value) if value not in (None, "") else "Nothing"


def _apart(value: Any) -> str:
    return WAYS[value].title if value in WAYS else _text(value)


def _labels(value: Any) -> str:
    return ", ".join(f"{key}={told}" for key, told in sorted((value or {}).items())) or "Nothing"


def _life(stage: Stage) -> str:
    if stage.production:
        return NEVER_EXPIRES
    if not stage.default_days and not stage.max_days:
        return "No end"
    parts = [_days(stage.default_days), f"at most {_days(stage.max_days)}" if stage.max_days else ""]
    return ", ".join(one for one in parts if one)


def _soak(stage: Stage) -> str:
    return _minutes(stage.soak_minutes) if stage.promotes_from else ""


_NAMED: Final = ("cluster", "promotes_from", "cluster_labels", "isolation")
_FIELDS: Final[Mapping[str, tuple[str, Callable[[Any], str]]]] = {
    "title": ("Title", _text),
    "summary": ("In one sentence", _text),
    "order": ("Place", _text),
    "promotes_from": ("Takes promotions from", _text),
    "soak_minutes": ("Soak time", _minutes),
    "production": ("It is production", _yes),
    "default_days": ("Usual life", _days),
    "max_days": ("Longest life", _days),
    "idle_hours": ("Falls asleep", _hours),
    "drift_mode": ("Drift", _drift),
    "cluster": ("Cluster", _text),
    "cluster_labels": ("Labels of clusters", _labels),
    "isolation": ("Kept apart", _apart),
}

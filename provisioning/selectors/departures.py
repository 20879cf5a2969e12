"""When promotions start: windows of stages, and what holds a change that is approved."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from governance.models import AuditEntry
from provisioning.domain.sleep_schedule import Schedule, schedule_read
from provisioning.domain.windows import ALWAYS, in_words, moment_in_words
from provisioning.models import Stage, StageWindows, StartHold

WAITS = Q(released_at=None) & (~Q(train=None) | ~Q(starts_at=None))


def schedule_of(row: StageWindows | None) -> Schedule:
    """The windows of a stage; those that can no longer be read, because a zone is gone, hold nothing up."""
    if row is None:
        return ALWAYS
    schedule, errors = schedule_read(row.windows, row.zone)
    return ALWAYS if errors else schedule


def windows_written(row: StageWindows) -> dict[str, Any]:
    """As the service takes them, and as the audit log keeps both sides of an edit."""
    return {"windows": row.windows, "zone": row.zone}


def windows_before(stage: Stage) -> dict[str, Any] | None:
    """How the windows were before their last edit, as ``windows_written`` gives them; None when there was none.

    Two queries; the audit log keeps both sides of every edit.
    """
    entries = AuditEntry.objects.filter(action="stage.windows", object_type="stage", object_id=str(stage.pk))
    data = entries.order_by("-sequence").values_list("data", flat=True).first() or {}
    row = StageWindows.objects.filter(stage=stage).first()
    return data.get("before") if row is not None and data.get("after") == windows_written(row) else None


def windows_of(stage_id: int) -> Schedule:
    return schedule_of(StageWindows.objects.filter(stage_id=stage_id).first())


def windows_by_stage(stages: Collection[int]) -> dict[int, Schedule]:
    """The windows of those of ``stages`` that have some. One query."""
    rows = StageWindows.objects.filter(stage__in=stages)
    return {row.stage_id: schedule_of(row) for row in rows if row.windows}


def held_changes(now: datetime) -> QuerySet[StartHold, int]:
    """Ids of changes that may not start yet, as a sub-query."""
    later = Q(released_at=None) & (~Q(train=None) | Q(starts_at__gt=now))
    return StartHold.objects.filter(later).order_by().values_list("change_id", flat=True)


def waiting_for_windows(stage: Stage) -> int:
    """How many agreed changes into ``stage`` wait for their moment, and are looked at again when it is edited."""
    return StartHold.objects.filter(change__stage=stage, released_at=None, train=None).count()


@dataclass(frozen=True, slots=True)
class Departure:
    """When a change starts, in the stage's zone: ``starts_at`` with its ``words``, or ``train`` by its number.

    ``waits_for`` says what somebody has to decide first; nobody knows then when it starts.
    """

    starts_at: datetime | None
    words: str
    windows: str
    train: int | None
    train_title: str = ""
    waits_for: str = ""


def departures_of(changes: Iterable[int]) -> dict[int, Departure]:
    """What holds each of ``changes``, by its id; nothing for those that start as soon as they are approved. Two
    queries."""
    rows = list(StartHold.objects.filter(WAITS, change__in=list(changes)).select_related("change", "train"))
    windows = windows_by_stage({row.change.stage_id for row in rows}) if rows else {}
    return {row.change_id: _departure(row, windows.get(row.change.stage_id, ALWAYS)) for row in rows}


def _departure(row: StartHold, schedule: Schedule) -> Departure:
    moment = row.starts_at
    words = moment_in_words(moment, schedule) if moment else ""
    title = row.train.title if row.train else ""
    return Departure(moment, words, in_words(schedule), row.train_id, title, row.waits_for)

"""Stages, in the order in which pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, Q, QuerySet, Sum

from governance.models import AuditEntry
from idp.kernel.errors import NotFound
from idp.kernel.prepared import Prepared
from provisioning.models import Environment, PlaceTally, Stage

WRITTEN: Final = (
    "title", "summary", "order", "production", "default_days", "max_days", "soak_minutes", "idle_hours", "drift_mode",
    "isolation",
)  # fmt: skip


def stage_list() -> QuerySet[Stage]:
    return Stage.objects.select_related("cluster", "promotes_from").defer("cluster__credentials").order_by("order")


@Prepared
def stages_in_order() -> QuerySet[Stage]:
    """``stage_list`` as a list, for pages that show them on every request."""
    return stage_list()


def stage_get(name: str) -> Stage:
    stage = stage_list().filter(name=name).first()
    if stage is None:
        raise NotFound(f"There is no stage “{name}”.")
    return stage


def stage_written(stage: Stage) -> dict[str, Any]:
    """All that ``services.stages.stage_save`` sets, as plain data: what the audit log keeps and a form begins with."""
    return {
        **{field: getattr(stage, field) for field in WRITTEN},
        "cluster": stage.cluster.name,
        "cluster_labels": dict(stage.cluster_labels),
        "promotes_from": stage.promotes_from.name if stage.promotes_from else None,
    }


def stage_before(stage: Stage) -> dict[str, Any] | None:
    """How ``stage`` was before its last edit, as ``stage_written`` gives it. One query.

    The audit log keeps both sides of every edit; nothing else needs to. None when it was never edited, or changed in
    another way since.
    """
    edits = ("stage.save", "stage.isolate")
    entries = AuditEntry.objects.filter(action__in=edits, object_type="stage", object_id=str(stage.pk))
    last = entries.order_by("-sequence").values_list("action", "data").first()
    action, data = last or ("", {})
    written = stage_written(stage)
    if action == "stage.isolate":
        return {**written, "isolation": data["before"]} if data["after"] == stage.isolation else None
    return data.get("before") if data.get("after") == written else None


@dataclass(frozen=True, slots=True)
class StageReach:
    """Whom an edit of a stage concerns: what lives at it, whose, and how much of it has drift that is open."""

    environments: int
    systems: int
    teams: int
    drifted: int


def stage_reach(stage: Stage) -> StageReach:
    """One query."""
    living = Environment.objects.filter(stage=stage, deleted_at=None)
    drifted = Count("pk", filter=Q(drifted__gt=0))
    counted = living.aggregate(
        environments=Count("pk"),
        systems=Count("system", distinct=True),
        teams=Count("system__team", distinct=True),
        drifted=drifted,
    )
    return StageReach(**counted)


def stage_reaches() -> dict[int, int]:
    """How many environments live at each stage. One query of kept sums."""
    rows = PlaceTally.objects.order_by().values_list("stage_id").annotate(lives=Sum("living"))
    return dict(rows.filter(lives__gt=0))

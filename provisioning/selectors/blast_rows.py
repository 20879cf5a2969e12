"""A report, its teams and its rows as plain data: one form for the API and for what people download."""

from __future__ import annotations

from typing import Any

from provisioning.models import BlastItem, BlastReport
from provisioning.selectors.blast import TeamLine

COLUMNS = (
    "team", "system", "environment", "stage", "resource", "version", "outcome", "reason",
    "cpu", "memory_gib", "storage_gib", "cost", "objects",
)  # fmt: skip
"""Of the table as CSV; ``objects`` are those that differ, by kind and name."""


def report_data(report: BlastReport) -> dict[str, Any]:
    """Times are datetimes. ``counts`` are of all resources, also of those that the reader may not see."""
    return {
        "id": report.pk,
        "capability": report.capability,
        "version": report.version,
        "published": report.published,
        "state": report.state,
        "error": report.error or None,
        "document_digest": report.document_digest,
        "fleet_digest": report.fleet_digest,
        "environments": report.total,
        "environments_done": report.done,
        "resources": report.resources,
        "counts": report.counts,
        "not_reached": report.left_out,
        "asked_at": report.created_at,
        "started_at": report.started_at,
        "finished_at": report.finished_at,
    }


def team_data(line: TeamLine) -> dict[str, Any]:
    return {
        "team": line.slug,
        "counts": dict(line.counts),
        "cpu": line.cpu,
        "memory_gib": line.memory_gib,
        "storage_gib": line.storage_gib,
        "cost": line.cost,
        "quota": [one.as_dict() for one in line.quota],
        "over_quota": list(line.short),
    }


def item_data(item: BlastItem) -> dict[str, Any]:
    """Needs ``team``, ``system`` and ``environment`` joined."""
    return {
        "id": item.pk,
        "team": item.team.slug,
        "system": item.system.slug,
        "environment": item.environment.name,
        "stage": item.stage,
        "resource": item.resource,
        "version": item.version,
        "outcome": item.outcome,
        "reason": item.reason,
        "problems": item.problems,
        "objects": item.objects_changed,
        "cpu": float(item.cpu),
        "memory_gib": float(item.memory_gib),
        "storage_gib": float(item.storage_gib),
        "cost": float(item.cost),
    }


def item_cells(item: BlastItem) -> list[object]:
    """One line of the table, in the order of ``COLUMNS``. Text that a spreadsheet would compute is quoted."""
    data = item_data(item)
    data["objects"] = "; ".join(f"{one['action']} {one['kind']} {one['name']}" for one in item.objects_changed)
    return [inert(data[name]) for name in COLUMNS]


def inert(value: object) -> object:
    """A cell of a table that a spreadsheet takes as text, whatever it begins with."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value

"""Replays of policies, limits and routes as people may read them: one report, its rows by keyset, changes to judge.

Read by platform admins and auditors. Rows of systems that the reader may not see are left out; how many is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, QuerySet

from governance.access import Rights, visible
from idp.kernel.errors import Forbidden, NotFound
from provisioning.domain.replay import OUTCOMES, STRUCK
from provisioning.models import Change, PolicyReplay, PolicyReplayItem
from provisioning.selectors.blast_rows import inert

COLUMNS: Final = (
    *("change", "title", "team", "system", "environment", "stage", "kind", "requester", "at"),
    *("outcome", "message", "denied_then"),
)
"""Of the table as CSV."""

CHUNK: Final = 500
_SHOWN: Final = (
    *("position", "outcome", "message", "denied", "replay_id"),
    *("team__slug", "team__name", "system__slug", "change__title", "change__kind", "change__state"),
    *("change__created_at", "change__environment_name", "change__stage__name", "change__requester__username"),
)


def require_reader(rights: Rights) -> None:
    rights.require_scope("read")
    if not (rights.is_admin or rights.is_auditor):
        raise Forbidden("Only platform admins and auditors may read this.", remedy="Ask a platform admin.")


def replay_get(rights: Rights, replay_id: int) -> PolicyReplay:
    require_reader(rights)
    found = PolicyReplay.objects.select_related("asked_by").filter(pk=replay_id).first()
    if found is None:
        raise NotFound("There is no such report.", remedy="It may have been forgotten; ask for it anew.")
    return found


def changes_judged(subject: str, document: Mapping[str, Any], *, since: datetime, last_id: int) -> QuerySet[Change]:
    """The changes that a replay looks at: all, or those of the systems of the team whose limits they are."""
    rows = Change.objects.filter(created_at__gte=since, pk__lte=last_id)
    return rows.filter(system__team=document["team"]) if subject == "quota" else rows


def has_moved(report: PolicyReplay) -> bool:
    """Whether changes came since. One query."""
    return Change.objects.filter(pk__gt=report.last_id).exists()


def items_of(rights: Rights, report: PolicyReplay, *, outcome: str = "", team: str = "") -> QuerySet[PolicyReplayItem]:
    """Rows that the reader may see, the newest change first, with their places joined."""
    rows = visible(_filtered(report, outcome, team), rights, "system").order_by("position")
    return rows.select_related("team", "system", "change__stage", "change__requester").only(*_SHOWN)


def hidden_count(rights: Rights, report: PolicyReplay, *, outcome: str = "", team: str = "") -> int:
    """How many rows the reader may not see. No query for who sees everything."""
    if (rights.is_admin or rights.is_auditor) and not rights.actor.systems:
        return 0
    rows = _filtered(report, outcome, team).exclude(rights.sees("system"))
    return int(rows.aggregate(count=Count("pk"))["count"])


def _filtered(report: PolicyReplay, outcome: str, team: str) -> QuerySet[PolicyReplayItem]:
    rows = PolicyReplayItem.objects.filter(replay=report)
    if outcome:
        rows = rows.filter(outcome=outcome)
    return rows.filter(team__slug=team) if team else rows


def team_lines(report: PolicyReplay) -> list[dict[str, Any]]:
    """Every team with its counts, those that would have felt most first. No query."""
    lines = [{**one, "struck": sum(one["counts"].get(key, 0) for key in STRUCK)} for one in report.teams.values()]
    return sorted(lines, key=lambda one: (*(-one["counts"].get(key, 0) for key in STRUCK), one["slug"]))


def rows_in_chunks(rows: QuerySet[PolicyReplayItem]) -> Iterator[PolicyReplayItem]:
    """All rows in the order of the report, a few hundred in memory at once, for downloads."""
    last = -1
    while found := list(rows.filter(position__gt=last)[:CHUNK]):
        yield from found
        last = found[-1].position


def replay_data(report: PolicyReplay) -> dict[str, Any]:
    """The report as plain data, for the API and for downloads. Times are datetimes."""
    return {
        "id": report.pk,
        "subject": report.subject,
        "policy": report.policy,
        "version": report.version,
        "days": report.days,
        "since": report.since,
        "state": report.state,
        "error": report.error or None,
        "changes": report.total,
        "changes_done": report.done,
        "counts": {outcome: report.counts[outcome] for outcome in OUTCOMES if outcome in report.counts},
        "denied_then": report.denied_then,
        "peaks": report.peaks,
        "teams": [{"team": one["slug"], "counts": one["counts"]} for one in team_lines(report)],
        "asked_at": report.created_at,
        "started_at": report.started_at,
        "finished_at": report.finished_at,
    }


def item_data(item: PolicyReplayItem) -> dict[str, Any]:
    change = item.change
    return {
        "change": change.pk,
        "title": change.title,
        "team": item.team.slug,
        "system": item.system.slug,
        "environment": change.environment_name,
        "stage": change.stage.name,
        "kind": change.kind,
        "requester": change.requester.username,
        "at": change.created_at,
        "outcome": item.outcome,
        "message": item.message,
        "denied_then": item.denied,
    }


def item_cells(item: PolicyReplayItem) -> list[object]:
    """One line of the table, in the order of ``COLUMNS``. Text that a spreadsheet would compute is quoted."""
    data = item_data(item)
    return [inert(data[name]) for name in COLUMNS]

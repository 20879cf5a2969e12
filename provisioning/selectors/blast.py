"""Reports of a blast radius as people may read them: one report, its rows by keyset, what it asks of quotas.

Rows of restricted systems are left out for who may not see those; how many they are is told. Called by the pages, the
API and the downloads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.core.cache import cache
from django.db.models import Count, QuerySet
from django.db.models.fields.json import KT

from governance.access import Rights, visible
from governance.domain.quota import Amounts
from governance.selectors.quota import quota_states
from idp.kernel.errors import NotFound
from provisioning.domain.blast_radius import majors_taken
from provisioning.domain.object_effects import OUTCOMES
from provisioning.domain.version import parse_version
from provisioning.models import BlastItem, BlastReport, Capability
from provisioning.selectors.living import fleet_of
from provisioning.selectors.quota_lines import QuotaLine, quota_lines

AFFECTED: Final = "affected"
ALL: Final = "all"
VERDICTS: Final = (AFFECTED, ALL, *OUTCOMES)
"""What rows can be filtered by; ``affected`` is all but what stays as it is."""

_HEAVY: Final = ("document", "fleet")
_KNOWN_FOR: Final = 30


@dataclass(frozen=True, slots=True)
class TeamLine:
    """What a team would feel. ``quota`` has a line for each amount that changes; ``short`` names what goes over."""

    slug: str
    name: str
    counts: Mapping[str, int]
    cpu: float
    memory_gib: float
    storage_gib: float
    cost: float
    quota: tuple[QuotaLine, ...]
    short: tuple[str, ...]


def require_judge(rights: Rights, capability: str) -> None:
    """Platform admins, and maintainers of the team that owns the capability. At most one query."""
    if rights.may_administer():
        return
    row = Capability.objects.select_related("owner").filter(name=capability).first()
    if row is not None and row.owner is not None:
        rights.require_manage(row.owner)
    else:
        rights.require_admin()


def may_judge(rights: Rights, capability: Capability) -> bool:
    """The same as a question; ``capability`` has its owner joined. No query."""
    owner = capability.owner
    return rights.may_administer() or (owner is not None and rights.may_manage(owner))


def report_get(rights: Rights, report_id: int) -> BlastReport:
    """One report without its document and its list of revisions."""
    rows = BlastReport.objects.select_related("asked_by").defer(*_HEAVY)
    report = rows.annotate(upgrade=KT("document__spec__upgrade")).filter(pk=report_id).first()
    if report is None:
        raise NotFound("There is no such report.", remedy="It may have been forgotten; ask for it anew.")
    require_judge(rights, report.capability)
    return report


def majors_of(report: BlastReport) -> frozenset[int]:
    """The majors that the report's version reaches; needs what ``report_get`` adds."""
    upgrade = report.upgrade  # type: ignore[attr-defined]  # annotated
    mapping = json.loads(upgrade) if isinstance(upgrade, str) else upgrade
    return majors_taken(parse_version(report.version).major, mapping or {})


def has_moved(report: BlastReport) -> bool:
    """Whether what lives is no longer what the report looked at. At most one query in half a minute."""
    majors = majors_of(report)
    key = f"blast.fleet.{report.capability}.{'-'.join(map(str, sorted(majors)))}"
    now = cache.get_or_set(key, lambda: fleet_of(report.capability, majors).digest, _KNOWN_FOR)
    return bool(now != report.fleet_digest)


def items_of(rights: Rights, report: BlastReport, *, verdict: str = "", team: str = "") -> QuerySet[BlastItem]:
    """Rows that the reader may see, places joined. ``verdict`` is one of ``VERDICTS``, nothing for all."""
    rows = visible(_filtered(report, verdict, team), rights, "system")
    return rows.select_related("team", "system", "environment").defer("team__description", "system__description")


def item_get(rights: Rights, report: BlastReport, item_id: int) -> BlastItem:
    item = items_of(rights, report).filter(pk=item_id).first()
    if item is None:
        raise NotFound("There is no such row that you may see in this report.")
    return item


def hidden_counts(rights: Rights, report: BlastReport, *, verdict: str = "", team: str = "") -> dict[str, int]:
    """How many rows of each outcome the reader may not see. One query, none for who sees everything."""
    if (rights.is_admin or rights.is_auditor) and not rights.actor.systems:
        return {}
    rows = _filtered(report, verdict, team).exclude(rights.sees("system")).order_by()
    return dict(rows.values_list("outcome").annotate(count=Count("pk")))


def _filtered(report: BlastReport, verdict: str, team: str) -> QuerySet[BlastItem]:
    rows = BlastItem.objects.filter(report=report)
    if verdict == AFFECTED:
        rows = rows.exclude(outcome="unchanged")
    elif verdict not in ("", ALL):
        rows = rows.filter(outcome=verdict)
    return rows.filter(team__slug=team) if team else rows


def team_lines(report: BlastReport) -> list[TeamLine]:
    """Every team that is reached, those with the worst first, beside the quota that it has now. One query."""
    states = quota_states(int(key) for key in report.teams) if report.teams else {}
    lines = [_team_line(one, states.get(int(key))) for key, one in report.teams.items()]
    return sorted(lines, key=_severity)


def _severity(line: TeamLine) -> tuple[Any, ...]:
    return (not line.short, *(-line.counts.get(outcome, 0) for outcome in OUTCOMES[:-1]), line.slug)


def _team_line(team: Mapping[str, Any], state: Any) -> TeamLine:
    """Only what is asked on top can be short; who frees something goes over nothing."""
    asked = {key: float(team.get(key, 0)) for key in ("cpu", "memory_gib", "storage_gib")}
    freed = Amounts.of({key: max(0.0, -value) for key, value in asked.items()})
    wanted = Amounts.of({key: max(0.0, value) for key, value in asked.items()})
    lines, short = quota_lines(state, before=freed, after=wanted)
    return TeamLine(
        slug=team["slug"],
        name=team["name"],
        counts=team["counts"],
        **asked,
        cost=float(team["cost"]),
        quota=tuple(line for line in lines if line.asked),
        short=tuple(one.sentence for one in short),
    )


def rows_in_chunks(rows: QuerySet[BlastItem]) -> Iterator[BlastItem]:
    """All rows in the order of the report, a few hundred in memory at once, for downloads."""
    return rows.order_by("position").iterator(chunk_size=500)

"""Gates where people always agree within seconds: they cost time and stop nothing. Read by the report for admins.

A gate is what one policy, or one stage of a route, asks of one kind of people. Only approvals whose waiting was clocked
are counted, the newest ``MOST`` of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from statistics import median

from governance.domain.approval import source_label
from governance.models import Approval
from provisioning.models import Change

MOST = 20_000
FEWEST = 10
SECONDS = 120
DAYS = 90


@dataclass(slots=True)
class Gate:
    """``waits`` are seconds from asking to agreement, ``changes`` those that were agreed to."""

    policy: str
    route: str
    stage: str
    source: str
    count: int
    waits: list[float] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    refused: int = 0

    @property
    def label(self) -> str:
        return source_label(self.source, self.count)

    @property
    def median(self) -> float:
        return median(self.waits) if self.waits else 0.0

    @property
    def slowest(self) -> float:
        return max(self.waits, default=0.0)

    @property
    def is_rubber_stamp(self) -> bool:
        """Often asked, never refused, and nine times of ten agreed to before anybody can have read it."""
        quick = sum(one <= SECONDS for one in self.waits)
        return self.refused == 0 and len(self.waits) >= FEWEST and quick >= 0.9 * len(self.waits)


def gates(*, now: datetime, days: int = DAYS) -> list[Gate]:
    """Every gate that was decided on in the last ``days``, rubber stamps first, then the quickest. One query."""
    rows = Approval.objects.filter(
        state__in=("approved", "rejected"), settled_at__gt=now - timedelta(days=days), opened_at__isnull=False
    ).order_by("-id")
    found: dict[tuple[str, str, str, str], Gate] = {}
    columns = ("policy", "route", "stage_name", "source", "count", "state", "opened_at", "settled_at", "change_id")
    for policy, route, stage, source, count, state, opened, settled, change in rows.values_list(*columns)[:MOST]:
        gate = found.setdefault((policy, route, stage, source), Gate(policy, route, stage, source, count))
        if state == "rejected" or opened is None or settled is None:
            gate.refused += 1
            continue
        gate.waits.append((settled - opened).total_seconds())
        gate.changes.append(change)
    return sorted(found.values(), key=lambda one: (not one.is_rubber_stamp, one.median, one.policy, one.source))


def condition_for(changes: Iterable[int]) -> str:
    """A condition that lets through what was agreed to before: nothing removed, no dearer, and quota to spare."""
    rows = Change.objects.filter(pk__in=list(changes)[:500])
    dearer = [after - before for before, after in rows.values_list("monthly_cost_before", "monthly_cost_after")]
    most = ceil(max([Decimal(0), *dearer]))
    return (
        f"plan.counts.removed == 0 && plan.cost_after - plan.cost_before <= {most}.0"
        " && quota.cpu.ratio_after < 0.8 && quota.memory_gib.ratio_after < 0.8"
    )

"""Reports that workers work out in chunks: claimed by a lease, written under its epoch, kept for a month.

One set of rules for ``BlastReport`` and ``PolicyReplay``, whose rows have the same columns for it. A worker that lost
its lease meets ``LeaseLost`` at its next write, and nothing of it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from provisioning.models import BlastReport, PolicyReplay
from provisioning.services.runs import LeaseLost

Report = type[BlastReport] | type[PolicyReplay]

OPEN: Final = ("queued", "running")
KEPT: Final = timedelta(days=30)
LONGEST: Final = 400


@dataclass(frozen=True, slots=True)
class ReportClaim:
    """The right to work on one report until the lease ends."""

    kind: Report
    report_id: int
    epoch: int
    lease: timedelta


def report_claim(kind: Report, report_id: int, *, owner: str, lease: timedelta, now: datetime) -> ReportClaim | None:
    """Claim a report that is due and free; None when it is neither. ``owner`` is unique for each attempt to claim."""
    claimed = kind.objects.filter(_free(now), pk=report_id, state__in=OPEN, due_at__lte=now).update(
        state="running",
        lease_owner=owner,
        lease_until=now + lease,
        epoch=F("epoch") + 1,
        started_at=Coalesce("started_at", now),
    )
    if claimed != 1:
        return None
    epoch = kind.objects.filter(pk=report_id, lease_owner=owner).values_list("epoch", flat=True).first()
    return None if epoch is None else ReportClaim(kind, report_id, epoch, lease)


def report_hold(claim: ReportClaim, **fields: Any) -> None:
    """Write ``fields``; LeaseLost when somebody else holds the report meanwhile."""
    held = claim.kind.objects.filter(pk=claim.report_id, epoch=claim.epoch, state="running").update(**fields)
    if held != 1:
        raise LeaseLost


def report_release(claim: ReportClaim, *, now: datetime) -> None:
    """Give the report back, due at once, so that one long report keeps no worker from others."""
    report_hold(claim, lease_owner="", lease_until=None, due_at=now)


def report_finish(claim: ReportClaim, *, now: datetime, **fields: Any) -> None:
    """``fields`` are what only the whole of it tells."""
    report_hold(claim, state="succeeded", finished_at=now, lease_owner="", lease_until=None, due_at=None, **fields)


def report_fail(claim: ReportClaim, *, message: str, now: datetime) -> None:
    """What is worked off stays; who asks again makes it go on."""
    report_hold(
        claim,
        state="failed",
        error=message[:LONGEST],
        finished_at=now,
        lease_owner="",
        lease_until=None,
        due_at=None,
    )


def reports_due(kind: Report, now: datetime, *, limit: int = 20) -> list[int]:
    """Reports that are due and that nobody holds, oldest first."""
    rows = kind.objects.filter(_free(now), state__in=OPEN, due_at__lte=now).order_by("due_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def reports_forget(kind: Report, now: datetime) -> int:
    """Delete the reports that were over a month ago; how many. They can be asked for anew."""
    old = list(kind.objects.filter(finished_at__lt=now - KEPT).values_list("pk", flat=True)[:200])
    kind.objects.filter(pk__in=old).delete()
    return len(old)


def _free(now: datetime) -> Q:
    return Q(lease_until=None) | Q(lease_until__lte=now)

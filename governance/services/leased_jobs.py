"""Jobs as rows that workers hold for a while: imports of catalogs, looks at files in Git.

A job has ``state``, ``source``, ``attempts``, ``began_at`` and ``lease_until``. It is held by one worker, and a source
by one of its jobs; a worker that dies is followed by another once its lease is over. Called by the services that carry
such jobs out, outside of transactions.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet

LEASE: Final = timedelta(minutes=10)
MOST_ATTEMPTS: Final = 3


def jobs_waiting(rows: QuerySet[Any], *, now: datetime, limit: int = 20) -> list[int]:
    """Jobs that wait for a worker, or were left behind by one, oldest first."""
    free = Q(state="queued") | Q(state="running", lease_until__lt=now)
    return list(rows.filter(free).order_by("pk").values_list("pk", flat=True)[:limit])


@transaction.atomic
def job_claim(rows: QuerySet[Any], pk: int, *, now: datetime) -> tuple[Any, bool]:
    """The job, and whether the caller holds it now. Locks the source, so that two workers never hold jobs of one.

    (None, False) when it is over, somebody's, or its source is busy; (job, False) when workers died of it too often.
    """
    row = rows.filter(pk=pk).first()
    if row is None or row.state not in ("queued", "running"):
        return None, False
    list(type(row.source)._default_manager.select_for_update(of=("self",)).filter(pk=row.source_id).values_list("pk"))
    others = rows.filter(source_id=row.source_id, state="running", lease_until__gte=now)
    if others.exclude(pk=row.pk).exists():
        return None, False
    free = Q(state="queued") | Q(state="running", lease_until__lt=now)
    if row.attempts >= MOST_ATTEMPTS:
        return (row, False) if rows.filter(free, pk=pk).exists() else (None, False)
    held = {"state": "running", "lease_until": now + LEASE, "began_at": row.began_at or now}
    mine = rows.model._default_manager.filter(free, pk=pk).update(attempts=row.attempts + 1, **held)
    return (row, True) if mine else (None, False)

"""Keeps the tallies small, and looks whether they say what the rows say.

Called by the workers' schedule. Tallies follow their rows by triggers of the database (``idp.kernel.tallies``), so a
difference is a fault that somebody has to know of: it is put right, and the audit log tells by how much.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from governance.models import AuditHead
from governance.services.audit import HEAD, audit_append
from idp.kernel.actor import PLATFORM
from idp.kernel.tallies import Tally, correct, differences, fold, kept

TOLD = 20
"""As many differences as one entry of the audit log names."""


def tallies_fold() -> None:
    """Put what gathered since the last time together; a few statements, nothing to wait for."""
    for tally in kept():
        fold(tally)


def tallies_check(*, now: datetime) -> int:
    """Compare every tally with its rows, correct and audit what differs; in how many places it did."""
    return sum(_checked(tally, now=now) for tally in kept() if differences(tally))


def _checked(tally: Tally, *, now: datetime) -> int:
    """The audit head is locked first, so that two checks never correct the same; nothing else is locked after it."""
    with transaction.atomic():
        AuditHead.objects.get_or_create(pk=HEAD)
        AuditHead.objects.select_for_update().get(pk=HEAD)
        found = differences(tally)
        if not found:
            return 0
        correct(tally, found)
        audit_append(
            PLATFORM,
            action="tally.correct",
            object_type="tally",
            object_id=tally.table,
            object_label=tally.table,
            data={
                "places": len(found),
                "added": [{name: str(value) for name, value in one.items()} for one in found[:TOLD]],
            },
            now=now,
        )
        return len(found)

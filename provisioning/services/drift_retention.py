"""Forgets drift that is long over. Called by the sweep of records; decisions stay in the audit log and in changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from provisioning.models import Drift

KEPT: Final = timedelta(days=90)
AT_ONCE: Final = 500
OVER: Final = ("adopted", "reverted", "vanished")


def drifts_forget(now: datetime) -> int:
    """Delete what ended ``KEPT`` ago, or was open in an environment that is gone for as long; how many."""
    over = Q(state__in=OVER, decided_at__lt=now - KEPT) | Q(environment__deleted_at__lt=now - KEPT)
    old = list(Drift.objects.filter(over).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    Drift.objects.filter(pk__in=old).delete()
    return len(old)

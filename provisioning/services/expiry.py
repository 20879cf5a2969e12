"""Deletes environments whose time is over, as an ordinary change through the gate, asked for by the platform.

Called by a task every minute. A policy may still ask somebody to agree; then the change waits like any other.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db.models import Exists, OuterRef, Q

from idp.kernel.actor import PLATFORM
from idp.kernel.errors import UserFault
from provisioning.models import Change, Environment
from provisioning.services.changes import ChangeRequest, change_submit

log = structlog.get_logger(__name__)
OPEN = ("pending", "approved", "running")
PAUSE = timedelta(days=1)


def environments_expire(*, now: datetime, limit: int = 50) -> list[Change]:
    """Ask for the deletion of living environments that are past their moment; production never expires.

    Whoever has an open or failed deletion is left to people; one that was refused is asked for again a day later.
    """
    deletions = Change.objects.filter(environment=OuterRef("pk"), kind="delete")
    asked_for = deletions.filter(Q(state__in=(*OPEN, "failed")) | Q(created_at__gt=now - PAUSE))
    due = (
        Environment.objects.filter(~Exists(asked_for), deleted_at=None, expires_at__lte=now, stage__production=False)
        .select_related("system")
        .order_by("expires_at")[:limit]
    )
    asked = []
    for environment in due:
        try:
            asked.append(_expire(environment, now=now))
        except UserFault as refusal:
            log.warning("expiry_refused", environment=environment.pk, code=refusal.code, message=refusal.message)
    return asked


def _expire(environment: Environment, *, now: datetime) -> Change:
    assert environment.expires_at is not None
    request = ChangeRequest(
        kind="delete",
        system=environment.system.slug,
        environment=environment.name,
        reason=f"Its time was over on {environment.expires_at:%d %B %Y at %H:%M} UTC.",
        confirm=environment.name,
    )
    return change_submit(PLATFORM, request, now=now)

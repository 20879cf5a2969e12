"""What is left to do for a change that will not run. Called by the services that end one, inside their transaction."""

from __future__ import annotations

from datetime import datetime

from governance.services.approvals import approvals_dismiss
from governance.services.quota import quota_release_hold
from provisioning.models import Change, Environment, Revision, Run
from provisioning.services.requests import MAKES


def change_dropped(change: Change, *, now: datetime) -> None:
    """Release what a change held that will not run; an environment that was never made goes with it."""
    quota_release_hold(change_id=change.pk, now=now)
    approvals_dismiss(change_id=change.pk, now=now)
    if change.kind not in MAKES or change.environment_id is None:
        return
    made = Revision.objects.filter(environment_id=change.environment_id).exists()
    if not made and not Run.objects.filter(environment_id=change.environment_id).exists():
        Environment.objects.filter(pk=change.environment_id).update(state="gone", deleted_at=now, changed_at=now)

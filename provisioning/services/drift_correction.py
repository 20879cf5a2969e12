"""Puts drift back without being asked, where its stage says so, and stops where somebody keeps undoing it.

Called by a task that the observer wakes, and by a sweep as a net under it. What it submits is a change of kind
``revert`` like a person's: policies and approvals hold for the platform as well.
"""

from __future__ import annotations

from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import QuerySet

from governance.selectors.people import team_people
from governance.services.audit import audit_append
from governance.services.notice_events import About
from governance.services.notices import notify
from idp.kernel.actor import platform_for
from idp.kernel.errors import UserFault
from provisioning.domain.correction import FIGHT_LIMIT, FIGHT_SPAN, is_fought
from provisioning.models import Change, Drift, Environment
from provisioning.selectors.drift import label_of
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.drift_rows import drift_url

log = structlog.get_logger(__name__)

AT_ONCE = 100
REASON = "Its stage corrects drift at once."


def drifts_correct(*, now: datetime) -> list[Change]:
    """Correct every environment that has drift nobody has looked at, in stages that correct; the changes made."""
    rows = _due().order_by("environment_id").values_list("environment_id", flat=True).distinct()
    made = [drift_correct(environment_id, now=now) for environment_id in rows[:AT_ONCE]]
    return [change for change in made if change is not None]


def drift_correct(environment_id: int, *, now: datetime) -> Change | None:
    """Ask for one revert of what drifted in an environment; None when nothing is to be done.

    Each drift is tried once: what a rule refuses, or a run fails at, is left to people.
    """
    chosen = _judged(environment_id, now=now)
    if not chosen:
        return None
    environment = Environment.objects.select_related("system__team").get(pk=environment_id)
    request = ChangeRequest(
        "revert",
        environment.system.slug,
        environment.name,
        objects=tuple(label_of(row) for row in chosen),
        reason=REASON,
    )
    try:
        return change_submit(platform_for(f"team {environment.system.team.slug}"), request, now=now)
    except UserFault as refusal:
        log.warning("correction_refused", environment=environment_id, code=refusal.code, message=refusal.message)
        why = f"Slipway may not correct it: {refusal.message}"[:400]
        Drift.objects.filter(pk__in=[row.pk for row in chosen], state="open", decision="").update(
            decision="report", automatic=True, reason=why, decided_at=now
        )
        return None


def _due(environment_id: int | None = None) -> QuerySet[Drift]:
    rows = Drift.objects.filter(
        state="open",
        decision="",
        environment__deleted_at=None,
        environment__stage__drift_mode="correct",
        environment__state__in=("ready", "degraded", "asleep"),
    )
    return rows if environment_id is None else rows.filter(environment=environment_id)


@transaction.atomic
def _judged(environment_id: int, *, now: datetime) -> list[Drift]:
    """The drift to put back; what was put back too often is given up. Locks: environment, audit head."""
    environment = (
        Environment.objects.select_for_update(of=("self",))
        .select_related("system__team", "stage")
        .filter(pk=environment_id, deleted_at=None)
        .first()
    )
    if environment is None:
        return []
    chosen = []
    for row in _due(environment_id).order_by("pk"):
        if is_fought(_corrected_at(row, now), now):
            _give_up(environment, row, now=now)
        else:
            chosen.append(row)
    return chosen


def _corrected_at(row: Drift, now: datetime) -> list[datetime]:
    """When the platform put this object back lately."""
    rows = Drift.objects.filter(
        environment=row.environment_id,
        kind=row.kind,
        name=row.name,
        automatic=True,
        decision="revert",
        decided_at__gt=now - FIGHT_SPAN,
    )
    return [at for at in rows.values_list("decided_at", flat=True) if at is not None]


def _give_up(environment: Environment, row: Drift, *, now: datetime) -> None:
    who = row.managers or "Somebody"
    minutes = int(FIGHT_SPAN.total_seconds() // 60)
    why = f"{who} changed it again after Slipway corrected it {FIGHT_LIMIT} times within {minutes} minutes."
    before = {"decision": row.decision, "reason": row.reason}
    Drift.objects.filter(pk=row.pk).update(decision="report", automatic=True, reason=why[:400], decided_at=now)
    place = f"{environment.system.slug} / {environment.name}"
    notify(
        "drift-fought",
        to=team_people(environment.system.team_id),
        title=f"{who} and Slipway keep changing {row.kind} {row.name} of {place}",
        text=f"{why} It is left as it is until you decide.",
        url=drift_url(environment.system.slug, environment.name),
        key=f"drift:{row.pk}:fought",
        now=now,
        about=About(system=environment.system),
    )
    audit_append(
        platform_for(f"team {environment.system.team.slug}"),
        action="drift.give-up",
        object_type="environment",
        object_id=str(environment.pk),
        object_label=f"{environment.system.slug}/{environment.name}",
        team_slug=environment.system.team.slug,
        data={
            "object": label_of(row),
            "managers": row.managers,
            "before": before,
            "after": {"decision": "report", "reason": why[:400]},
        },
        now=now,
    )

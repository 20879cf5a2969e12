"""Making and changing stages. Admins only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from idp.catalog.names import SLUG_RULE, is_slug
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput
from provisioning.domain.isolation import NAMESPACE, isolation_problem
from provisioning.domain.placement import label_problem
from provisioning.domain.sleep_schedule import MAX_IDLE_HOURS
from provisioning.models import Cluster, Stage
from provisioning.models.stage import DRIFT_MODES
from provisioning.selectors.stages import stage_before, stage_get, stage_written
from provisioning.services.sleep import stage_sleep_looked_at

MAX_DAYS = 3650
MAX_SOAK_MINUTES = 525_600


@transaction.atomic
def stage_save(
    actor: Actor,
    *,
    name: str,
    title: str,
    order: int,
    cluster: Cluster,
    now: datetime,
    summary: str = "",
    promotes_from: Stage | None = None,
    production: bool = False,
    default_days: int | None = None,
    max_days: int | None = None,
    soak_minutes: int = 0,
    idle_hours: int | None = None,
    drift_mode: str = "report",
    cluster_labels: dict[str, str] | None = None,
    isolation: str | None = None,
    expected_version: int | None = None,
) -> Stage:
    """Make the stage ``name`` or change it. A production stage has no longest life: nothing in it expires.

    ``soak_minutes``: how long a set must have run Ready in ``promotes_from`` before it may come here.
    ``idle_hours``: environments that report activity fall asleep after so many hours without any; None: never.
    ``drift_mode``: ``report`` leaves drift to its owner, ``correct`` puts it back at once.
    ``cluster_labels``: new environments go to the emptiest cluster with all of these; without any to ``cluster``.

    ``isolation``: how far its new environments are kept from others; None leaves it as it is.

    Living environments stay on the cluster they were made on; the new cluster is for new ones.
    """
    rights_of(actor).require_admin()
    rows = Stage.objects.select_for_update(of=("self",)).select_related("cluster", "promotes_from")
    stage = rows.filter(name=name).first()
    _checked(name, title, order, production, default_days, max_days, promotes_from, stage)
    if not 0 <= soak_minutes <= MAX_SOAK_MINUTES:
        told = f"Write a number of minutes from 0 to {MAX_SOAK_MINUTES}."
        raise InvalidInput("The stage was not stored.", errors=[FieldError("soak_minutes", told)])
    if idle_hours is not None and not 1 <= idle_hours <= MAX_IDLE_HOURS:
        told = f"Write a number of hours from 1 to {MAX_IDLE_HOURS}, or leave it empty."
        raise InvalidInput("The stage was not stored.", errors=[FieldError("idle_hours", told)])
    if drift_mode not in DRIFT_MODES:
        told = f"Write one of {', '.join(DRIFT_MODES)}."
        raise InvalidInput("The stage was not stored.", errors=[FieldError("drift_mode", told)])
    if wrong := label_problem(cluster_labels or {}):
        raise InvalidInput("The stage was not stored.", errors=[FieldError("cluster_labels", wrong)])
    isolation = isolation or (stage.isolation if stage else NAMESPACE)
    if wrong := isolation_problem(isolation, cluster_labels or {}):
        raise InvalidInput("The stage was not stored.", errors=[FieldError("isolation", wrong)])
    if stage is not None and expected_version is not None and stage.version != expected_version:
        raise Conflict("The stage was changed meanwhile.", remedy="Read it again and redo your edit.")
    fields = {
        "title": title.strip(),
        "summary": summary.strip(),
        "order": order,
        "cluster": cluster,
        "cluster_labels": dict(cluster_labels or {}),
        "isolation": isolation,
        "promotes_from": promotes_from,
        "production": production,
        "default_days": default_days,
        "max_days": max_days,
        "soak_minutes": soak_minutes,
        "idle_hours": idle_hours,
        "drift_mode": drift_mode,
    }
    idle_before = stage.idle_hours if stage else None
    before = None if stage is None else stage_written(stage)
    stage = _store(stage, name, fields, now=now)
    if stage.idle_hours != idle_before:
        stage_sleep_looked_at(stage.pk, now=now)
    audit_append(
        actor,
        action="stage.save",
        object_type="stage",
        object_id=str(stage.pk),
        object_label=name,
        data={"before": before, "after": stage_written(stage)},
        now=now,
    )
    return stage


@transaction.atomic
def stage_take_back(actor: Actor, *, name: str, expected_version: int | None = None, now: datetime) -> Stage:
    """Make the stage what it was before its last edit; once more brings that edit again. Admins only.

    Raises Conflict when there is no edit to take back, or it led to a cluster or a stage that is gone.
    """
    rights_of(actor).require_admin()
    before = stage_before(stage_get(name))
    if before is None:
        raise Conflict("There is no edit of this stage to take back.", remedy="Edit it instead.")
    cluster = Cluster.objects.filter(name=before["cluster"]).first()
    source = Stage.objects.filter(name=before["promotes_from"]).first()
    if cluster is None or (before["promotes_from"] and source is None):
        raise Conflict("It led to what is gone by now.", remedy="Edit the stage instead.")
    fields = {**before, "cluster": cluster, "promotes_from": source}
    return stage_save(actor, name=name, expected_version=expected_version, now=now, **fields)


def _store(stage: Stage | None, name: str, fields: dict[str, Any], *, now: datetime) -> Stage:
    try:
        with transaction.atomic():
            if stage is None:
                return Stage.objects.create(name=name, created_at=now, **fields)
            Stage.objects.filter(pk=stage.pk).update(version=stage.version + 1, **fields)
            stage.refresh_from_db()
            return stage
    except IntegrityError:
        message = f"Another stage has the order {fields['order']}."
        raise Conflict(message, remedy="Give each stage a number of its own.") from None


def _checked(
    name: str,
    title: str,
    order: int,
    production: bool,
    default_days: int | None,
    max_days: int | None,
    promotes_from: Stage | None,
    stage: Stage | None,
) -> None:
    errors = [] if is_slug(name) else [FieldError("name", SLUG_RULE)]
    if not title.strip() or len(title) > 80:
        errors.append(FieldError("title", "Write a title of at most 80 characters."))
    if not 0 <= order <= 999:
        errors.append(FieldError("order", "Write a number from 0 to 999."))
    for field, days in (("default_days", default_days), ("max_days", max_days)):
        if days is not None and not 1 <= days <= MAX_DAYS:
            errors.append(FieldError(field, f"Write a number of days from 1 to {MAX_DAYS}, or leave it empty."))
    if default_days and max_days and default_days > max_days:
        errors.append(FieldError("default_days", f"Write at most {max_days}, the longest life of this stage."))
    if production and (default_days or max_days):
        errors.append(FieldError("max_days", "Production never expires; leave both spans empty."))
    if promotes_from is not None and stage is not None and promotes_from.pk == stage.pk:
        errors.append(FieldError("promotes_from", "A stage cannot promote from itself."))
    if errors:
        raise InvalidInput("The stage was not stored.", errors=errors)

"""When an environment sleeps, and what that saves, as people read it. Read by the settings page and the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from provisioning.domain.sleep_schedule import (
    WEEK_MINUTES,
    Edge,
    Schedule,
    asleep_minutes,
    monthly_saving,
    next_edge,
    schedule_read,
)
from provisioning.models import Environment, Preview, SleepPlan
from provisioning.selectors.clusters import prices_of
from provisioning.selectors.desired import desired_of


@dataclass(frozen=True, slots=True)
class SleepView:
    """``cost_awake`` and ``cost_asleep`` are those of a whole month; ``saving`` is what the schedule saves of it.

    ``idle_hours`` is what holds (None: it does not sleep when idle), ``idle_said_by`` who says so. ``coming`` is the
    next transition. ``version`` is 0 while no plan is kept.
    """

    schedule: Schedule
    hours_asleep: float
    hours_awake: float
    cost_awake: float
    cost_asleep: float
    saving: float
    coming: Edge | None
    idle_hours: int | None
    idle_said_by: str
    own_idle_hours: int | None
    active_at: datetime | None
    awake_until: datetime | None
    said: str
    version: int


def sleep_view(environment: Environment, *, now: datetime, schedule: Schedule | None = None) -> SleepView:
    """The plan of an environment; with another ``schedule`` what that would do.

    Needs system, team, stage, cluster and desired revision. At most three queries: plan, and contracts of what it runs.
    """
    plan = SleepPlan.objects.filter(environment=environment).first()
    kept = schedule or (schedule_read(plan.windows, plan.time_zone)[0] if plan else Schedule(()))
    awake, asleep = monthly_costs(environment)
    minutes = asleep_minutes(kept)
    own = plan.idle_hours if plan else None
    hours = environment.stage.idle_hours if own is None else own
    held = plan.awake_until if plan and plan.awake_until and plan.awake_until > now else None
    return SleepView(
        schedule=kept,
        hours_asleep=minutes / 60,
        hours_awake=(WEEK_MINUTES - minutes) / 60,
        cost_awake=awake,
        cost_asleep=asleep,
        saving=round(monthly_saving(asleep, awake, minutes), 2),
        coming=next_edge(kept, now),
        idle_hours=None if environment.stage.production else hours or None,
        idle_said_by="stage" if own is None else "environment",
        own_idle_hours=own,
        active_at=plan.active_at if plan else None,
        awake_until=held,
        said=plan.said if plan else "",
        version=plan.version if plan else 0,
    )


def monthly_costs(environment: Environment) -> tuple[float, float]:
    """What the desired state costs in a whole month: awake, asleep. Two queries at most."""
    if environment.desired is None:
        return 0.0, 0.0
    document: Mapping[str, Any] = environment.desired.document
    prices = prices_of(environment.cluster, stage=environment.stage.name)
    made = [
        desired_of(environment, {**document, "power": power}, revision=environment.desired.number)
        for power in ("awake", "asleep")
    ]
    awake, asleep = (prices.of(one.total()) for one in made)
    return awake, asleep


def preview_key(environment: Environment) -> Preview | None:
    """The key that stands for an environment, where it is a preview; a query only where it was not joined."""
    return getattr(environment, "preview", None)

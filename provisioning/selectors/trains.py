"""Promotion trains as their services and pages read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from governance.access import Rights, visible
from idp.kernel.errors import NotFound
from provisioning.domain.sleep_schedule import Schedule
from provisioning.domain.train import Member
from provisioning.domain.windows import ALWAYS, opens
from provisioning.models import Change, Run, StartHold, Train
from provisioning.selectors.departures import windows_by_stage

BUSY = ("queued", "running")


def train_list(rights: Rights) -> QuerySet[Train]:
    """Trains of which the person may see at least one member, with who asked for them."""
    seen = visible(StartHold.objects.filter(train=OuterRef("pk")), rights, "change__system")
    return Train.objects.filter(Exists(seen)).select_related("requester").order_by("-id")


def train_get(rights: Rights, train_id: int) -> Train:
    found = train_list(rights).filter(pk=train_id).first()
    if found is None:
        raise NotFound(f"There is no train {train_id}.")
    return found


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One member: its change with system, team and stage, the windows of its stage, and its newest run."""

    change: Change
    hold: StartHold
    schedule: Schedule
    run_id: int | None
    run_state: str
    busy: bool

    @property
    def label(self) -> str:
        return f"{self.change.system.slug} / {self.change.environment_name}"

    def as_member(self, now: datetime, not_before: datetime | None) -> Member:
        moment = opens(self.schedule, max(now, not_before or now))
        return Member(self.label, self.change.state, moment, self.busy)


def member_rows(trains: Sequence[int]) -> dict[int, list[MemberRow]]:
    """The members of each train, in their order; three queries for all of them."""
    holds = list(
        StartHold.objects.filter(train__in=trains)
        .select_related("change__system__team", "change__stage", "change__environment", "change__requester")
        .defer("change__plan", "change__facts", "change__target", "change__verdicts", "change__environment__conditions")
    )
    windows = windows_by_stage({one.change.stage_id for one in holds})
    places = {one.change.environment_id for one in holds}
    runs: dict[int, tuple[int, str]] = {}
    busy: set[int] = set()
    rows = Run.objects.filter(environment__in=places).filter(
        change__in=[one.change_id for one in holds]
    ) | Run.objects.filter(environment__in=places, state__in=BUSY)
    columns = ("pk", "change_id", "environment_id", "state")
    for pk, change_id, environment_id, state in rows.order_by("id").values_list(*columns):
        runs[change_id] = (pk, state)
        if state in BUSY:
            busy.add(environment_id)
    found: dict[int, list[MemberRow]] = {}
    for hold in holds:
        change = hold.change
        run_id, run_state = runs.get(change.pk, (None, ""))
        row = MemberRow(
            change, hold, windows.get(change.stage_id, ALWAYS), run_id, run_state, change.environment_id in busy
        )
        found.setdefault(hold.train_id or 0, []).append(row)
    return found

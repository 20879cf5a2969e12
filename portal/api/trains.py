"""Promotion trains, and the windows in which promotions into a stage may start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from portal.api import paths
from portal.api.answers import answer, created, listing, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.plans import change_request, planned_row
from portal.api.preconditions import require_if_match
from portal.api.shapes import trains as shapes
from portal.api.shapes.words import text
from provisioning.domain.sleep_schedule import schedule_written
from provisioning.domain.train import TRAIN_STATES
from provisioning.domain.windows import in_words, opens
from provisioning.models import Stage, StageWindows, Train
from provisioning.selectors.departures import schedule_of
from provisioning.selectors.stages import stage_get
from provisioning.selectors.trains import MemberRow, member_rows, train_get, train_list
from provisioning.services.departures import stage_windows_set
from provisioning.services.trains import TrainRequest, train_cancel, train_plan, train_submit

AREA = "Promotion trains"
ALL_OR_NOTHING = "They start together as soon as all are agreed to and can start, or not at all."


class Trains(Endpoint):
    @operation(
        "trains_list",
        "List promotion trains",
        area=AREA,
        answers={200: shapes.TRAIN_PAGE},
        query=(Query("state", text(one_of=TRAIN_STATES)), *PAGED),
        about="Those with a member that you may see, newest first.",
    )
    def get(self, request: Request) -> HttpResponse:
        rows = train_list(self.rights)
        if state := self.query.get("state"):
            rows = rows.filter(state=state)
        return listing(request, self.query, rows, ("-id",), train_row)

    @operation(
        "trains_submit",
        "Ask for a promotion train",
        area=AREA,
        answers={201: shapes.TRAIN_DETAIL},
        body=shapes.TRAIN_REQUEST,
        scope="change",
        problems=(409,),
        about=f"Several promotions as one. {ALL_OR_NOTHING} What is wrong with one keeps all from being stored.",
    )
    def post(self, request: Request) -> HttpResponse:
        made = train_submit(self.actor, _request(self.sent), now=clock.now())
        return created(_detail(self, made), paths.train(made.pk))


class TrainPlans(Endpoint):
    @operation(
        "trains_plan",
        "Plan a promotion train",
        area=AREA,
        answers={200: shapes.TRAIN_PLAN},
        body=shapes.TRAIN_REQUEST,
        scope="change",
        about="Same body as a train; answers the plan of each member and writes nothing.",
    )
    def post(self, request: Request) -> HttpResponse:
        planned = train_plan(self.actor, _request(self.sent), now=clock.now())
        return answer({"members": [planned_row(one) for one in planned]})


class OneTrain(Endpoint):
    @operation("trains_read", "Read a promotion train", area=AREA, answers={200: shapes.TRAIN_DETAIL})
    def get(self, request: Request, train_id: int) -> HttpResponse:
        return answer(_detail(self, train_get(self.rights, train_id)))


class TrainCancel(Endpoint):
    @operation(
        "trains_cancel",
        "Call a promotion train off",
        area=AREA,
        answers={200: shapes.TRAIN_DETAIL},
        body=shapes.TRAIN_CANCEL,
        scope="change",
        problems=(409,),
        about="While it waits. The requester, and maintainers of a member's team.",
    )
    def post(self, request: Request, train_id: int) -> HttpResponse:
        train_cancel(self.actor, train_id, now=clock.now(), **self.sent)
        return answer(_detail(self, train_get(self.rights, train_id)))


class Windows(Endpoint):
    @operation(
        "stages_windows",
        "Read the windows of a stage",
        area="Administration",
        answers={200: shapes.WINDOWS},
        versioned=True,
        about="When promotions into it may start.",
    )
    def get(self, request: Request, stage: str) -> HttpResponse:
        row = stage_get(stage)
        kept = StageWindows.objects.filter(stage=row).first()
        return versioned(_windows_row(row, kept), kept.version if kept else 1)

    @operation(
        "stages_windows_set",
        "Set the windows of a stage",
        area="Administration",
        answers={200: shapes.WINDOWS},
        body=shapes.WINDOWS_EDIT,
        scope="admin",
        versioned=True,
        problems=(409,),
        about="Platform admins only. What waits for its moment is looked at again within seconds.",
    )
    def put(self, request: Request, stage: str) -> HttpResponse:
        self.rights.require_admin()
        row = stage_get(stage)
        kept = StageWindows.objects.filter(stage=row).first()
        expected = require_if_match(request, kept.version if kept else 1)
        kept = stage_windows_set(
            self.actor,
            row,
            windows=self.sent["windows"],
            zone=self.sent.get("timezone", "UTC"),
            expected_version=expected,
            now=clock.now(),
        )
        return versioned(_windows_row(row, kept), kept.version)


def _request(sent: Mapping[str, Any]) -> TrainRequest:
    """The members as promotions, each with what it was sent."""
    members = tuple(change_request({**one, "kind": "promote"}) for one in sent["members"])
    given = {name: sent[name] for name in ("title", "reason", "not_before") if name in sent}
    return TrainRequest(members, **given)


def train_row(train: Train) -> dict[str, Any]:
    """Needs ``requester`` joined."""
    return {
        "id": train.pk,
        "title": train.title,
        "reason": train.reason,
        "state": train.state,
        "state_reason": train.state_reason,
        "requester": train.requester.username,
        "not_before": moment(train.not_before),
        "created_at": moment(train.created_at),
        "departed_at": moment(train.departed_at),
        "finished_at": moment(train.finished_at),
        "url": paths.train(train.pk),
    }


def _detail(view: Endpoint, train: Train) -> dict[str, Any]:
    rows = member_rows([train.pk]).get(train.pk, [])
    seen = [one for one in rows if view.rights.may_see(one.change.system)]
    return {
        **train_row(train),
        "members": [_member_row(one, train) for one in seen],
        "hidden": len(rows) - len(seen),
    }


def _member_row(row: MemberRow, train: Train) -> dict[str, Any]:
    return {
        "system": row.change.system.slug,
        "environment": row.change.environment_name,
        "stage": row.change.stage.name,
        "change": row.change.pk,
        "state": row.change.state,
        "opens_at": moment(row.as_member(clock.now(), train.not_before).opens_at),
        "run": row.run_id,
    }


def _windows_row(stage: Stage, kept: StageWindows | None) -> dict[str, Any]:
    schedule = schedule_of(kept)
    return {
        "stage": stage.name,
        "windows": schedule_written(schedule),
        "timezone": schedule.zone,
        "words": in_words(schedule),
        "opens_at": moment(opens(schedule, clock.now())),
        "version": kept.version if kept else 1,
        "url": f"{paths.stage(stage.name)}windows/",
    }

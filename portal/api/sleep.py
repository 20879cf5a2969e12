"""When an environment sleeps by itself: its plan, staying awake for longer, and the activity that keeps it awake."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from idp.kernel.errors import FieldError, InvalidInput
from portal.api.answers import answer, figure, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import sleep as shapes
from provisioning.domain.sleep_schedule import schedule_written
from provisioning.models import Environment
from provisioning.selectors.environments import environment_get
from provisioning.selectors.sleeping import SleepView, sleep_view
from provisioning.services.sleep import activity_report, sleep_hold, sleep_plan_save

AREA = "Environments"


class Sleep(Endpoint):
    @operation(
        "environments_sleep",
        "Read when an environment sleeps",
        area=AREA,
        answers={200: shapes.SLEEP},
        versioned=True,
    )
    def get(self, request: Request, system: str, name: str) -> HttpResponse:
        view = _view(environment_get(self.rights, system, name))
        return versioned(sleep_row(view), view.version)

    @operation(
        "environments_sleep_replace",
        "Say when an environment sleeps",
        area=AREA,
        answers={200: shapes.SLEEP},
        body=shapes.SLEEP_REQUEST,
        scope="change",
        versioned=True,
        problems=(409,),
        about="Sleep and waking are ordinary changes, asked for by the platform when their time has come. Production "
        "does not sleep by itself.",
    )
    def put(self, request: Request, system: str, name: str) -> HttpResponse:
        row = environment_get(self.rights, system, name)
        self.rights.require_request(row.system)
        expected = require_if_match(request, _view(row).version)
        sleep_plan_save(
            self.actor,
            system=system,
            environment=name,
            windows=self.sent["schedule"],
            time_zone=self.sent["timezone"],
            idle_hours=self.sent.get("idle_hours"),
            expected_version=expected or None,
            now=clock.now(),
        )
        view = _view(row)
        return versioned(sleep_row(view), view.version)


class SleepHold(Endpoint):
    @operation(
        "environments_stay_awake",
        "Keep an environment awake for longer",
        area=AREA,
        answers={200: shapes.SLEEP},
        body=shapes.HOLD_REQUEST,
        scope="change",
        problems=(409,),
        about="Its schedule and its being idle are passed over for so long. One that sleeps is woken by a change.",
    )
    def post(self, request: Request, system: str, name: str) -> HttpResponse:
        sleep_hold(self.actor, system=system, environment=name, span=self.sent["for"], now=clock.now())
        return answer(sleep_row(_view(environment_get(self.rights, system, name))))


class Activity(Endpoint):
    @operation(
        "environments_activity",
        "Report that an environment is used",
        area=AREA,
        answers={200: shapes.SLEEP},
        body=shapes.ACTIVITY,
        scope="change",
        problems=(409,),
        about="For gateways and test runners, with a token. It puts off sleep after idle hours; it wakes nothing.",
    )
    def post(self, request: Request, system: str, name: str) -> HttpResponse:
        at = _moment(self.sent["at"]) if "at" in self.sent else None
        activity_report(self.actor, system=system, environment=name, at=at, now=clock.now())
        return answer(sleep_row(_view(environment_get(self.rights, system, name))))


def _view(environment: Environment) -> SleepView:
    return sleep_view(environment, now=clock.now())


def _moment(text: str) -> datetime:
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        told = "Write a moment such as 2026-11-22T09:30:00Z."
        raise InvalidInput("The activity was not kept.", errors=[FieldError("at", told)]) from None


def sleep_row(view: SleepView) -> dict[str, Any]:
    return {
        "schedule": schedule_written(view.schedule),
        "timezone": view.schedule.zone,
        "idle_hours": view.own_idle_hours,
        "idle_hours_in_force": view.idle_hours,
        "hours_asleep_per_week": round(view.hours_asleep, 2),
        "monthly_cost_awake": figure(view.cost_awake),
        "monthly_cost_asleep": figure(view.cost_asleep),
        "monthly_saving": figure(view.saving),
        "currency": settings.CURRENCY,
        "next": {"at": moment(view.coming.at), "power": view.coming.power} if view.coming else None,
        "active_at": moment(view.active_at),
        "awake_until": moment(view.awake_until),
        "said": view.said,
        "version": view.version,
    }

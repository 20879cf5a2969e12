"""When promotions into a stage may start: read by everybody, edited by platform admins."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render

from idp.kernel import clock
from idp.kernel.errors import Conflict, FieldError, InvalidInput
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, page
from provisioning.domain.sleep_schedule import DAYS, schedule_written
from provisioning.domain.windows import in_words, moment_in_words, opens
from provisioning.models import StageWindows
from provisioning.selectors.departures import schedule_of
from provisioning.selectors.stages import stage_get
from provisioning.services.departures import stage_windows_set

EMPTY_ROWS = 1
MOST_ROWS = 14


@page("environments", methods=FORM)
def stage_windows(request: PageRequest, stage: str) -> HttpResponse:
    found = stage_get(stage)
    kept = StageWindows.objects.filter(stage=found).first()
    schedule, now, problems = schedule_of(kept), clock.now(), []
    rows, zone = schedule_written(schedule), schedule.zone
    if request.method == "POST":
        request.rights.require_admin()
        rows, zone = _posted(request.POST)
        try:
            version = request.POST.get("version", "")
            expected = int(version) if version.isdecimal() and len(version) < 10 else None
            stage_windows_set(request.actor, found, windows=rows, zone=zone, expected_version=expected, now=clock.now())
            messages.success(request, f"The windows of {found.name} are saved")
            return redirect("stage-windows", stage)
        except (InvalidInput, Conflict) as error:
            problems = list(error.errors) or [FieldError("", error.message)]
    context = {
        "stage": found,
        "words": in_words(schedule),
        "opens": moment_in_words(opens(schedule, now), schedule) if opens(schedule, now) > now else "",
        "rows": _rows(rows),
        "zone": zone,
        "version": kept.version if kept else 1,
        "problems": [one.message for one in problems],
        "may_edit": request.rights.may_administer(),
    }
    return render(request, "stages/windows.html", context, status=422 if problems else 200)


def _posted(given: QueryDict) -> tuple[list[dict[str, Any]], str]:
    """The rows that were filled in, and the zone."""
    rows = []
    for place in range(MOST_ROWS):
        start, end = (given.get(f"{key}-{place}", "").strip()[:5] for key in ("from", "to"))
        days = [day for day in DAYS if given.get(f"day-{place}-{day}")]
        if days or start or end:
            rows.append({"days": days, "from": start, "to": end})
    return rows, given.get("zone", "").strip()[:64] or "UTC"


def _rows(written: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows to draw: what there is, and an empty one to add another."""
    empty = {"days": [], "from": "", "to": ""}
    return [
        {
            "number": place + 1,
            "place": place,
            "start": one["from"],
            "end": one["to"],
            "days": [{"key": day, "label": day.capitalize(), "on": day in one["days"]} for day in DAYS],
        }
        for place, one in enumerate([*written, *[empty] * EMPTY_ROWS][:MOST_ROWS])
    ]

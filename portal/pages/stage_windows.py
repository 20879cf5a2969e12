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
from provisioning.domain.sleep_schedule import DAYS, schedule_read, schedule_written
from provisioning.domain.windows import in_words, moment_in_words, opens
from provisioning.models import Stage, StageWindows
from provisioning.selectors.departures import schedule_of, waiting_for_windows, windows_before
from provisioning.selectors.stages import stage_get
from provisioning.services.departures import stage_windows_set, stage_windows_take_back

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
        taken_back = request.POST.get("do") == "back"
        if not taken_back:
            rows, zone = _posted(request.POST)
        try:
            messages.success(request, _edited(request, found, rows, zone, taken_back=taken_back))
            return redirect("stage-windows", stage)
        except (InvalidInput, Conflict) as error:
            problems = list(error.errors) or [FieldError("", error.message)]
    may_edit = request.rights.may_administer()
    context = {
        "stage": found,
        "words": in_words(schedule),
        "opens": moment_in_words(opens(schedule, now), schedule) if opens(schedule, now) > now else "",
        "rows": _rows(rows),
        "zone": zone,
        "version": kept.version if kept else 1,
        "problems": [one.message for one in problems],
        "may_edit": may_edit,
        "waiting": waiting_for_windows(found) if may_edit else 0,
        "before": _in_words(windows_before(found)) if may_edit else "",
    }
    return render(request, "stages/windows.html", context, status=422 if problems else 200)


def _edited(request: PageRequest, stage: Stage, rows: list[dict[str, Any]], zone: str, *, taken_back: bool) -> str:
    """Stores what was sent, or what was there before; says which."""
    version = request.POST.get("version", "")
    expected = int(version) if version.isdecimal() and len(version) < 10 else None
    if taken_back:
        stage_windows_take_back(request.actor, stage, expected_version=expected, now=clock.now())
        return f"The last edit of the windows of {stage.name} is taken back"
    stage_windows_set(request.actor, stage, windows=rows, zone=zone, expected_version=expected, now=clock.now())
    return f"The windows of {stage.name} are saved"


def _in_words(before: dict[str, Any] | None) -> str:
    """What taking the last edit back leads to; empty where there is nothing to take back."""
    if before is None:
        return ""
    schedule, wrong = schedule_read(before["windows"], before["zone"])
    return "" if wrong else in_words(schedule)


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

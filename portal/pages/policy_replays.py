"""Time machine: what would this rule have done? A report by its id; admins ask for it, auditors read it too.

Working it out is the workers' part: a page only asks for it and shows how far it is.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render

from idp.kernel import clock, keyset
from idp.kernel.errors import NotFound, UserFault
from portal.pages.request import PageRequest
from portal.pages.shell import POST, page
from portal.reading import policy_replays as reading
from provisioning.domain.replay import STRUCK
from provisioning.models import PolicyReplay, PolicyReplayItem
from provisioning.selectors import policy_replays as selectors
from provisioning.services import policy_replays as services

PAGE: Final = 50
STOP_POLLING: Final = 286


@page("administration", methods=POST)
def policy_replayed(request: PageRequest, policy: str) -> HttpResponse:
    """Ask for a report of a policy, or of one of its versions, and go there."""
    number, days = request.POST.get("number", ""), request.POST.get("days", "")
    report = services.replay_of_policy(
        request.actor,
        name=policy,
        number=int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else None,
        days=int(days) if days.isascii() and days.isdecimal() and len(days) < 5 else services.DAYS,
        now=clock.now(),
    )
    return redirect("policy-replay", report.pk)


@page("administration")
def policy_replay(request: PageRequest, report: int) -> HttpResponse:
    return render(request, "policies/replay.html", _context(request, report))


@page("administration")
def policy_replay_progress(request: PageRequest, report: int) -> HttpResponse:
    """The live part of the report's page; the last answer tells browsers to stop."""
    context = _context(request, report)
    return render(request, "policies/replay.html#report", context, status=STOP_POLLING if context["view"].over else 200)


@page("administration")
def policy_replay_short(request: PageRequest, report: int) -> HttpResponse:
    """The summary beside the editor and before enforcing."""
    view = reading.view_of(selectors.replay_get(request.rights, report))
    return render(request, "policies/_replay.html", {"replay": view}, status=STOP_POLLING if view.over else 200)


@page("administration", methods=POST)
def policy_replay_again(request: PageRequest, report: int) -> HttpResponse:
    """The same policy over the days until now; the same report as long as no change came."""
    again = services.replay_again(request.actor, report, now=clock.now())
    if again.pk == report and again.state == "succeeded":
        messages.info(request, "No change came since\nThis report is still what would have been.")
    return redirect("policy-replay", again.pk)


@page("administration")
def policy_replay_download(request: PageRequest, report: int, form: str) -> HttpResponse | StreamingHttpResponse:
    """All that the reader may see, as JSON or CSV, streamed."""
    if form not in _WRITERS:
        raise NotFound("A report is there as report.json and report.csv.")
    found = selectors.replay_get(request.rights, report)
    media, writer = _WRITERS[form]
    answer = StreamingHttpResponse(writer(request, found), content_type=media)
    answer["Content-Disposition"] = f'attachment; filename="replay-{found.policy}-{found.pk}.{form}"'
    return answer


def _context(request: PageRequest, report_id: int) -> dict[str, Any]:
    report = selectors.replay_get(request.rights, report_id)
    asked = _asked(request, report)
    listed, following = _rows(request, report, asked)
    return {
        "view": reading.view_of(report, asked=asked, in_short=False),
        "report": report,
        "asked": asked,
        "filtered": bool(asked["outcome"] or asked["team"]),
        "moved": report.state == "succeeded" and selectors.has_moved(report),
        "rows": reading.row_words(report, listed),
        "next": following,
        "hidden": selectors.hidden_count(request.rights, report, **asked),
        "outcomes": reading.outcome_options(report),
        "team_options": reading.team_options(report),
        "may_ask": request.rights.may_administer(),
    }


def _asked(request: PageRequest, report: PolicyReplay) -> dict[str, str]:
    """Filters of the address; one that is nonsense counts as not there."""
    outcome, team = request.GET.get("outcome", ""), request.GET.get("team", "")
    return {
        "outcome": outcome if outcome in STRUCK else "",
        "team": team if team in {one["slug"] for one in report.teams.values()} else "",
    }


def _rows(
    request: PageRequest, report: PolicyReplay, asked: dict[str, str]
) -> tuple[list[PolicyReplayItem], str | None]:
    """A page of rows and the cursor of the next; a cursor of another list begins again."""
    rows = selectors.items_of(request.rights, report, **asked)
    try:
        found = keyset.page(rows, order=("position",), cursor=request.GET.get("cursor"), limit=PAGE)
    except UserFault:
        found = keyset.page(rows, order=("position",), cursor=None, limit=PAGE)
    return found.items, found.next


def _as_json(request: PageRequest, report: PolicyReplay) -> Iterator[str]:
    head = {**selectors.replay_data(report), "hidden": selectors.hidden_count(request.rights, report)}
    yield json.dumps(head, default=_plain, ensure_ascii=False)[:-1] + ', "items": ['
    for number, item in enumerate(selectors.rows_in_chunks(selectors.items_of(request.rights, report))):
        line = json.dumps(selectors.item_data(item), default=_plain, ensure_ascii=False)
        yield (",\n" if number else "\n") + line
    yield "\n]}\n"


def _as_csv(request: PageRequest, report: PolicyReplay) -> Iterator[str]:
    writer = csv.writer(_Lines())
    yield writer.writerow(selectors.COLUMNS)
    for item in selectors.rows_in_chunks(selectors.items_of(request.rights, report)):
        yield writer.writerow(selectors.item_cells(item))


class _Lines:
    """A file for ``csv`` that gives each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


_WRITERS: Final = {"json": ("application/json", _as_json), "csv": ("text/csv; charset=utf-8", _as_csv)}

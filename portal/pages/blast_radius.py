"""Blast radius: what would this version do to everyone? A report by id; a version's address leads to its report.

For platform admins and maintainers of the team that owns the capability. Working it out is the workers' part: a page
only asks for it and shows how far it is.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render

from idp.kernel import clock, keyset
from idp.kernel.errors import NotFound, UserFault
from portal.pages.request import PageRequest
from portal.pages.shell import POST, page
from portal.reading import blast_radius as reading
from provisioning.models import BlastItem, BlastReport
from provisioning.selectors import blast as selectors
from provisioning.selectors import blast_rows as rows
from provisioning.services import blast_reports as services

PAGE: Final = 50
STOP_POLLING: Final = 286
OVER: Final = ("succeeded", "failed")


@page("capabilities")
def contract_blast(request: PageRequest, name: str, version: str) -> HttpResponse:
    """Leads to the version's report over what lives now. A report is a cache, so that reading may fill it."""
    report = services.blast_of_version(request.actor, capability=name, version=version, now=clock.now())
    return redirect("blast-report", report.pk)


@page("capabilities", methods=POST)
def blast_again(request: PageRequest, report: int) -> HttpResponse:
    """The same document over what lives now; the same report as long as nothing moved."""
    again = services.blast_again(request.actor, report, now=clock.now())
    if again.pk == report and again.state == "succeeded":
        messages.info(request, "Nothing moved since\nThis report is still what would happen.")
    return redirect("blast-report", again.pk)


@page("capabilities")
def blast_report(request: PageRequest, report: int) -> HttpResponse:
    return render(request, "capabilities/blast_radius.html", _context(request, report))


@page("capabilities")
def blast_progress(request: PageRequest, report: int) -> HttpResponse:
    """The live part for browsers that poll; the last answer tells them to stop."""
    context = _context(request, report)
    status = STOP_POLLING if context["over"] else 200
    return render(request, "capabilities/blast_radius.html#report", context, status=status)


@page("capabilities")
def blast_item(request: PageRequest, report: int, item: int) -> HttpResponse:
    """The objects of one resource, as a page and, opened in the list, as a fragment."""
    found = selectors.report_get(request.rights, report)
    row = selectors.item_get(request.rights, found, item)
    template = "capabilities/blast_item.html" + ("#objects" if request.htmx else "")
    context = {"report": found, "item": row, "diff": reading.diff_lines(row), "currency": settings.CURRENCY}
    return render(request, template, context)


@page("capabilities")
def blast_download(request: PageRequest, report: int, form: str) -> HttpResponse | StreamingHttpResponse:
    """All that the reader may see, as JSON or CSV, streamed."""
    if form not in _WRITERS:
        raise NotFound("A report is there as report.json and report.csv.")
    found = selectors.report_get(request.rights, report)
    media, writer = _WRITERS[form]
    answer = StreamingHttpResponse(writer(request, found), content_type=media)
    name = f"blast-radius-{found.capability}-{found.version}-{found.pk}.{form}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _context(request: PageRequest, report_id: int) -> dict[str, Any]:
    rights = request.rights
    report = selectors.report_get(rights, report_id)
    asked = _asked(request, report)
    chosen = {**asked, "verdict": asked["verdict"] or selectors.AFFECTED}
    listed, following = _rows(request, report, chosen)
    lines = selectors.team_lines(report)
    return {
        "report": report,
        "over": report.state in OVER,
        "moved": report.state == "succeeded" and selectors.has_moved(report),
        "asked": asked,
        "filtered": bool(asked["verdict"] or asked["team"]),
        "shares": reading.shares(report, asked),
        "progress": reading.progress(report),
        "reach": reading.reach_words(report, selectors.majors_of(report)),
        "left_out": reading.left_out_words(report),
        "teams": reading.team_rows(lines[: reading.TEAMS_SHOWN]),
        "more_teams": reading.team_rows(lines[reading.TEAMS_SHOWN :]),
        "short_count": sum(bool(line.short) for line in lines),
        "cost": sum(line.cost for line in lines),
        "groups": reading.groups(listed, report.version),
        "next": following,
        "hidden": sum(selectors.hidden_counts(rights, report, **chosen).values()),
        "verdicts": reading.verdict_options(),
        "team_options": reading.team_options(report),
        "currency": settings.CURRENCY,
    }


def _asked(request: PageRequest, report: BlastReport) -> dict[str, str]:
    """Filters of the address; one that is nonsense counts as not there."""
    verdict, team = request.GET.get("verdict", ""), request.GET.get("team", "")
    known = {one["slug"] for one in report.teams.values()}
    return {
        "verdict": verdict if verdict in selectors.VERDICTS else "",
        "team": team if team in known else "",
    }


def _rows(request: PageRequest, report: BlastReport, asked: dict[str, str]) -> tuple[list[BlastItem], str | None]:
    """A page of rows and the cursor of the next; a cursor of another list begins again."""
    rows = selectors.items_of(request.rights, report, **asked)
    try:
        found = keyset.page(rows, order=("position",), cursor=request.GET.get("cursor"), limit=PAGE)
    except UserFault:
        found = keyset.page(rows, order=("position",), cursor=None, limit=PAGE)
    return found.items, found.next


def _as_json(request: PageRequest, report: BlastReport) -> Iterator[str]:
    head = {
        **rows.report_data(report),
        "teams": [rows.team_data(one) for one in selectors.team_lines(report)],
        "hidden": selectors.hidden_counts(request.rights, report),
    }
    yield json.dumps(head, default=_plain, ensure_ascii=False)[:-1] + ', "items": ['
    for number, item in enumerate(selectors.rows_in_chunks(selectors.items_of(request.rights, report))):
        yield (",\n" if number else "\n") + json.dumps(rows.item_data(item), default=_plain, ensure_ascii=False)
    yield "\n]}\n"


def _as_csv(request: PageRequest, report: BlastReport) -> Iterator[str]:
    writer = csv.writer(_Lines())
    yield writer.writerow(rows.COLUMNS)
    for item in selectors.rows_in_chunks(selectors.items_of(request.rights, report)):
        yield writer.writerow(rows.item_cells(item))


class _Lines:
    """A file for ``csv`` that gives each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


_WRITERS: Final = {"json": ("application/json", _as_json), "csv": ("text/csv; charset=utf-8", _as_csv)}

"""Costs: what did each team, system and environment cost in a month? Also as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render

from idp.catalog.models import Team
from idp.kernel import clock
from portal.pages.request import PageRequest
from portal.pages.shell import page
from portal.reading import costs as reading
from provisioning.domain.showback import Month
from provisioning.selectors.costs import CostLine, cost_lines, costs_by

FORMULAS = ("=", "+", "-", "@", "\t", "\r")


@page("teams")
def costs(request: PageRequest) -> HttpResponse:
    now = clock.now()
    month = _month(request)
    team = request.GET.get("team", "")[:63]
    by = reading.way(request.GET.get("by", ""))
    teams = dict(Team.objects.order_by("name").values_list("slug", "name"))
    sums = costs_by(by, month, rights=request.rights, team=team, most=reading.MOST, now=now)
    context = {
        "month": month,
        "before": month.before,
        "after": month.next if month.next.start <= now else None,
        "running": month.end > now,
        "table": reading.table(sums, by=by, teams=teams),
        "team": team,
        "teams": [{"value": slug, "label": name} for slug, name in teams.items()],
        "currency": settings.CURRENCY,
    }
    return render(request, "quotas/costs.html", context)


@page("teams")
def costs_download(request: PageRequest) -> StreamingHttpResponse:
    """Every line, sent as it is read."""
    month = _month(request)
    lines = cost_lines(month, rights=request.rights, team=request.GET.get("team", "")[:63], now=clock.now())
    answer = StreamingHttpResponse(_sheet(month, lines), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="costs-{month}.csv"'
    return answer


class _Line:
    """What a csv writer writes to: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def _sheet(month: Month, lines: Iterable[CostLine]) -> Iterator[str]:
    sheet = csv.writer(_Line())
    yield sheet.writerow(["month", "team", "system", "environment", "stage", "cost", "currency"])
    for one in lines:
        row = [str(month), one.team, one.system, one.environment, one.stage, f"{one.cost:.2f}", settings.CURRENCY]
        yield sheet.writerow([_cell(value) for value in row])


def _month(request: PageRequest) -> Month:
    """The month of the address, else this one; InvalidInput for what is no month."""
    text = request.GET.get("month", "")
    return Month.parse(text[:10]) if text else Month.of(clock.now())


def _cell(value: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(FORMULAS) else value

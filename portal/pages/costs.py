"""Costs: what did each team, system and environment cost in a month? Also as CSV."""

from __future__ import annotations

import csv
from io import StringIO

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render

from idp.catalog.models import Team
from idp.kernel import clock
from portal.pages.request import PageRequest
from portal.pages.shell import page
from portal.reading import costs as reading
from provisioning.domain.showback import Month
from provisioning.selectors.costs import cost_lines

FORMULAS = ("=", "+", "-", "@", "\t", "\r")


@page("teams")
def costs(request: PageRequest) -> HttpResponse:
    now = clock.now()
    month = _month(request)
    team = request.GET.get("team", "")[:63]
    lines = cost_lines(month, rights=request.rights, team=team, now=now)
    context = {
        "month": month,
        "before": month.before,
        "after": month.next if month.next.start <= now else None,
        "running": month.end > now,
        "table": reading.table(lines, by=request.GET.get("by", "")),
        "team": team,
        "teams": [
            {"value": slug, "label": name} for slug, name in Team.objects.order_by("name").values_list("slug", "name")
        ],
        "currency": settings.CURRENCY,
    }
    return render(request, "quotas/costs.html", context)


@page("teams")
def costs_download(request: PageRequest) -> HttpResponse:
    month = _month(request)
    lines = cost_lines(month, rights=request.rights, team=request.GET.get("team", "")[:63], now=clock.now())
    text = StringIO()
    sheet = csv.writer(text)
    sheet.writerow(["month", "team", "system", "environment", "stage", "cost", "currency"])
    for one in lines:
        row = [str(month), one.team, one.system, one.environment, one.stage, f"{one.cost:.2f}", settings.CURRENCY]
        sheet.writerow([_cell(value) for value in row])
    answer = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="costs-{month}.csv"'
    return answer


def _month(request: PageRequest) -> Month:
    """The month of the address, else this one; InvalidInput for what is no month."""
    text = request.GET.get("month", "")
    return Month.parse(text[:10]) if text else Month.of(clock.now())


def _cell(value: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(FORMULAS) else value

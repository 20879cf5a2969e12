"""All quotas at a glance: what each team may take, who asks for more, what is lent. Admins decide here."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.domain.lending import in_words
from governance.domain.quota import Amounts
from governance.models import Loan, Quota, QuotaRequest
from governance.selectors.lending import loans, quota_requests
from governance.selectors.quota import quota_states
from governance.services.quota_requests import request_decide
from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput
from idp.kernel.prepared import Prepared
from portal.pages.request import PageRequest
from portal.pages.shell import POST, page
from portal.reading import quotas as reading_quotas

ON_A_PAGE = 25


@page("teams")
def quotas(request: PageRequest) -> HttpResponse:
    return _quotas(request)


def _quotas(request: PageRequest, *, refused: Any = None) -> HttpResponse:
    rows = Paginator(Quota.objects.select_related("team").order_by("team__name"), ON_A_PAGE)
    shown = rows.get_page(request.GET.get("page"))
    states = quota_states(row.team_id for row in shown)
    asked = _asked()
    for one in asked:
        one.words = in_words(Amounts.of(one))  # type: ignore[attr-defined]  # for the template
    running = _running()
    for loan in running:
        loan.words = in_words(Amounts.of(loan) - Amounts.of(loan.returned))  # type: ignore[attr-defined]
    lines = [(row, reading_quotas.bars(states[row.team_id])) for row in shown]
    for row, bars in lines:
        row.tight = any(bar.state for bar in bars)  # type: ignore[attr-defined]  # for the template
    context = {
        "rows": shown,
        "lines": lines,
        "asked": asked,
        "running": running,
        "may_decide": request.rights.may_administer(),
        "refused": refused,
    }
    return render(request, "quotas/list.html", context, status=422 if refused else 200)


@Prepared
def _asked() -> QuerySet[QuotaRequest]:
    return quota_requests(state="open")[:ON_A_PAGE]


@Prepared
def _running() -> QuerySet[Loan]:
    return loans().filter(state__in=("active", "due"))[:ON_A_PAGE]


@page("teams", methods=POST)
def quota_decide(request: PageRequest, asked: int) -> HttpResponse:
    grant = request.POST.get("do") == "grant"
    try:
        done = request_decide(request.actor, asked, grant=grant, answer=request.POST.get("answer", ""), now=clock.now())
    except (InvalidInput, Conflict) as error:
        return _quotas(request, refused=error)
    messages.success(request, f"The request of {done.team.name} is {done.state}")
    return redirect("quotas")

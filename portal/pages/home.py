"""The first page: what needs me now?"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render

from governance.selectors import quota
from idp.catalog.models import System
from idp.kernel import clock
from portal.drawing import words
from portal.pages.request import PageRequest
from portal.pages.shell import page, waiting_count
from portal.reading import matrix, mine, quotas
from portal.reading.change_lines import change_lines
from provisioning.models import Environment
from provisioning.selectors import changes

ROWS = 6
MATRIX_SYSTEMS = 8
MATRIX_STAGES = 3


@page("home")
def home(request: PageRequest) -> HttpResponse:
    systems, rights = mine.systems(request), request.rights
    environments = mine.environments(systems)
    by_key = {one.pk: one for one in systems}
    care = mine.needs_care(((by_key[one.system_id], one) for one in environments), clock.now())
    tight = quotas.near({one.team for one in systems}, quota.quota_states(rights.teams)) if systems else []
    context = {
        "waiting": change_lines(changes.change_list(rights, waiting_on_me=True)[:ROWS])
        if waiting_count(request)
        else [],
        "waiting_count": waiting_count(request),
        "care": care[:ROWS],
        "care_more": max(len(care) - ROWS, 0),
        "tight": tight,
        "mine": change_lines(changes.change_list(rights, requester=rights.actor.user_id)[:ROWS]),
        "summary": summary(care, tight, environments),
        "environments": environments,
        "currency": settings.CURRENCY,
        **_matrix(systems, environments),
    }
    return render(request, "home/home.html", context)


def _matrix(systems: list[System], environments: list[Environment]) -> dict[str, Any]:
    stages = matrix.stages_of(environments)[-MATRIX_STAGES:]
    return {"stages": stages, "lines": matrix.lines(systems[:MATRIX_SYSTEMS], stages, environments)}


def summary(care: list[mine.Care], tight: list[Any], environments: list[Environment]) -> str:
    """The sentence below the answer: what else is not as it should be, else that all is."""
    failed = sum(one.state == "failed" for one in care)
    parts = [
        f"{words.count(failed, 'environment,environments')} failed" if failed else "",
        _counted(care, "degraded", "is degraded", "are degraded"),
        _counted(care, "expiring", "expires soon", "expire soon"),
        f"{tight[0].team} is near its quota" if tight else "",
    ]
    said = [part for part in parts if part]
    if said:
        return f"{', '.join(said)}. The rest is as agreed."
    if not environments:
        return "Your teams have no environment yet."
    return (
        f"All {words.count(len(environments), 'environment,environments')} of your teams are as agreed."
        if len(environments) > 1
        else "Your team's environment is as agreed."
    )


def _counted(care: list[mine.Care], state: str, one: str, many: str) -> str:
    number = sum(care_of.state == state for care_of in care)
    return f"{words.count(number, 'environment,environments')} {one if number == 1 else many}" if number else ""

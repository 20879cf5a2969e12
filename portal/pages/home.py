"""The first page: what needs me now?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from governance.access import REQUEST_CHANGE, Rights
from governance.selectors import quota
from idp.catalog.models import System
from idp.kernel import clock
from idp.kernel.prepared import Prepared
from portal.drawing import words
from portal.pages.request import PageRequest
from portal.pages.shell import counts_of, page, waiting_count
from portal.reading import asks, matrix, mine, quotas
from portal.reading.change_lines import change_lines
from portal.reading.systems import Place, places_of, standing_at
from provisioning.models import Change
from provisioning.selectors import changes
from provisioning.selectors.contract_flags import defective_uses

ROWS = 6
MATRIX_SYSTEMS = 8
MATRIX_STAGES = 3


@page("home")
def home(request: PageRequest) -> HttpResponse:
    systems, rights = mine.systems(request), request.rights
    waiting = _waiting(request)
    asked = counts_of(request, asking=True).asks
    places = places_of(systems)
    # Their number is all that is told of most of them.
    environments = range(sum(one.living for one in places))
    by_key, now = {one.pk: one for one in systems}, clock.now()
    need = mine.in_need(systems, now)
    care = mine.by_gravity(
        mine.needs_care(((by_key[one.system_id], one) for one in need.shown), now),
        mine.defective_care(defective_uses(by_key)),
    )
    tight = quotas.near({one.team for one in systems}, quota.quota_states(rights.teams)) if systems else []
    context = {
        "waiting": change_lines(waiting),
        "waiting_count": waiting_count(request),
        "asks": asks.lines(asked),
        "heading": heading(waiting_count(request), asks.total(asked)),
        "care": care[:ROWS],
        "care_count": len(care) + need.hidden.total() + len(tight),
        "care_more": max(len(care) + need.hidden.total() - ROWS, 0),
        "tight": tight,
        "mine": change_lines(_asked(rights=rights)),
        "summary": summary(care, tight, environments, need.hidden) if rights.teams else "You are in no team yet.",
        "may_request": rights.is_admin or any(REQUEST_CHANGE in held for held in rights.teams.values()),
        "environments": environments,
        "currency": settings.CURRENCY,
        **_matrix(systems[:MATRIX_SYSTEMS], places),
    }
    return render(request, "home/home.html", context)


def _waiting(request: PageRequest) -> list[Change]:
    """What waits for this person; where all of it is shown, the shell need not count it once more."""
    found = _to_decide(rights=request.rights)
    if len(found) <= ROWS:
        request._waiting_count = len(found)  # type: ignore[attr-defined]
    return found[:ROWS]


@Prepared
def _to_decide(rights: Rights) -> QuerySet[Change]:
    return changes.change_list(rights, waiting_on_me=True).only(*changes.LISTED)[: ROWS + 1]


@Prepared
def _asked(rights: Rights) -> QuerySet[Change]:
    """The newest that the person asked for."""
    return changes.change_list(rights, requester=rights.actor.user_id or 0).only(*changes.LISTED)[:ROWS]


def _matrix(systems: list[System], places: list[Place]) -> dict[str, Any]:
    shown = {one.pk for one in systems}
    environments = standing_at(one for one in places if one.system in shown)
    stages = matrix.stages_of(environments)[-MATRIX_STAGES:]
    return {"stages": stages, "lines": matrix.lines(systems, stages, environments)}


def heading(changes: int, others: int) -> str:
    """The answer to the question of the page, first of all."""
    if others:
        return f"{words.count(changes + others, 'decision waits,decisions wait')} for you"
    if changes:
        return f"{words.count(changes, 'change waits,changes wait')} for your decision"
    return "Nothing waits for your decision"


def summary(
    care: list[mine.Care],
    tight: list[quotas.Tight],
    environments: Sequence[object],
    hidden: Mapping[str, int] = MappingProxyType({}),
) -> str:
    """The sentence below the answer: what is not as it should be, by name where it is one thing, else that all is.

    ``hidden`` says how many more there are of a state than are in ``care``.
    """
    said = [
        _counted(care, hidden, "failed", "failed", "failed"),
        _counted(care, hidden, "defective", "uses a defective version", "use a defective version"),
        _counted(care, hidden, "degraded", "is degraded", "are degraded"),
        _counted(care, hidden, "drifted", "drifted", "drifted"),
        _counted(care, hidden, "expiring", "expires soon", "expire soon"),
        f"{tight[0].team} is {'over' if tight[0].state == 'over' else 'near'} its quota" if tight else "",
    ]
    parts = [part for part in said if part]
    if parts:
        together = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
        return f"{together}. The rest is as agreed."
    if not environments:
        return "Your teams have no environment yet."
    if len(environments) == 1:
        return "The one environment of your teams is as agreed."
    return f"All {len(environments)} environments of your teams are as agreed."


def _counted(care: list[mine.Care], hidden: Mapping[str, int], state: str, one: str, many: str) -> str:
    """ "checkout / prod is degraded", "3 environments are degraded", or nothing."""
    found = [each.name for each in care if each.state == state]
    if not found:
        return ""
    number = len(found) + hidden.get(state, 0)
    return f"{found[0]} {one}" if number == 1 else f"{number} environments {many}"

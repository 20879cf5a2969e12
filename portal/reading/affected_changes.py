"""Which changes that wait an edit of budgets or prices moves, before it is saved: what is said to them, what they cost.

Read by the pages that edit these. A change is held to what was agreed until it is planned anew; then it is judged by
what holds by that time, so a step more of a budget may ask for an approval, or refuse it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from django.conf import settings
from django.db.models import F, QuerySet

from governance.domain.budget import amount_of, percent, reached, steps_of
from idp.catalog.models import Team
from portal.addresses import address
from portal.drawing import words
from portal.reading.affected import Effect
from provisioning.domain.plan import Footprint
from provisioning.domain.prices import lists_of, price_at
from provisioning.domain.showback import Month, forecast
from provisioning.models import Change, Cluster
from provisioning.selectors.clusters import price_book
from provisioning.selectors.costs import monthly_by_system, spent

SHOWN: Final = 20
_STRICTER: Final = ("", "warn", "ask", "deny")
_SAID: Final = MappingProxyType({"warns": "warn", "asks": "ask", "denies": "deny"})
_WORDS: Final = MappingProxyType(
    {
        "": "No budget holds it up",
        "warn": "A budget warns of it",
        "ask": "A budget asks for an approval",
        "deny": "A budget refuses it",
    }
)


def changes_under_budgets(team: Team, budgets: Sequence[Mapping[str, Any]], *, now: datetime) -> list[Effect]:
    """Changes that wait and to which ``budgets`` would say something else than was said to them. Three queries."""
    month = Month.of(now)
    past, going = spent(month, team_id=team.pk, now=now), monthly_by_system(team.pk)
    found = []
    for change in _waiting().filter(system__team=team, monthly_cost_after__gt=F("monthly_cost_before")):
        more = float(change.monthly_cost_after - change.monthly_cost_before)
        steps = []
        for one in budgets:
            if one["system"] not in (None, change.system.slug):
                continue
            keys = {*past, *going} if one["system"] is None else {change.system_id}
            gone, rate = (sum(each.get(key, 0.0) for key in keys) for each in (past, going))
            expected = forecast(month, spent=gone, monthly=rate + more, now=now)
            steps.append(reached(steps_of(one["steps"]), percent(expected, amount_of(one["amount"]))))
        before = _strictest(_SAID.get(one["outcome"], "") for one in change.verdicts if one["policy"] == "budget")
        then = _strictest(step.do for step in steps if step is not None)
        if before != then:
            found.append(_effect(change, _WORDS[before], _WORDS[then], bad=then in ("ask", "deny")))
    return found[:SHOWN]


def _strictest(said: Iterable[str]) -> str:
    """What a budget does at most; to be told alone holds nothing up."""
    return max((one for one in said if one in _STRICTER), key=_STRICTER.index, default="")


def changes_under_prices(cluster: Cluster, lists: Sequence[Mapping[str, Any]], *, now: datetime) -> list[Effect]:
    """Changes that wait on the cluster: what they cost as planned, and at the prices of the last list. One query."""
    wanted, base = lists_of(lists), price_book(cluster).base
    at = max([now, *(one.begins for one in wanted)])
    found = []
    for change in _waiting().filter(environment__cluster=cluster).exclude(kind__in=("move", "delete")):
        usage = change.plan["usage_after"]
        footprint = Footprint(*(float(usage[name]) for name in ("cpu", "memory_gib", "storage_gib")))
        price = price_at(wanted, base, stage=change.stage.name, at=at)
        then = Decimal(str(round(price.of(footprint), 2)))
        if then != change.monthly_cost_after:
            found.append(_effect(change, _a_month(change.monthly_cost_after), _a_month(then)))
    return found[:SHOWN]


def _waiting() -> QuerySet[Change]:
    rows = Change.objects.filter(state__in=("pending", "approved")).select_related("system", "stage")
    return rows.order_by("pk")


def _effect(change: Change, now: str, then: str, *, bad: bool = False) -> Effect:
    return Effect(f"{change.title} #{change.pk}", now, then, bad, url=address("change", change.pk))


def _a_month(cost: Decimal) -> str:
    return f"{words.money(cost, settings.CURRENCY)} a month"

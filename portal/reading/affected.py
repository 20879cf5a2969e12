"""Who is affected by an edit of limits, prices or budgets, before it is saved: what it is and what it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum

from governance.domain.budget import amount_of, percent, reached, steps_of
from governance.domain.quota import DIMENSIONS, Amounts, plain
from governance.domain.quota_state import QuotaState
from idp.catalog.models import System, Team
from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.plan import Footprint
from provisioning.domain.prices import lists_of, price_at
from provisioning.domain.showback import Month, forecast
from provisioning.models import Cluster, Environment
from provisioning.selectors.clusters import price_book
from provisioning.selectors.costs import monthly_by_system, spent


@dataclass(frozen=True, slots=True)
class Effect:
    """``who`` is affected, how it is ``now`` and ``then``; ``bad`` where something is refused or over from then on."""

    who: str
    now: str
    then: str
    bad: bool = False


def limit_effects(state: QuotaState, limits: Amounts) -> list[Effect]:
    """Each amount that changes, with what it leaves."""
    found = []
    for one in DIMENSIONS:
        before, after = (Decimal(getattr(each, one.name)) for each in (state.limits, limits))
        if before == after:
            continue
        left = after - Decimal(getattr(state.used, one.name)) - Decimal(getattr(state.held, one.name))
        then = f"{plain(left)} left" if left >= 0 else f"{plain(-left)} over: nothing more is given"
        label = one.label[0].upper() + one.label[1:]
        found.append(Effect(label, f"{plain(before)} {one.unit}", f"{plain(after)} {one.unit}, {then}", left < 0))
    return found


def price_effects(cluster: Cluster, lists: Sequence[Mapping[str, Any]], *, now: datetime) -> list[Effect]:
    """What each team's environments on the cluster cost a month now, and at the prices of the last list. One query."""
    wanted = lists_of(lists)
    book = price_book(cluster)
    last = max((one.begins for one in wanted), default=now)
    rows = (
        Environment.objects.filter(cluster=cluster, deleted_at=None)
        .order_by()
        .values_list("system__team__name", "stage__name")
        .annotate(Sum("cpu"), Sum("memory_gib"), Sum("storage_gib"), Count("pk"))
    )
    teams: dict[str, list[float]] = {}
    for team, stage, cpu, memory, storage, count in rows:
        footprint = Footprint(float(cpu), float(memory), float(storage))
        sums = teams.setdefault(team, [0.0, 0.0, 0.0])
        sums[0] += price_at(book.lists, book.base, stage=stage, at=now).of(footprint)
        sums[1] += price_at(wanted, book.base, stage=stage, at=max(last, now)).of(footprint)
        sums[2] += count
    return [
        Effect(f"{team}, {int(count)} environments", f"{before:.2f} a month", f"{after:.2f} a month", after > before)
        for team, (before, after, count) in sorted(teams.items())
    ]


def budget_effects(team: Team, budgets: Sequence[Mapping[str, Any]], *, now: datetime) -> list[Effect]:
    """How far each budget would be used up, and what that would do. InvalidInput names a system that is not theirs."""
    month = Month.of(now)
    past, going = spent(month, team_id=team.pk, now=now), monthly_by_system(team.pk)
    systems = dict(System.objects.filter(team=team).values_list("slug", "pk"))
    found = []
    for one in budgets:
        name, steps = one["system"], steps_of(one["steps"])
        amount = amount_of(one["amount"])
        if name is not None and name not in systems:
            told = f"Team {team.slug} has no system “{name}”."
            raise InvalidInput(told, errors=[FieldError("budgets", told)])
        gone = sum(past.values()) if name is None else past.get(systems[name], 0.0)
        rate = sum(going.values()) if name is None else going.get(systems[name], 0.0)
        expected = forecast(month, spent=gone, monthly=rate, now=now)
        step = reached(steps, percent(expected, amount))
        said = {None: "nothing happens", "tell": "maintainers are told", "warn": "people are warned"}
        said |= {"ask": "what costs more waits for a maintainer", "deny": "what costs more is refused"}
        do = step.do if step else None
        found.append(
            Effect(
                name or f"All of {team.name}",
                f"{expected:.2f} expected this month",
                f"{percent(expected, amount):.0f} % of {amount:.2f}: {said[do]}",
                do in ("ask", "deny"),
            )
        )
    return found

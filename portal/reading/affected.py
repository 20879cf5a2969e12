"""Who is affected by an edit of limits, prices or budgets, before it is saved: what it is and what it becomes.

Read by the pages that edit them. Nothing here decides: limits are held by ``governance.services.quota`` and budgets by
the gate, and both leave alone what is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, Sum

from governance.domain.budget import ACTION_WORDS, amount_of, percent, reached, steps_of
from governance.domain.ceilings import COST, STAGE_NAMES, Ceilings, Part, ceilings_of
from governance.domain.quota import DIMENSIONS, NAMES
from governance.domain.quota_state import QuotaState
from governance.models import Reservation
from governance.selectors.quota import quota_holders, resources_taken
from idp.catalog.models import System, Team
from idp.kernel.errors import FieldError, InvalidInput
from portal.drawing import words
from provisioning.domain.plan import Footprint
from provisioning.domain.prices import lists_of, price_at
from provisioning.domain.showback import Month, forecast
from provisioning.models import Cluster, Environment
from provisioning.selectors.clusters import price_book
from provisioning.selectors.costs import monthly_by_system, spent

NAMED_OVER: Final = 3
HOLDERS: Final = 3
_UNITS: Final = {"cpu": "cores", "memory_gib": "GiB", "storage_gib": "GiB"}
_LABELS: Final = {one.name: f"{one.label[0].upper()}{one.label[1:]}" for one in DIMENSIONS} | {COST: "Cost a month"}


@dataclass(frozen=True, slots=True)
class Effect:
    """``who`` is affected, how it is ``now`` and ``then``; ``bad`` where something is refused or over from then on.

    ``note`` says more about it, such as who takes most of it; ``url`` leads to it.
    """

    who: str
    now: str
    then: str
    bad: bool = False
    note: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit before and after an edit; None where nothing limits. ``taken`` is used and held."""

    label: str
    before: Decimal | None
    after: Decimal | None
    taken: Decimal
    stage: str = ""
    name: str = ""

    @property
    def over(self) -> bool:
        return self.after is not None and self.taken > self.after

    def words(self, value: Decimal | None) -> str:
        if value is None:
            return "No limit"
        if self.name == COST:
            return words.money(value, settings.CURRENCY)
        unit = "core" if self.name == "cpu" and value == 1 else _UNITS.get(self.name, "")
        return f"{words.number(value)} {unit}".rstrip()


def limit_effects(team: Team, state: QuotaState, document: Mapping[str, Any]) -> list[Effect]:
    """Each limit that the document (as ``LimitsEdit`` makes it) changes, with what it leaves.

    At most one query for the resources of capabilities, and one for each of the first three limits that are exceeded.
    """
    ceilings = ceilings_of(document["ceilings"])
    counted = resources_taken(team.pk) if ceilings.capabilities or state.ceilings.capabilities else {}
    changed = [one for one in limits_of(state, document, ceilings, counted) if one.before != one.after]
    named = {one: _holders(team.pk, one) for one in [one for one in changed if one.over][:NAMED_OVER]}
    return [_limit_effect(one, named.get(one, "")) for one in changed]


def limits_of(
    state: QuotaState, document: Mapping[str, Any], after: Ceilings, counted: Mapping[str, int]
) -> Iterator[Limit]:
    """Every limit of both: amounts, money, stages, capabilities."""
    before = state.ceilings
    for one in DIMENSIONS:
        taken = Decimal(getattr(state.used, one.name)) + Decimal(getattr(state.held, one.name))
        held, wanted = Decimal(getattr(state.limits, one.name)), Decimal(document[one.name])
        yield Limit(_LABELS[one.name], held, wanted, taken, name=one.name)
    yield Limit(_LABELS[COST], before.monthly_cost, after.monthly_cost, _taken(state.parts, COST), name=COST)
    for stage in sorted({*before.stages, *after.stages}):
        limits = before.stages.get(stage, {}), after.stages.get(stage, {})
        parts = [one for one in state.parts if one.stage == stage]
        for name in [name for name in STAGE_NAMES if any(name in one for one in limits)]:
            old, new = (one.get(name) for one in limits)
            yield Limit(f"{_LABELS[name]} at {stage}", old, new, _taken(parts, name), stage, name)
    for name in sorted({*before.capabilities, *after.capabilities}):
        fewer, more = (_whole(one.capabilities.get(name)) for one in (before, after))
        yield Limit(f"Resources of {name}", fewer, more, Decimal(counted.get(name, 0)))


def _whole(count: int | None) -> Decimal | None:
    return None if count is None else Decimal(count)


def changes_waiting(team: Team) -> int:
    """How many changes hold something of the team's quota. One query."""
    return Reservation.objects.filter(team=team, state="held").count()


def limit_facts(team: Team, state: QuotaState, effects: Sequence[Effect]) -> list[dict[str, Any]]:
    """Environments that use the quota, changes that wait with what they hold, and how many limits are exceeded."""
    over = sum(one.bad for one in effects)
    return [
        {"label": "Environments", "value": state.used.environments, "small": "Keep what they use"},
        {"label": "Changes that wait", "value": changes_waiting(team), "small": "Keep what they hold"},
        {"label": "Exceeded", "value": over or "None", "small": "Of the limits that change"},
    ]


def _limit_effect(limit: Limit, holders: str) -> Effect:
    then = limit.words(limit.after)
    if limit.after is not None:
        left = limit.after - limit.taken
        then += f", {limit.words(abs(left))} {'over: nothing more is given' if left < 0 else 'left'}"
    note = f"Most is with {holders}." if holders else ""
    return Effect(limit.label, limit.words(limit.before), then, limit.over, note)


def _holders(team_id: int, limit: Limit) -> str:
    if limit.name not in (*NAMES, COST):
        return ""
    rows = quota_holders(team_id).filter(**{f"{limit.name}__gt": 0})
    rows = rows.filter(stage=limit.stage) if limit.stage else rows
    found = rows.order_by(f"-{limit.name}", "pk").values_list("label", limit.name)[:HOLDERS]
    return ", ".join(f"{label} ({limit.words(Decimal(amount))})" for label, amount in found)


def _taken(parts: Sequence[Part], name: str) -> Decimal:
    return sum((part.of(name) for part in parts), Decimal(0))


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
    return [_price_effect(team, *sums) for team, sums in sorted(teams.items())]


def _price_effect(team: str, before: float, after: float, count: float) -> Effect:
    currency, dearer = settings.CURRENCY, round(after - before, 2)
    note = f"{words.money_change(Decimal(str(dearer)), currency)} a month" if dearer else ""
    now, then = (f"{words.money(round(cost, 2), currency)} a month" for cost in (before, after))
    return Effect(f"{team}, {words.count(int(count), 'environment,environments')}", now, then, note=note)


def budget_effects(
    team: Team, before: Sequence[Mapping[str, Any]], budgets: Sequence[Mapping[str, Any]], *, now: datetime
) -> list[Effect]:
    """How far each budget would be used up, and what that would do; and which go.

    InvalidInput names a system that is not theirs. Five queries.
    """
    month = Month.of(now)
    past, going = spent(month, team_id=team.pk, now=now), monthly_by_system(team.pk)
    systems = dict(System.objects.filter(team=team).values_list("slug", "pk"))
    found = []
    for number, one in enumerate(budgets):
        name = one["system"]
        if name is not None and name not in systems:
            told = f"Team {team.slug} has no system “{name}”."
            raise InvalidInput(told, errors=[FieldError(f"budgets[{number}].system", told)])
        gone = sum(past.values()) if name is None else past.get(systems[name], 0.0)
        rate = sum(going.values()) if name is None else going.get(systems[name], 0.0)
        found.append(_budget_effect(team, one, forecast(month, spent=gone, monthly=rate, now=now)))
    kept = {one["system"] for one in budgets}
    return found + [
        Effect(_whose(team, one), f"{_money(one['amount'])} a month", "No budget", note="Nothing is held up by it.")
        for one in before
        if one["system"] not in kept
    ]


def _budget_effect(team: Team, budget: Mapping[str, Any], expected: float) -> Effect:
    amount, steps = amount_of(budget["amount"]), steps_of(budget["steps"])
    share = percent(expected, amount)
    step = reached(steps, share)
    said = ACTION_WORDS[step.do] if step else "Nothing happens"
    then = f"{share:.0f} % of {_money(amount)}: {said[0].lower()}{said[1:]}"
    now = f"{_money(round(expected, 2))} expected this month"
    return Effect(_whose(team, budget), now, then, step is not None and step.do in ("ask", "deny"))


def _whose(team: Team, budget: Mapping[str, Any]) -> str:
    return budget["system"] or f"All of {team.name}"


def _money(value: Any) -> str:
    return words.money(value, settings.CURRENCY)

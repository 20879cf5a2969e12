"""Showback: what environments cost in a month, read from recorded use and the price lists. Pages and the gate ask here.

Restricted systems that the reader may not see are one line of their team, without a name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, Sum

from governance.access import Rights
from governance.models import Reservation
from provisioning.domain.plan import Footprint
from provisioning.domain.showback import Month, PriceBook, Use, cost_in
from provisioning.models import Cluster, Environment
from provisioning.selectors.clusters import price_book

HIDDEN = "restricted"


@dataclass(frozen=True, slots=True)
class CostLine:
    """One environment in one month. ``lives`` is False for one that is gone; hidden ones have no names."""

    team: str
    system: str
    environment: str
    stage: str
    cost: Decimal
    lives: bool = True

    @property
    def hidden(self) -> bool:
        return not self.environment


def cost_lines(month: Month, *, rights: Rights, team: str = "", now: datetime) -> list[CostLine]:
    """What each environment cost in ``month`` until ``now``, the dearest first. Three queries."""
    hidden: dict[str, Decimal] = defaultdict(Decimal)
    lines = []
    for environment, cost in _costs(month, Q(team__slug=team) if team else Q(), now=now):
        owner = environment.system.team.slug
        if not rights.may_see(environment.system):
            hidden[owner] += cost
            continue
        stage, lives = environment.stage.name, environment.deleted_at is None
        lines.append(CostLine(owner, environment.system.slug, environment.name, stage, cost, lives))
    lines += [CostLine(owner, HIDDEN, "", "", cost) for owner, cost in hidden.items()]
    return sorted(lines, key=lambda one: (-one.cost, one.team, one.system, one.environment))


def spent(month: Month, *, team_id: int, now: datetime) -> dict[int, float]:
    """What the team's environments cost in ``month`` until ``now``, by system. Three queries."""
    found: dict[int, float] = defaultdict(float)
    for environment, cost in _costs(month, Q(team_id=team_id), now=now):
        found[environment.system_id] += float(cost)
    return found


def monthly_by_system(team_id: int) -> dict[int, float]:
    """What everything that is used and held costs a month, by system. One query, two with the environments."""
    rows = (
        Reservation.objects.filter(team_id=team_id, state__in=("used", "held"), monthly_cost__gt=0)
        .order_by()
        .values_list("environment_id")
        .annotate(Sum("monthly_cost"))
    )
    costs = dict(rows)
    systems = Environment.objects.filter(pk__in=costs).values_list("pk", "system_id")
    found: dict[int, float] = defaultdict(float)
    for environment, system in systems:
        found[system] += float(costs[environment])
    return found


def _uses(month: Month, which: Q, *, now: datetime) -> dict[int, list[Use]]:
    """Use that lasted into ``month``, by environment. One query."""
    rows = (
        Reservation.objects.filter(which, state__in=("used", "ended"), created_at__lt=min(month.end, now))
        .filter(Q(released_at=None) | Q(released_at__gt=month.start))
        .order_by()
        .values_list("environment_id", "stage", "cpu", "memory_gib", "storage_gib", "created_at", "released_at")
    )
    found: dict[int, list[Use]] = defaultdict(list)
    for environment, stage, cpu, memory, storage, begun, over in rows.iterator(chunk_size=2_000):
        found[environment].append(Use(Footprint(float(cpu), float(memory), float(storage)), stage, begun, over))
    return found


def _costs(month: Month, which: Q, *, now: datetime) -> Iterator[tuple[Environment, Decimal]]:
    """Each environment with its cost. Three queries: uses, environments with what they belong to, clusters."""
    uses = _uses(month, which, now=now)
    rows = Environment.objects.filter(pk__in=uses).select_related("system__team", "stage").defer("conditions")
    books: dict[int, PriceBook] = {one.pk: price_book(one) for one in Cluster.everything.all()}
    for environment in rows:
        book = books[environment.cluster_id]
        cost = sum(cost_in(month, one, book, now=now) for one in uses[environment.pk])
        yield environment, Decimal(f"{cost:.2f}")

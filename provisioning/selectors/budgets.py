"""How far each budget of a team is used up: what the month has cost, and what it will have cost at its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from governance.domain.budget import BudgetStep, percent, reached, steps_of
from governance.models import Budget
from provisioning.domain.showback import Month, forecast
from provisioning.selectors.costs import monthly_by_system, spent


@dataclass(frozen=True, slots=True)
class BudgetView:
    """``system`` is empty for a budget of the whole team. Money is of the calendar month in UTC."""

    budget_id: int
    system_id: int | None
    system: str
    amount: Decimal
    steps: tuple[BudgetStep, ...]
    spent: float
    expected: float

    @property
    def going(self) -> float:
        """What the rest of the month will cost when all goes on as it is."""
        return self.expected - self.spent

    @property
    def share(self) -> float:
        """Percent of the amount that the month will have cost."""
        return percent(self.expected, self.amount)

    @property
    def step(self) -> BudgetStep | None:
        return reached(self.steps, self.share)


def budget_views(team_id: int, *, now: datetime, system_id: int | None = None, more: float = 0.0) -> list[BudgetView]:
    """The team's budgets, its own first. Six queries at most, none but one where it has none.

    With ``system_id``: only those that bear on that system, as if it cost ``more`` a month from now on.
    """
    rows = [
        row
        for row in Budget.objects.filter(team=team_id).select_related("system").order_by("system__slug", "pk")
        if system_id is None or row.system_id in (None, system_id)
    ]
    if not rows:
        return []
    month = Month.of(now)
    past, monthly = spent(month, team_id=team_id, now=now), monthly_by_system(team_id)
    if system_id is not None:
        monthly[system_id] = monthly.get(system_id, 0.0) + more
    return sorted((_view(row, month, past, monthly, now=now) for row in rows), key=lambda one: one.system)


def _view(row: Budget, month: Month, past: dict[int, float], monthly: dict[int, float], *, now: datetime) -> BudgetView:
    if row.system_id is None:
        gone, going = sum(past.values()), sum(monthly.values())
    else:
        gone, going = past.get(row.system_id, 0.0), monthly.get(row.system_id, 0.0)
    expected = forecast(month, spent=gone, monthly=going, now=now)
    system = row.system.slug if row.system else ""
    return BudgetView(row.pk, row.system_id, system, row.amount, steps_of(row.steps), gone, expected)

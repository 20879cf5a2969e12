"""Costs of a month as a table: by team, by system or by environment. Pure over what the selector sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.urls import reverse

from provisioning.selectors.costs import CostLine, Costs

WAYS: Final = (("team", "By team"), ("system", "By system"), ("environment", "By environment"))
MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Row:
    """``share`` is a percentage of everything shown, in words. ``url`` is empty where there is no page to read."""

    title: str
    team: str
    url: str
    note: str
    cost: Decimal
    share: str


@dataclass(frozen=True, slots=True)
class Table:
    by: str
    rows: tuple[Row, ...]
    total: Decimal
    left_out: int
    ways: tuple[tuple[str, str], ...] = WAYS

    @property
    def what(self) -> str:
        """The head of the first column."""
        return self.by.capitalize()


def table(costs: Costs, *, by: str, teams: Mapping[str, str]) -> Table:
    """``costs`` by ``by``, one of ``WAYS``. ``teams``: the name of each by its slug."""
    rows = tuple(_row(one, costs.total, teams.get(one.team, one.team)) for one in costs.lines)
    return Table(by, rows, costs.total, max(costs.count - len(rows), 0))


def way(asked: str) -> str:
    """One of ``WAYS``; by team where the address says something else."""
    return asked if asked in dict(WAYS) else WAYS[0][0]


def _share(cost: Decimal, total: Decimal) -> str:
    percent = round(100 * cost / total) if total else 0
    return f"{percent} %" if percent or not cost else "under 1 %"


def _row(one: CostLine, total: Decimal, team: str) -> Row:
    share = _share(one.cost, total)
    if one.hidden:
        return Row("Systems you may not see", team, "", "Restricted", one.cost, share)
    if one.environment:
        url = reverse("environment", args=[one.system, one.environment]) if one.lives else ""
        title = f"{one.system} / {one.environment}"
        return Row(title, team, url, "" if one.lives else "Gone", one.cost, share)
    if one.system:
        return Row(one.system, team, reverse("system", args=[one.system]), "", one.cost, share)
    return Row(team, team, reverse("team", args=[one.team]), "", one.cost, share)

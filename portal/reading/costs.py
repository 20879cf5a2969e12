"""Costs of a month as a table: by team, by system or by environment. Pure over what the selector sums."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.urls import reverse

from provisioning.selectors.costs import CostLine, Costs

WAYS: Final = (("team", "By team"), ("system", "By system"), ("environment", "By environment"))
MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Row:
    """``share`` is a whole percentage of everything shown. ``url`` is empty where there is no page to read."""

    title: str
    team: str
    url: str
    note: str
    cost: Decimal
    share: int


@dataclass(frozen=True, slots=True)
class Table:
    by: str
    rows: tuple[Row, ...]
    total: Decimal
    left_out: int
    ways: tuple[tuple[str, str], ...] = WAYS


def table(costs: Costs, *, by: str) -> Table:
    """``costs`` by ``by``, one of ``WAYS``."""
    rows = tuple(_row(one, costs.total) for one in costs.lines)
    return Table(by, rows, costs.total, max(costs.count - len(rows), 0))


def way(asked: str) -> str:
    """One of ``WAYS``; by team where the address says something else."""
    return asked if asked in dict(WAYS) else WAYS[0][0]


def _row(one: CostLine, total: Decimal) -> Row:
    share = round(100 * one.cost / total) if total else 0
    if one.hidden:
        return Row("Systems you may not see", one.team, "", "Restricted", one.cost, share)
    if one.environment:
        url = reverse("environment", args=[one.system, one.environment]) if one.lives else ""
        title = f"{one.system} / {one.environment}"
        return Row(title, one.team, url, "" if one.lives else "Gone", one.cost, share)
    if one.system:
        return Row(one.system, one.team, reverse("system", args=[one.system]), "", one.cost, share)
    return Row(one.team, one.team, reverse("team", args=[one.team]), "", one.cost, share)

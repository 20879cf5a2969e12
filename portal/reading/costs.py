"""Costs of a month as a table: by team, by system or by environment. Pure over the lines of the selector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.urls import reverse

from provisioning.selectors.costs import HIDDEN, CostLine

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


def table(lines: Sequence[CostLine], *, by: str) -> Table:
    by = by if by in dict(WAYS) else "team"
    total = sum((one.cost for one in lines), Decimal(0))
    sums: dict[tuple[str, str, str, str], Decimal] = defaultdict(Decimal)
    for one in lines:
        sums[_key(one, by)] += one.cost
    ranked = sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = tuple(_row(key, cost, total) for key, cost in ranked[:MOST])
    return Table(by, rows, total, max(len(ranked) - MOST, 0))


def _key(one: CostLine, by: str) -> tuple[str, str, str, str]:
    if by == "team":
        return one.team, "", "", ""
    if by == "system" or one.hidden:
        return one.team, one.system, "", ""
    return one.team, one.system, one.environment, "" if one.lives else "Gone"


def _row(key: tuple[str, str, str, str], cost: Decimal, total: Decimal) -> Row:
    team, system, environment, note = key
    share = round(100 * cost / total) if total else 0
    if system == HIDDEN:
        return Row("Systems you may not see", team, "", "Restricted", cost, share)
    if environment:
        url = "" if note else reverse("environment", args=[system, environment])
        return Row(f"{system} / {environment}", team, url, note, cost, share)
    if system:
        return Row(system, team, reverse("system", args=[system]), "", cost, share)
    return Row(team, team, reverse("team", args=[team]), "", cost, share)

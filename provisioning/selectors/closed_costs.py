"""Costs of a month read from what the workers summed until the last midnight, with the open day on top.

Called by ``provisioning.selectors.costs``, which sums every use instead where a month is not closed, or was closed with
other prices. What is open is little: environments go on at the rate they had at midnight, and only what began or ended
since is read from the ledger. Nothing here writes; closing is ``provisioning.services.closed_costs``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any, Final

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When

from governance.access import Rights, visible
from governance.models import Reservation
from idp.catalog.models import System
from idp.kernel.prepared import Prepared
from provisioning.domain.showback import Month
from provisioning.models import ClosedCost, ClosedCostSum, CostClosing
from provisioning.selectors.priced_uses import FLOAT, Books, basis_of, money, rate, turns_between, uses

SPARE: Final = 100
"""As many more than are shown are read, so that which are the dearest is certain without looking at all."""
CENT: Final = Decimal("0.01")
HALF_A_CENT: Final = 0.005

_READ: Final = ("team__slug", "system_id", "environment_id", "cost", "rate")
_COST: Final = _READ.index("cost")
_RATE: Final = _READ.index("rate")

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Closed:
    """A month as it was closed, to be read until ``end``; ``part`` of the month is open between."""

    row: CostClosing
    month: Month
    books: Books
    end: datetime

    @property
    def part(self) -> float:
        return self.month.part(self.row.until, self.end)


@dataclass(frozen=True, slots=True)
class Group:
    """One line in the making; fields of its key that do not belong to it are None."""

    team: str
    shown: int | None
    place: int | None
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Groups:
    """The dearest lines, how many there are, and what all cost together."""

    lines: list[Group]
    count: int
    total: Decimal


@dataclass(slots=True)
class _Moved:
    """What the open day changed of one group: ``was`` is what it had at midnight, None where that was nothing."""

    more: float
    was: float | None = None
    rate: float = 0.0


@dataclass(slots=True)
class _Sum:
    cost: float = 0.0
    places: int = 0


@dataclass(slots=True)
class _Answer:
    """Groups by their key while they are put together."""

    found: dict[Key, float] = field(default_factory=dict)

    def add(self, key: Key, cost: float) -> None:
        self.found[key] = self.found.get(key, 0.0) + cost

    def groups(self) -> list[Group]:
        made = [Group(team, shown, place, _cents(cost)) for (team, shown, place), cost in self.found.items()]
        return sorted(made, key=lambda one: (-one.cost, one.team, one.shown or 0, one.place or 0))


def closed_month(month: Month, *, books: Books, now: datetime) -> Closed | None:
    """The newest closing of ``month``, when it can be told from it what the month cost until ``now``. One query."""
    row = CostClosing.objects.filter(month=month.start.date()).order_by("-id").first()
    end = min(month.end, now)
    if row is None or row.until > end or row.basis != basis_of(books) or turns_between(books, row.until, end):
        return None
    return Closed(row, month, books, end)


def closed_costs(way: str, closed: Closed, *, rights: Rights, team: str, most: int) -> Groups:
    """By ``team``, ``system`` or ``environment``, as ``costs_by`` asks. Two queries, three by environment."""
    if rights.signed_in:
        rights.require_scope("read")
    which = Q(team__slug=team) if team else Q()
    if way == "environment":
        return _by_environment(closed, which, team, rights, most)
    answer = _Answer()
    named = ("team__slug", "shown") if way == "system" else ("team__slug",)
    for row in _sums(closed, which, rights, named):
        answer.add((row["team__slug"], row.get("shown"), None), row["costs"] + row["rates"] * closed.part)
    for key, moved in _moved(closed, which, rights, named).items():
        answer.add(key, moved.more)
    groups = answer.groups()
    return Groups(groups[:most], len(groups), sum((one.cost for one in groups), Decimal(0)))


def _by_environment(closed: Closed, which: Q, team: str, rights: Rights, most: int) -> Groups:
    """What may not be seen is one line of its team; of the others those that can be among the dearest are read."""
    moved = _moved(closed, which, rights, ("team__slug", "shown", "place"))
    answer, count, total = _Answer(), 0, 0.0
    for row in _sums(closed, which, rights, ("team__slug", "is_seen")):
        cost = row["costs"] + row["rates"] * closed.part
        total += cost
        if row["is_seen"]:
            count += row["number"]
        else:
            answer.add((row["team__slug"], None, None), cost)
    for key, cost in _dearest(closed, team, rights, most, moved).items():
        answer.add(key, cost)
    for key, one in moved.items():
        total += one.more
        count += key[1] is not None and one.was is None
        answer.add(key, one.more + (one.was or 0.0) + one.rate * closed.part)
    groups = answer.groups()
    count += sum(one.shown is None for one in groups)
    return Groups(groups[:most], count, _cents(total))


def _sums(closed: Closed, which: Q, rights: Rights, named: tuple[str, ...]) -> Iterable[dict[str, Any]]:
    sees = rights.sees("system")
    rows = ClosedCostSum.objects.filter(which, closing=closed.row).order_by()
    if "shown" in named:
        rows = rows.annotate(shown=Case(When(sees, then=F("system_id"))) if sees else F("system_id"))
    if "is_seen" in named:
        rows = rows.annotate(is_seen=Case(When(sees, then=Value(1)), default=Value(0)) if sees else Value(1))
    return rows.values(*named).annotate(costs=Sum("cost"), rates=Sum("rate"), number=Sum("places"))


def _dearest(closed: Closed, team: str, rights: Rights, most: int, moved: Mapping[Key, _Moved]) -> dict[Key, float]:
    """What has cost how much, without ``moved``; among it are the ``most`` dearest.

    Nothing that is not read costs more than the last by cost at midnight and the last by rate together; where that does
    not settle it, all are put in order, which is one query more.
    """
    enough = most + SPARE
    read = _first(enough)(closing=closed.row.pk, team=team or None, rights=rights)
    found = _without(moved, read, closed.part)
    if len(read) >= enough and not _is_settled(read, found, enough, most, closed.part):
        rows = _costs(closed.row.pk, team, rights).values_list(*_READ)
        now = F("cost") + F("rate") * Value(closed.part, output_field=FLOAT)
        found = _without(moved, rows.order_by(now.desc())[: enough + len(moved)], closed.part)
    return found


def _costs(closing: int, team: str | None, rights: Rights) -> QuerySet[ClosedCost]:
    rows = visible(ClosedCost.objects.filter(closing=closing), rights, "system").order_by()
    return rows.filter(team__slug=team) if team else rows


@cache
def _first(enough: int) -> Prepared[Any]:
    """Asks for as many by cost at midnight, and as many by rate, each by its index."""

    def both(closing: int, team: str | None, rights: Rights) -> QuerySet[ClosedCost, Any]:
        rows = _costs(closing, team, rights)
        by_cost, by_rate = (
            rows.filter(pk__in=rows.order_by(order).values("pk")[:enough]) for order in ("-cost", "-rate")
        )
        return by_cost.values_list(*_READ).union(by_rate.values_list(*_READ))

    return Prepared(both)


def _is_settled(
    read: Sequence[tuple[Any, ...]], found: Mapping[Key, float], enough: int, most: int, part: float
) -> bool:
    cost, rate_ = (sorted((row[at] for row in read), reverse=True)[enough - 1] for at in (_COST, _RATE))
    best = sorted(found.values(), reverse=True)
    return len(best) >= most and best[most - 1] >= cost + rate_ * part - HALF_A_CENT


def _without(moved: Mapping[Key, _Moved], rows: Iterable[tuple[Any, ...]], part: float) -> dict[Key, float]:
    return {key: cost + rate_ * part for *parts, cost, rate_ in rows if (key := tuple(parts)) not in moved}


def _moved(closed: Closed, which: Q, rights: Rights, named: tuple[str, ...]) -> dict[Key, _Moved]:
    """What began since midnight, and what does not go on from there, by group. Asks nothing of a month that is over."""
    if closed.row.until >= closed.month.end:
        return {}
    rows = _began_or_ended(closed, which)
    if "shown" in named:
        mine = visible(System.objects.filter(pk=OuterRef("system_id")), rights, "")
        rows = rows.annotate(shown=Case(When(Exists(mine), then=F("system_id"))))
    if "place" not in named:
        return {
            (row["team__slug"], row.get("shown"), None): _Moved(row["sum"])
            for row in rows.values(*named).annotate(sum=Sum("more"))
        }
    known = ClosedCost.objects.filter(
        closing=closed.row, environment=OuterRef("environment_id"), team=OuterRef("team_id")
    )
    rows = rows.annotate(was=Subquery(known.values("cost")[:1]), at=Subquery(known.values("rate")[:1]))
    return _by_place(rows.values("team__slug", "shown", "environment_id", "was", "at").annotate(sum=Sum("more")))


def _by_place(rows: Iterable[Mapping[str, Any]]) -> dict[Key, _Moved]:
    """Of what is not shown only the changes count: what it had is in the sum of its team."""
    found: dict[Key, _Moved] = {}
    for row in rows:
        if row["shown"] is None:
            hidden = found.setdefault((row["team__slug"], None, None), _Moved(0.0))
            hidden.more += row["sum"]
        else:
            key = (row["team__slug"], row["shown"], row["environment_id"])
            found[key] = _Moved(row["sum"], row["was"], row["at"] or 0.0)
    return found


def _began_or_ended(closed: Closed, which: Q) -> QuerySet[Reservation]:
    """Uses that the closing does not know, or thinks to go on; ``more`` is by how much it is wrong about them."""
    row, month, books = closed.row, closed.month, closed.books
    unknown = Q(pk__gte=row.first_row) & (Q(created_at__gte=row.until) | Q(pk__gt=row.last_row))
    rows = uses().filter(which, created_at__lt=closed.end).filter(unknown | Q(state="ended", released_at__gt=row.until))
    going_on = rate(books, row.until) * Value(closed.part, output_field=FLOAT)
    goes_on = money(month, books, row.until, closed.end) - going_on
    since = money(month, books, month.start, closed.end)
    return rows.filter(Q(released_at=None) | Q(released_at__gt=month.start)).annotate(
        more=Case(When(unknown, then=since), default=goes_on, output_field=FLOAT)
    )


def _cents(cost: float) -> Decimal:
    return Decimal(repr(cost)).quantize(CENT, rounding=ROUND_HALF_UP)

"""Showback: what environments cost in a month, summed by the database from recorded use and the price lists.

Pages, the API and the gate ask here. A use counts for the team whose quota it took. Restricted systems that the reader
may not see are one line of their team, without a name. How a use is priced is ``provisioning.domain.showback.cost_in``;
what is written here in SQL says the same, and a test holds the two to each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    DecimalField,
    F,
    FloatField,
    Func,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Greatest, Least, Round

from governance.access import Rights, visible
from governance.models import Reservation
from idp.catalog.models import System
from provisioning.domain.plan import Prices
from provisioning.domain.prices import AMOUNTS, price_at
from provisioning.domain.showback import Month, PriceBook
from provisioning.models import Cluster, Environment
from provisioning.selectors.clusters import price_book

HIDDEN: Final = "restricted"
AT_ONCE: Final = 2_000
_FLOAT: Final = FloatField()


@dataclass(frozen=True, slots=True)
class CostLine:
    """What one team, system or environment cost in one month; names that do not belong to it are empty.

    ``lives`` is False for an environment that is gone; ``hidden`` ones together have no name but ``HIDDEN``.
    """

    team: str
    system: str
    environment: str
    stage: str
    cost: Decimal
    lives: bool = True
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Costs:
    """The dearest lines, how many there are, and what all of them cost together."""

    lines: tuple[CostLine, ...]
    count: int
    total: Decimal


def costs_by(way: str, month: Month, *, rights: Rights, team: str = "", most: int, now: datetime) -> Costs:
    """By ``team``, ``system`` or ``environment``: the ``most`` dearest lines until ``now``. Five queries.

    The database sums twice, also where all lines are shown: a page costs the same however many there are.
    """
    rows = _by(way, _uses(month, Q(team__slug=team) if team else Q(), rights, now=now))
    found = list(rows[:most])
    together = rows.aggregate(total=Sum("cost"), count=Count("*"))
    return Costs(tuple(_lines(found)), together["count"], together["total"] or Decimal(0))


def cost_lines(month: Month, *, rights: Rights, team: str = "", now: datetime) -> Iterator[CostLine]:
    """What each environment cost in ``month`` until ``now``, the dearest first, read as they are taken.

    Three queries, and two for each ``AT_ONCE`` lines.
    """
    rows = _by("environment", _uses(month, Q(team__slug=team) if team else Q(), rights, now=now))
    waiting: list[dict[str, Any]] = []
    for row in rows.iterator(chunk_size=AT_ONCE):
        waiting.append(row)
        if len(waiting) == AT_ONCE:
            yield from _lines(waiting)
            waiting = []
    yield from _lines(waiting)


def spent(month: Month, *, team_id: int, now: datetime) -> dict[int, float]:
    """What the team's environments cost in ``month`` until ``now``, by system. Two queries."""
    rows = _priced(month, Q(team_id=team_id), now=now).values("system_id").annotate(cost=Sum("money"))
    return {row["system_id"]: float(row["cost"]) for row in rows if row["system_id"] is not None}


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


class _Seconds(Func):
    """Seconds since the epoch of a moment, with their fractions."""

    function = "EXTRACT"
    template = "EXTRACT(EPOCH FROM %(expressions)s)"
    output_field = _FLOAT

    def as_sqlite(self, compiler: Any, connection: Any, **options: Any) -> Any:
        day, epoch = 86_400, 2_440_587.5
        return self.as_sql(compiler, connection, template=f"((julianday(%(expressions)s) - {epoch}) * {day})")


def _uses(month: Month, which: Q, rights: Rights, *, now: datetime) -> Any:
    """Priced uses; ``shown`` is the system, or nothing where the reader may not see it. Two queries at once."""
    unseen = System.objects.exclude(pk__in=visible(System.objects.all(), rights, "").values("pk"))
    hidden = list(unseen.values_list("pk", flat=True))
    shown = Case(When(system_id__in=hidden, then=Value(None)), default=F("system_id"), output_field=BigIntegerField())
    return _priced(month, which, now=now).annotate(shown=shown if hidden else F("system_id"))


def _priced(month: Month, which: Q, *, now: datetime) -> Any:
    """Uses that lasted into ``month``, each with its ``money`` of it until ``now``. One query at once, of clusters."""
    books = {one.pk: price_book(one) for one in Cluster.everything.all()}
    end = min(month.end, now)
    placed = Environment.objects.filter(pk=OuterRef("environment_id"))
    rows = Reservation.objects.filter(which, state__in=("used", "ended"), created_at__lt=end).filter(
        Q(released_at=None) | Q(released_at__gt=month.start)
    )
    rows = rows.annotate(
        system_id=Subquery(placed.values("system_id")[:1]), cluster_id=Subquery(placed.values("cluster_id")[:1])
    )
    return rows.filter(system_id__isnull=False).order_by().annotate(money=_money(month, books, end))


def _money(month: Month, books: dict[int, PriceBook], end: datetime) -> Any:
    """The sum over times in which no price changes of what was taken, its price, and the part of the month."""
    turns = {one.begins for book in books.values() for one in book.lists if month.start < one.begins < end}
    whole = (month.end - month.start).total_seconds()
    parts = [
        _rate(books, start) * _overlap(start, over) / Value(whole, output_field=_FLOAT)
        for start, over in pairwise([month.start, *sorted(turns), max(end, month.start)])
    ]
    return sum(parts[1:], parts[0])


def _overlap(start: datetime, end: datetime) -> Any:
    begun = Greatest(_Seconds(F("created_at")), Value(start.timestamp(), output_field=_FLOAT))
    edge = Value(end.timestamp(), output_field=_FLOAT)
    over = Least(Coalesce(_Seconds(F("released_at")), edge), edge)
    return Greatest(over - begun, Value(0.0, output_field=_FLOAT))


def _rate(books: dict[int, PriceBook], at: datetime) -> Any:
    """What a use costs a month at ``at``, by its cluster and stage; stages without lists of their own come last.

    One choice for all amounts, as looking up the cluster of each use is what the sum takes its time for.
    """
    chosen = []
    for cluster, book in books.items():
        for stage in sorted({one.stage for one in book.lists if one.stage}):
            chosen.append(When(cluster_id=cluster, stage=stage, then=_priced_at(_prices(book, stage, at))))
        chosen.append(When(cluster_id=cluster, then=_priced_at(_prices(book, "", at))))
    return Case(*chosen, default=Value(0.0, output_field=_FLOAT), output_field=_FLOAT)


def _prices(book: PriceBook, stage: str, at: datetime) -> Prices:
    return price_at(book.lists, book.base, stage=stage, at=at)


def _priced_at(prices: Prices) -> Any:
    parts = [Cast(F(name), _FLOAT) * Value(float(getattr(prices, name)), output_field=_FLOAT) for name in AMOUNTS]
    return sum(parts[1:], parts[0])


def _by(way: str, uses: Any) -> Any:
    """Groups of uses with their ``cost`` to the cent, the dearest first; what is not shown is one group of its team."""
    named = ["team__slug"]
    if way != "team":
        named.append("shown")
    if way == "environment":
        seen = Case(When(shown__isnull=False, then=F("environment_id")), output_field=BigIntegerField())
        uses, named = uses.annotate(place=seen), [*named, "place"]
    cents = DecimalField(max_digits=20, decimal_places=2)
    exact = Cast(Sum("money"), DecimalField(max_digits=24, decimal_places=6))
    costs = uses.values(*named).annotate(cost=Round(exact, precision=2, output_field=cents))
    return costs.order_by("-cost", *named)


def _lines(rows: Iterable[dict[str, Any]]) -> Iterator[CostLine]:
    """The rows with their names. Two queries, of systems and of environments, where the rows are about them."""
    rows = list(rows)
    systems = _systems([key for row in rows if (key := row.get("shown"))])
    places = _environments([key for row in rows if (key := row.get("place"))])
    for row in rows:
        place = places.get(row.get("place", 0))
        hidden = "shown" in row and row["shown"] is None
        yield CostLine(
            row["team__slug"],
            HIDDEN if hidden else systems.get(row.get("shown", 0), ""),
            place.name if place else "",
            place.stage.name if place else "",
            row["cost"],
            lives=place is None or place.deleted_at is None,
            hidden=hidden,
        )


def _environments(keys: list[int]) -> dict[int, Environment]:
    if not keys:
        return {}
    rows = Environment.objects.filter(pk__in=keys).select_related("stage").only("name", "deleted_at", "stage__name")
    return {one.pk: one for one in rows}


def _systems(keys: list[int]) -> dict[int, str]:
    return dict(System.objects.filter(pk__in=keys).values_list("pk", "slug")) if keys else {}

"""Showback: what environments cost in a month, summed by the database from recorded use and the price lists.

Pages, the API and the gate ask here. A use counts for the team whose quota it took. Restricted systems that the reader
may not see are one line of their team, without a name. Pages are answered from closed days where there are any
(``provisioning.selectors.closed_costs``), else from the uses themselves (``provisioning.selectors.priced_uses``); both
say the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.db.models import BigIntegerField, Case, Count, DecimalField, F, Q, Sum, Value, When
from django.db.models.functions import Cast, Round

from governance.access import Rights, visible
from governance.models import Reservation
from idp.catalog.models import System
from provisioning.domain.showback import Month
from provisioning.models import Environment
from provisioning.selectors.closed_costs import Group, closed_costs, closed_month
from provisioning.selectors.priced_uses import Books, price_books, priced

HIDDEN: Final = "restricted"
AT_ONCE: Final = 2_000


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
    """By ``team``, ``system`` or ``environment``: the ``most`` dearest lines until ``now``. At most six queries.

    Costs the same however many environments there are, when the workers have closed the days before; until then the
    database sums every use, twice.
    """
    books = price_books()
    closed = closed_month(month, books=books, now=now)
    if closed is not None:
        kept = closed_costs(way, closed, rights=rights, team=team, most=most)
        return Costs(tuple(_lines(_row(way, one) for one in kept.lines)), kept.count, kept.total)
    rows = _by(way, _uses(month, Q(team__slug=team) if team else Q(), rights, books=books, now=now))
    found = list(rows[:most])
    together = rows.aggregate(total=Sum("cost"), count=Count("*"))
    return Costs(tuple(_lines(found)), together["count"], together["total"] or Decimal(0))


def cost_lines(month: Month, *, rights: Rights, team: str = "", now: datetime) -> Iterator[CostLine]:
    """What each environment cost in ``month`` until ``now``, the dearest first, read as they are taken.

    Three queries, and one for each ``AT_ONCE`` lines.
    """
    which = Q(team__slug=team) if team else Q()
    rows = _by("environment", _uses(month, which, rights, books=price_books(), now=now))
    waiting: list[dict[str, Any]] = []
    for row in rows.iterator(chunk_size=AT_ONCE):
        waiting.append(row)
        if len(waiting) == AT_ONCE:
            yield from _lines(waiting)
            waiting = []
    yield from _lines(waiting)


def spent(month: Month, *, team_id: int, now: datetime) -> dict[int, float]:
    """What the team's environments cost in ``month`` until ``now``, by system. Two queries."""
    rows = (
        priced(month, Q(team_id=team_id), books=price_books(), now=now).values("system_id").annotate(cost=Sum("money"))
    )
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


def _uses(month: Month, which: Q, rights: Rights, *, books: Books, now: datetime) -> Any:
    """Priced uses; ``shown`` is the system, or nothing where the reader may not see it. One query at once."""
    unseen = System.objects.exclude(pk__in=visible(System.objects.all(), rights, "").values("pk"))
    hidden = list(unseen.values_list("pk", flat=True))
    shown = Case(When(system_id__in=hidden, then=Value(None)), default=F("system_id"), output_field=BigIntegerField())
    return priced(month, which, books=books, now=now).annotate(shown=shown if hidden else F("system_id"))


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


def _row(way: str, group: Group) -> dict[str, Any]:
    """A group of closed days as ``_by`` makes them."""
    row = {"team__slug": group.team, "cost": group.cost}
    if way != "team":
        row["shown"] = group.shown
    if way == "environment":
        row["place"] = group.place
    return row


class _Place(NamedTuple):
    system: str
    name: str
    stage: str
    deleted_at: datetime | None


def _lines(rows: Iterable[dict[str, Any]]) -> Iterator[CostLine]:
    """The rows with their names. One query, of systems or of environments, where the rows are about them."""
    rows = list(rows)
    places = _environments([key for row in rows if (key := row.get("place"))])
    systems = _systems([key for row in rows if "place" not in row and (key := row.get("shown"))])
    for row in rows:
        place = places.get(row.get("place", 0))
        hidden = "shown" in row and row["shown"] is None
        system = place.system if place else systems.get(row.get("shown", 0), "")
        yield CostLine(
            row["team__slug"],
            HIDDEN if hidden else system,
            place.name if place else "",
            place.stage if place else "",
            row["cost"],
            lives=place is None or place.deleted_at is None,
            hidden=hidden,
        )


def _environments(keys: list[int]) -> dict[int, _Place]:
    if not keys:
        return {}
    rows = Environment.objects.filter(pk__in=keys)
    found = rows.values_list("pk", "system__slug", "name", "stage__name", "deleted_at")
    return {key: _Place(system, name, stage, deleted_at) for key, system, name, stage, deleted_at in found}


def _systems(keys: list[int]) -> dict[int, str]:
    return dict(System.objects.filter(pk__in=keys).values_list("pk", "slug")) if keys else {}

"""Recorded uses with what they cost, priced by the database.

How a use is priced is ``provisioning.domain.showback.cost_in``; what is written here in SQL says the same, and a test
holds the two to each other. Read by the selectors of costs, and by the service that closes days; nobody else prices.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from django.db.models import Case, F, FloatField, Func, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Cast, Coalesce, Greatest, Least

from governance.models import Reservation
from idp.kernel.canonical import digest
from provisioning.domain.plan import Prices
from provisioning.domain.prices import AMOUNTS, price_at
from provisioning.domain.showback import Month, PriceBook
from provisioning.models import Cluster, Environment
from provisioning.selectors.clusters import price_book

Books = Mapping[int, PriceBook]
FLOAT: Final = FloatField()


def price_books() -> Books:
    """The prices of every cluster that there ever was, by its key. One query."""
    return {one.pk: price_book(one) for one in Cluster.everything.all()}


def basis_of(books: Books) -> str:
    """A digest of all prices: what was summed with others says nothing."""
    return digest(
        [
            [key, *(getattr(books[key].base, name) for name in AMOUNTS), [one.as_dict() for one in books[key].lists]]
            for key in sorted(books)
        ]
    )


def uses() -> Any:
    """Rows of the ledger that are or were uses, with the system and the cluster of their environment."""
    placed = Environment.objects.filter(pk=OuterRef("environment_id"))
    rows = Reservation.objects.filter(state__in=("used", "ended")).annotate(
        system_id=Subquery(placed.values("system_id")[:1]), cluster_id=Subquery(placed.values("cluster_id")[:1])
    )
    return rows.filter(system_id__isnull=False).order_by()


def priced(month: Month, which: Q, *, books: Books, now: datetime) -> Any:
    """Uses that lasted into ``month``, each with its ``money`` of it until ``now``."""
    end = min(month.end, now)
    rows = uses().filter(which, created_at__lt=end).filter(Q(released_at=None) | Q(released_at__gt=month.start))
    return rows.annotate(money=money(month, books, month.start, end))


def money(month: Month, books: Books, start: datetime, end: datetime) -> Any:
    """What a use costs between two moments of ``month``.

    The sum over times in which no price changes of what was taken, its price, and the part of the month.
    """
    whole = (month.end - month.start).total_seconds()
    parts = [
        rate(books, since) * _overlap(since, over) / Value(whole, output_field=FLOAT)
        for since, over in pairwise([start, *turns_between(books, start, end), max(end, start)])
    ]
    return sum(parts[1:], parts[0])


def turns_between(books: Books, start: datetime, end: datetime) -> list[datetime]:
    """Moments between both at which some price changes."""
    return sorted({one.begins for book in books.values() for one in book.lists if start < one.begins < end})


def rate(books: Books, at: datetime) -> Any:
    """What a use costs a month at ``at``, by its cluster and stage; stages without lists of their own come last.

    One choice for all amounts, as looking up the cluster of each use is what the sum takes its time for.
    """
    chosen = []
    for cluster, book in books.items():
        for stage in sorted({one.stage for one in book.lists if one.stage}):
            chosen.append(When(cluster_id=cluster, stage=stage, then=_priced_at(_prices(book, stage, at))))
        chosen.append(When(cluster_id=cluster, then=_priced_at(_prices(book, "", at))))
    return Case(*chosen, default=Value(0.0, output_field=FLOAT), output_field=FLOAT)


class _Seconds(Func):
    """Seconds since the epoch of a moment, with their fractions."""

    function = "EXTRACT"
    template = "EXTRACT(EPOCH FROM %(expressions)s)"
    output_field = FLOAT

    def as_sqlite(self, compiler: Any, connection: Any, **options: Any) -> Any:
        day, epoch = 86_400, 2_440_587.5
        return self.as_sql(compiler, connection, template=f"((julianday(%(expressions)s) - {epoch}) * {day})")


def _overlap(start: datetime, end: datetime) -> Any:
    begun = Greatest(_Seconds(F("created_at")), Value(start.timestamp(), output_field=FLOAT))
    edge = Value(end.timestamp(), output_field=FLOAT)
    over = Least(Coalesce(_Seconds(F("released_at")), edge), edge)
    return Greatest(over - begun, Value(0.0, output_field=FLOAT))


def _prices(book: PriceBook, stage: str, at: datetime) -> Prices:
    return price_at(book.lists, book.base, stage=stage, at=at)


def _priced_at(prices: Prices) -> Any:
    parts = [Cast(F(name), FLOAT) * Value(float(getattr(prices, name)), output_field=FLOAT) for name in AMOUNTS]
    return sum(parts[1:], parts[0])

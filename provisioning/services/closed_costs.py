"""Closes days: sums what each month has cost until the last midnight, so that pages of costs need not.

Called by the workers' schedule; a month is closed anew each day while it runs, when it is over, and when prices of it
changed. Sums are never changed: others take their place, and whoever reads the old ones reads them to their end.
``costs_check`` compares them with the ledger, as tallies are compared with their rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import Case, Max, Min, Q, Sum, Value, When

from governance.models import Reservation
from governance.services.audit import audit_append
from governance.services.tallies import TOLD
from idp.kernel.actor import PLATFORM
from provisioning.domain.showback import Month
from provisioning.models import ClosedCost, ClosedCostSum, CostClosing
from provisioning.selectors.priced_uses import FLOAT, Books, basis_of, price_books, priced, rate

GRACE: Final = timedelta(minutes=15)
"""After midnight nobody is any more about to store what began or ended before."""
MONTHS: Final = 13
"""As far back as months are kept closed; older ones are summed when somebody asks."""
IN_FLIGHT: Final = 1_000
"""Rows get their number before others see them; as many before the last may not have been seen."""
AT_ONCE: Final = 2_000
EXACT: Final = 0.005


class Place(NamedTuple):
    team: int
    system: int
    environment: int


class Figures(NamedTuple):
    """Until then, and for a month from then on."""

    cost: float
    rate: float


def costs_close(*, now: datetime) -> Month | None:
    """Close the month that needs it first, the newest before older ones; which one, None when all are closed.

    One at a time, so that a new installation or new prices do not keep a worker for long.
    """
    midnight = (now - GRACE).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    books = price_books()
    basis, newest = basis_of(books), _newest()
    months = _back_from(midnight)
    for month in months:
        until, known = min(midnight, month.end), newest.get(month.start.date())
        if known is None or known.until < until or known.basis != basis:
            _close(month, until, books, now=now)
            CostClosing.objects.filter(month__lt=months[-1].start.date()).delete()
            return month
    return None


def costs_check(*, now: datetime) -> int:
    """Compare the closing that was not looked at for longest with the ledger; in how many places it was wrong.

    What was wrong is closed anew, and the audit log tells where and by how much.
    """
    looked = min(_newest().values(), key=lambda one: one.checked_at, default=None)
    books = price_books()
    if looked is None or looked.basis != basis_of(books):
        return 0
    month = Month(looked.month.year, looked.month.month)
    with transaction.atomic():
        closing = CostClosing.objects.select_for_update().filter(pk=looked.pk).first()
        if closing is None:
            return 0
        CostClosing.objects.filter(pk=closing.pk).update(checked_at=now)
        true = _figures(month, closing.until, books, last_row=closing.last_row)
        wrong = _differences(true, _kept(closing))
        if wrong:
            _told(closing, wrong, now=now)
            _close(month, closing.until, books, now=now)
        return len(wrong)


def costs_disturb() -> None:
    """What was closed says nothing any more: an environment went to a cluster with other prices. It is closed anew."""
    with transaction.atomic():
        keys = list(CostClosing.objects.select_for_update().order_by("pk").values_list("pk", flat=True))
        CostClosing.objects.filter(pk__in=keys).update(basis="")


def _back_from(at: datetime) -> list[Month]:
    months = [Month.of(at)]
    while len(months) < MONTHS:
        months.append(months[-1].before)
    return months


def _newest() -> Mapping[object, CostClosing]:
    return {one.month: one for one in CostClosing.objects.order_by("id")}


@transaction.atomic
def _close(month: Month, until: datetime, books: Books, *, now: datetime) -> None:
    ended = list(CostClosing.objects.filter(month=month.start.date()).order_by("-id").values_list("pk", flat=True))
    last_row = Reservation.objects.aggregate(last=Max("pk"))["last"] or 0
    first_row = Reservation.objects.filter(created_at__gte=until).aggregate(first=Min("pk"))["first"] or last_row
    closing = CostClosing.objects.create(
        month=month.start.date(),
        until=until,
        basis=basis_of(books),
        first_row=max(0, min(first_row, last_row - IN_FLIGHT)),
        last_row=last_row,
        made_at=now,
        checked_at=now,
    )
    _keep(closing, _figures(month, until, books, last_row=last_row))
    # The one before stays for those who are reading it.
    CostClosing.objects.filter(pk__in=ended[1:]).delete()


def _figures(month: Month, until: datetime, books: Books, *, last_row: int) -> dict[Place, Figures]:
    """Of each environment that was used in the month before ``until``, by rows of the ledger up to ``last_row``."""
    rows = priced(month, Q(pk__lte=last_row), books=books, now=until)
    nothing = Value(0.0, output_field=FLOAT)
    goes_on = Q(released_at=None) | Q(released_at__gt=until)
    then = Case(When(goes_on, then=rate(books, until)), default=nothing) if until < month.end else nothing
    sums = rows.annotate(then=then).values_list("team_id", "system_id", "environment_id")
    found = sums.annotate(Sum("money"), Sum("then")).iterator(chunk_size=AT_ONCE)
    return {Place(*row[:3]): Figures(*row[3:]) for row in found}


def _keep(closing: CostClosing, figures: Mapping[Place, Figures]) -> None:
    sums: dict[tuple[int, int], list[Figures]] = defaultdict(list)
    for place, one in figures.items():
        sums[place.team, place.system].append(one)
    ClosedCost.objects.bulk_create(
        (
            ClosedCost(
                closing=closing,
                team_id=place.team,
                system_id=place.system,
                environment_id=place.environment,
                cost=one.cost,
                rate=one.rate,
            )
            for place, one in figures.items()
        ),
        batch_size=AT_ONCE,
    )
    ClosedCostSum.objects.bulk_create(
        ClosedCostSum(
            closing=closing,
            team_id=team,
            system_id=system,
            places=len(parts),
            cost=sum(one.cost for one in parts),
            rate=sum(one.rate for one in parts),
        )
        for (team, system), parts in sums.items()
    )


def _kept(closing: CostClosing) -> dict[Place, Figures]:
    rows = ClosedCost.objects.filter(closing=closing).values_list(
        "team_id", "system_id", "environment_id", "cost", "rate"
    )
    return {Place(*row[:3]): Figures(*row[3:]) for row in rows.iterator(chunk_size=AT_ONCE)}


def _differences(true: Mapping[Place, Figures], kept: Mapping[Place, Figures]) -> dict[Place, Figures]:
    """What the ledger has more than the closing, where that matters to the cent; also a place that one lacks."""
    nothing = Figures(0.0, 0.0)
    found = {}
    for place in true.keys() | kept.keys():
        is_, was = true.get(place, nothing), kept.get(place, nothing)
        more = Figures(is_.cost - was.cost, is_.rate - was.rate)
        if abs(more.cost) > EXACT or abs(more.rate) > EXACT or (place in true) != (place in kept):
            found[place] = more
    return found


def _told(closing: CostClosing, wrong: Mapping[Place, Figures], *, now: datetime) -> None:
    """The entry of a tally that is corrected: it is the same to whoever reads it."""
    table = ClosedCost._meta.db_table
    audit_append(
        PLATFORM,
        action="tally.correct",
        object_type="tally",
        object_id=table,
        object_label=table,
        data={"places": len(wrong), "month": f"{closing.month:%Y-%m}", "added": _named(wrong.items())},
        now=now,
    )


def _named(wrong: Iterable[tuple[Place, Figures]]) -> list[dict[str, str]]:
    ordered = sorted(wrong)[:TOLD]
    return [
        {**{name: str(key) for name, key in place._asdict().items()}, "cost": f"{more.cost:.2f}"}
        for place, more in ordered
    ]

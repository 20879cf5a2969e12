"""The ledger of a team's quota, entry by entry: what moved, by which change or loan, and the sums after it.

Read from the rows themselves: each hold and use has a beginning and an end, each move of limits is an entry. Sums are
anchored in what holds now and followed back, so that a page explains today's figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from django.db.models import Q, QuerySet, Sum

from governance.domain.quota import NAMES, Amounts
from governance.models import LimitEntry, Reservation
from governance.selectors.quota import quota_state

PAGE = 50
NOTHING = Amounts()
# The order of moves within one moment, so that no sum is ever told to be below nothing.
LIMITS, PASSES, ENDS, BEGINS = range(4)


@dataclass(frozen=True, slots=True)
class Sums:
    """What a team may take, uses and holds."""

    limits: Amounts
    used: Amounts
    held: Amounts

    def __sub__(self, other: Sums) -> Sums:
        return Sums(self.limits - other.limits, self.used - other.used, self.held - other.held)


@dataclass(frozen=True, slots=True)
class Entry:
    """One move. ``kind`` is of LimitEntry, or ``held``, ``used``, ``released``, ``ended``; ``by`` is signed.

    ``after`` are the sums when it, and what came before it, had happened.
    """

    at: datetime
    kind: str
    by: Sums
    after: Sums
    environment_id: int | None = None
    change_id: int | None = None
    label: str = ""
    stage: str = ""
    loan_id: int | None = None
    request_id: int | None = None
    actor_name: str = ""

    @property
    def moved(self) -> Amounts:
        """The one of the three that it moved."""
        return self.by.limits or self.by.used or self.by.held


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Newest first; ``next`` is the moment before which the next page begins, None at the end."""

    entries: tuple[Entry, ...]
    next: datetime | None


def ledger_page(team_id: int, *, before: datetime | None = None, size: int = PAGE) -> LedgerPage:
    """The moves before ``before``, or the latest. Five queries, however long the ledger is."""
    reservations = Reservation.objects.filter(team_id=team_id)
    limits = LimitEntry.objects.filter(team_id=team_id)
    begun = _latest(reservations, "created_at", before, size)
    over = _latest(reservations.exclude(released_at=None), "released_at", before, size)
    moved = _latest(limits, "at", before, size)
    floor = max(
        (
            getattr(rows[-1], field)
            for rows, field in ((begun, "created_at"), (over, "released_at"), (moved, "at"))
            if len(rows) > size
        ),
        default=None,
    )
    raw = [(row.created_at, (_rank(row), row.pk), _of(row, 1)) for row in begun]
    raw += [(row.released_at, (ENDS, row.pk), _of(row, -1)) for row in over]
    raw += [(row.at, (LIMITS, row.pk), _move(row)) for row in moved]
    kept = [one for one in raw if floor is None or one[0] > floor] or raw
    kept.sort(key=itemgetter(0, 1), reverse=True)
    following = None if floor is None else min(one[0] for one in kept)
    return LedgerPage(tuple(_followed(kept, sums_at(team_id, before))), following)


def sums_at(team_id: int, moment: datetime | None) -> Sums:
    """What held just before ``moment``, or holds now. One query, or two."""
    if moment is None:
        state = quota_state(team_id)
        return Sums(state.limits, state.used, state.held)
    there = Reservation.objects.filter(team_id=team_id, created_at__lt=moment)
    there = there.filter(Q(released_at=None) | Q(released_at__gte=moment))
    figures = {
        f"{side}_{name}": Sum(name, filter=Q(state__in=states))
        for side, states in (("held", ("held", "released")), ("used", ("used", "ended")))
        for name in NAMES
    }
    found = there.aggregate(**figures)
    limits = LimitEntry.objects.filter(team_id=team_id, at__lt=moment).aggregate(**{name: Sum(name) for name in NAMES})
    return Sums(Amounts.of(limits), *(Amounts.of(_side(found, side)) for side in ("used", "held")))


def _side(found: dict[str, Any], side: str) -> dict[str, Any]:
    return {name: found[f"{side}_{name}"] for name in NAMES}


def _latest(rows: QuerySet[Any], field: str, before: datetime | None, size: int) -> list[Any]:
    rows = rows if before is None else rows.filter(**{f"{field}__lt": before})
    return list(rows.order_by(f"-{field}", "-pk")[: size + 1])


def _rank(row: Reservation) -> int:
    """Where a beginning belongs within its moment: a hold that is used at once begins before it ends."""
    return PASSES if row.released_at == row.created_at else BEGINS


def _of(row: Reservation, sign: int) -> dict[str, Any]:
    """A beginning (1) or an end (-1) of a hold or a use."""
    amounts = Amounts.of(row) if sign > 0 else NOTHING - Amounts.of(row)
    hold = row.state in ("held", "released")
    begins, ends = ("held", "released") if hold else ("used", "ended")
    by = Sums(NOTHING, NOTHING, amounts) if hold else Sums(NOTHING, amounts, NOTHING)
    return {
        "kind": begins if sign > 0 else ends,
        "by": by,
        "environment_id": row.environment_id,
        "change_id": row.change_id,
        "label": row.label,
        "stage": row.stage,
    }


def _move(row: LimitEntry) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "by": Sums(Amounts.of(row), NOTHING, NOTHING),
        "loan_id": row.loan_id,
        "request_id": row.request_id,
        "actor_name": row.actor_name,
    }


def _followed(kept: list[tuple[datetime, tuple[int, int], dict[str, Any]]], after: Sums) -> Iterator[Entry]:
    """Newest first, each with the sums after it."""
    for at, _, fields in kept:
        yield Entry(at=at, after=after, **fields)
        after = after - fields["by"]

"""The ledger of a team's quota, entry by entry: what moved, by which change or loan, and the sums after it.

Read from the rows themselves: each hold and use has a beginning and an end, each move of limits is an entry. Sums are
anchored in what holds now and followed back, so that a page explains today's figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, F, IntegerField, Q, QuerySet, Sum, Value, When

from governance.domain.quota import NAMES, Amounts
from governance.models import LimitEntry, Reservation
from governance.selectors.quota import quota_state

PAGE = 50
LONGEST_ROW = 18
NOTHING = Amounts()
# The order of moves within one moment, so that no sum is ever told to be below nothing.
LIMITS, PASSES, ENDS, BEGINS = range(4)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a move stands in the ledger: its moment, and among those of one moment its ``rank`` and row.

    ``Place(moment)`` comes before every move of that moment.
    """

    at: datetime
    rank: int = LIMITS
    row: int = 0

    @property
    def among(self) -> str:
        """What tells it from others of its moment, for an address."""
        return f"{self.rank}-{self.row}"


def place_read(at: datetime | None, among: str) -> Place | None:
    """The place that an address names; one whose ``among`` is none stands before its whole moment."""
    if at is None:
        return None
    rank, _, row = among.partition("-")
    known = rank.isdecimal() and row.isdecimal() and int(rank) <= BEGINS and len(row) <= LONGEST_ROW
    return Place(at, int(rank), int(row)) if known else Place(at)


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
    """Newest first; ``next`` is the place before which the next page begins, None at the end."""

    entries: tuple[Entry, ...]
    next: Place | None


def ledger_page(team_id: int, *, before: Place | None = None, size: int = PAGE) -> LedgerPage:
    """The ``size`` moves before ``before``, or the latest. Five queries, however long the ledger is."""
    reservations = Reservation.objects.filter(team_id=team_id)
    moves = [
        *((_place(row.created_at, row), _of(row, 1)) for row in _latest(_begun(reservations, before), size)),
        *((_place(row.released_at, row), _of(row, -1)) for row in _latest(_over(reservations, before), size)),
        *((_place(row.at, row), _move(row)) for row in _latest(_moved(team_id, before), size)),
    ]
    moves.sort(key=lambda one: one[0], reverse=True)
    following = moves[size - 1][0] if len(moves) > size else None
    return LedgerPage(tuple(_followed(moves[:size], sums_at(team_id, before))), following)


def sums_at(team_id: int, place: Place | None) -> Sums:
    """What held just before the move at ``place``, or holds now. One query, or two."""
    if place is None:
        state = quota_state(team_id)
        return Sums(state.limits, state.used, state.held)
    there = _begun(Reservation.objects.filter(team_id=team_id), place).filter(_not_over(place))
    figures = {
        f"{side}_{name}": Sum(name, filter=Q(state__in=states))
        for side, states in (("held", ("held", "released")), ("used", ("used", "ended")))
        for name in NAMES
    }
    found = there.aggregate(**figures)
    limits = _moved(team_id, place).aggregate(**{name: Sum(name) for name in NAMES})
    return Sums(Amounts.of(limits), *(Amounts.of(_side(found, side)) for side in ("used", "held")))


def _side(found: dict[str, Any], side: str) -> dict[str, Any]:
    return {name: found[f"{side}_{name}"] for name in NAMES}


def _begun(rows: QuerySet[Reservation], before: Place | None) -> QuerySet[Reservation]:
    """Beginnings. A hold that is used at once begins before it ends, and so before what else ends in that moment."""
    at_once = When(released_at=F("created_at"), then=Value(PASSES))
    rank = Case(at_once, default=Value(BEGINS), output_field=IntegerField())
    return _earlier(rows.annotate(rank=rank), "created_at", before)


def _over(rows: QuerySet[Reservation], before: Place | None) -> QuerySet[Reservation]:
    ended = rows.exclude(released_at=None).annotate(rank=Value(ENDS, output_field=IntegerField()))
    return _earlier(ended, "released_at", before)


def _moved(team_id: int, before: Place | None) -> QuerySet[LimitEntry]:
    rows = LimitEntry.objects.filter(team_id=team_id).annotate(rank=Value(LIMITS, output_field=IntegerField()))
    return _earlier(rows, "at", before)


def _earlier(rows: QuerySet[Any], field: str, before: Place | None) -> QuerySet[Any]:
    """Those of ``rows`` (with their ``rank``) whose moves, at ``field``, come before; the newest first."""
    if before is not None:
        same = Q(rank__lt=before.rank) | Q(rank=before.rank, pk__lt=before.row)
        rows = rows.filter(Q(**{f"{field}__lt": before.at}) | same, **{f"{field}__lte": before.at})
    return rows.order_by(f"-{field}", "-rank", "-pk")


def _not_over(place: Place) -> Q:
    """Those that had not ended just before ``place``."""
    open_then = Q(released_at=None) | Q(released_at__gt=place.at)
    if place.rank > ENDS:
        return open_then
    return open_then | Q(released_at=place.at, pk__gte=place.row if place.rank == ENDS else 0)


def _latest(rows: QuerySet[Any], size: int) -> list[Any]:
    """One more than fit, so that whoever reads them knows whether there are more."""
    return list(rows[: size + 1])


def _place(at: datetime | None, row: Any) -> Place:
    assert at is not None  # what has not ended is not among the ends
    return Place(at, row.rank, row.pk)


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


def _followed(moves: Iterable[tuple[Place, dict[str, Any]]], after: Sums) -> Iterator[Entry]:
    """Newest first, each with the sums after it."""
    for place, fields in moves:
        yield Entry(at=place.at, after=after, **fields)
        after = after - fields["by"]

"""What recorded use cost in a calendar month, at the prices that held while it lasted. Pure.

A month of use costs the monthly price, however many days the month has; a part of it costs that part.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.plan import Footprint, Prices
from provisioning.domain.prices import PriceList, price_at, turns

DECEMBER: Final = 12
YEARS: Final = range(2000, 2200)


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in UTC."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """From ``2026-11``; InvalidInput otherwise."""
        try:
            at = datetime.strptime(text, "%Y-%m")
            if at.year not in YEARS:
                raise ValueError(text)
        except ValueError:
            raise InvalidInput(
                "That is no month.", errors=[FieldError("month", "Write the month as 2026-11.")]
            ) from None
        return cls(at.year, at.month)

    @classmethod
    def of(cls, at: datetime) -> Month:
        at = at.astimezone(UTC)
        return cls(at.year, at.month)

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def next(self) -> Month:
        return Month(self.year + 1, 1) if self.number == DECEMBER else Month(self.year, self.number + 1)

    @property
    def before(self) -> Month:
        return Month(self.year - 1, DECEMBER) if self.number == 1 else Month(self.year, self.number - 1)

    @property
    def end(self) -> datetime:
        return self.next.start

    def part(self, start: datetime, end: datetime) -> float:
        """Which part of the month lies between both moments; they are inside it."""
        return max((end - start).total_seconds(), 0.0) / (self.end - self.start).total_seconds()

    @property
    def title(self) -> str:
        """For people: ``November 2026``."""
        return f"{self.start:%B} {self.year}"

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"


@dataclass(frozen=True, slots=True)
class PriceBook:
    """The prices of one cluster over time."""

    base: Prices
    lists: tuple[PriceList, ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """A time in which one environment took the same; ``over`` is None while it lasts."""

    footprint: Footprint
    stage: str
    begun: datetime
    over: datetime | None


def cost_in(month: Month, use: Use, book: PriceBook, *, now: datetime) -> float:
    """What ``use`` cost in ``month`` until ``now``, not rounded."""
    start = max(use.begun, month.start)
    end = min(use.over or now, month.end, now)
    if end <= start:
        return 0.0
    points = [start, *turns(book.lists, stage=use.stage, start=start, end=end), end]
    return sum(
        month.part(a, b) * _monthly(use.footprint, price_at(book.lists, book.base, stage=use.stage, at=a))
        for a, b in pairwise(points)
    )


def forecast(month: Month, *, spent: float, monthly: float, now: datetime) -> float:
    """What the month will have cost at its end, when what runs now goes on as it is."""
    return spent + monthly * month.part(min(max(now, month.start), month.end), month.end)


def _monthly(footprint: Footprint, prices: Prices) -> float:
    return (
        footprint.cpu * prices.cpu
        + footprint.memory_gib * prices.memory_gib
        + footprint.storage_gib * prices.storage_gib
    )

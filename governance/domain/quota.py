"""The arithmetic of a team's quota. Pure; ``governance.services.quota`` keeps the ledger under a lock.

Amounts are cores, GiB of memory, GiB of storage and a number of environments, kept to a thousandth and rounded up,
so that the ledger never holds less than what was asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Any

from idp.kernel.errors import FieldError, QuotaExceeded

STEP = Decimal("0.001")
_NOISE = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Dimension:
    """One thing that is limited: its field's name, its word in sentences, its unit behind a number."""

    name: str
    label: str
    unit: str


DIMENSIONS = (
    Dimension("cpu", "CPU", "cores"),
    Dimension("memory_gib", "memory", "GiB"),
    Dimension("storage_gib", "storage", "GiB"),
    Dimension("environments", "environments", "environments"),
)
NAMES = tuple(dimension.name for dimension in DIMENSIONS)


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of each dimension. ``+``, ``-`` and ``largest`` work dimension by dimension."""

    cpu: Decimal = Decimal(0)
    memory_gib: Decimal = Decimal(0)
    storage_gib: Decimal = Decimal(0)
    environments: int = 0

    @classmethod
    def of(cls, source: Mapping[str, Any] | Any) -> Amounts:
        """From a mapping or from an object with fields of these names; what is missing or None is zero."""
        read = source.get if isinstance(source, Mapping) else lambda name: getattr(source, name, None)
        return cls(
            _amount(read("cpu")),
            _amount(read("memory_gib")),
            _amount(read("storage_gib")),
            int(read("environments") or 0),
        )

    @classmethod
    def total(cls, amounts: Iterable[Amounts]) -> Amounts:
        return sum(amounts, cls())

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(*(getattr(self, name) + getattr(other, name) for name in NAMES))

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(*(getattr(self, name) - getattr(other, name) for name in NAMES))

    def largest(self, other: Amounts) -> Amounts:
        return Amounts(*(max(getattr(self, name), getattr(other, name)) for name in NAMES))

    def beyond(self, other: Amounts) -> Amounts:
        """What this needs on top of ``other``; never below zero."""
        return (self - other).largest(Amounts())

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in NAMES)

    def smallest(self, other: Amounts) -> Amounts:
        return Amounts(*(min(getattr(self, name), getattr(other, name)) for name in NAMES))

    def as_dict(self) -> dict[str, Decimal | int]:
        return {name: getattr(self, name) for name in NAMES}


Limits = Amounts


@dataclass(frozen=True, slots=True)
class Shortage:
    """One dimension that does not suffice. ``missing`` is how far ``asked`` is beyond what is left."""

    dimension: Dimension
    limit: Decimal | int
    used: Decimal | int
    held: Decimal | int
    asked: Decimal | int
    missing: Decimal | int
    holders: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        unit, left = self.dimension.unit, max(self.limit - self.used - self.held, 0)
        text = (
            f"{self.dimension.label[0].upper()}{self.dimension.label[1:]}: "
            f"{counted(self.asked, unit)} asked, {plain(left)} of {plain(self.limit)} left "
            f"({plain(self.used)} used, {plain(self.held)} held), {plain(self.missing)} too few."
        )
        return text + (f" Most is with {', '.join(self.holders)}." if self.holders else "")


class OverQuota(QuotaExceeded):
    """QuotaExceeded with its numbers, for pages that show them."""

    def __init__(self, team: str, shortages: tuple[Shortage, ...]) -> None:
        labels = " and ".join(shortage.dimension.label for shortage in shortages)
        super().__init__(
            f"Team {team} does not have enough {labels} left. " + " ".join(item.sentence for item in shortages),
            remedy="Ask for less, make room by deleting or shrinking an environment, or ask a platform admin for more. "
            f"What could be freed is at /teams/{team}/quota/room.",
            errors=[FieldError(f"quota.{item.dimension.name}", item.sentence) for item in shortages],
        )
        self.team = team
        self.shortages = shortages


def check(limits: Limits, used: Amounts, held: Amounts, asked: Amounts) -> tuple[Shortage, ...]:
    """Each dimension where ``asked`` (zero or more) is beyond what is left. Asking for nothing is always in order."""
    short = []
    for dimension in DIMENSIONS:
        limit, taken, holding, wanted = (getattr(part, dimension.name) for part in (limits, used, held, asked))
        missing = taken + holding + wanted - limit
        if wanted > 0 and missing > 0:
            short.append(Shortage(dimension, limit, taken, holding, wanted, missing))
    return tuple(short)


def plain(number: Decimal | int | float) -> str:
    """``number`` for people: no trailing zeros, no exponent."""
    text = format(Decimal(str(number)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(number: Decimal | int | float, unit: str) -> str:
    """``number`` with the ``unit`` of a dimension behind it: 1 core, 2 cores, 1 GiB."""
    return f"{plain(number)} {unit.removesuffix('s') if number == 1 else unit}"


def _amount(value: Any) -> Decimal:
    exact = Decimal(str(value or 0)).quantize(_NOISE)  # 0.1 + 0.2 is 0.30000000000000004 and means 0.3
    return exact.quantize(STEP, rounding=ROUND_UP)

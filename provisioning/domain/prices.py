"""Price lists of a cluster: what a core and a GiB cost a month, from a day on, for all stages or for one. Pure.

A list of the stage itself goes before one for all stages; of two that are valid the later counts; where none is valid
the cluster's plain prices do. Days begin at midnight UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.plan import Prices

AMOUNTS: Final = ("cpu", "memory_gib", "storage_gib")
MOST_LISTS: Final = 60
MOST: Final = Decimal(999_999)


@dataclass(frozen=True, slots=True, order=True)
class PriceList:
    """``stage`` is empty for all stages."""

    valid_from: date
    stage: str
    cpu: Decimal
    memory_gib: Decimal
    storage_gib: Decimal

    @property
    def begins(self) -> datetime:
        return datetime.combine(self.valid_from, time(), tzinfo=UTC)

    @property
    def prices(self) -> Prices:
        return Prices(float(self.cpu), float(self.memory_gib), float(self.storage_gib))

    def as_dict(self) -> dict[str, str]:
        amounts = {name: str(getattr(self, name)) for name in AMOUNTS}
        return {"from": self.valid_from.isoformat(), "stage": self.stage, **amounts}


def lists_of(documents: Sequence[Mapping[str, Any]]) -> tuple[PriceList, ...]:
    """From what ``PriceList.as_dict`` keeps, or a person sent; by day. InvalidInput names each figure that is wrong."""
    errors: list[FieldError] = []
    if len(documents) > MOST_LISTS:
        errors.append(FieldError("price_lists", f"Keep at most {MOST_LISTS} lists."))
    found = [_list(one, f"price_lists[{number}]", errors) for number, one in enumerate(documents[:MOST_LISTS])]
    places = [(one.valid_from, one.stage) for one in found]
    if len(set(places)) < len(places):
        errors.append(FieldError("price_lists", "Two lists begin on the same day for the same stage."))
    if errors:
        raise InvalidInput(f"These prices are not right yet: {errors[0].message}", errors=errors)
    return tuple(sorted(found))


def price_at(lists: Iterable[PriceList], base: Prices, *, stage: str, at: datetime) -> Prices:
    """What holds for ``stage`` at that moment."""
    valid = [one for one in lists if one.begins <= at and one.stage in ("", stage)]
    if not valid:
        return base
    return max(valid, key=lambda one: (one.stage == stage and bool(stage), one.valid_from)).prices


def turns(lists: Iterable[PriceList], *, stage: str, start: datetime, end: datetime) -> list[datetime]:
    """Moments between ``start`` and ``end`` at which the price of ``stage`` may change."""
    return sorted({one.begins for one in lists if one.stage in ("", stage) and start < one.begins < end})


def _list(document: Mapping[str, Any], path: str, errors: list[FieldError]) -> PriceList:
    try:
        day = date.fromisoformat(str(document.get("from", "")))
    except ValueError:
        errors.append(FieldError(f"{path}.from", "Write the day as 2026-12-01."))
        day = date.min
    amounts = [_price(document.get(name, 0), f"{path}.{name}", errors) for name in AMOUNTS]
    return PriceList(day, str(document.get("stage") or ""), *amounts)


def _price(value: Any, path: str, errors: list[FieldError]) -> Decimal:
    try:
        number = Decimal(str(value))
        right = not isinstance(value, bool) and 0 <= number <= MOST
    except InvalidOperation:
        right = False
    if right:
        return number.quantize(Decimal("0.0001"))
    errors.append(FieldError(path, f"A price is a number from 0 to {MOST}."))
    return Decimal(0)

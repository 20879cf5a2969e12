"""Budgets: how much of a month's money is used up, and what happens at which share of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from idp.kernel.errors import FieldError, InvalidInput

ACTIONS: Final = ("tell", "warn", "ask", "deny")
ACTION_WORDS: Final[Mapping[str, str]] = {
    "tell": "Tell the maintainers",
    "warn": "Warn who asks for more",
    "ask": "A maintainer must agree",
    "deny": "Refuse what costs more",
}
MOST: Final = Decimal(1_000_000_000)
MOST_PERCENT: Final = 1000


@dataclass(frozen=True, slots=True, order=True)
class BudgetStep:
    """At ``at`` percent of the month's amount, ``do`` one of ``ACTIONS``."""

    at: int
    do: str

    def as_dict(self) -> dict[str, Any]:
        return {"at": self.at, "do": self.do}


DEFAULT_STEPS: Final = (BudgetStep(50, "tell"), BudgetStep(80, "warn"), BudgetStep(95, "ask"), BudgetStep(100, "deny"))


def steps_of(documents: Sequence[Mapping[str, Any]], path: str = "steps") -> tuple[BudgetStep, ...]:
    """From what ``as_dict`` keeps, or a person sent; by percent. InvalidInput names what is wrong."""
    errors: list[FieldError] = []
    found = []
    for number, one in enumerate(documents):
        at, do = one.get("at"), str(one.get("do"))
        if isinstance(at, bool) or not isinstance(at, int) or not 1 <= at <= MOST_PERCENT:
            errors.append(FieldError(f"{path}[{number}].at", f"Write a whole percentage from 1 to {MOST_PERCENT}."))
            continue
        if do not in ACTIONS:
            errors.append(FieldError(f"{path}[{number}].do", f"Use one of {', '.join(ACTIONS)}."))
            continue
        found.append(BudgetStep(at, do))
    if len({one.do for one in found}) < len(found):
        errors.append(FieldError(path, "Write each action once."))
    if errors:
        raise InvalidInput(f"This budget is not right yet: {errors[0].message}", errors=errors)
    return tuple(sorted(found))


def amount_of(value: Any, path: str = "amount") -> Decimal:
    try:
        amount = Decimal(str(value)).quantize(Decimal("0.01"))
    except InvalidOperation:
        amount = Decimal(0)
    if isinstance(value, bool) or not 0 < amount <= MOST:
        told = "A budget is an amount above zero for each month."
        raise InvalidInput(f"This budget is not right yet: {told}", errors=[FieldError(path, told)])
    return amount


def percent(part: float, amount: Decimal) -> float:
    return 100 * part / float(amount)


def reached(steps: Sequence[BudgetStep], share: float) -> BudgetStep | None:
    """The last step that ``share`` percent have come to."""
    return max((one for one in steps if share >= one.at), default=None)

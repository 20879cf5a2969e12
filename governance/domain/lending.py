"""What may be lent, and what goes back when a loan's time is over. Pure.

A loan moves limits: the lender may take less and the borrower more. It goes back as it came, but never below what the
borrower uses and holds at that moment, so that use and holds stay within the limits of both teams at every step. What
is still in use is owed: until it is back nothing more is given of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from governance.domain.quota import DIMENSIONS, NAMES, Amounts, check, plain
from governance.domain.quota_state import QuotaState
from idp.kernel.errors import FieldError, InvalidInput

LONGEST: Final = timedelta(days=366)
OPEN: Final = ("offered", "asked")
RUNNING: Final = ("active", "due")


def loan_problems(amounts: Amounts, *, ends_at: datetime, reason: str, now: datetime) -> list[FieldError]:
    """What is wrong with a proposal, field by field."""
    errors = []
    if not amounts:
        errors.append(FieldError("cpu", "Say how much: at least one amount above zero."))
    errors += [FieldError(name, "An amount is not below zero.") for name in NAMES if getattr(amounts, name) < 0]
    if not now < ends_at <= now + LONGEST:
        errors.append(FieldError("ends_at", "Choose a day within the next twelve months."))
    if not reason.strip():
        errors.append(FieldError("reason", "Say in a sentence what it is for."))
    return errors


def require_free(team: str, state: QuotaState, amounts: Amounts) -> None:
    """InvalidInput where the lender uses or holds what it would lend."""
    short = check(state.limits - state.owed, state.used, state.held, amounts)
    if short:
        raise InvalidInput(
            f"Team {team} cannot lend what it uses. " + " ".join(one.sentence for one in short),
            remedy="Lend less, or make room first.",
            errors=[FieldError(one.dimension.name, one.sentence) for one in short],
        )


def goes_back(outstanding: Amounts, state: QuotaState) -> Amounts:
    """How much of ``outstanding`` the borrower can give back now: what it neither uses nor holds."""
    free = (state.limits - state.used - state.held).largest(Amounts())
    return outstanding.smallest(free)


def in_words(amounts: Amounts) -> str:
    """ "4 cores CPU, 8 GiB memory"; what is zero is left out."""
    parts: Iterable[str] = (
        f"{plain(getattr(amounts, one.name))} {one.unit}{'' if one.unit == one.label else f' {one.label}'}"
        for one in DIMENSIONS
        if getattr(amounts, one.name)
    )
    return ", ".join(parts) or "nothing"

"""What an agent may be and may ask for, and what of its calls is kept. Pure.

``provisioning.services.agents`` keeps agents; ``agent_changes`` plans and submits for them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from idp.kernel.errors import FieldError

STATES: Final = ("active", "paused", "removed")
KINDS: Final = ("create", "update", "upgrade", "rollback", "promote", "extend", "sleep", "wake", "delete")
"""What an agent can be let do. To adopt, revert and move stays with people: these judge what others did."""

PLAN_HOLDS: Final = timedelta(minutes=15)
"""How long a plan may be asked for after it was shown."""

SESSION_PAUSE: Final = timedelta(minutes=30)
"""After so long without a call the next one begins another session, where the client names none."""

SESSION_LONGEST: Final = timedelta(hours=24)
KEPT: Final = timedelta(days=180)
"""How long sessions can be read."""

VIA: Final = "mcp"
RESERVED: Final = ("new", "rules")
SIGNED_RULE: Final = "agents-are-co-signed"
CAP_RULE: Final = "agents-stay-within-their-cap"

LONGEST_TEXT: Final = 400
MOST_ITEMS: Final = 40
DEEPEST: Final = 6
HIDDEN: Final = "(hidden)"
_SECRET = re.compile(
    r"pass(word|wd|phrase)?|secret|token|credential|api_?key|private_?key|authorization", re.IGNORECASE
)
_TOKEN = re.compile(r"\b(slw_|gh[pousr]_|xox[abp]-|AKIA|eyJ)[A-Za-z0-9_.\-]{8,}")

TO_COME: Final = ("pending", "approved")


def agent_errors(
    *, name: str, purpose: str, kinds: Collection[str], monthly_cap: Decimal, days: int | None
) -> list[FieldError]:
    """What is wrong with an agent as it was written; ``days`` is how long its token is to last, None to leave it."""
    errors = []
    if name in RESERVED:
        errors.append(FieldError("name", "Choose another name; this one is an address of the portal."))
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", name):
        errors.append(FieldError("name", "Write lower-case letters, digits and dashes, at most 40."))
    if len(purpose) > 300:
        errors.append(FieldError("purpose", "Write at most 300 letters."))
    if not kinds or set(kinds) - set(KINDS):
        errors.append(FieldError("kinds", f"Choose one or more of {', '.join(KINDS)}."))
    if not 0 <= monthly_cap <= 1_000_000:
        errors.append(FieldError("monthly_cap", "Write an amount from 0 to 1,000,000."))
    elif monthly_cap != round(monthly_cap, 2):
        errors.append(FieldError("monthly_cap", "Write at most two decimals."))
    if days is not None and not 1 <= days <= 366:
        errors.append(FieldError("days", "Its token lasts between 1 and 366 days."))
    return errors


def beyond_scope(*, kind: str, stage: str | None, kinds: Collection[str], stages: Collection[str], name: str) -> str:
    """Why an agent may not ask for this, as a sentence; empty when it may. ``stage`` is None where there is none."""
    if kind not in kinds:
        return f"The agent {name} may not ask for “{kind}”; it may ask for {', '.join(kinds)}."
    if stage is not None and stages and stage not in stages:
        return f"The agent {name} may not change anything at {stage}; it may at {', '.join(stages)}."
    return ""


def added_cost(rows: Iterable[tuple[int | None, str, int | None, Decimal, Decimal]]) -> Decimal:
    """What an agent's changes add to the cost of a month: (environment, state, revision, cost before, cost after) of
    each.

    Counted for each environment: what it adds as soon as it is asked for and while it has been begun (it has a
    revision), what it saves once that was carried out. Saving in one place makes no room in another.
    """
    sums: dict[int | None, Decimal] = {}
    for place, state, revision, before, after in rows:
        more = after - before
        if (more > 0 and (state in TO_COME or revision is not None)) or state == "succeeded":
            sums[place] = sums.get(place, Decimal(0)) + more
    return sum((one for one in sums.values() if one > 0), Decimal(0))


def over_cap(*, spent: Decimal, asked: Decimal, cap: Decimal, name: str, currency: str) -> str:
    """Why a change that adds ``asked`` to a month is too much; empty while it fits, or adds nothing."""
    if asked <= 0 or spent + asked <= cap:
        return ""
    left = max(cap - spent, Decimal(0))
    return (
        f"It would add {asked:,.2f} {currency} a month, and the agent {name} may add {left:,.2f} more "
        f"({spent:,.2f} of {cap:,.2f} {currency} are taken)."
    )


def told(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as they may be kept: what is named like a secret or looks like a token hidden, long things cut."""
    return {str(name)[:60]: _told(str(name), value, 0) for name, value in list(arguments.items())[:MOST_ITEMS]}


def _told(name: str, value: Any, depth: int) -> Any:
    if _SECRET.search(name) and value not in (None, "", True, False):
        return HIDDEN
    if depth >= DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {str(key)[:60]: _told(str(key), one, depth + 1) for key, one in list(value.items())[:MOST_ITEMS]}
    if isinstance(value, list | tuple):
        return [_told("", one, depth + 1) for one in value[:MOST_ITEMS]]
    if isinstance(value, str):
        return cut(_TOKEN.sub(HIDDEN, value))
    return value if isinstance(value, bool | int | float) or value is None else cut(str(value))


def cut(text: str, length: int = LONGEST_TEXT) -> str:
    """At most ``length`` letters, without NUL, which PostgreSQL does not hold."""
    plain = text.replace("\0", "")
    return plain if len(plain) <= length else plain[: length - 1] + "…"

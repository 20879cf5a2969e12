"""The ledger of a team's quota as its page shows it: words, links, signed figures; names only of what may be seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from django.urls import reverse

from governance.access import Rights, visible
from governance.domain.quota import DIMENSIONS, Amounts
from governance.selectors.quota_ledger import Entry, LedgerPage
from idp.catalog.models import Team
from portal.drawing import words
from provisioning.models import Environment

KIND_WORDS: Final = {
    "opening": "The ledger opens",
    "set": "Limits were set",
    "granted": "More was granted",
    "lent": "Lent",
    "borrowed": "Borrowed",
    "back": "A loan came back",
    "given-back": "A loan was given back",
    "held": "Held by a change",
    "released": "No longer held",
    "used": "In use",
    "ended": "No longer in use",
}


@dataclass(frozen=True, slots=True)
class Line:
    """``figures`` are the signed moves and ``sums`` what is used, held and allowed after it, by dimension."""

    at: datetime
    kind: str
    word: str
    text: str
    url: str
    figures: tuple[str, ...]
    sums: tuple[str, ...]

    @property
    def cells(self) -> list[tuple[str, str, str]]:
        """(name, move, sum after it) of each dimension."""
        names = (one.label[0].upper() + one.label[1:] for one in DIMENSIONS)
        return list(zip(names, self.figures, self.sums, strict=True))


def lines(rights: Rights, team: Team, page: LedgerPage) -> list[Line]:
    """One query: which environments the reader may see."""
    ids = {one.environment_id for one in page.entries if one.environment_id is not None}
    seen = set(visible(Environment.objects.filter(pk__in=ids), rights).values_list("pk", flat=True))
    return [_line(team, one, one.environment_id in seen) for one in page.entries]


def _line(team: Team, entry: Entry, seen: bool) -> Line:
    text, url = _about(team, entry, seen)
    moved, after = entry.moved, entry.after
    return Line(
        entry.at,
        entry.kind,
        KIND_WORDS[entry.kind],
        text,
        url,
        tuple(_signed(moved, one.name) for one in DIMENSIONS),
        tuple(_sum(after.used, after.held, after.limits, one.name) for one in DIMENSIONS),
    )


def _about(team: Team, entry: Entry, seen: bool) -> tuple[str, str]:
    if entry.loan_id is not None:
        return f"Loan {entry.loan_id}", reverse("quota-loans", args=[team.slug])
    if entry.request_id is not None:
        return f"Request {entry.request_id}, by {entry.actor_name}", reverse("quota-more", args=[team.slug])
    if entry.environment_id is None:
        return f"By {entry.actor_name}", ""
    if not seen:
        return "An environment you may not see", ""
    if entry.change_id is None:
        return entry.label, ""
    return f"{entry.label}, change {entry.change_id}", reverse("change", args=[entry.change_id])


def _signed(amounts: Amounts, name: str) -> str:
    value = Decimal(getattr(amounts, name))
    if not value:
        return ""
    return f"{'+' if value > 0 else '−'}{words.number(abs(value))}"


def _sum(used: Amounts, held: Amounts, limits: Amounts, name: str) -> str:
    taken = Decimal(getattr(used, name)) + Decimal(getattr(held, name))
    return f"{words.number(taken)} of {words.number(Decimal(getattr(limits, name)))}"

"""Loans and requests for more quota, as pages and the API list them. No secret inside an organisation."""

from __future__ import annotations

from typing import Final

from django.db.models import DecimalField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from governance.domain.quota import NAMES, Amounts
from governance.models import Loan, QuotaRequest
from idp.catalog.models import Team

_SIDES: Final = ("lender", "borrower")
_MOVED: Final = tuple((side, name) for side in _SIDES for name in NAMES)
_AMOUNT: Final = DecimalField(max_digits=14, decimal_places=3)


def loans(*, team: str = "", state: str = "") -> QuerySet[Loan]:
    """Newest first, with both teams and who proposed and decided."""
    rows = Loan.objects.select_related("lender", "borrower", "made_by", "decided_by").order_by("-id")
    if team:
        rows = rows.filter(Q(lender__slug=team) | Q(borrower__slug=team))
    return rows.filter(state=state) if state else rows


def quota_requests(*, team: str = "", state: str = "") -> QuerySet[QuotaRequest]:
    """Newest first, with the team and who asked and decided."""
    rows = QuotaRequest.objects.select_related("team", "made_by", "decided_by").order_by("-id")
    if team:
        rows = rows.filter(team__slug=team)
    return rows.filter(state=state) if state else rows


def with_loans(teams: QuerySet[Team]) -> QuerySet[Team]:
    """``teams`` with what each has lent and borrowed and is not back yet, for ``moved_by_loans``."""
    return teams.annotate(
        **{f"{side}_{name}": Coalesce(_outstanding(side, name), 0, output_field=_AMOUNT) for side, name in _MOVED}
    )


def moved_by_loans(team: Team) -> tuple[Amounts, Amounts]:
    """What a team that ``with_loans`` gave has lent, and what it has borrowed, as far as it is not back yet."""
    lent, borrowed = ({name: getattr(team, f"{side}_{name}") for name in NAMES} for side in _SIDES)
    return Amounts.of(lent), Amounts.of(borrowed)


def _outstanding(side: str, name: str) -> Subquery:
    back = Coalesce(Cast(KT(f"returned__{name}"), _AMOUNT), 0, output_field=_AMOUNT)
    rows = Loan.objects.filter(**{side: OuterRef("pk")}, state__in=("active", "due")).order_by().values(side)
    return Subquery(rows.annotate(out=Sum(Cast(name, _AMOUNT) - back, output_field=_AMOUNT)).values("out"))

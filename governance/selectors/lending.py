"""Loans and requests for more quota, as pages and the API list them. No secret inside an organisation."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from governance.domain.quota import NAMES, Amounts
from governance.models import Loan, QuotaRequest


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


def moved_by_loans(team_id: int) -> tuple[Amounts, Amounts]:
    """What the team has lent and what it has borrowed, as far as it is not back yet. One query."""
    rows = Loan.objects.filter(Q(lender=team_id) | Q(borrower=team_id), state__in=("active", "due"))
    sums = {True: Amounts(), False: Amounts()}
    for row in rows.only("lender_id", *NAMES, "returned"):
        sums[row.lender_id == team_id] += Amounts.of(row) - Amounts.of(row.returned)
    return sums[True], sums[False]

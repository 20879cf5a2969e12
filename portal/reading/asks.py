"""What waits for this person besides changes: broken glass, wishes for quota, loans, transfers. Read by home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import IntegerField, Q, QuerySet, Subquery
from django.urls import reverse

from governance.access import MANAGE_TEAM, Rights
from governance.models import Loan, QuotaRequest, Transfer
from portal.drawing import words
from provisioning.models import GlassBreak


class Number(Subquery):
    """How many rows a sub-query has, however its columns are called."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) _counted)"
    output_field = IntegerField()


@dataclass(frozen=True, slots=True)
class Ask:
    """One line: what waits, and the page that decides it."""

    title: str
    text: str
    url: str


def asked(rights: Rights) -> dict[str, Any]:
    """Sub-queries that count what waits for the person, to be asked along with something else.

    Of loans and transfers only those of teams that the person maintains, also for platform admins, who could decide
    them all.
    """
    own = [key for key, held in rights.teams.items() if MANAGE_TEAM in held]
    found: dict[str, Any] = {}
    if rights.may_administer():
        found["wishes"] = _number(QuotaRequest.objects.filter(state="open"))
        found["glass"] = _number(GlassBreak.objects.filter(verdict="").exclude(broken_by_id=rights.actor.user_id))
    if own:
        borrowing = Loan.objects.filter(state="offered", borrower_id__in=own)
        lending = Loan.objects.filter(state="asked", lender_id__in=own)
        found["offered"], found["offered_to"] = _number(borrowing), _first(borrowing, "borrower__slug")
        found["asked"], found["asked_of"] = _number(lending), _first(lending, "lender__slug")
        gives = Q(giver_id__in=own, given_by=None)
        takes = Q(taker_id__in=own, taken_by=None)
        found["transfers"] = _number(Transfer.objects.filter(gives | takes, state="open"))
    return found


def lines(found: Mapping[str, Any]) -> list[Ask]:
    """What ``asked`` found, as lines."""
    shown = []
    if found.get("glass"):
        times = words.count(found["glass"], "freeze was,freezes were")
        text = "An admin says afterwards whether that was right."
        shown.append(Ask(f"{times} broken through", text, reverse("freezes")))
    if found.get("wishes"):
        wishes = words.count(found["wishes"], "team asks,teams ask")
        shown.append(Ask(f"{wishes} for more quota", "You grant or refuse it.", reverse("quotas")))
    if found.get("offered"):
        loans = words.count(found["offered"], "loan is,loans are")
        shown.append(Ask(f"{loans} offered to your team", "", reverse("quota-loans", args=[found["offered_to"]])))
    if found.get("asked"):
        loans = words.count(found["asked"], "loan is,loans are")
        shown.append(Ask(f"{loans} asked of your team", "", reverse("quota-loans", args=[found["asked_of"]])))
    if found.get("transfers"):
        systems = words.count(found["transfers"], "system,systems")
        text = "Both teams have to agree before it changes hands."
        shown.append(Ask(f"{systems} to give or to take", text, reverse("ownership")))
    return shown


def total(found: Mapping[str, Any]) -> int:
    """How many decisions that are."""
    return sum(int(found.get(name) or 0) for name in ("glass", "wishes", "offered", "asked", "transfers"))


def _number(rows: QuerySet[Any]) -> Number:
    return Number(rows.order_by().values("pk"))


def _first(rows: QuerySet[Any], name: str) -> Subquery:
    return Subquery(rows.order_by("pk").values(name)[:1])

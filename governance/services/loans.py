"""Lending quota between teams for a time: one side proposes, the other accepts, and it goes back by itself.

Called by the portal, the API and the worker's sweep. Locks: the loan, both quota rows in the order of their teams, then
the audit head. Nothing here decides about changes: what is lent or owed is in the quota row that the gate reads.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from django.db import transaction
from django.db.models import Q

from governance.access import Rights, rights_of
from governance.domain.lending import OPEN, goes_back, in_words, loan_problems, require_free
from governance.domain.quota import NAMES, Amounts, plain
from governance.domain.quota_state import QuotaState
from governance.models import Loan, Quota
from governance.selectors.quota import taken
from governance.services.audit import audit_append
from governance.services.quota import quotas_lock
from governance.services.quota_limits import entry_add, quota_write
from governance.services.quota_notices import loan_told
from idp.catalog.models import Team
from idp.kernel.actor import Actor, platform_for
from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound

Side = Literal["lender", "borrower"]
MOST_OPEN = 20


@transaction.atomic
def loan_propose(
    actor: Actor,
    *,
    side: Side,
    lender: Team,
    borrower: Team,
    amounts: Amounts,
    ends_at: datetime,
    reason: str,
    now: datetime,
) -> Loan:
    """Offer quota of one's team to another, or ask another team for some; a maintainer of the proposing ``side``.

    Nothing moves yet. Raises InvalidInput with every field to fix, also when the lender does not have it free now.
    """
    rights_of(actor).require_manage(lender if side == "lender" else borrower)
    errors = loan_problems(amounts, ends_at=ends_at, reason=reason, now=now)
    if lender.pk == borrower.pk:
        errors.append(FieldError("team", "Choose another team."))
    if Loan.objects.filter(lender=lender, borrower=borrower, state__in=OPEN).count() >= MOST_OPEN:
        errors.append(FieldError("team", f"{MOST_OPEN} proposals between these teams wait already."))
    if errors:
        raise InvalidInput(f"This is not right yet: {errors[0].message}", errors=errors)
    require_free(lender.slug, _states(_ledgers(lender, borrower))[lender.pk], amounts)
    loan = Loan.objects.create(
        lender=lender,
        borrower=borrower,
        state="offered" if side == "lender" else "asked",
        reason=reason.strip()[:400],
        ends_at=ends_at,
        made_by_id=actor.user_id,
        made_at=now,
        **amounts.as_dict(),
    )
    loan_told(loan, "loan-proposed", team=borrower if side == "lender" else lender, by=actor.user_id, now=now)
    _audit(actor, loan, "propose", before=None, now=now)
    return loan


@transaction.atomic
def loan_accept(actor: Actor, loan_id: int, *, now: datetime) -> Loan:
    """The other side agrees: the amounts move at once. A maintainer of that team; never what the lender uses."""
    loan, _ = _open(actor, loan_id, answering=True)
    before = _stands(loan)
    if loan.ends_at <= now:
        raise Conflict("The time of this loan is over already.", remedy="Propose another one.")
    quotas = _ledgers(loan.lender, loan.borrower)
    amounts = Amounts.of(loan)
    require_free(loan.lender.slug, _states(quotas)[loan.lender_id], amounts)
    _move(actor, loan, quotas, amounts, back=False, now=now)
    _decided(loan, "active", actor, now=now)
    loan_told(loan, "loan-accepted", team=_proposer(loan), by=actor.user_id, now=now)
    _audit(actor, loan, "accept", before=before, now=now)
    return loan


@transaction.atomic
def loan_decline(actor: Actor, loan_id: int, *, now: datetime) -> Loan:
    """The other side does not want it."""
    loan, _ = _open(actor, loan_id, answering=True)
    before = _stands(loan)
    _decided(loan, "declined", actor, now=now)
    loan_told(loan, "loan-declined", team=_proposer(loan), by=actor.user_id, now=now)
    _audit(actor, loan, "decline", before=before, now=now)
    return loan


@transaction.atomic
def loan_withdraw(actor: Actor, loan_id: int, *, now: datetime) -> Loan:
    """The proposing side thinks better of it before it is answered."""
    loan, _ = _open(actor, loan_id, answering=False)
    before = _stands(loan)
    _decided(loan, "withdrawn", actor, now=now)
    _audit(actor, loan, "withdraw", before=before, now=now)
    return loan


@transaction.atomic
def loan_return(actor: Actor, loan_id: int, *, now: datetime) -> Loan:
    """Give a running loan back before its time; the borrower's maintainers. What is in use is owed from now on."""
    loan, rights = _locked(actor, loan_id)
    rights.require_manage(loan.borrower)
    if loan.state != "active":
        raise Conflict(f"This loan is {loan.state}.", code="illegal-state", remedy="Only a running loan is given back.")
    _collect(actor, loan, now=now)
    return loan


def loans_due(*, now: datetime) -> int:
    """End what is over: proposals that nobody answered lapse, loans go back as far as they can. Answers how many moved.

    Each in a transaction of its own, so that one that fails leaves the others alone; safe to run side by side.
    """
    over = Q(state="due") | Q(state__in=(*OPEN, "active"), ends_at__lte=now)
    moved = 0
    for loan_id in list(Loan.objects.filter(over).order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            moved += _ended(loan_id, now=now)
    return moved


def _ended(loan_id: int, *, now: datetime) -> bool:
    loan = Loan.objects.select_for_update(of=("self",)).select_related("lender", "borrower").get(pk=loan_id)
    if loan.state in OPEN and loan.ends_at <= now:
        before, proposer = _stands(loan), _proposer(loan)
        Loan.objects.filter(pk=loan.pk).update(state="lapsed", over_at=now)
        _audit(platform_for(f"team {proposer.slug}"), loan, "lapse", before=before, now=now)
        return True
    if loan.state == "due" or (loan.state == "active" and loan.ends_at <= now):
        return _collect(platform_for(f"team {loan.lender.slug}"), loan, now=now)
    return False


def _collect(actor: Actor, loan: Loan, *, now: datetime) -> bool:
    """Give back what the borrower does not use; the rest becomes owed. False when nothing moved."""
    quotas = _ledgers(loan.lender, loan.borrower)
    outstanding = outstanding_of(loan)
    back = goes_back(outstanding, _states(quotas)[loan.borrower_id])
    first, before = loan.state == "active", _stands(loan)
    if not back and not first:
        return False
    loan.returned = {name: plain(value) for name, value in (Amounts.of(loan.returned) + back).as_dict().items()}
    loan.state = "returned" if back == outstanding else "due"
    loan.over_at = now if loan.state == "returned" else None
    loan.save(update_fields=["returned", "state", "over_at"])
    _move(actor, loan, quotas, back, back=True, now=now)
    if loan.state != before["state"]:
        _told_of_return(loan, now=now)
    _audit(actor, loan, "return" if loan.state == "returned" else "collect", before=before, now=now)
    return True


def outstanding_of(loan: Loan) -> Amounts:
    """What has not come back yet; ``loan`` is running."""
    return Amounts.of(loan) - Amounts.of(loan.returned)


def owed_by(team_id: int) -> Amounts:
    """What the team must give back now: what is left of its loans whose time is over."""
    return Amounts.total(outstanding_of(one) for one in Loan.objects.filter(borrower=team_id, state="due"))


def _move(actor: Actor, loan: Loan, quotas: dict[int, Quota], amounts: Amounts, *, back: bool, now: datetime) -> None:
    """Move limits between both locked rows, with an entry for each, and say what the borrower owes from now on."""
    gives, takes = (loan.borrower_id, loan.lender_id) if back else (loan.lender_id, loan.borrower_id)
    kinds = ("given-back", "back") if back else ("lent", "borrowed")
    quotas[loan.borrower_id].owed = {
        name: plain(value) for name, value in owed_by(loan.borrower_id).as_dict().items() if value
    }
    for team_id, kind, by in ((gives, kinds[0], Amounts() - amounts), (takes, kinds[1], amounts)):
        entry_add(actor, team_id=team_id, kind=kind, by=by, loan=loan, now=now)
        quota_write(quotas[team_id], Amounts.of(quotas[team_id]) + by, now=now)


def _ledgers(lender: Team, borrower: Team) -> dict[int, Quota]:
    """Both quota rows, locked; InvalidInput where a team has none."""
    quotas = quotas_lock([lender.pk, borrower.pk])
    for team in (lender, borrower):
        if team.pk not in quotas:
            raise InvalidInput(f"Team {team.slug} has no quota yet.", remedy="Ask a platform admin to set one.")
    return quotas


def _states(quotas: dict[int, Quota]) -> dict[int, QuotaState]:
    """The locked ledgers, by team. One query."""
    sums, nothing = taken(quotas), Amounts()
    return {
        team_id: QuotaState(
            Amounts.of(row),
            sums.get((team_id, "used"), nothing),
            sums.get((team_id, "held"), nothing),
            owed=Amounts.of(row.owed),
        )
        for team_id, row in quotas.items()
    }


def _locked(actor: Actor, loan_id: int) -> tuple[Loan, Rights]:
    rights = rights_of(actor)
    rights.require_scope("admin")
    loan = Loan.objects.select_for_update(of=("self",)).select_related("lender", "borrower").filter(pk=loan_id).first()
    if loan is None:
        raise NotFound(f"There is no loan {loan_id}.")
    return loan, rights


def _open(actor: Actor, loan_id: int, *, answering: bool) -> tuple[Loan, Rights]:
    """A locked proposal and the rights of who answers it, or of who made it."""
    loan, rights = _locked(actor, loan_id)
    if loan.state not in OPEN and (rights.may_manage(loan.lender) or rights.may_manage(loan.borrower)):
        raise Conflict(f"This loan is {loan.state} already.", code="illegal-state", remedy="Read it again.")
    team = _proposer(loan)
    if answering:
        team = loan.borrower if team == loan.lender else loan.lender
    if not rights.may_manage(team):
        raise Forbidden(
            f"Only maintainers of team {team.slug} may do this.", remedy=f"Ask a maintainer of {team.slug}."
        )
    return loan, rights


def _proposer(loan: Loan) -> Team:
    """Whose proposal it is; ``loan`` as it was read, while it waited."""
    return loan.lender if loan.state == "offered" else loan.borrower


def _decided(loan: Loan, state: str, actor: Actor, *, now: datetime) -> None:
    over = None if state == "active" else now
    Loan.objects.filter(pk=loan.pk).update(state=state, decided_by=actor.user_id, decided_at=now, over_at=over)
    loan.decided_at, loan.over_at = now, over
    loan.decided_by_id = actor.user_id


def _told_of_return(loan: Loan, *, now: datetime) -> None:
    kind = "loan-returned" if loan.state == "returned" else "loan-due"
    for team in (loan.lender, loan.borrower):
        loan_told(loan, kind, team=team, by=None, now=now)


def _stands(loan: Loan) -> dict[str, Any]:
    return {"state": loan.state, "returned": dict(loan.returned)}


def _audit(actor: Actor, loan: Loan, verb: str, *, before: dict[str, Any] | None, now: datetime) -> None:
    loan.refresh_from_db(fields=["state"])
    audit_append(
        actor,
        action=f"loan.{verb}",
        object_type="loan",
        object_id=str(loan.pk),
        object_label=f"{loan.lender.slug} to {loan.borrower.slug}",
        team_slug=loan.borrower.slug,
        data={
            "before": before,
            "after": _stands(loan),
            "amounts": {name: plain(getattr(loan, name)) for name in NAMES},
            "ends_at": loan.ends_at.isoformat(),
            "words": in_words(Amounts.of(loan)),
        },
        now=now,
    )

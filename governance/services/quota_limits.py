"""Sets a team's limits and moves them: by an admin, by a granted wish, by a loan. Each move is an entry of the ledger.

Lock: the quota row, then the audit head. Limits are what a team may take now, so that what it lends is already left
out and what it borrows counted in; the sum of a team's entries is its Quota row.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from governance.access import rights_of
from governance.domain.ceilings import ceilings_of
from governance.domain.quota import NAMES, Amounts, Limits, plain
from governance.models import LimitEntry, Loan, Quota, QuotaRequest
from governance.services.audit import audit_append
from governance.services.edits import edit_keep, edit_to_undo
from governance.services.transactions import checked, require_version
from idp.catalog.models import Team
from idp.kernel.actor import Actor
from idp.kernel.errors import FieldError, InvalidInput

MOST = Decimal(1_000_000)


def quota_open(actor: Actor, *, team: Team, limits: Mapping[str, Decimal | int], now: datetime) -> Quota:
    """The first limits of a new team, inside the transaction that makes it."""
    quota = Quota.objects.create(team=team, updated_at=now, **limits)
    entry_add(actor, team_id=team.pk, kind="opening", by=Amounts.of(limits), now=now)
    return quota


@transaction.atomic
def quota_set(
    actor: Actor,
    *,
    team: Team,
    cpu: Decimal | int | float,
    memory_gib: Decimal | int | float,
    storage_gib: Decimal | int | float,
    environments: int,
    ceilings: Mapping[str, Any] | None = None,
    expected_version: int | None = None,
    now: datetime,
) -> Quota:
    """Set a team's limits; admins only. A limit may be lower than what is used: then nothing more is given.

    Without ``ceilings`` those that are there stay. A limit is at least what the team has borrowed and must return.
    """
    rights_of(actor).require_admin()
    given = {"cpu": cpu, "memory_gib": memory_gib, "storage_gib": storage_gib, "environments": environments}
    limits = _limits(given)
    quota = _locked(team, now=now)
    require_version(quota, quota.version, expected_version)
    kept = quota.ceilings if ceilings is None else ceilings_of(ceilings).as_dict()
    before = limits_shown(quota)
    after = {**_texts(limits), "ceilings": kept}
    if before == after:
        return quota
    _refuse_below_borrowed(team, limits)
    entry_add(actor, team_id=team.pk, kind="set", by=limits - Amounts.of(quota), now=now)
    quota.ceilings = kept
    quota_write(quota, limits, now=now)
    edit_keep(actor, subject="quota", key=team.pk, before=before, after=after, now=now)
    audit_append(
        actor,
        action="quota.set",
        object_type="team",
        object_id=team.pk,
        object_label=team.slug,
        team_slug=team.slug,
        data={"before": before, "after": after},
        now=now,
    )
    return quota


def quota_undo(actor: Actor, *, team: Team, edit_id: int, now: datetime) -> Quota:
    """Take the latest edit of the limits back; admins only. Itself an edit that can be taken back."""
    rights_of(actor).require_admin()
    before = edit_to_undo("quota", team.pk, edit_id).before
    figures = {name: Decimal(before[name]) for name in NAMES}
    return quota_set(
        actor,
        team=team,
        cpu=figures["cpu"],
        memory_gib=figures["memory_gib"],
        storage_gib=figures["storage_gib"],
        environments=int(figures["environments"]),
        ceilings=before["ceilings"],
        now=now,
    )


def entry_add(
    actor: Actor,
    *,
    team_id: int,
    kind: str,
    by: Amounts,
    loan: Loan | None = None,
    request: QuotaRequest | None = None,
    now: datetime,
) -> None:
    """Write a move of limits into the ledger; nothing for a move by nothing. The caller holds the quota row."""
    if by:
        LimitEntry.objects.create(
            team_id=team_id, kind=kind, loan=loan, request=request, actor_name=actor.username, at=now, **by.as_dict()
        )


def quota_write(quota: Quota, limits: Limits, *, now: datetime) -> None:
    """Store the limits of a locked row."""
    for name in NAMES:
        setattr(quota, name, getattr(limits, name))
    quota.version += 1
    quota.updated_at = now
    checked(quota).save()


def limits_shown(quota: Quota) -> dict[str, Any]:
    """Limits and ceilings as edits and the audit log keep them."""
    return {**_texts(Amounts.of(quota)), "ceilings": quota.ceilings}


def borrowed(team_id: int) -> Amounts:
    """What the team has borrowed and not yet given back."""
    rows = Loan.objects.filter(borrower=team_id, state__in=("active", "due"))
    return Amounts.total(Amounts.of(row) - Amounts.of(row.returned) for row in rows)


def _texts(amounts: Amounts) -> dict[str, str]:
    return {name: plain(value) for name, value in amounts.as_dict().items()}


def _locked(team: Team, *, now: datetime) -> Quota:
    """The locked row; a team that has none gets one that allows nothing."""
    Quota.objects.get_or_create(team=team, defaults={**Amounts().as_dict(), "updated_at": now})
    return Quota.objects.select_for_update().get(team=team)


def _refuse_below_borrowed(team: Team, limits: Limits) -> None:
    must = borrowed(team.pk)
    errors = [
        FieldError(name, f"{plain(getattr(must, name))} is borrowed and goes back, so the limit is at least that.")
        for name in NAMES
        if getattr(limits, name) < getattr(must, name)
    ]
    if errors:
        raise InvalidInput(f"These limits are not right yet: {errors[0].message}", errors=errors)


def _limits(given: dict[str, Decimal | int | float]) -> Limits:
    errors = [
        FieldError(name, f"A limit is a number from 0 to {plain(MOST)}.")
        for name, value in given.items()
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)) or not 0 <= value <= MOST
    ]
    if int(given["environments"] if not errors else 0) != (given["environments"] if not errors else 0):
        errors.append(FieldError("environments", "A number of environments is whole."))
    if errors:
        raise InvalidInput(f"These limits are not right yet: {errors[0].message}", errors=errors)
    return Amounts.of(given)

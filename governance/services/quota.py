"""The quota ledger: what each environment uses, and what each open change holds on top.

The team's Quota row is the lock of the ledger. Lock order everywhere: the change row, then the quota row, then the
audit head. All are parts of provisioning's transactions and insist on one; limits are set in ``quota_limits``.

An environment has at most one ``used`` row, a change at most one ``held`` row. A change that asks for more holds the
difference; when it starts, the hold is released and the environment's use rises in the same transaction; when its
run is done, use settles on what is really there. So used + held never exceeds the limits, whatever runs side by side.
A use that changes ends, and its successor begins: the rows are the history that the ledger and costs are read from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import Case, CharField, Q, Value, When

from governance.domain.ceilings import COST, Extras, ceilings_of, summed
from governance.domain.quota import NAMES, Amounts, Limits, OverQuota, Shortage, plain
from governance.domain.quota_state import QuotaState
from governance.models import Quota, Reservation
from governance.selectors.quota import LIVE, parts_of, quota_holders, quota_state, quota_states, resources_taken
from governance.services.quota_limits import quota_set
from governance.services.transactions import require_transaction
from idp.catalog.models import Team
from idp.kernel.errors import InvalidInput

__all__ = [
    "Amounts",
    "Extras",
    "Limits",
    "QuotaState",
    "quota_hold",
    "quota_holders",
    "quota_release",
    "quota_release_hold",
    "quota_set",
    "quota_settle",
    "quota_state",
    "quota_states",
    "quota_use",
    "quotas_lock",
]

SHOWN_HOLDERS = 3
NOTHING = Extras()


def quotas_lock(teams: Iterable[int]) -> dict[int, Quota]:
    """Lock the ledgers of several teams at once, in one order, for who is going to hold in each of them."""
    require_transaction("quotas_lock")
    rows = Quota.objects.select_for_update(of=("self",)).filter(team__in=set(teams)).order_by("team_id")
    return {row.team_id: row for row in rows.select_related("team")}


def quota_hold(
    *,
    team: Team,
    environment_id: int,
    change_id: int,
    label: str,
    before: Amounts,
    after: Amounts,
    extras_before: Extras = NOTHING,
    extras: Extras = NOTHING,
    now: datetime,
) -> Reservation | None:
    """Hold what ``after`` needs beyond ``before`` for a change; None (and no lock) when it needs nothing more.

    Locks the quota row; three queries, one more where the number of a capability's resources is limited. Raises
    OverQuota naming each short dimension and who holds most of it.
    """
    require_transaction("quota_hold")
    asked, more = after.beyond(before), extras.beyond(extras_before)
    if not asked and not more:
        return None
    state = _state(_locked(team), more)
    if shortages := state.shortages(asked, more):
        raise OverQuota(team.slug, tuple(_with_holders(team.pk, shortage) for shortage in shortages))
    return Reservation.objects.create(
        team=team,
        environment_id=environment_id,
        change_id=change_id,
        label=label,
        state="held",
        created_at=now,
        **_kept(asked, more),
    )


def quota_use(
    *,
    change_id: int,
    environment_id: int,
    team: Team,
    label: str,
    amounts: Amounts,
    extras: Extras = NOTHING,
    now: datetime,
    first: bool = False,
    unsettled: bool = False,
) -> Reservation:
    """The change starts: its hold ends and the environment's use becomes ``amounts``. Locks the quota row.

    ``first``: this transaction made the environment and held for it, so that nothing is used yet and the row is locked.
    ``unsettled``: the run before did not reach its end, so that what it was counted with may still be there.
    """
    require_transaction("quota_use")
    if not first:
        _locked(team)
    if unsettled and (used_now := _used(environment_id)) is not None:
        amounts = amounts.largest(Amounts.of(used_now))
        extras = extras.largest(_extras(used_now))
    _end(Q(change_id=change_id, state="held") | Q(environment_id=environment_id, state="used"), now=now)
    return Reservation.objects.create(
        team=team,
        environment_id=environment_id,
        change_id=change_id,
        label=label,
        state="used",
        created_at=now,
        **_kept(amounts, extras),
    )


def quota_settle(*, environment_id: int, amounts: Amounts, extras: Extras | None = None, now: datetime) -> None:
    """The run is done: the environment uses exactly ``amounts``. Locks the quota row; nothing used is nothing done.

    Without ``extras``, those that it was counted with stay.
    """
    require_transaction("quota_settle")
    used = _used(environment_id)
    if used is None:
        return
    extras = _extras(used) if extras is None else replace(extras, stage=extras.stage or used.stage)
    if (amounts, extras) == (Amounts.of(used), _extras(used)):
        return
    _locked(used.team)
    _end(Q(pk=used.pk, state="used"), now=now)
    Reservation.objects.create(
        team=used.team,
        environment_id=environment_id,
        change_id=used.change_id,
        label=used.label,
        state="used",
        created_at=now,
        **_kept(amounts, extras),
    )


def quota_release_hold(*, change_id: int, now: datetime) -> None:
    """The change will not start: give back what it held. Locks the quota row; may be repeated."""
    require_transaction("quota_release_hold")
    held = Reservation.objects.filter(change_id=change_id, state="held").select_related("team").first()
    if held is None:
        return
    _locked(held.team)
    _end(Q(pk=held.pk, state="held"), now=now)


def quota_release(*, environment_id: int, now: datetime) -> None:
    """The environment is gone: give back what it used. Locks the quota row; may be repeated."""
    require_transaction("quota_release")
    used = _used(environment_id)
    if used is None:
        return
    _locked(used.team)
    _end(Q(pk=used.pk, state="used"), now=now)


def _locked(team: Team) -> Quota:
    quota = Quota.objects.select_for_update().filter(team_id=team.pk).first()
    if quota is None:
        raise InvalidInput(f"Team {team.slug} has no quota yet.", remedy="Ask a platform admin to set one.")
    return quota


def _state(quota: Quota, asked: Extras) -> QuotaState:
    """The locked ledger with its sums; one query, two where resources must be counted."""
    parts, ceilings = parts_of(quota.team_id), ceilings_of(quota.ceilings)
    return QuotaState(
        Amounts.of(quota),
        summed(parts, "used"),
        summed(parts, "held"),
        owed=Amounts.of(quota.owed),
        ceilings=ceilings,
        parts=parts,
        resources=resources_taken(quota.team_id) if ceilings.counts(asked.resources) else {},
    )


def _end(rows: Q, *, now: datetime) -> None:
    over = Case(When(state="held", then=Value("released")), default=Value("ended"), output_field=CharField())
    Reservation.objects.filter(rows).update(state=over, released_at=now)


def _kept(amounts: Amounts, extras: Extras) -> dict[str, Any]:
    kept = {"stage": extras.stage, "monthly_cost": extras.monthly_cost, "resources": dict(extras.resources)}
    return {**amounts.as_dict(), **kept}


def _extras(row: Reservation) -> Extras:
    return Extras(row.stage, row.monthly_cost, row.resources)


def _used(environment_id: int) -> Reservation | None:
    return Reservation.objects.filter(environment_id=environment_id, state="used").select_related("team").first()


def _with_holders(team_id: int, shortage: Shortage) -> Shortage:
    stage, _, name = shortage.dimension.name.rpartition(".")
    if stage == "resources" or name not in (*NAMES, COST):
        return shortage
    rows = Reservation.objects.filter(team_id=team_id, state__in=LIVE, **{f"{name}__gt": 0})
    rows = rows.filter(stage=stage) if stage else rows
    biggest = rows.order_by(f"-{name}", "id").values_list("label", name)[:SHOWN_HOLDERS]
    holders = tuple(f"{label} ({plain(amount)})" for label, amount in biggest)
    return replace(shortage, holders=holders)

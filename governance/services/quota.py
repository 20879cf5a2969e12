"""The quota ledger: what each environment uses, and what each open change holds on top.

The team's Quota row is the lock of the ledger. Lock order everywhere: the change row, then the quota row, then the
audit head. All but ``quota_set`` are parts of provisioning's transactions and insist on one.

An environment has at most one ``used`` row, a change at most one ``held`` row. A change that asks for more holds the
difference; when it starts, the hold is released and the environment's use rises in the same transaction; when its
run is done, use settles on what is really there. So used + held never exceeds the limits, whatever runs side by side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from governance.access import rights_of
from governance.domain.quota import NAMES, Amounts, Limits, OverQuota, QuotaState, Shortage, check, plain
from governance.models import Quota, Reservation
from governance.selectors.quota import LIVE, quota_holders, quota_state, quota_states, taken
from governance.services.audit import audit_append
from governance.services.transactions import checked, require_transaction, require_version
from idp.catalog.models import Team
from idp.kernel.actor import Actor
from idp.kernel.errors import FieldError, InvalidInput

__all__ = [
    "Amounts",
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

MOST = Decimal(1_000_000)
SHOWN_HOLDERS = 3


@transaction.atomic
def quota_set(
    actor: Actor,
    *,
    team: Team,
    cpu: Decimal | int | float,
    memory_gib: Decimal | int | float,
    storage_gib: Decimal | int | float,
    environments: int,
    expected_version: int | None = None,
    now: datetime,
) -> Quota:
    """Set a team's limits; admins only. A limit may be lower than what is used: then nothing more is given."""
    rights_of(actor).require_admin()
    given = {"cpu": cpu, "memory_gib": memory_gib, "storage_gib": storage_gib, "environments": environments}
    limits = _limits(given)
    quota = _locked(team)
    require_version(quota, quota.version, expected_version)
    before = Amounts.of(quota)
    if before == limits:
        return quota
    for name in NAMES:
        setattr(quota, name, getattr(limits, name))
    quota.version += 1
    quota.updated_at = now
    checked(quota).save()
    audit_append(
        actor,
        action="quota.set",
        object_type="team",
        object_id=team.pk,
        object_label=team.slug,
        team_slug=team.slug,
        data={"before": before.as_dict(), "after": limits.as_dict()},
        now=now,
    )
    return quota


def quotas_lock(teams: Iterable[int]) -> None:
    """Lock the ledgers of several teams at once, in one order, for who is going to hold in each of them."""
    require_transaction("quotas_lock")
    list(Quota.objects.select_for_update().filter(team__in=set(teams)).order_by("team_id").values_list("pk"))


def quota_hold(
    *,
    team: Team,
    environment_id: int,
    change_id: int,
    label: str,
    before: Amounts,
    after: Amounts,
    now: datetime,
) -> Reservation | None:
    """Hold what ``after`` needs beyond ``before`` for a change; None (and no lock) when it needs nothing more.

    Locks the quota row; three queries. Raises OverQuota naming each short dimension and who holds most of it.
    """
    require_transaction("quota_hold")
    asked = after.beyond(before)
    if not asked:
        return None
    limits = Amounts.of(_locked(team))
    sums, nothing = taken([team.pk]), Amounts()
    shortages = check(limits, sums.get((team.pk, "used"), nothing), sums.get((team.pk, "held"), nothing), asked)
    if shortages:
        raise OverQuota(team.slug, tuple(_with_holders(team.pk, shortage) for shortage in shortages))
    return Reservation.objects.create(
        team=team,
        environment_id=environment_id,
        change_id=change_id,
        label=label,
        state="held",
        created_at=now,
        **asked.as_dict(),
    )


def quota_use(
    *,
    change_id: int,
    environment_id: int,
    team: Team,
    label: str,
    amounts: Amounts,
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
    fields = {"team": team, "label": label, "change_id": change_id, **amounts.as_dict()}
    begun = {**fields, "created_at": now}
    Reservation.objects.filter(change_id=change_id, state="held").update(state="released", released_at=now)
    if first:
        return Reservation.objects.create(environment_id=environment_id, state="used", **begun)
    used, _ = Reservation.objects.update_or_create(
        environment_id=environment_id, state="used", defaults=fields, create_defaults=begun
    )
    return used


def quota_settle(*, environment_id: int, amounts: Amounts, now: datetime) -> None:
    """The run is done: the environment uses exactly ``amounts``. Locks the quota row; nothing used is nothing done."""
    require_transaction("quota_settle")
    used = _used(environment_id)
    if used is None:
        return
    _locked(used.team)
    Reservation.objects.filter(pk=used.pk, state="used").update(**amounts.as_dict())


def quota_release_hold(*, change_id: int, now: datetime) -> None:
    """The change will not start: give back what it held. Locks the quota row; may be repeated."""
    require_transaction("quota_release_hold")
    held = Reservation.objects.filter(change_id=change_id, state="held").select_related("team").first()
    if held is None:
        return
    _locked(held.team)
    Reservation.objects.filter(pk=held.pk, state="held").update(state="released", released_at=now)


def quota_release(*, environment_id: int, now: datetime) -> None:
    """The environment is gone: give back what it used. Locks the quota row; may be repeated."""
    require_transaction("quota_release")
    used = _used(environment_id)
    if used is None:
        return
    _locked(used.team)
    Reservation.objects.filter(pk=used.pk, state="used").update(state="released", released_at=now)


def _locked(team: Team) -> Quota:
    quota = Quota.objects.select_for_update().filter(team_id=team.pk).first()
    if quota is None:
        raise InvalidInput(f"Team {team.slug} has no quota yet.", remedy="Ask a platform admin to set one.")
    return quota


def _used(environment_id: int) -> Reservation | None:
    return Reservation.objects.filter(environment_id=environment_id, state="used").select_related("team").first()


def _with_holders(team_id: int, shortage: Shortage) -> Shortage:
    name = shortage.dimension.name
    rows = Reservation.objects.filter(team_id=team_id, state__in=LIVE, **{f"{name}__gt": 0})
    biggest = rows.order_by(f"-{name}", "id").values_list("label", name)[:SHOWN_HOLDERS]
    holders = tuple(f"{label} ({plain(amount)})" for label, amount in biggest)
    return replace(shortage, holders=holders)


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

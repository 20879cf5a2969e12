"""Moves what environments use from one team's ledger to another's, when their system changes hands.

A part of provisioning's transaction. Locks both quota rows, in the order of all who lock several.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from governance.domain.ceilings import Extras
from governance.domain.quota import Amounts, OverQuota, Shortage
from governance.models import Reservation
from governance.selectors.quota import quota_counted, quota_state
from governance.services.quota import quotas_lock
from governance.services.transactions import require_transaction
from idp.catalog.models import Team
from idp.kernel.errors import InvalidInput


def quota_transfer(*, environments: Collection[int], giver: Team, taker: Team, now: datetime) -> int:
    """Every use of ``environments`` ends at ``giver`` and begins at ``taker``; how many. OverQuota says what lacks.

    Holds belong to open changes, of which the caller has made sure that there are none.
    """
    require_transaction("quota_transfer")
    locked = quotas_lock((giver.pk, taker.pk))
    if taker.pk not in locked:
        raise InvalidInput(f"Team {taker.slug} has no quota yet.", remedy="Ask a platform admin to set one.")
    rows = list(Reservation.objects.filter(environment_id__in=environments, team=giver, state="used").order_by("pk"))
    if shortages := transfer_shortages(taker, rows):
        raise OverQuota(taker.slug, tuple(shortages))
    Reservation.objects.filter(pk__in=[row.pk for row in rows]).update(state="ended", released_at=now)
    Reservation.objects.bulk_create(_begun(row, taker, now) for row in rows)
    return len(rows)


def transfer_shortages(taker: Team, rows: Collection[Reservation]) -> list[Shortage]:
    """What ``taker`` lacks to take ``rows`` over: in all, and of what its stages and capabilities may have."""
    asked: dict[str, tuple[Amounts, Extras]] = {}
    for row in rows:
        amounts, extras = asked.get(row.stage, (Amounts(), Extras(row.stage, Decimal(0), {})))
        asked[row.stage] = (amounts + Amounts.of(row), _more(extras, row))
    names = {name for _, extras in asked.values() for name in extras.resources}
    state = quota_counted(taker.pk, quota_state(taker.pk), names)
    whole = Amounts.total(amounts for amounts, _ in asked.values())
    counted: dict[str, int] = {}
    for _, extras in asked.values():
        for name, number in extras.resources.items():
            counted[name] = counted.get(name, 0) + number
    cost = sum((extras.monthly_cost for _, extras in asked.values()), Decimal(0))
    found = {one.dimension.name: one for one in state.shortages(whole, Extras("", cost, counted))}
    for amounts, extras in asked.values():
        for one in state.shortages(amounts, extras):
            found.setdefault(one.dimension.name, one)
    return [replace(one, holders=()) for one in found.values()]


def _more(extras: Extras, row: Reservation) -> Extras:
    resources: Mapping[str, int] = row.resources
    counted = {name: extras.resources.get(name, 0) + number for name, number in resources.items()}
    return replace(
        extras, monthly_cost=extras.monthly_cost + row.monthly_cost, resources={**extras.resources, **counted}
    )


def _begun(row: Reservation, taker: Team, now: datetime) -> Reservation:
    return Reservation(
        team=taker,
        environment_id=row.environment_id,
        change_id=row.change_id,
        label=row.label,
        stage=row.stage,
        state="used",
        resources=row.resources,
        monthly_cost=row.monthly_cost,
        created_at=now,
        **Amounts.of(row).as_dict(),
    )

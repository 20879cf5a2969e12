"""Sets the price lists of a cluster, and lets what lives there follow them when their day comes.

Locks: the cluster row, then the audit head. Showback reads prices of the day itself; what is kept with environments and
reservations is what a whole month costs as things are now, for lists, plans, budgets and limits of money.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import DecimalField, F, Value
from django.db.models.functions import Round

from governance.access import rights_of
from governance.models import Reservation
from governance.services.audit import audit_append
from governance.services.edits import edit_keep, edit_to_undo
from idp.kernel.actor import Actor
from idp.kernel.errors import FieldError, InvalidInput, NotFound
from provisioning.domain.plan import Prices
from provisioning.domain.prices import lists_of
from provisioning.models import Cluster, Environment, Stage
from provisioning.selectors.clusters import prices_of


@transaction.atomic
def prices_set(actor: Actor, *, cluster: str, lists: Sequence[Mapping[str, Any]], now: datetime) -> Cluster:
    """Replace the price lists of a cluster; admins only. InvalidInput names each figure that is wrong."""
    rights_of(actor).require_admin()
    row = Cluster.objects.select_for_update().filter(name=cluster).first()
    if row is None:
        raise NotFound(f"There is no cluster “{cluster}”.")
    wanted = lists_of(lists)
    known = set(Stage.objects.values_list("name", flat=True))
    errors = [
        FieldError(f"price_lists[{number}].stage", f"There is no stage “{one.get('stage')}”.")
        for number, one in enumerate(lists)
        if one.get("stage") and one["stage"] not in known
    ]
    if errors:
        raise InvalidInput(f"These prices are not right yet: {errors[0].message}", errors=errors)
    before, after = row.price_lists, [one.as_dict() for one in wanted]
    if before == after:
        return row
    Cluster.objects.filter(pk=row.pk).update(price_lists=after, version=F("version") + 1)
    row.refresh_from_db()
    _follow(row, now=now)
    edit_keep(actor, subject="prices", key=row.pk, before={"lists": before}, after={"lists": after}, now=now)
    audit_append(
        actor,
        action="prices.set",
        object_type="cluster",
        object_id=str(row.pk),
        object_label=row.name,
        data={"before": before, "after": after},
        now=now,
    )
    return row


def prices_undo(actor: Actor, *, cluster: Cluster, edit_id: int, now: datetime) -> Cluster:
    """Take the latest edit back; admins only. Itself an edit that can be taken back."""
    rights_of(actor).require_admin()
    before = edit_to_undo("prices", cluster.pk, edit_id).before["lists"]
    return prices_set(actor, cluster=cluster.name, lists=before, now=now)


def prices_follow(*, now: datetime) -> None:
    """Let what lives on clusters with price lists cost what holds today. A few updates for each cluster and stage."""
    for cluster in Cluster.objects.exclude(price_lists=[]):
        with transaction.atomic():
            _follow(cluster, now=now)


def _follow(cluster: Cluster, *, now: datetime) -> None:
    for stage in Stage.objects.all():
        monthly = _monthly(prices_of(cluster, stage=stage.name, at=now))
        there = Environment.objects.filter(cluster=cluster, stage=stage, deleted_at=None)
        there.exclude(monthly_cost=monthly).update(monthly_cost=monthly)
        used = Reservation.objects.filter(state="used", stage=stage.name, environment_id__in=there.values("pk"))
        used.exclude(monthly_cost=monthly).update(monthly_cost=monthly)


def _monthly(prices: Prices) -> Any:
    """The cost of a row's ``cpu``, ``memory_gib`` and ``storage_gib`` a month, to the cent; by the database."""
    money = DecimalField(max_digits=20, decimal_places=8)
    price = {name: Value(Decimal(str(getattr(prices, name))), output_field=money) for name in ("cpu", "memory_gib")}
    storage = Value(Decimal(str(prices.storage_gib)), output_field=money)
    total = F("cpu") * price["cpu"] + F("memory_gib") * price["memory_gib"] + F("storage_gib") * storage
    return Round(total, precision=2, output_field=DecimalField(max_digits=12, decimal_places=2))

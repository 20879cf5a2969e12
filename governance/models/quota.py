"""Limits of teams, and what is used and held of them."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from idp.catalog.models import Team

RESERVATION_STATES = ("held", "used", "released")
AMOUNT: dict[str, Any] = {"max_digits": 14, "decimal_places": 3}


class Quota(models.Model):
    """A team's limits: cores, GiB, GiB, and a number of environments. Its row is the lock of the ledger."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="quota")
    cpu = models.DecimalField(**AMOUNT)
    memory_gib = models.DecimalField(**AMOUNT)
    storage_gib = models.DecimalField(**AMOUNT)
    environments = models.PositiveIntegerField()
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(cpu__gte=0, memory_gib__gte=0, storage_gib__gte=0), name="quota_not_negative"
            )
        ]

    def __str__(self) -> str:
        return f"quota of {self.team_id}"


class Reservation(models.Model):
    """What one environment uses of its team's quota (``used``), or a change holds of it on top (``held``)."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="reservations")
    environment_id = models.BigIntegerField()
    change_id = models.BigIntegerField(null=True)
    label = models.CharField(max_length=80)
    state = models.CharField(max_length=10)
    cpu = models.DecimalField(**AMOUNT)
    memory_gib = models.DecimalField(**AMOUNT)
    storage_gib = models.DecimalField(**AMOUNT)
    environments = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=RESERVATION_STATES), name="reservation_state_known"),
            models.CheckConstraint(
                condition=Q(cpu__gte=0, memory_gib__gte=0, storage_gib__gte=0), name="reservation_not_negative"
            ),
            models.UniqueConstraint(
                fields=["environment_id"], condition=Q(state="used"), name="reservation_one_usage_per_environment"
            ),
            models.UniqueConstraint(
                fields=["change_id"], condition=Q(state="held"), name="reservation_one_hold_per_change"
            ),
        ]
        indexes = [
            # Holds what sums of a team need, so that they read the index alone.
            models.Index(
                fields=["team", "state"],
                include=["cpu", "memory_gib", "storage_gib", "environments"],
                condition=Q(state__in=("held", "used")),
                name="reservation_live",
            )
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.state}"

"""Limits of teams, and what is used and held of them, now and at every moment before."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from idp.catalog.models import Team

RESERVATION_STATES = ("held", "used", "released", "ended")
AMOUNT: dict[str, Any] = {"max_digits": 14, "decimal_places": 3}
LIMIT_KINDS = ("opening", "set", "granted", "lent", "borrowed", "back", "given-back")


class Quota(models.Model):
    """A team's limits: cores, GiB, GiB, and a number of environments. Its row is the lock of the ledger.

    Limits are what the team may take now: what it lends is left out, what it borrows is counted in. ``ceilings`` are
    the further limits (``governance.domain.ceilings``). ``owed`` are amounts of loans whose time is over. ``budgeted``
    tells the gate whether there is a budget to look for.
    """

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="quota")
    cpu = models.DecimalField(**AMOUNT)
    memory_gib = models.DecimalField(**AMOUNT)
    storage_gib = models.DecimalField(**AMOUNT)
    environments = models.PositiveIntegerField()
    ceilings = models.JSONField(default=dict, blank=True)
    owed = models.JSONField(default=dict, blank=True)
    budgeted = models.BooleanField(default=False)
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
    """What one environment uses of its team's quota (``used``), or a change holds of it on top (``held``).

    A row is never changed but for its end: a hold that ends is ``released``, a use ``ended``, and what comes next is a
    row of its own. So the rows of a team say what it took at any moment, and what that cost.
    """

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="reservations")
    environment_id = models.BigIntegerField()
    change_id = models.BigIntegerField(null=True)
    label = models.CharField(max_length=80)
    stage = models.CharField(max_length=30, blank=True, default="")
    state = models.CharField(max_length=10)
    cpu = models.DecimalField(**AMOUNT)
    memory_gib = models.DecimalField(**AMOUNT)
    storage_gib = models.DecimalField(**AMOUNT)
    environments = models.PositiveIntegerField(default=0)
    monthly_cost = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    resources = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=RESERVATION_STATES), name="reservation_state_known"),
            models.CheckConstraint(
                condition=Q(cpu__gte=0, memory_gib__gte=0, storage_gib__gte=0, monthly_cost__gte=0),
                name="reservation_not_negative",
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
                fields=["team", "state", "stage"],
                include=["cpu", "memory_gib", "storage_gib", "environments", "monthly_cost"],
                condition=Q(state__in=("held", "used")),
                name="reservation_live",
            ),
            # What uses most of a team's quota, as its page lists it.
            models.Index(
                fields=["team", "-cpu", "-memory_gib", "label"], condition=Q(state="used"), name="reservation_largest"
            ),
            models.Index(fields=["team", "-created_at"], name="reservation_begun"),
            models.Index(
                fields=["team", "-released_at"], condition=Q(released_at__isnull=False), name="reservation_over"
            ),
            # What ended on the open day, of all teams: costs are summed until the day before.
            models.Index(fields=["-released_at"], condition=Q(state="ended"), name="reservation_ended"),
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.state}"


class LimitEntry(models.Model):
    """One move of a team's limits: by how much, why, by whom. Their sum is the team's Quota row."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="limit_entries")
    kind = models.CharField(max_length=12)
    cpu = models.DecimalField(**AMOUNT)
    memory_gib = models.DecimalField(**AMOUNT)
    storage_gib = models.DecimalField(**AMOUNT)
    environments = models.IntegerField()
    loan = models.ForeignKey("Loan", null=True, on_delete=models.PROTECT, related_name="entries")
    request = models.ForeignKey("QuotaRequest", null=True, on_delete=models.PROTECT, related_name="entries")
    actor_name = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(kind__in=LIMIT_KINDS), name="limit_entry_kind_known")]
        indexes = [models.Index(fields=["team", "-at"], name="limit_entry_by_time")]

    def __str__(self) -> str:
        return f"{self.team_id}: {self.kind}"

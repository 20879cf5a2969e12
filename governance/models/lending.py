"""Quota on the move: what a team asks for on top, and what one team lends another for a time."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from governance.models.quota import AMOUNT
from idp.catalog.models import Team

LOAN_STATES = ("offered", "asked", "active", "due", "returned", "declined", "withdrawn", "lapsed")
REQUEST_STATES = ("open", "granted", "refused", "withdrawn")


class Loan(models.Model):
    """Quota that one team lends another until ``ends_at``.

    ``offered`` waits for the borrower, ``asked`` for the lender; ``active`` moved the amounts from limits to limits;
    ``due`` is over and partly still in use; ``returned`` are the amounts that are back (as JSON text figures).
    """

    lender = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="loans_given")
    borrower = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="loans_taken")
    state = models.CharField(max_length=10)
    cpu = models.DecimalField(default=0, **AMOUNT)
    memory_gib = models.DecimalField(default=0, **AMOUNT)
    storage_gib = models.DecimalField(default=0, **AMOUNT)
    environments = models.PositiveIntegerField(default=0)
    returned = models.JSONField(default=dict, blank=True)
    reason = models.CharField(max_length=400)
    ends_at = models.DateTimeField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    over_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=LOAN_STATES), name="loan_state_known"),
            models.CheckConstraint(condition=~Q(lender=F("borrower")), name="loan_between_two"),
            models.CheckConstraint(
                condition=Q(cpu__gte=0, memory_gib__gte=0, storage_gib__gte=0), name="loan_not_negative"
            ),
        ]
        indexes = [
            models.Index(
                fields=["ends_at"], condition=Q(state__in=("offered", "asked", "active", "due")), name="loan_open"
            )
        ]

    def __str__(self) -> str:
        return f"loan {self.pk}: {self.state}"


class QuotaRequest(models.Model):
    """A team's wish for more: amounts on top of its limits, with a reason; an admin decides."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="quota_requests")
    state = models.CharField(max_length=10, default="open")
    cpu = models.DecimalField(default=0, **AMOUNT)
    memory_gib = models.DecimalField(default=0, **AMOUNT)
    storage_gib = models.DecimalField(default=0, **AMOUNT)
    environments = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=1000)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=1000, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=REQUEST_STATES), name="quota_request_state_known"),
            models.UniqueConstraint(fields=["team"], condition=Q(state="open"), name="quota_request_one_open"),
        ]
        indexes = [models.Index(fields=["state", "-made_at"], name="quota_request_by_state")]

    def __str__(self) -> str:
        return f"request {self.pk}: {self.state}"

"""Budgets, and the earlier versions of what admins edit: quotas, budgets and price lists."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from idp.catalog.models import System, Team

EDITED = ("quota", "budget", "prices")


class Budget(models.Model):
    """What a team, or one of its systems, may cost in a calendar month, and what happens on the way there.

    ``steps`` is a list of ``{"at": percent, "do": "tell" | "warn" | "ask" | "deny"}`` by percent. ``told`` is the month
    and the step that programs were told of last (``2026-11:80``).
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="budgets")
    system = models.ForeignKey(System, null=True, on_delete=models.CASCADE, related_name="budgets")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    steps = models.JSONField(default=list)
    told = models.CharField(max_length=16, blank=True, default="")
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="budget_above_zero"),
            models.UniqueConstraint(fields=["team"], condition=Q(system=None), name="budget_one_per_team"),
            models.UniqueConstraint(fields=["system"], name="budget_one_per_system"),
        ]

    def __str__(self) -> str:
        return f"budget of {self.team_id}"


class Edit(models.Model):
    """One edit of what admins set, with what was before, so that it can be taken back in one click."""

    subject = models.CharField(max_length=10)
    key = models.BigIntegerField()
    before = models.JSONField()
    after = models.JSONField()
    actor_name = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(subject__in=EDITED), name="edit_subject_known")]
        indexes = [models.Index(fields=["subject", "key", "-id"], name="edit_by_subject")]

    def __str__(self) -> str:
        return f"{self.subject} {self.key}"

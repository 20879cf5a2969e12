"""A request to move one environment from a base revision to a target."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from idp.catalog.models import System
from provisioning.domain.lifecycle import CHANGE_KINDS, CHANGE_STATES, OPEN_CHANGE_STATES
from provisioning.models.environment import Environment, Revision
from provisioning.models.stage import Stage


class Change(models.Model):
    """``target`` is the revision document asked for (None for delete), ``plan`` what it would do from ``base``.

    ``facts`` and ``verdicts`` are kept as they were when the gate decided, for replay. ``plan_digest`` is what
    approvals are bound to. ``environment`` is empty only for a denied first change. ``intent`` is what was asked for in
    the words of its kind, so that the target can be computed anew when the base moves; empty where the target is that.
    """

    kind = models.CharField(max_length=10)
    state = models.CharField(max_length=12)
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="changes")
    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="changes")
    environment = models.ForeignKey(Environment, null=True, on_delete=models.CASCADE, related_name="changes")
    environment_name = models.CharField(max_length=30)
    base = models.ForeignKey(Revision, null=True, on_delete=models.PROTECT, related_name="+")
    revision = models.ForeignKey(Revision, null=True, on_delete=models.SET_NULL, related_name="+")
    intent = models.JSONField(default=dict)
    target = models.JSONField(null=True)
    plan = models.JSONField()
    plan_digest = models.CharField(max_length=64)
    facts = models.JSONField(default=dict)
    verdicts = models.JSONField(default=list)
    title = models.CharField(max_length=200)
    reason = models.TextField(blank=True)
    via = models.CharField(max_length=12)
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="changes")
    monthly_cost_before = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    monthly_cost_after = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=CHANGE_STATES), name="change_state_known"),
            models.CheckConstraint(condition=Q(kind__in=CHANGE_KINDS), name="change_kind_known"),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="change_by_state"),
            models.Index(fields=["environment", "-id"], name="change_by_environment"),
            models.Index(fields=["system", "-id"], name="change_by_system"),
            models.Index(fields=["requester", "-id"], name="change_by_requester"),
            models.Index(fields=["created_at", "id"], name="change_by_creation"),
            models.Index(fields=["system"], condition=Q(state__in=OPEN_CHANGE_STATES), name="change_open"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class ChangeEvent(models.Model):
    """One step in a change's history: a state, or a re-planned change. Written in the same transaction."""

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    actor_name = models.CharField(max_length=150)
    event = models.CharField(max_length=30)
    state = models.CharField(max_length=12)
    text = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.change_id} {self.event}"

"""The execution that makes an environment match a revision."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from provisioning.domain.run import RUN_STATES, STEP_STATES
from provisioning.models.change import Change
from provisioning.models.environment import Environment, Revision


class Run(models.Model):
    """Claimed by a lease; every write of a worker is filtered on ``epoch``. ``due_at``: when to look again.

    ``superseded_by`` is the newer change for whose sake it was asked to stop.
    """

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="runs")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="runs")
    revision = models.ForeignKey(Revision, null=True, on_delete=models.PROTECT, related_name="runs")
    kind = models.CharField(max_length=10)
    state = models.CharField(max_length=12)
    epoch = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    cancel_requested_by = models.CharField(max_length=150, blank=True)
    superseded_by = models.ForeignKey(Change, null=True, on_delete=models.SET_NULL, related_name="+")
    error = models.JSONField(null=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    applied_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=RUN_STATES), name="run_state_known"),
            models.UniqueConstraint(
                fields=["environment"], condition=Q(state__in=("queued", "running")), name="run_one_per_environment"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state__in=("queued", "running")), name="run_due"),
            models.Index(fields=["environment", "-id"], name="run_by_environment"),
            models.Index(fields=["change", "-id"], name="run_by_change"),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"


class Step(models.Model):
    """One idempotent piece of a run. ``needs`` are keys of other steps; ``progress`` is kept between attempts."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    key = models.CharField(max_length=60)
    kind = models.CharField(max_length=20)
    position = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=120)
    detail = models.CharField(max_length=400, blank=True)
    needs = models.JSONField(default=list)
    state = models.CharField(max_length=12)
    attempt = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True)
    message = models.CharField(max_length=400, blank=True)
    error = models.JSONField(null=True)
    progress = models.JSONField(default=dict)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["run", "position"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=STEP_STATES), name="step_state_known"),
            models.UniqueConstraint(fields=["run", "key"], name="step_once"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.key}"


class RunEvent(models.Model):
    """A line of a run's log, for people. Read by keyset on ``id`` only."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    step = models.CharField(max_length=60, blank=True)
    at = models.DateTimeField()
    level = models.CharField(max_length=8)
    text = models.CharField(max_length=600)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["run", "id"], name="run_event_by_run")]

    def __str__(self) -> str:
        return self.text

"""Reports of what a contract version would do to everything that lives. Worked off in chunks by whoever claims them.

Written by ``provisioning.services.blast_reports`` only. A report is a picture of one moment: the revisions that it
looks at are fixed when it is asked for, so that what moves meanwhile makes another report and never half of one.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from idp.catalog.models import System, Team
from provisioning.domain.object_effects import OUTCOMES
from provisioning.models.environment import Environment

BLAST_STATES = ("queued", "running", "succeeded", "failed")
OPEN = ("queued", "running")
AMOUNT: dict[str, Any] = {"max_digits": 14, "decimal_places": 3, "default": 0}


class BlastReport(models.Model):
    """One question, answered once. ``question`` is the digest of the document, the fleet and the rules of judging.

    ``fleet`` lists the revisions to look at, in the order of the report; ``done`` of its ``total`` are. ``counts`` is
    by outcome, ``teams`` by the team's id (``{"slug", "name", "counts", "cpu", …}``), ``left_out`` counts by version
    what lives and is not reached. Claimed by a lease as a run is; every write of a worker is filtered on ``epoch``.
    """

    question = models.CharField(max_length=64, unique=True)
    capability = models.CharField(max_length=40)
    version = models.CharField(max_length=40)
    published = models.BooleanField()
    document = models.JSONField()
    document_digest = models.CharField(max_length=64)
    fleet = models.JSONField(default=list)
    fleet_digest = models.CharField(max_length=64)
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)
    resources = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)
    teams = models.JSONField(default=dict)
    left_out = models.JSONField(default=dict)
    state = models.CharField(max_length=12)
    error = models.CharField(max_length=400, blank=True)
    epoch = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=Q(state__in=BLAST_STATES), name="blast_state_known")]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state__in=OPEN), name="blast_due"),
            models.Index(fields=["capability", "-id"], name="blast_by_capability"),
        ]

    def __str__(self) -> str:
        return f"{self.capability}@{self.version} #{self.pk}"


class BlastItem(models.Model):
    """What happens to one resource. ``position`` orders a report by team, system, environment and resource.

    ``objects_changed`` are ``{"kind", "name", "action", "reason", "lines": [{"path", "before", "after"}], "more"}``,
    values as short text; ``problems`` are ``{"path", "message"}``. Amounts and cost are differences. A restricted
    system's rows are shown only to those who may see it.
    """

    report = models.ForeignKey(BlastReport, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="+")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="+")
    stage = models.CharField(max_length=30)
    resource = models.CharField(max_length=31)
    version = models.CharField(max_length=40)
    outcome = models.CharField(max_length=12)
    reason = models.CharField(max_length=400)
    objects_changed = models.JSONField(default=list)
    problems = models.JSONField(default=list)
    cpu = models.DecimalField(**AMOUNT)
    memory_gib = models.DecimalField(**AMOUNT)
    storage_gib = models.DecimalField(**AMOUNT)
    cost = models.DecimalField(max_digits=12, decimal_places=2, default=0)

    class Meta:
        ordering = ["report", "position"]
        constraints = [
            models.UniqueConstraint(fields=["report", "position"], name="blast_item_once"),
            models.CheckConstraint(condition=Q(outcome__in=OUTCOMES), name="blast_outcome_known"),
        ]
        indexes = [
            models.Index(fields=["report", "outcome", "position"], name="blast_item_by_outcome"),
            models.Index(fields=["report", "team", "position"], name="blast_item_by_team"),
        ]

    def __str__(self) -> str:
        return f"{self.report_id} {self.position}"

"""What Score workloads were asked for, and the versions of the rules by which they are mapped."""

from __future__ import annotations

from django.db import models

from idp.catalog.models import System
from provisioning.models.change import Change


class ScoreRules(models.Model):
    """One version of all rules (``domain.score.rules``); the newest holds, and without any those that ship do."""

    version = models.PositiveIntegerField(unique=True)
    document = models.JSONField()
    note = models.CharField(max_length=200)
    saved_by = models.CharField(max_length=150)
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ["-version"]

    def __str__(self) -> str:
        return f"Score rules v{self.version}"


class ScoreWorkload(models.Model):
    """One workload as a change asked for it. ``document`` is its file in today's form.

    ``claims`` are the identities of the resources that it makes or shares, by their name in the environment.
    """

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="score_workloads")
    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="+")
    environment_name = models.CharField(max_length=30)
    name = models.CharField(max_length=63)
    document = models.JSONField()
    claims = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["change", "name"], name="score_workload_once")]
        indexes = [models.Index(fields=["system", "environment_name"], name="score_workloads_of")]

    def __str__(self) -> str:
        return f"{self.environment_name} {self.name}"

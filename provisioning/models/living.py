"""What the platform's clock keeps of environments: sleep, notices of expiry, and keys of previews. Beside their rows,
because none of it is desired state: it does not travel when an environment is promoted or rolled back.
"""

from __future__ import annotations

from django.db import models

from idp.catalog.models import System
from provisioning.models.environment import Environment


class SleepPlan(models.Model):
    """When an environment sleeps by itself. ``windows`` are as ``domain.sleep_schedule.schedule_written`` gives them.

    ``idle_hours`` None: as the stage says. ``handled_at`` is the newest transition that was seen to, ``due_at`` when to
    look again. ``said`` is why the last transition did not happen, for people; empty when it did.
    """

    environment = models.OneToOneField(Environment, on_delete=models.CASCADE, related_name="sleep_plan")
    windows = models.JSONField(default=list)
    time_zone = models.CharField(max_length=64, default="UTC")
    idle_hours = models.PositiveSmallIntegerField(null=True)
    awake_until = models.DateTimeField(null=True)
    active_at = models.DateTimeField(null=True)
    handled_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    said = models.CharField(max_length=400, blank=True)
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="sleep_plan_by_due")]

    def __str__(self) -> str:
        return f"sleep of {self.environment_id}"


class ExpiryWatch(models.Model):
    """What was said of an environment's end at ``moment``: ``told`` counts notices (1: a week, 2: a day, 3: an hour).

    ``refused_at`` is when the platform could last not ask for its deletion, ``refusal`` why.
    """

    environment = models.OneToOneField(Environment, on_delete=models.CASCADE, related_name="expiry_watch")
    moment = models.DateTimeField()
    told = models.PositiveSmallIntegerField(default=0)
    refused_at = models.DateTimeField(null=True)
    refusal = models.CharField(max_length=400, blank=True)

    def __str__(self) -> str:
        return f"expiry of {self.environment_id}"


class Preview(models.Model):
    """Which environment a key such as ``pr-123`` stands for. The key outlives it, and may be given another one."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="previews")
    key = models.CharField(max_length=60)
    environment = models.OneToOneField(Environment, on_delete=models.CASCADE, related_name="preview")
    link = models.URLField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["system", "key"], name="preview_key_once_per_system")]

    def __str__(self) -> str:
        return self.key

"""What every job of a source keeps: who asked, how far it is, and whose it is meanwhile.

The tables are those of its heirs; ``governance.services.leased_jobs`` claims, ends and sweeps them. Must not know of
what a job does.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models


class LeasedJob(models.Model):
    """A job that one worker at a time carries out; an heir adds ``source``, ``mode``, ``state`` and ``report``."""

    counts = models.JSONField(default=dict)
    message = models.CharField(max_length=400, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_name = models.CharField(max_length=150)
    asked_at = models.DateTimeField()
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)

    mode: models.CharField[str, str]

    class Meta:
        abstract = True
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.mode} {self.pk}"

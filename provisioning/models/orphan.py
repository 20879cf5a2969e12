"""Objects on a cluster that carry Slipway's labels and that no environment knows."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from provisioning.models.stage import Cluster

ORPHAN_STATES = ("open", "deleted", "vanished")
ORPHAN_REASONS = ("no-environment", "not-recorded", "left-behind")


class Orphan(models.Model):
    """Found by a sweep, deleted by an admin only. ``system`` and ``environment`` are what its labels say.

    ``reason``: there is no such environment on that cluster, or there is and no resource of it has recorded the object,
    or an admin let go of it because its cluster did not answer; the sweep ends that when the object is seen gone.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="orphans")
    api_version = models.CharField(max_length=80)
    kind = models.CharField(max_length=80)
    namespace = models.CharField(max_length=63, blank=True)
    name = models.CharField(max_length=253)
    system = models.CharField(max_length=63)
    environment = models.CharField(max_length=63)
    reason = models.CharField(max_length=16)
    state = models.CharField(max_length=10, default="open")
    first_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ORPHAN_STATES), name="orphan_state_known"),
            models.CheckConstraint(condition=Q(reason__in=ORPHAN_REASONS), name="orphan_reason_known"),
            models.UniqueConstraint(
                fields=["cluster", "api_version", "kind", "namespace", "name"],
                condition=Q(state="open"),
                name="orphan_open_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

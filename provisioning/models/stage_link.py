"""Where operators look for what runs at a stage, as admins say it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from provisioning.models.stage import Stage

LINK_KINDS = ("dashboard", "logs", "traces", "alerts", "other")


class StageLink(models.Model):
    """A template of a link; ``url`` has ``${…}`` for what differs between environments (``domain.links``)."""

    stage = models.ForeignKey(Stage, on_delete=models.CASCADE, related_name="links")
    name = models.CharField(max_length=40)
    kind = models.CharField(max_length=10)
    url = models.CharField(max_length=1000)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["stage", "name"]
        constraints = [
            models.UniqueConstraint(fields=["stage", "name"], name="stage_link_named_once"),
            models.CheckConstraint(condition=Q(kind__in=LINK_KINDS), name="stage_link_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.stage_id} {self.name}"

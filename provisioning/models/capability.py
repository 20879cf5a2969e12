"""Platform interfaces and their immutable published versions."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from idp.catalog.models import Team

CONTRACT_STATES = ("preview", "stable", "deprecated", "defective", "retired")


class Capability(models.Model):
    """What teams can have: ``web-service``, ``postgres``, ``route``. Titles come from its newest stable contract."""

    name = models.CharField(max_length=40, unique=True)
    title = models.CharField(max_length=120)
    summary = models.CharField(max_length=400)
    category = models.CharField(max_length=40)
    icon = models.CharField(max_length=40)
    readme = models.TextField(blank=True)
    owner = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="capabilities")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "capabilities"

    def __str__(self) -> str:
        return self.name


class Contract(models.Model):
    """One published version. ``document`` never changes; only ``state`` may."""

    capability = models.ForeignKey(Capability, on_delete=models.PROTECT, related_name="contracts")
    version = models.CharField(max_length=40)
    major = models.PositiveIntegerField()
    minor = models.PositiveIntegerField()
    patch = models.PositiveIntegerField()
    state = models.CharField(max_length=12)
    document = models.JSONField()
    digest = models.CharField(max_length=64)
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["capability", "-major", "-minor", "-patch"]
        constraints = [
            models.UniqueConstraint(fields=["capability", "version"], name="contract_once"),
            models.CheckConstraint(condition=Q(state__in=CONTRACT_STATES), name="contract_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.capability_id}@{self.version}"

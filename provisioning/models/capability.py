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
    """One published version. ``document`` never changes; its state and what is said about the state may.

    ``replacement`` is another version of the capability. ``state_version`` counts the moves, for ``If-Match``.
    """

    capability = models.ForeignKey(Capability, on_delete=models.PROTECT, related_name="contracts")
    version = models.CharField(max_length=40)
    major = models.PositiveIntegerField()
    minor = models.PositiveIntegerField()
    patch = models.PositiveIntegerField()
    state = models.CharField(max_length=12)
    state_version = models.PositiveIntegerField(default=1)
    state_since = models.DateTimeField(null=True)
    state_reason = models.CharField(max_length=400, blank=True, default="")
    sunset_at = models.DateTimeField(null=True)
    replacement = models.CharField(max_length=40, blank=True, default="")
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


class PreviewTeam(models.Model):
    """A team that may use the preview versions of a capability, because one of its maintainers said so."""

    capability = models.ForeignKey(Capability, on_delete=models.CASCADE, related_name="preview_teams")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    joined_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    joined_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["capability", "team"], name="preview_team_once")]

    def __str__(self) -> str:
        return f"{self.team_id} previews {self.capability_id}"

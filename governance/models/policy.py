"""Rules over changes."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from idp.catalog.models import slug_validator

POLICY_MODES = ("enforce", "observe")
POLICY_EFFECTS = ("deny", "warn", "require-approval")


class Policy(models.Model):
    """A CEL rule over a change; ``document`` is the whole policy document, ``version`` counts its edits.

    ``digest`` is that of the document: processes compare digests to know whether their compiled policies still hold.
    """

    name = models.CharField(max_length=60, unique=True, validators=[slug_validator])
    title = models.CharField(max_length=160)
    mode = models.CharField(max_length=10)
    effect = models.CharField(max_length=20)
    document = models.JSONField()
    digest = models.CharField(max_length=64)
    version = models.PositiveIntegerField(default=1)
    active = models.BooleanField(default=True)
    updated_at = models.DateTimeField()
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "policies"
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=POLICY_MODES), name="policy_mode_known"),
            models.CheckConstraint(condition=Q(effect__in=POLICY_EFFECTS), name="policy_effect_known"),
        ]

    def __str__(self) -> str:
        return self.name

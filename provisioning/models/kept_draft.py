"""What somebody has begun to ask for and not asked for yet, so that a closed tab loses nothing."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from idp.catalog.models import System


class KeptDraft(models.Model):
    """One draft of one person, as the form had it. ``environment`` is empty for a new one; ``token`` is the page's own.

    Nobody else reads it, nothing is planned or audited for it, and it goes after a month.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="+")
    environment = models.CharField(max_length=63, blank=True, default="")
    token = models.CharField(max_length=16)
    content = models.JSONField()
    changed_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "token"], name="kept_draft_once")]
        indexes = [models.Index(fields=["person", "system", "environment"], name="kept_draft_place")]

    def __str__(self) -> str:
        return f"draft {self.token}"

"""Who had a part in asking for a change, beside its requester: their agreement to it counts for nothing."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from provisioning.models.change import Change


class ChangeAuthor(models.Model):
    """``part`` says in words what ``user`` did: held the token that asked, or conducts the campaign that did."""

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="authors")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    part = models.CharField(max_length=120)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["change", "user"], name="change_author_once")]

    def __str__(self) -> str:
        return f"{self.user_id} of {self.change_id}"

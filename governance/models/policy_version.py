"""Every document that a policy has had."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from governance.models.policy import Policy


class PolicyVersion(models.Model):
    """What one save or retirement made of a policy; never edited. ``number`` is the policy's ``version`` then.

    ``text`` is the document as it was written; empty where it came as JSON. ``note`` says how it came about when it was
    not an edit.
    """

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    digest = models.CharField(max_length=64)
    text = models.TextField(blank=True)
    mode = models.CharField(max_length=10)
    active = models.BooleanField()
    note = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["policy", "-number"]
        constraints = [models.UniqueConstraint(fields=["policy", "number"], name="policy_version_once")]

    def __str__(self) -> str:
        return f"{self.policy_id} v{self.number}"

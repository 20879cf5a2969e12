"""A command line that asks to act for somebody, until it got its token."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class DeviceLogin(models.Model):
    """Asked for by a program without identity, answered by a signed-in person; only a hash of its secret is kept.

    ``scopes``, ``systems`` and ``days`` are what the program wishes, then what the person allowed.
    """

    STATES = ("waiting", "allowed", "refused", "taken")

    code = models.CharField(max_length=8, unique=True)
    device_hash = models.CharField(max_length=64, unique=True)
    client = models.CharField(max_length=60)
    address = models.CharField(max_length=45)
    scopes = models.JSONField(default=list)
    systems = models.JSONField(default=list)
    days = models.PositiveSmallIntegerField(default=30)
    state = models.CharField(max_length=10, choices=[(one, one) for one in STATES], default="waiting")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    token = models.ForeignKey("governance.ApiToken", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_index=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["address", "created_at"], name="devicelogin_by_address")]

    def __str__(self) -> str:
        return f"{self.client} ({self.state})"

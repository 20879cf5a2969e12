"""API tokens; only hashes of them are kept."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class ApiToken(models.Model):
    """``slw_<prefix>_<secret>``; only a hash of the secret is kept. ``systems`` empty means all.

    ``maker`` was shown the secret, so that they hold the token, whoever its owner is. ``for_people``: who uses it may
    name a person for whom it asks, and then that person's rights apply.
    """

    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, unique=True)
    secret_hash = models.CharField(max_length=64)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    scopes = models.JSONField(default=list)
    systems = models.JSONField(default=list)
    for_people = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"slw_{self.prefix}_…"

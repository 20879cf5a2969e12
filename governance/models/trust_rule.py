"""Which pipelines may exchange their own identity for a short-lived token, and what was exchanged already."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class TrustRule(models.Model):
    """``account`` is the service account whose token a trusted pipeline gets, narrowed to ``scopes`` and ``systems``.

    ``claims`` are patterns by name. ``before`` is what the last edit replaced, for taking it back.
    """

    name = models.CharField(max_length=50, unique=True)
    issuer = models.CharField(max_length=300)
    audience = models.CharField(max_length=200)
    subject = models.CharField(max_length=500)
    claims = models.JSONField(default=dict, blank=True)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="trust_rules")
    scopes = models.JSONField(default=list)
    systems = models.JSONField(default=list, blank=True)
    minutes = models.PositiveSmallIntegerField(default=15)
    active = models.BooleanField(default=True)
    before = models.JSONField(default=dict, blank=True)
    version = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField()
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["issuer"], name="trust_rule_issuer")]

    def __str__(self) -> str:
        return self.name


class SpentIdentity(models.Model):
    """What counts once, by digest: an identity token that was exchanged, a push that a Git host told, until it ends."""

    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.digest[:12]

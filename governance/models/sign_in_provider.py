"""Providers through which people sign in, and who came by them."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SignInProvider(models.Model):
    """One OpenID Connect provider. ``secret`` is encrypted and never shown again.

    ``before`` and ``secret_before`` are what the last edit replaced, for taking it back. ``session_hours`` 0 is as long
    as any session. ``trouble`` is why nobody could come by it last, since ``trouble_at``; empty when somebody could.
    """

    name = models.CharField(max_length=30, unique=True)
    title = models.CharField(max_length=60)
    issuer = models.CharField(max_length=300, unique=True)
    client_id = models.CharField(max_length=255)
    secret = models.TextField(blank=True)
    scopes = models.JSONField(default=list)
    group_claim = models.CharField(max_length=120, blank=True)
    link_claim = models.CharField(max_length=120, blank=True)
    missing_is_none = models.BooleanField(default=False)
    may_create = models.BooleanField(default=False)
    session_hours = models.PositiveSmallIntegerField(default=0)
    active = models.BooleanField(default=True)
    before = models.JSONField(default=dict, blank=True)
    secret_before = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField()
    updated_by = models.CharField(max_length=150)
    worked_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=300, blank=True)
    trouble_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["title", "name"]

    def __str__(self) -> str:
        return self.name


class ExternalIdentity(models.Model):
    """Who somebody is at a provider: the issuer and its subject, which never changes, as mail addresses do."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="external_identities")
    issuer = models.CharField(max_length=300)
    subject = models.CharField(max_length=255)
    how = models.CharField(max_length=12)
    began_at = models.DateTimeField()
    used_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="external_identity_once"),
            models.UniqueConstraint(fields=["user", "issuer"], name="external_identity_of_person"),
            models.CheckConstraint(
                condition=models.Q(how__in=("made", "provisioned", "connected")), name="external_identity_how_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.issuer}"

"""People and groups that a directory provisions through SCIM, the tokens it comes with, and what was refused to it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


def _new_id() -> str:
    return str(uuid.uuid4())


class ScimUser(models.Model):
    """What the directory said of a person last; the account is ``user``, whose name stays when ``user_name`` changes.

    ``active`` is what the directory wants; an administrator may have switched the account off besides. A row with
    ``deleted_at`` is nobody to the directory, and becomes somebody again, under another ``key``, with the same name.
    ``password_before`` is the hash that handing the account over ended, for taking that back; it goes when the
    directory switches the person off.
    """

    key = models.CharField(max_length=36, unique=True, default=_new_id)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="provisioned")
    user_name = models.CharField(max_length=256)
    user_name_key = models.CharField(max_length=300, unique=True)
    external_id = models.CharField(max_length=256, blank=True, db_index=True)
    display_name = models.CharField(max_length=500, blank=True)
    active = models.BooleanField(default=True)
    document = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)
    password_before = models.CharField(max_length=128, blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.user_name


class ScimEmail(models.Model):
    """An address of a person, for finding them; ``value`` counts without regard to case."""

    person = models.ForeignKey(ScimUser, on_delete=models.CASCADE, related_name="emails")
    value = models.CharField(max_length=300, db_index=True)
    type = models.CharField(max_length=100, blank=True)
    primary = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.value


class ScimGroup(models.Model):
    """A group of the directory; what it gives in teams is said by rules (``governance.services.group_rules``)."""

    key = models.CharField(max_length=36, unique=True, default=_new_id)
    display_name = models.CharField(max_length=256)
    display_name_key = models.CharField(max_length=300, unique=True)
    external_id = models.CharField(max_length=256, blank=True, db_index=True)
    members = models.ManyToManyField(ScimUser, related_name="groups")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.display_name


class ScimToken(models.Model):
    """``slw_<prefix>_<secret>``, which opens SCIM and nothing else; only a hash of the secret is kept.

    It belongs to nobody, so that it does not end with the account of whoever made it.
    """

    prefix = models.CharField(max_length=12, unique=True)
    secret_hash = models.CharField(max_length=64)
    made_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["expires_at"], condition=Q(revoked_at=None), name="scim_token_alive")]

    def __str__(self) -> str:
        return f"slw_{self.prefix}_…"


class ScimRefusal(models.Model):
    """A request of the directory that was refused, for the page on which administrators look."""

    at = models.DateTimeField()
    request = models.CharField(max_length=200)
    status = models.PositiveSmallIntegerField()
    detail = models.CharField(max_length=500)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.status} {self.request}"

"""The append-only chain of what happened."""

from __future__ import annotations

from django.db import models


class AuditHead(models.Model):
    """One row: the last entry's number and hash. Its lock orders the chain, and is taken last of all locks."""

    sequence = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="")

    def __str__(self) -> str:
        return f"audit head {self.sequence}"


class AuditCheckpoint(models.Model):
    """Up to here entries may be removed, because they were exported: the chain goes on from ``hash``.

    The database itself refuses to change or delete entries that no checkpoint covers, and to touch a checkpoint.
    """

    sequence = models.BigIntegerField(primary_key=True)
    hash = models.CharField(max_length=64)
    at = models.DateTimeField()
    exported_to = models.CharField(max_length=400)

    class Meta:
        ordering = ["-sequence"]

    def __str__(self) -> str:
        return f"audit checkpoint {self.sequence}"


class AuditEntry(models.Model):
    """What happened and who did it; ``hash`` covers every field and the hash before it."""

    sequence = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=150)
    via = models.CharField(max_length=12)
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=40)
    object_id = models.CharField(max_length=60)
    object_label = models.CharField(max_length=200)
    team_slug = models.CharField(max_length=30, blank=True)
    data = models.JSONField(default=dict)
    request_id = models.CharField(max_length=40, blank=True)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-sequence"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["object_type", "object_id", "-sequence"], name="audit_by_object"),
            models.Index(fields=["team_slug", "-sequence"], name="audit_by_team"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"

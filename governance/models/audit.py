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


_NEWEST = ("-at", "-sequence")


class AuditEntry(models.Model):
    """What happened and who did it; ``hash`` covers every field and the hash before it.

    Every filter of the search has an index that ends in the order of the search, so that the newest entries of one
    are read off the index, however long the log is.
    """

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
    token_id = models.BigIntegerField(null=True, blank=True)
    behalf = models.CharField(max_length=150, blank=True, default="")
    address = models.CharField(max_length=45, blank=True, default="")
    system_slug = models.CharField(max_length=40, blank=True, default="")
    environment_name = models.CharField(max_length=40, blank=True, default="")
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-sequence"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=_NEWEST, name="audit_by_time"),
            models.Index(fields=["actor_name", *_NEWEST], name="audit_by_actor"),
            models.Index(fields=["action", *_NEWEST], name="audit_by_action"),
            models.Index(fields=["object_type", *_NEWEST], name="audit_by_kind"),
            models.Index(fields=["object_type", "object_id", *_NEWEST], name="audit_by_object"),
            models.Index(fields=["object_label", *_NEWEST], name="audit_by_name"),
            models.Index(fields=["team_slug", *_NEWEST], name="audit_by_team"),
            models.Index(fields=["behalf", *_NEWEST], name="audit_by_behalf"),
            models.Index(fields=["request_id", *_NEWEST], name="audit_by_request"),
            models.Index(fields=["system_slug", *_NEWEST], name="audit_by_system"),
            models.Index(fields=["system_slug", "environment_name", *_NEWEST], name="audit_by_place"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"

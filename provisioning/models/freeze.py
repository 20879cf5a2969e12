"""Freezes, and the glass that was broken in them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from provisioning.models.change import Change


class FreezeMark(models.Model):
    """One row whose ``number`` rises with every write to a freeze, so that a process knows when to read them anew."""

    number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"freezes at {self.number}"


class Freeze(models.Model):
    """What is held still. ``scope`` and ``covers`` are as ``provisioning.domain.freeze`` reads them.

    ``windows`` are as of ``domain.sleep_schedule.schedule_written`` in ``zone``; without any it holds from
    ``starts_at`` to ``ends_at``, None being until it is lifted. ``lifted_at`` ends it for good. ``told`` is whether
    people have been told that it is in force. ``before`` is what an edit replaced, for taking it back.
    """

    title = models.CharField(max_length=120)
    reason = models.CharField(max_length=1000)
    scope = models.JSONField(default=dict, blank=True)
    covers = models.JSONField(default=list)
    windows = models.JSONField(default=list, blank=True)
    zone = models.CharField(max_length=64, default="UTC")
    glass = models.CharField(max_length=12, default="maintainers")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="freezes")
    declared_at = models.DateTimeField()
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    lifted_at = models.DateTimeField(null=True)
    told = models.BooleanField(default=False)
    before = models.JSONField(default=dict, blank=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=Q(glass__in=("maintainers", "admins")), name="freeze_glass")]
        indexes = [models.Index(fields=["ends_at"], condition=Q(lifted_at=None), name="freeze_standing")]

    def __str__(self) -> str:
        return self.title


class GlassBreak(models.Model):
    """A change that goes on in spite of ``freezes`` (ids), and the agreement that must be given afterwards.

    ``due_at`` is when the agreement is late; ``verdict`` is empty until an admin other than the breaker has given it.
    """

    change = models.OneToOneField(Change, on_delete=models.CASCADE, related_name="glass")
    freezes = models.JSONField(default=list)
    freeze = models.ForeignKey(Freeze, on_delete=models.PROTECT, related_name="breaks")
    reason = models.CharField(max_length=1000)
    broken_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    broken_at = models.DateTimeField()
    due_at = models.DateTimeField()
    late_told = models.BooleanField(default=False)
    verdict = models.CharField(max_length=8, blank=True)
    comment = models.CharField(max_length=1000, blank=True)
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(verdict__in=("", "agreed", "objected")), name="glass_verdict")
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(verdict=""), name="glass_open")]

    def __str__(self) -> str:
        return f"glass of {self.change_id}"

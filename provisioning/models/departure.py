"""When promotions start: windows of a stage, changes that wait for their moment, and trains of several at once."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from provisioning.domain.train import OPEN_TRAIN_STATES, TRAIN_STATES
from provisioning.models.change import Change
from provisioning.models.stage import Stage


class StageWindows(models.Model):
    """When promotions into ``stage`` may start; at any time without ``windows``.

    ``windows`` are as of ``domain.sleep_schedule.schedule_written``, read in the time zone ``zone``.
    """

    stage = models.OneToOneField(Stage, on_delete=models.CASCADE, related_name="promotion_windows")
    windows = models.JSONField(default=list)
    zone = models.CharField(max_length=64, default="UTC")
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"windows of {self.stage_id}"


class Train(models.Model):
    """Promotions of several systems that start together or not at all; each has a change and a run of its own.

    ``due_at`` is when the sweep looks again, None for never; whoever looks holds ``lease_until``. ``state_reason`` says
    why it was called off, or what keeps it.
    """

    title = models.CharField(max_length=120)
    reason = models.TextField(blank=True)
    state = models.CharField(max_length=12, default="waiting")
    state_reason = models.CharField(max_length=400, blank=True)
    not_before = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1)
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="trains")
    created_at = models.DateTimeField()
    departed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=Q(state__in=TRAIN_STATES), name="train_state_known")]
        indexes = [models.Index(fields=["due_at"], condition=Q(state__in=OPEN_TRAIN_STATES), name="train_due")]

    def __str__(self) -> str:
        return f"train {self.pk}"


class StartHold(models.Model):
    """Why an approved change does not start yet: its moment has not come, or its ``train`` has not left.

    ``starts_at`` is the first moment that suits ``not_before`` and the stage's windows, as it was last computed; it is
    computed anew when it has come. ``waits_for`` says what else it waits for, for people; ``starts_at`` is then when to
    look again. ``released_at`` is set when nothing holds the change any more.
    """

    change = models.OneToOneField(Change, on_delete=models.CASCADE, related_name="hold")
    train = models.ForeignKey(Train, null=True, on_delete=models.CASCADE, related_name="members")
    position = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    starts_at = models.DateTimeField(null=True)
    waits_for = models.CharField(max_length=400, blank=True)
    released_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position", "id"]
        indexes = [models.Index(fields=["starts_at"], condition=Q(released_at=None), name="start_hold_open")]

    def __str__(self) -> str:
        return f"hold of {self.change_id}"

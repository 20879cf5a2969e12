"""Draining a cluster: its environments move elsewhere, in waves."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from provisioning.domain.drain import DRAIN_STATES, ITEM_STATES, OPEN_DRAIN_STATES
from provisioning.models.change import Change
from provisioning.models.environment import Environment
from provisioning.models.stage import Cluster


class Drain(models.Model):
    """``at_once`` is the size of a wave; ``state_reason`` says why it paused. ``started_by`` answers for it."""

    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="drains")
    state = models.CharField(max_length=8, default="running")
    state_reason = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    at_once = models.PositiveSmallIntegerField()
    version = models.PositiveIntegerField(default=1)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=DRAIN_STATES), name="drain_state_known"),
            models.UniqueConstraint(
                fields=["cluster"], condition=Q(state__in=OPEN_DRAIN_STATES), name="drain_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"drain of {self.cluster_id}"


class DrainItem(models.Model):
    """One environment of a drain, and the change that moves it. ``told`` says why it is held, or what went wrong."""

    drain = models.ForeignKey(Drain, on_delete=models.CASCADE, related_name="items")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=8, default="waiting")
    wave = models.PositiveSmallIntegerField(default=0)
    change = models.ForeignKey(Change, null=True, on_delete=models.SET_NULL, related_name="+")
    told = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ITEM_STATES), name="drain_item_state_known"),
            models.UniqueConstraint(fields=["drain", "environment"], name="drain_item_once"),
        ]

    def __str__(self) -> str:
        return f"{self.drain_id} {self.environment_id}"

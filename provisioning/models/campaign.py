"""A campaign: resources of one capability on their way from older versions to a newer one, in waves."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q

from provisioning.domain.campaign import CAMPAIGN_STATES, ITEM_STATES, OPEN_CAMPAIGN_STATES, WAVE_STATES
from provisioning.domain.campaign_layout import ORDERS, Pace
from provisioning.models.capability import Capability, Contract
from provisioning.models.change import Change
from provisioning.models.environment import Environment


class Campaign(models.Model):
    """``sources`` are the versions to leave. ``pace`` holds the figures of ``Pace``, lengths of time in minutes.

    ``state_reason`` says why it paused. ``due_at`` is when the sweep looks again, None for never; whoever looks holds
    ``lease_until``. ``version`` counts what people did to it.
    """

    title = models.CharField(max_length=120)
    reason = models.TextField(blank=True)
    capability = models.ForeignKey(Capability, on_delete=models.PROTECT, related_name="campaigns")
    target = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="campaigns")
    sources = models.JSONField()
    order = models.CharField(max_length=12)
    shares = models.JSONField(default=list)
    first = models.JSONField(default=list)
    pace = models.JSONField()
    state = models.CharField(max_length=12, default="draft")
    state_reason = models.CharField(max_length=400, blank=True)
    starts_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=CAMPAIGN_STATES), name="campaign_state_known"),
            models.CheckConstraint(condition=Q(order__in=ORDERS), name="campaign_order_known"),
            models.UniqueConstraint(
                fields=["capability"], condition=Q(state__in=OPEN_CAMPAIGN_STATES), name="campaign_one_open"
            ),
        ]
        indexes = [models.Index(fields=["due_at"], condition=~Q(due_at=None), name="campaign_due")]

    def __str__(self) -> str:
        return self.title

    def pace_of(self) -> Pace:
        minutes = timedelta(minutes=1)
        return Pace(
            interval=self.pace["interval"] * minutes,
            soak=self.pace["soak"] * minutes,
            patience=self.pace["patience"] * minutes,
            threshold=self.pace["threshold"],
            postpone_days=self.pace["postpone_days"],
            at_once=self.pace["at_once"],
        )


class CampaignWave(models.Model):
    """``planned_at`` is the moment that was announced. ``accepted`` counts the failures that people have seen."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="waves")
    number = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=80)
    state = models.CharField(max_length=12, default="planned")
    accepted = models.PositiveIntegerField(default=0)
    planned_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="campaign_wave_once"),
            models.CheckConstraint(condition=Q(state__in=WAVE_STATES), name="campaign_wave_state_known"),
        ]

    def __str__(self) -> str:
        return self.title


class CampaignItem(models.Model):
    """One environment's part: one change moves its ``resources``. ``reason`` says in words why it is where it is.

    ``due_at`` is the wave's moment, or the one that its people chose. ``asked_by`` is who of them asked for the change
    themselves; empty when the campaign did. ``rollback`` is the change that took the move back.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="items")
    wave = models.ForeignKey(CampaignWave, on_delete=models.CASCADE, related_name="items")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="campaign_items")
    resources = models.JSONField()
    state = models.CharField(max_length=12, default="planned")
    reason = models.CharField(max_length=400, blank=True)
    due_at = models.DateTimeField()
    asked_by = models.CharField(max_length=150, blank=True)
    change = models.ForeignKey(Change, null=True, on_delete=models.SET_NULL, related_name="campaign_items")
    rollback = models.ForeignKey(Change, null=True, on_delete=models.SET_NULL, related_name="campaign_rollbacks")
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "environment"], name="campaign_environment_once"),
            models.CheckConstraint(condition=Q(state__in=ITEM_STATES), name="campaign_item_state_known"),
        ]
        indexes = [models.Index(fields=["environment", "-id"], name="campaign_item_by_environment")]

    def __str__(self) -> str:
        return f"{self.environment_id} in {self.campaign_id}"

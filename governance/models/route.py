"""Approval routes with every version they had, and who stands in for whom."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

ROUTE_STATES = ("draft", "active", "retired")


class ApprovalRoute(models.Model):
    """A way through the people who must agree. ``document`` is the version that holds; only an active one is asked."""

    name = models.CharField(max_length=30, unique=True)
    title = models.CharField(max_length=160)
    state = models.CharField(max_length=8, default="active")
    document = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField()
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=Q(state__in=ROUTE_STATES), name="approval_route_state_known")]

    def __str__(self) -> str:
        return self.name


class RouteVersion(models.Model):
    """What a route was from ``saved_at`` on; any of them can be taken back."""

    route = models.ForeignKey(ApprovalRoute, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=8)
    document = models.JSONField()
    saved_at = models.DateTimeField()
    saved_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["route", "version"], name="route_version_once")]

    def __str__(self) -> str:
        return f"{self.route_id} v{self.version}"


class Delegation(models.Model):
    """``stand_in`` may decide what ``person`` may, from ``starts_at`` until ``ends_at``, or until it was withdrawn."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="delegations")
    stand_in = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="stands_in")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-starts_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=~Q(person=F("stand_in")), name="delegation_to_somebody_else"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="delegation_ends_later"),
        ]

    def __str__(self) -> str:
        return f"{self.stand_in_id} for {self.person_id}"

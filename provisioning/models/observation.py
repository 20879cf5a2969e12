"""What is seen of clusters and environments between two changes: who watches, and what drifted."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from provisioning.models.change import Change
from provisioning.models.environment import Environment
from provisioning.models.stage import Cluster

DRIFT_STATES = ("open", "snoozed", "adopted", "reverted", "vanished")
DRIFT_DECISIONS = ("", "adopt", "revert", "report")


class ClusterWatch(models.Model):
    """Which controller watches a cluster. Claimed by a lease on the database's clock; ``epoch`` counts the claims.

    ``synced_at``: since when it has seen everything. ``unreachable_since`` is empty while the cluster answers.
    ``objects_seen`` live in its cache; ``backlog`` environments wait to be judged, the first for ``lag_seconds``.
    """

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="watch")
    owner = models.CharField(max_length=80, blank=True)
    epoch = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    synced_at = models.DateTimeField(null=True)
    unreachable_since = models.DateTimeField(null=True)
    unreachable_why = models.CharField(max_length=400, blank=True)
    objects_seen = models.PositiveIntegerField(default=0)
    backlog = models.PositiveIntegerField(default=0)
    lag_seconds = models.FloatField(default=0)

    def __str__(self) -> str:
        return f"watch of {self.cluster_id}"


class Drift(models.Model):
    """One object that is no longer as it was agreed. ``fields`` are ``domain.drift.Drifted`` as plain data.

    ``fingerprint`` tells another drift of the same object apart, so that a decision is about what was read.
    ``decision`` is what ``change`` was asked for, to adopt or to revert it; ``report`` when Slipway gave up to correct
    it. ``automatic``: the platform itself decided.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="drifts")
    resource = models.CharField(max_length=31, blank=True)
    api_version = models.CharField(max_length=80)
    kind = models.CharField(max_length=80)
    namespace = models.CharField(max_length=63, blank=True)
    name = models.CharField(max_length=253)
    fields = models.JSONField(default=list)
    fingerprint = models.CharField(max_length=64)
    managers = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10)
    caused_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField()
    snoozed_until = models.DateTimeField(null=True)
    reason = models.CharField(max_length=400, blank=True)
    decision = models.CharField(max_length=8, blank=True)
    automatic = models.BooleanField(default=False)
    change = models.ForeignKey(Change, null=True, on_delete=models.SET_NULL, related_name="drifts")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=DRIFT_STATES), name="drift_state_known"),
            models.CheckConstraint(condition=Q(decision__in=DRIFT_DECISIONS), name="drift_decision_known"),
            models.UniqueConstraint(
                fields=["environment", "api_version", "kind", "namespace", "name"],
                condition=Q(state__in=("open", "snoozed")),
                name="drift_open_once_per_object",
            ),
        ]
        indexes = [models.Index(fields=["environment", "state"], name="drift_by_environment")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

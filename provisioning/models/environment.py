"""An environment, what is wanted of it, and what was last seen of it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from idp.catalog.models import Component, System
from provisioning.domain.isolation import ISOLATIONS
from provisioning.domain.lifecycle import ENVIRONMENT_STATES, RESOURCE_STATES
from provisioning.models.capability import Contract
from provisioning.models.stage import Cluster, Stage

AMOUNT: dict[str, Any] = {"max_digits": 14, "decimal_places": 3, "default": 0}


class Environment(models.Model):
    """A system at a stage. ``desired`` is what was agreed, ``observed`` what the last successful run made.

    Usage and cost are those of ``desired``, kept here so that lists need no join. ``ready_since`` is since when the
    resources of ``observed`` have been Ready without a break; None while they are not. ``drifted`` counts the objects
    whose drift is open, for lists. ``git`` is the document in Git that it follows, if any. ``isolation`` is that of the
    stage when it was made or last moved. A row outlives its environment (``deleted_at``), because changes and runs
    refer to it.
    """

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="environments")
    name = models.CharField(max_length=30)
    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="environments")
    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="environments")
    namespace = models.CharField(max_length=63)
    isolation = models.CharField(max_length=10, default="namespace")
    state = models.CharField(max_length=12)
    conditions = models.JSONField(default=list)
    desired = models.ForeignKey("Revision", null=True, on_delete=models.SET_NULL, related_name="+")
    observed = models.ForeignKey("Revision", null=True, on_delete=models.SET_NULL, related_name="+")
    ready_since = models.DateTimeField(null=True)
    drifted = models.PositiveIntegerField(default=0)
    git = models.ForeignKey("GitDocument", null=True, on_delete=models.SET_NULL, related_name="environments")
    expires_at = models.DateTimeField(null=True)
    cpu = models.DecimalField(**AMOUNT)
    memory_gib = models.DecimalField(**AMOUNT)
    storage_gib = models.DecimalField(**AMOUNT)
    monthly_cost = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["system", "name"], condition=Q(deleted_at=None), name="environment_name_once_per_system"
            ),
            models.UniqueConstraint(
                fields=["cluster", "namespace"],
                condition=Q(deleted_at=None) & ~Q(isolation="shared"),
                name="environment_namespace_once",
            ),
            models.CheckConstraint(condition=Q(isolation__in=ISOLATIONS), name="environment_isolation_known"),
            models.CheckConstraint(condition=Q(state__in=ENVIRONMENT_STATES), name="environment_state_known"),
        ]
        indexes = [
            models.Index(fields=["-changed_at", "-id"], condition=Q(deleted_at=None), name="environment_by_change"),
            models.Index(fields=["state", "-changed_at"], condition=Q(deleted_at=None), name="environment_by_state"),
            models.Index(fields=["stage", "-changed_at"], condition=Q(deleted_at=None), name="environment_by_stage"),
            models.Index(fields=["expires_at"], condition=Q(deleted_at=None), name="environment_by_expiry"),
            models.Index(
                fields=["-changed_at", "-id"], condition=Q(deleted_at=None, drifted__gt=0), name="environment_drifted"
            ),
            # The oldest of a place stands for it.
            models.Index(fields=["system", "stage", "id"], condition=Q(deleted_at=None), name="environment_of_place"),
        ]

    def __str__(self) -> str:
        return f"{self.system_id}/{self.name}"


class Revision(models.Model):
    """One immutable desired state; ``document`` is canonical and fully resolved, ``number`` counts per environment."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    digest = models.CharField(max_length=64)
    change = models.ForeignKey("Change", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["environment", "number"], name="revision_once")]

    def __str__(self) -> str:
        return f"r{self.number}"


class Resource(models.Model):
    """One use of a capability in an environment, and what was last seen of it. ``outputs`` hold no secret.

    ``borrowed``: it is another environment's, which is where its contract is used; here nothing of that is made.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="resources")
    name = models.CharField(max_length=31)
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="resources")
    component = models.ForeignKey(Component, null=True, on_delete=models.SET_NULL, related_name="resources")
    borrowed = models.BooleanField(default=False)
    state = models.CharField(max_length=12)
    message = models.CharField(max_length=400, blank=True)
    outputs = models.JSONField(default=dict)
    objects_made = models.JSONField(default=list)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["environment", "name"], name="resource_once"),
            models.CheckConstraint(condition=Q(state__in=RESOURCE_STATES), name="resource_state_known"),
        ]

    def __str__(self) -> str:
        return self.name

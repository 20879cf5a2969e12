"""Where environments live: stages, and the clusters behind them."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from idp.catalog.models import slug_validator
from provisioning.domain.isolation import ISOLATIONS

DRIVERS = ("sandbox", "kubernetes")
DRIFT_MODES = ("report", "correct")
MONEY: dict[str, Any] = {"max_digits": 12, "decimal_places": 4}
ROOM: dict[str, Any] = {"max_digits": 14, "decimal_places": 3}


class LivingClusters(models.Manager["Cluster"]):
    """Without those that were removed."""

    def get_queryset(self) -> models.QuerySet[Cluster]:
        return super().get_queryset().filter(removed_at=None)


class Cluster(models.Model):
    """A place that a driver reaches. ``credentials`` is the kubeconfig, encrypted; no page or answer shows it.

    Prices are per month: one core, one GiB of memory, one GiB of storage. ``price_lists`` say other prices from a day
    on, for all stages or for one (``provisioning.domain.prices``). Capacity is what environments may take
    together; None where nobody has said it. ``store`` tells sandboxes apart: the first has none, later ones their name.
    A cluster with ``cordoned_at`` takes no new environment. A removed one has no credentials any more; its row stays
    for the history of what lived there, and only references lead to it.
    """

    name = models.CharField(max_length=30, validators=[slug_validator])
    title = models.CharField(max_length=80)
    driver = models.CharField(max_length=12)
    credentials = models.TextField(blank=True)
    server = models.CharField(max_length=200, blank=True)
    kubernetes_version = models.CharField(max_length=40, blank=True)
    price_cpu = models.DecimalField(default=0, **MONEY)
    price_memory_gib = models.DecimalField(default=0, **MONEY)
    price_storage_gib = models.DecimalField(default=0, **MONEY)
    price_lists = models.JSONField(default=list, blank=True)
    labels = models.JSONField(default=dict, blank=True)
    capacity_cpu = models.DecimalField(null=True, blank=True, **ROOM)
    capacity_memory_gib = models.DecimalField(null=True, blank=True, **ROOM)
    capacity_storage_gib = models.DecimalField(null=True, blank=True, **ROOM)
    cordoned_at = models.DateTimeField(null=True, blank=True)
    cordon_reason = models.CharField(max_length=200, blank=True)
    store = models.CharField(max_length=30, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    reached_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    objects = LivingClusters()
    everything = models.Manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(driver__in=DRIVERS), name="cluster_driver_known"),
            models.UniqueConstraint(fields=["name"], condition=Q(removed_at=None), name="cluster_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Stage(models.Model):
    """A class of environments. ``order`` sorts them on every page; days are whole, None means for ever.

    ``soak_minutes``: how long a set must have run Ready in ``promotes_from`` before it may be promoted to here.
    ``cluster_labels``: new environments go to a cluster with all of these labels; without any they go to ``cluster``.
    ``idle_hours``: after so many hours without reported activity an environment is put to sleep; None: never.
    ``isolation``: how far its new environments are kept from others (``domain.isolation``).
    ``drift_mode``: whether drift is reported, for the owner to decide, or corrected at once.
    """

    name = models.CharField(max_length=30, unique=True, validators=[slug_validator])
    title = models.CharField(max_length=80)
    summary = models.CharField(max_length=200, blank=True)
    order = models.PositiveSmallIntegerField(unique=True)
    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="stages")
    cluster_labels = models.JSONField(default=dict, blank=True)
    isolation = models.CharField(max_length=10, default="namespace")
    promotes_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    production = models.BooleanField(default=False)
    default_days = models.PositiveSmallIntegerField(null=True, blank=True)
    max_days = models.PositiveSmallIntegerField(null=True, blank=True)
    soak_minutes = models.PositiveIntegerField(default=0)
    idle_hours = models.PositiveSmallIntegerField(null=True, blank=True)
    drift_mode = models.CharField(max_length=8, default="report")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["order"]
        constraints = [
            models.CheckConstraint(condition=Q(drift_mode__in=DRIFT_MODES), name="stage_drift_mode_known"),
            models.CheckConstraint(condition=Q(isolation__in=ISOLATIONS), name="stage_isolation_known"),
        ]

    def __str__(self) -> str:
        return self.name

"""The place that an environment is leaving, while it still has something there."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from provisioning.domain.isolation import ISOLATIONS
from provisioning.models.change import Change
from provisioning.models.environment import Environment
from provisioning.models.stage import Cluster


class FormerPlace(models.Model):
    """Made when the run of a move starts, gone when its last step has emptied the place.

    The environment's own row says the new place from the start. ``objects`` are references by resource of all that was
    made at the old one, as resources keep them. Moving back turns the two places round.
    """

    environment = models.OneToOneField(Environment, on_delete=models.CASCADE, related_name="former")
    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="former_places")
    namespace = models.CharField(max_length=63)
    isolation = models.CharField(max_length=10)
    objects_made = models.JSONField(default=dict)
    change = models.ForeignKey(Change, null=True, on_delete=models.SET_NULL, related_name="+")
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(isolation__in=ISOLATIONS), name="former_place_isolation_known")
        ]

    def __str__(self) -> str:
        return f"{self.cluster_id}/{self.namespace}"

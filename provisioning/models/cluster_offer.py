"""What a cluster was seen to have, beside the cluster's row: lists and gates that need no such thing never load it."""

from __future__ import annotations

from django.db import models

from provisioning.models.stage import Cluster


class ClusterOffer(models.Model):
    """What was found the last time somebody looked, and what admins say that looking cannot tell.

    ``apis`` are keys such as ``postgresql.cnpg.io/v1/Cluster``; ``features`` were told from what the cluster serves,
    ``declared`` by an admin. ``problem`` says why the last look failed; what was seen before it then stays.
    """

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="offer")
    apis = models.JSONField(default=list)
    features = models.JSONField(default=list)
    declared = models.JSONField(default=list)
    seen_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=400, blank=True, default="")
    tried_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["cluster__name"]

    def __str__(self) -> str:
        return f"offer of {self.cluster_id}"

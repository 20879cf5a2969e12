"""A namespace that several environments share: who may change its quota, and whether it is going away."""

from __future__ import annotations

from django.db import models

from provisioning.models.stage import Cluster


class SharedNamespace(models.Model):
    """Its row is the lock of the namespace. ``serial`` counts every sum that was worked out for its quota, so that an
    older one is known as such; ``closing``: the last environment is deleting it, and who comes waits.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+")
    namespace = models.CharField(max_length=63)
    serial = models.PositiveIntegerField(default=0)
    closing = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cluster", "namespace"], name="shared_namespace_once")]

    def __str__(self) -> str:
        return self.namespace

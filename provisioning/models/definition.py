"""Definitions of custom kinds that contracts bring and clusters tell; apart, as lists never need such long rows."""

from __future__ import annotations

from django.db import models

from provisioning.models.capability import Contract
from provisioning.models.stage import Cluster


class ContractDefinition(models.Model):
    """The definition of one custom kind that was published with a contract. The database refuses to change it.

    ``key`` is ``postgresql.cnpg.io/v1/Cluster``, ``schema`` bare OpenAPI (``custom_kinds.bare``), ``digest`` its own.
    """

    contract = models.ForeignKey(Contract, on_delete=models.CASCADE, related_name="definitions")
    key = models.CharField(max_length=400)
    schema = models.JSONField()
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["contract", "key"]
        constraints = [models.UniqueConstraint(fields=["contract", "key"], name="contract_definition_once")]

    def __str__(self) -> str:
        return f"{self.key} of contract {self.contract_id}"


class ClusterDefinition(models.Model):
    """What a cluster was last seen to say about a custom kind that published contracts make.

    ``mark`` is the cluster's own word for this state of it: while that stays, it is not fetched again.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="definitions")
    key = models.CharField(max_length=400)
    schema = models.JSONField()
    mark = models.CharField(max_length=200, blank=True, default="")
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["cluster__name", "key"]
        constraints = [models.UniqueConstraint(fields=["cluster", "key"], name="cluster_definition_once")]

    def __str__(self) -> str:
        return f"{self.key} on cluster {self.cluster_id}"

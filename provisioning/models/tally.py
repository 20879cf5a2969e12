"""What lives where and what it runs, counted: tables of differences that follow environments and resources by
themselves (``idp.kernel.tallies``).

Read by selectors and by the pages of systems, teams, stages, clusters and capabilities. Nothing writes here but the
database's triggers, and folding.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from idp.catalog.models import System
from idp.kernel.tallies import Source, Tally, keep
from provisioning.models.capability import Contract
from provisioning.models.stage import Cluster, Stage

AMOUNT: dict[str, Any] = {"max_digits": 20, "decimal_places": 3, "default": 0}
LOOSE: dict[str, Any] = {
    "on_delete": models.DO_NOTHING,
    "db_constraint": False,
    "db_index": False,
    "related_name": "+",
}
"""A key that locks nothing, and that may outlive what it names; its sums are then nothing."""


class PlaceTally(models.Model):
    """A move of what lives of a system at a stage on a cluster. Only sums of rows mean something.

    ``living`` counts environments, ``wanted`` those of them that have a revision, ``care`` those that failed or are
    degraded; usage and cost are those of their desired state.
    """

    system = models.ForeignKey(System, **LOOSE)
    stage = models.ForeignKey(Stage, **LOOSE)
    cluster = models.ForeignKey(Cluster, **LOOSE)
    living = models.IntegerField(default=0)
    wanted = models.IntegerField(default=0)
    care = models.IntegerField(default=0)
    cpu = models.DecimalField(**AMOUNT)
    memory_gib = models.DecimalField(**AMOUNT)
    storage_gib = models.DecimalField(**AMOUNT)
    monthly_cost = models.DecimalField(**AMOUNT)

    class Meta:
        indexes = [models.Index(fields=["system", "stage", "cluster"], name="place_tally_place")]

    def __str__(self) -> str:
        return f"{self.system_id} at {self.stage_id}"


class UseTally(models.Model):
    """A move of how many resources of its own a system has of a version at a stage. Only their sums mean something."""

    contract = models.ForeignKey(Contract, **LOOSE)
    system = models.ForeignKey(System, **LOOSE)
    stage = models.ForeignKey(Stage, **LOOSE)
    living = models.IntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["contract", "system", "stage"], include=["living"], name="use_tally_place")]

    def __str__(self) -> str:
        return f"{self.contract_id} of {self.system_id}"


_FIGURES = ("cpu", "memory_gib", "storage_gib", "monthly_cost")
_PLACE_OF_ROW = (
    *("{row}.system_id", "{row}.stage_id", "{row}.cluster_id", "1"),
    "CASE WHEN {row}.desired_id IS NULL THEN 0 ELSE 1 END",
    "CASE WHEN {row}.state IN ('failed', 'degraded') THEN 1 ELSE 0 END",
    *(f"{{row}}.{name}" for name in _FIGURES),
)

PLACE_TALLY = keep(
    Tally(
        table="provisioning_placetally",
        keys=("system_id", "stage_id", "cluster_id"),
        amounts=("living", "wanted", "care", *_FIGURES),
        sources=(
            Source(
                table="provisioning_environment",
                watched=("system_id", "stage_id", "cluster_id", "deleted_at", "desired_id", "state", *_FIGURES),
                decides=(*_PLACE_OF_ROW, "{row}.deleted_at IS NULL"),
                values=_PLACE_OF_ROW,
                counts="{row}.deleted_at IS NULL",
            ),
        ),
        truth=(
            "SELECT system_id, stage_id, cluster_id, COUNT(*), COUNT(desired_id), "
            "SUM(CASE WHEN state IN ('failed', 'degraded') THEN 1 ELSE 0 END), "
            "SUM(cpu), SUM(memory_gib), SUM(storage_gib), SUM(monthly_cost) "
            "FROM provisioning_environment WHERE deleted_at IS NULL GROUP BY system_id, stage_id, cluster_id"
        ),
    )
)

USE_TALLY = keep(
    Tally(
        table="provisioning_usetally",
        keys=("contract_id", "system_id", "stage_id"),
        amounts=("living",),
        sources=(
            Source(
                table="provisioning_resource",
                watched=("environment_id", "contract_id", "state", "borrowed"),
                decides=("{row}.environment_id", "{row}.contract_id", "({row}.state = 'gone' OR {row}.borrowed)"),
                values=("{row}.contract_id", "place.system_id", "place.stage_id", "1"),
                beside="provisioning_environment AS place",
                counts="place.id = {row}.environment_id AND place.deleted_at IS NULL "
                "AND {row}.state <> 'gone' AND NOT {row}.borrowed",
            ),
            Source(
                table="provisioning_environment",
                watched=("system_id", "stage_id", "deleted_at"),
                decides=("{row}.system_id", "{row}.stage_id", "{row}.deleted_at IS NULL"),
                values=("used.contract_id", "{row}.system_id", "{row}.stage_id", "1"),
                beside="provisioning_resource AS used",
                counts="used.environment_id = {row}.id AND used.state <> 'gone' AND NOT used.borrowed "
                "AND {row}.deleted_at IS NULL",
            ),
        ),
        truth=(
            "SELECT used.contract_id, place.system_id, place.stage_id, COUNT(*) "
            "FROM provisioning_resource AS used "
            "JOIN provisioning_environment AS place ON place.id = used.environment_id "
            "WHERE place.deleted_at IS NULL AND used.state <> 'gone' AND NOT used.borrowed "
            "GROUP BY used.contract_id, place.system_id, place.stage_id"
        ),
    )
)

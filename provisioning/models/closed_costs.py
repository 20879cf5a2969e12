"""What a month has cost until the end of a day, kept for each environment and each system.

Written by ``provisioning.services.closed_costs`` when a day is over, read by ``provisioning.selectors.closed_costs``,
which adds what the open day brings. Nothing else may write here, and nothing but costs may be told from it.
"""

from __future__ import annotations

from django.db import models

from idp.catalog.models import System, Team
from provisioning.models.environment import Environment
from provisioning.models.tally import LOOSE


class CostClosing(models.Model):
    """A month summed ``until`` a midnight; of several of a month the newest counts, and its sums never change.

    ``basis`` is the digest of the prices it was made with: with others it says nothing. Rows of the ledger up to
    ``last_row`` are in it if they began before ``until``; ``first_row`` is the first that may not have.
    """

    month = models.DateField()
    until = models.DateTimeField()
    basis = models.CharField(max_length=64, blank=True)
    first_row = models.BigIntegerField()
    last_row = models.BigIntegerField()
    made_at = models.DateTimeField()
    checked_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["month", "-id"], name="cost_closing_newest")]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} until {self.until}"


class ClosedCost(models.Model):
    """One environment and the team that used it; ``rate`` is what goes on from ``until``, for a whole month."""

    closing = models.ForeignKey(CostClosing, on_delete=models.CASCADE, db_index=False, related_name="costs")
    team = models.ForeignKey(Team, **LOOSE)
    system = models.ForeignKey(System, **LOOSE)
    environment = models.ForeignKey(Environment, **LOOSE)
    cost = models.FloatField()
    rate = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["closing", "environment", "team"], name="closed_cost_once"),
        ]
        indexes = [
            models.Index(fields=["closing", "-cost"], name="closed_cost_dearest"),
            models.Index(fields=["closing", "-rate"], name="closed_cost_fastest"),
            models.Index(fields=["closing", "team", "-cost"], name="closed_cost_of_team"),
            models.Index(fields=["closing", "team", "-rate"], name="closed_cost_rate_of_team"),
        ]

    def __str__(self) -> str:
        return f"{self.environment_id}: {self.cost:.2f}"


class ClosedCostSum(models.Model):
    """The same of all ``places`` environments of a system that a team used."""

    closing = models.ForeignKey(CostClosing, on_delete=models.CASCADE, db_index=False, related_name="sums")
    team = models.ForeignKey(Team, **LOOSE)
    system = models.ForeignKey(System, **LOOSE)
    places = models.IntegerField()
    cost = models.FloatField()
    rate = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["closing", "team", "system"], name="closed_cost_sum_once")]

    def __str__(self) -> str:
        return f"{self.system_id}: {self.cost:.2f}"

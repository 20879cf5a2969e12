"""What teams use and hold, summed: a table of differences that follows the ledger by itself (``idp.kernel.tallies``).

Read by ``governance.selectors.quota``. Nothing writes here but the database's triggers, and folding.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from idp.catalog.models import Team
from idp.kernel.tallies import Source, Tally, keep

AMOUNT: dict[str, Any] = {"max_digits": 20, "decimal_places": 3, "default": 0}


class QuotaTally(models.Model):
    """A move of what a team uses or holds at a stage. Only sums of rows mean something."""

    team = models.ForeignKey(
        Team, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="taken"
    )
    state = models.CharField(max_length=10)
    stage = models.CharField(max_length=30, blank=True)
    cpu = models.DecimalField(**AMOUNT)
    memory_gib = models.DecimalField(**AMOUNT)
    storage_gib = models.DecimalField(**AMOUNT)
    environments = models.IntegerField(default=0)
    monthly_cost = models.DecimalField(**AMOUNT)

    class Meta:
        indexes = [models.Index(fields=["team", "state", "stage"], name="quota_tally_place")]

    def __str__(self) -> str:
        return f"{self.team_id}: {self.state} at {self.stage}"


_KEYS = ("team_id", "state", "stage")
_AMOUNTS = ("cpu", "memory_gib", "storage_gib", "environments", "monthly_cost")
_ALL = (*_KEYS, *_AMOUNTS)
_LIVE = "state IN ('held', 'used')"

QUOTA_TALLY = keep(
    Tally(
        table="governance_quotatally",
        keys=_KEYS,
        amounts=_AMOUNTS,
        sources=(
            Source(
                table="governance_reservation",
                watched=_ALL,
                decides=tuple(f"{{row}}.{name}" for name in _ALL),
                values=tuple(f"{{row}}.{name}" for name in _ALL),
                counts=f"{{row}}.{_LIVE}",
            ),
        ),
        truth=(
            "SELECT team_id, state, stage, SUM(cpu), SUM(memory_gib), SUM(storage_gib), SUM(environments), "
            "SUM(monthly_cost) FROM governance_reservation WHERE state IN ('held', 'used') "
            "GROUP BY team_id, state, stage"
        ),
    )
)

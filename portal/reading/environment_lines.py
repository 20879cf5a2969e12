"""Environments as lines of the list: every word that a line shows, made once. Pure over rows.

The list draws fifty of them with eight columns each, so what a template would look up four times stands here once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from portal.addresses import address
from portal.drawing import words
from provisioning.selectors.environments import EnvironmentRow


@dataclass(frozen=True, slots=True)
class EnvironmentLine:
    """``unknown_since`` is since when the cluster has not answered. ``running`` is the number of the revision that runs
    where it is another than the one that is wanted.
    """

    url: str
    title: str
    state: str
    unknown_since: datetime | None
    drifted: int
    stage: str
    revision: int | None
    running: int | None
    team: str
    expires_at: datetime | None
    expires_soon: bool
    cost: str
    changed_at: datetime


def environment_lines(rows: Iterable[EnvironmentRow], *, soon: datetime, currency: str) -> list[EnvironmentLine]:
    """``soon``: what goes away before it is shown to need care."""
    return [_line(row, soon, currency) for row in rows]


def _line(row: EnvironmentRow, soon: datetime, currency: str) -> EnvironmentLine:
    return EnvironmentLine(
        url=address("environment", row.system__slug, row.name),
        title=f"{row.system__slug} / {row.name}",
        state="unknown" if row.unreachable_since else row.state,
        unknown_since=row.unreachable_since,
        drifted=row.drifted,
        stage=row.stage__name,
        revision=row.desired_number,
        running=row.observed_number if row.observed_id != row.desired_id and row.desired_id else None,
        team=row.system__team__name,
        expires_at=row.expires_at,
        expires_soon=row.expires_at is not None and row.expires_at < soon,
        cost=words.money(row.monthly_cost, currency),
        changed_at=row.changed_at,
    )

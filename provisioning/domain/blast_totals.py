"""The sums of a blast radius, by outcome and by team, kept as plain data while chunks of it come in. Pure.

Called by ``provisioning.services.blast_reports``, and by who prints a report without storing it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from provisioning.domain.blast_radius import Impact
from provisioning.domain.object_effects import OUTCOMES

AMOUNTS: Final = ("cpu", "memory_gib", "storage_gib")


def counted(counts: Mapping[str, int], impacts: Iterable[Impact]) -> dict[str, int]:
    """``counts`` by outcome with ``impacts`` on top; what does not occur is left out."""
    found = dict(counts)
    for one in impacts:
        found[one.outcome] = found.get(one.outcome, 0) + 1
    return {outcome: found[outcome] for outcome in OUTCOMES if outcome in found}


def by_team(teams: Mapping[str, Any], impacts: Iterable[Impact]) -> dict[str, Any]:
    """``teams`` with ``impacts`` on top, by the team's id as text.

    Each is ``{"slug", "name", "counts", "cpu", "memory_gib", "storage_gib", "cost"}``; amounts and cost per month are
    what it would take on top, below zero when it takes less.
    """
    made = {key: {**one, "counts": dict(one["counts"])} for key, one in teams.items()}
    for one in impacts:
        living = one.living
        name = living.place.team["name"]
        team = made.setdefault(str(living.team_id), {"slug": living.team, "name": name, "counts": {}, "cost": 0.0})
        team["counts"] = counted(team["counts"], [one])
        more = one.more_usage.as_dict()
        team |= {key: round(team.get(key, 0.0) + more[key], 3) for key in AMOUNTS}
        team["cost"] = round(team["cost"] + one.more_cost, 2)
    return made

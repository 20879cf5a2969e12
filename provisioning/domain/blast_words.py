"""A blast radius as lines of plain text, for a terminal. Pure; read by ``manage.py contract check --blast``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from provisioning.domain.blast_radius import Impact
from provisioning.domain.blast_totals import by_team, counted
from provisioning.domain.object_effects import OUTCOMES

WORDS = dict(zip(OUTCOMES, ("fail", "replace storage", "restart", "change", "unchanged"), strict=True))


def told(impacts: Iterable[Impact], reference: str, currency: str) -> Iterator[str]:
    """The sums first, then each team with its environments, then each resource that does not stay as it is."""
    found = list(impacts)
    if not found:
        yield f"  Nothing that lives would move to {reference}."
        return
    yield f"  Of {_many(len(found))} that {'lives' if len(found) == 1 else 'live'}: {_counts(counted({}, found))}."
    for key, team in by_team({}, found).items():
        yield f"  {team['slug']}: {_counts(team['counts'])}{_more(team, currency)}"
        for one in found:
            if str(one.living.team_id) == key and one.outcome != "unchanged":
                place = f"{one.living.system}/{one.living.environment}/{one.living.name}"
                yield f"    {one.outcome:<9} {place} ({one.living.contract.version}): {one.reason}"


def _many(number: int) -> str:
    return f"{number} resource{'' if number == 1 else 's'}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {WORDS[outcome]}" for outcome, number in counts.items())  # type: ignore[index]


def _more(team: Mapping[str, float], currency: str) -> str:
    """What the team would take and pay on top; nothing when that stays."""
    units = (("cpu", "cores"), ("memory_gib", "GiB memory"), ("storage_gib", "GiB storage"))
    parts = [f"{team[name]:+g} {unit}" for name, unit in units if team[name]]
    parts += [f"{team['cost']:+.2f} {currency} a month"] if team["cost"] else []
    return f" ({', '.join(parts)})" if parts else ""

"""Which teams see a capability's previews, as its page shows it: who has joined, and for whom the reader may decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from governance.access import Rights
from idp.catalog.models import Team
from provisioning.models import Capability, Contract, PreviewTeam
from provisioning.selectors.capabilities import preview_teams, teams_managed


@dataclass(frozen=True, slots=True)
class Panel:
    """``joined`` come with whether the reader may let them leave; ``may_join`` are the reader's that have not."""

    versions: tuple[str, ...]
    joined: tuple[tuple[PreviewTeam, bool], ...]
    may_join: tuple[Team, ...]


def panel(rights: Rights, capability: Capability, versions: Sequence[Contract]) -> Panel | None:
    """None where there is neither a preview nor a team that has joined. One query, two for who manages teams."""
    previewed = tuple(row.version for row in versions if row.state == "preview")
    joined = preview_teams(capability)
    if not previewed and not joined:
        return None
    managed = {team.pk: team for team in teams_managed(rights)}
    inside = {row.team_id for row in joined}
    return Panel(
        previewed,
        tuple((row, row.team_id in managed) for row in joined),
        tuple(team for key, team in managed.items() if key not in inside),
    )

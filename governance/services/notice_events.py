"""Tells chats and programs of what people were told, where no other event tells it (``notice.told``).

Called by ``governance.services.notices`` alone, in the transaction of what happened. Who hears of it follows from the
system or the team that it concerns, as with every event; what concerns neither is told to the organisation's endpoints
only. Costs one query where nobody has asked for notices.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from governance.domain.event import MOST_NAMED, NOTICE
from governance.domain.notice_ways import TOLD
from governance.services.events import audience_tell, event_tell
from idp.catalog.models import System, Team
from idp.kernel.errors import PlatformFault


@dataclass(frozen=True, slots=True)
class About:
    """What a notice concerns: a system (with its team), a team, or neither.

    ``title`` and ``text`` are said in place of the notice's own, where those speak to one person or tell what is
    nobody else's.
    """

    system: System | None = None
    team: Team | None = None
    title: str = ""
    text: str = ""


def about_all(systems: Collection[System]) -> About:
    """What several systems have in common: the one that they are, the team that owns them all, or neither."""
    if len({one.pk for one in systems}) == 1:
        return About(system=next(iter(systems)))
    teams = {one.team_id: one.team for one in systems}
    return About(team=next(iter(teams.values())) if len(teams) == 1 else None)


def notice_tell(
    kind: str, *, about: About | None, title: str, text: str, page: str, key: str, people: Sequence[str], now: datetime
) -> None:
    """Store the notice as an event, once for each ``key`` and audience. ``people`` are usernames of who was told."""
    if kind not in TOLD:
        return
    if about is None:
        raise PlatformFault(f"A notice of the kind “{kind}” says which system or team it is about.")
    system, team = about.system, about.team
    data = {
        "kind": kind,
        "title": about.title or title,
        "text": about.text or text,
        "system": system.slug if system else "",
        "team": system.team.slug if system else team.slug if team else "",
        "people": sorted(people)[:MOST_NAMED],
        "page": page,
    }
    if system is not None:
        event_tell(NOTICE, system=system, subject=system.slug, data=data, once=key, now=now)
    else:
        subject = f"team/{team.slug}" if team else f"notice/{kind}"
        audience_tell(NOTICE, teams=[team] if team else [], subject=subject, data=data, once=key, now=now)

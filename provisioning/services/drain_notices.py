"""What a drain tells people: who began it and the platform admins hear that it paused by itself, and that it is over.

Called inside the transaction of what happened; each thing is told once to each person, however often it is called.
"""

from __future__ import annotations

from datetime import datetime

from governance.access import admins
from governance.services.notice_events import About
from governance.services.notices import notify
from provisioning.models import Drain


def drain_url(drain: Drain) -> str:
    """The portal's path; said here because services know no URLs of faces."""
    return f"/clusters/{drain.cluster.name}/drain"


def tell_paused(drain: Drain, *, now: datetime) -> None:
    """Once for each pause: the version counts them."""
    notify(
        "drain-paused",
        to=_people(drain),
        title=f"The drain of {drain.cluster.name} paused by itself",
        text=f"{drain.state_reason} Its page says which and why, and goes on when you say so.",
        url=drain_url(drain),
        key=f"drain:{drain.pk}:paused:{drain.version}",
        now=now,
        about=About(),
    )


def tell_over(drain: Drain, *, by: int | None = None, now: datetime) -> None:
    """``by`` is the account that ended it, which knows."""
    states = list(drain.items.values_list("state", flat=True))
    left = len(states) - states.count("moved")
    moved = f"{states.count('moved')} of {_counted(len(states))} moved."
    rest = f" {_counted(left)} stayed: {'its' if left == 1 else 'their'} people move what has data." if left else ""
    ended = f" {drain.state_reason}" if drain.state == "ended" else ""
    notify(
        "drain-over",
        to=_people(drain) - {by},
        title=f"The drain of {drain.cluster.name} {'has ended' if drain.state == 'ended' else 'is done'}",
        text=f"{moved}{rest if drain.state == 'done' else ''}{ended}",
        url=drain_url(drain),
        key=f"drain:{drain.pk}:over",
        now=now,
        about=About(),
    )


def _people(drain: Drain) -> set[int]:
    begun = {drain.started_by_id} if drain.started_by_id else set()
    return set(admins().values_list("pk", flat=True)) | begun


def _counted(number: int) -> str:
    return "1 environment" if number == 1 else f"{number} environments"

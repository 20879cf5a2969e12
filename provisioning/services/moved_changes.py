"""What became of changes because something else was decided or started, as the audit log tells it.

A start moves the base under every other open change of its environment; some are planned anew, some asked about again,
some end. The audit head is the last lock of a transaction, so nothing can be appended where a change moves: each is
collected there, and whoever owns the transaction appends them all when nothing is left to lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from governance.services.audit import audit_append
from idp.kernel.actor import PLATFORM, Actor
from provisioning.models import Change

_ENDS: Final = MappingProxyType({"denied": "refuse", "superseded": "supersede", "cancelled": "cancel"})


@dataclass(frozen=True, slots=True)
class Moved:
    """One change that somebody else's decision moved; ``before`` and ``after`` are its ``stand_of``."""

    change: Change
    before: dict[str, Any]
    after: dict[str, Any]
    why: str

    @property
    def verb(self) -> str:
        state = self.after["state"]
        again = self.before["state"] == "approved" and state == "pending"
        return _ENDS.get(state, "ask-again" if again else "replan")


Moves = list[Moved]


def stand_of(change: Change) -> dict[str, Any]:
    """What an audit entry keeps of where a change stands."""
    return {
        "state": change.state,
        "plan_digest": change.plan_digest,
        "monthly_cost": f"{change.monthly_cost_after:.2f}",
    }


def moves_audit(actor: Actor, moves: Iterable[Moved], *, cause: str, whom: str = "", now: datetime) -> None:
    """An entry for each of ``moves``, by the platform, on behalf of the person whose decision it was.

    ``cause`` names what was decided: ``change 12``; ``whom`` is who asked for that, where the platform decided by
    itself. Locks the audit head: the last thing that a transaction does.
    """
    behalf = (actor.behalf or whom) if actor.is_platform else actor.username
    platform = replace(PLATFORM, behalf=behalf, request_id=actor.request_id, address=actor.address)
    for moved in moves:
        change = moved.change
        other = {} if cause == cause_of(change) else {"cause": cause}
        audit_append(
            platform,
            action=f"change.{moved.verb}",
            object_type="change",
            object_id=change.pk,
            object_label=change.title,
            team_slug=change.system.team.slug,
            place=f"{change.system.slug}/{change.environment_name}",
            data={"before": moved.before, "after": moved.after, "why": moved.why, **other},
            now=now,
        )


def cause_of(change: Change) -> str:
    return f"change {change.pk}"

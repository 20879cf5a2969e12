"""What freezes say to an intent at the gate: refused with who, why and until when; let through where glass is broken.

Called by ``gate`` and ``starts``; writes nothing but a line in a change's history.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.access import Rights
from governance.domain.policy import Verdict
from idp.catalog.models import System
from idp.kernel.actor import Actor
from provisioning.domain.freeze import POLICY, Hold, Place, covers_of, holds, refusal, remedy, touched
from provisioning.models import Change
from provisioning.selectors.freezes import change_holds, standing
from provisioning.services.change_states import change_note

TITLE = "Nothing changes while it is frozen"


@dataclass(frozen=True, slots=True)
class Asked:
    """An intent as freezes look at it; ``documents`` are those before and after."""

    kind: str
    system: System
    stage: str
    plan: dict[str, Any]
    documents: tuple[dict[str, Any] | None, ...]


def freeze_verdicts(actor: Actor, asked: Asked, *, glass: bool, mark: int | None, now: datetime) -> tuple[Verdict, ...]:
    """One verdict for each freeze that holds it. ``mark`` as of ``selectors.freezes.standing``.

    ``glass``: whoever asks breaks it, which ``services.glass`` has allowed.
    """
    covers = covers_of(asked.kind, by_clock=actor.is_platform)
    freezes = standing(mark) if covers else ()
    if not freezes:
        return ()
    place = Place(asked.system.team.slug, asked.system.slug, asked.stage, touched(asked.plan, *asked.documents))
    outcome = "warns" if glass else "denies"
    return tuple(
        Verdict(POLICY, TITLE, outcome, message=refusal(hold), remedy="" if glass else remedy(hold))  # type: ignore[arg-type]
        for hold in holds(freezes, place, covers, now)
    )


def may_break(rights: Rights, hold: Hold, system: System) -> bool:
    """Admins always, maintainers of the team where the freeze lets them."""
    if not rights.has_scope("change"):
        return False
    return rights.is_admin or (hold.freeze.glass == "maintainers" and rights.may_manage(system.team))


def start_frozen(change: Change, *, now: datetime) -> bool:
    """Whether the approved, locked ``change`` has to wait for a thaw; its history says so once for each freeze.

    One query while it is free; the sweep starts it when it has thawed.
    """
    found = change_holds(change, now=now)
    if not found:
        return False
    text = f"It waits. {refusal(found[0])}"[:400]
    if not change.events.filter(event="freeze", text=text).exists():
        change_note(change, "freeze", state=change.state, actor_name="slipway", now=now, text=text)
    return True

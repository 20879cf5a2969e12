"""Decisions that a change will need, in words, for whoever looks at its plan. Called by the gate."""

from __future__ import annotations

from dataclasses import dataclass

from governance.domain.approval import ApprovalNeed
from governance.services.approvals import approvers_for
from idp.catalog.models import Team
from idp.kernel.actor import Actor


@dataclass(frozen=True, slots=True)
class ApprovalNeeded:
    """One decision that the change will need, in words; ``who`` may give it (user names, the requester left out)."""

    source: str
    label: str
    count: int
    policy: str
    reason: str
    who: tuple[str, ...]
    route: str = ""
    stage: int = 0
    stage_name: str = ""


def approval_needed(one: ApprovalNeed, team: Team, requester: Actor) -> ApprovalNeeded:
    """``one`` with who may give it at this moment."""
    who = approvers_for(one.source, team=team, excluding=requester.user_id)
    return ApprovalNeeded(
        one.source, one.label, one.count, one.policy, one.reason, who, one.route, one.stage, one.stage_name
    )

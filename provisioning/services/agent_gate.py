"""What the platform asks of changes that agents want: a person who signs. Called by the gate, like other own rules."""

from __future__ import annotations

from governance.domain.approval import COSIGN
from governance.domain.policy import ApprovalRule, Verdict
from provisioning.domain.agent import SIGNED_RULE, VIA
from provisioning.models import AgentRules, Stage


def cosign_verdicts(via: str, stage: Stage | None) -> tuple[Verdict, ...]:
    """That somebody who may ask for the change signs it, unless admins let its stage go without. One query for what an
    agent asks, none for anything else."""
    if via != VIA or stage is None or stage.name in unsigned_stages():
        return ()
    return (
        Verdict(
            policy=SIGNED_RULE,
            title="A person signs what an agent asks for",
            outcome="asks",
            message="An agent asks for it, so its owner or a developer of the team signs the plan too.",
            approvals=(ApprovalRule(COSIGN),),
        ),
    )


def unsigned_stages() -> frozenset[str]:
    """Names of the stages at which changes of agents need no co-signature."""
    held = AgentRules.objects.values_list("unsigned", flat=True).first()
    return frozenset(held or ())

"""How what people are told reaches chats and programs: by an event of its own, by ``notice.told``, or not at all.

Whoever adds a kind of notice to ``governance.domain.notice`` adds it to one of the three tables here. Pure;
``governance.services.notice_events`` follows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

OWN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "change-waits": ("change.submitted",),
        "cosign-waits": ("change.submitted",),
        "change-commented": ("change.commented",),
        "information-asked": ("change.commented",),
        "change-approved": ("change.approved",),
        "change-rejected": ("change.rejected",),
        "change-denied": ("change.denied",),
        "change-cancelled": ("change.cancelled", "change.expired"),
        "change-superseded": ("change.superseded",),
        "change-failed": ("run.failed",),
        "change-succeeded": ("run.succeeded",),
        "environment-failed": ("environment.failed",),
        "environment-expires": ("environment.expiring",),
        "drift-found": ("environment.drifted",),
        "freeze-began": ("freeze.began",),
        "freeze-over": ("freeze.over",),
        "git-trouble": ("git.failed", "git.refused"),
        "git-over": ("git.recovered",),
        "budget-reached": ("budget.reached",),
    }
)
"""Kind of notice -> the types of event that tell the same, so that no channel hears of it twice."""

TOLD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "stand-in": "Somebody is to decide for somebody else",
        "change-held": "A promotion is agreed to and waits for a decision on drift",
        "drift-fought": "Somebody keeps undoing what Slipway puts right",
        "expiry-refused": "An environment cannot be deleted though its time is over",
        "sleep-refused": "An environment cannot fall asleep or wake by itself",
        "glass-broken": "Somebody breaks the glass of a freeze",
        "glass-reviewed": "An admin says whether breaking the glass was right",
        "system-alone": "A system needs an owner",
        "system-transfer": "A system is to go from one team to another",
        "train-moved": "A promotion train leaves or arrives",
        "train-stopped": "A promotion train is called off, or a part of it fails",
        "policy-errors": "A policy cannot be evaluated",
        "webhook-disabled": "An endpoint is told nothing any more",
        "quota-asked": "A team asks for more quota",
        "quota-answered": "A request for more quota is decided",
        "loan-proposed": "A loan of quota waits for a team",
        "loan-accepted": "A loan of quota is accepted",
        "loan-declined": "A loan of quota is declined",
        "loan-returned": "Lent quota is back where it belongs",
        "loan-due": "Lent quota is still in use after its time",
        "campaign-announced": "A campaign is going to move environments",
        "campaign-moved": "A campaign has moved environments",
        "campaign-failed": "A campaign could not move an environment",
        "campaign-paused": "A campaign paused by itself",
        "drain-paused": "The drain of a cluster paused by itself",
        "drain-over": "The drain of a cluster is over",
    }
)
"""Kinds that go by ``notice.told``, and when, in words of a channel; each call of ``notify`` says what it is about."""

KEPT: Final[Mapping[str, str]] = MappingProxyType(
    {"second-factor": "It is about how one person signs in, and concerns nobody else."}
)
"""Kinds that no channel is ever told of, and why."""

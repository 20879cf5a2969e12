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

TOLD: Final = (
    "stand-in",
    "change-held",
    "drift-fought",
    "expiry-refused",
    "sleep-refused",
    "glass-broken",
    "glass-reviewed",
    "system-alone",
    "system-transfer",
    "train-moved",
    "train-stopped",
    "policy-errors",
    "webhook-disabled",
    "quota-asked",
    "quota-answered",
    "loan-proposed",
    "loan-accepted",
    "loan-declined",
    "loan-returned",
    "loan-due",
    "campaign-announced",
    "campaign-moved",
    "campaign-failed",
    "campaign-paused",
    "drain-paused",
    "drain-over",
)
"""Kinds that go by ``notice.told``; each call of ``notify`` says what it is about."""

KEPT: Final[Mapping[str, str]] = MappingProxyType(
    {"second-factor": "It is about how one person signs in, and concerns nobody else."}
)
"""Kinds that no channel is ever told of, and why."""

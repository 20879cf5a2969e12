"""Provisioning through SCIM as its page shows it: is it open, when did the directory come last, what did it bring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from governance.models import ScimRefusal, ScimToken
from governance.selectors import provisioned as selectors


@dataclass(frozen=True, slots=True)
class Provisioning:
    """``state`` and ``word`` are drawn as one of an environment. ``ends`` is when the last token does."""

    tokens: list[ScimToken]
    state: str
    word: str
    ends: datetime | None
    ends_soon: bool
    last_call: datetime | None
    people: int
    switched_off: int
    groups: int
    refusals: list[ScimRefusal]

    @property
    def open(self) -> bool:
        return bool(self.tokens)

    @property
    def facts(self) -> list[dict[str, object]]:
        told = (("People managed", self.people), ("Of them switched off", self.switched_off), ("Groups", self.groups))
        return [{"label": label, "value": f"{number:,}", "figure": True} for label, number in told]


def provisioning_now(now: datetime) -> Provisioning:
    """Five queries."""
    tokens = selectors.tokens_alive(now)
    ends = max((one.expires_at for one in tokens), default=None)
    soon = ends is not None and ends - now < selectors.WARNED
    people, off = selectors.people_counts()
    state, word = ("asleep", "Closed") if ends is None else ("degraded", "Ends soon") if soon else ("ready", "Open")
    return Provisioning(
        tokens=tokens,
        state=state,
        word=word,
        ends=ends,
        ends_soon=soon,
        last_call=selectors.last_call(),
        people=people,
        switched_off=off,
        groups=selectors.groups_count(),
        refusals=selectors.refusals_recent(),
    )

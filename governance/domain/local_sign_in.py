"""Who may sign in with a password or a passkey of Slipway's own, once providers sign people in. Pure.

Called by ``governance.selectors.local_sign_in``. Whatever the rule says, it leaves somebody who can sign in when the
provider is away: where none of the chosen keepers can any more, all platform admins may.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

EVERYBODY, ADMINS, KEEPERS = "everybody", "admins", "keepers"
OPEN_TO: Final = (EVERYBODY, ADMINS, KEEPERS)
MOST_KEEPERS: Final = 10
WORDS: Final = {EVERYBODY: "everybody", ADMINS: "platform admins", KEEPERS: "chosen platform admins"}


@dataclass(frozen=True, slots=True)
class LocalRule:
    """``keepers`` are user names, sorted; only with KEEPERS, when they are those who keep a way in for emergencies."""

    open_to: str = EVERYBODY
    keepers: tuple[str, ...] = ()


def is_open(rule: LocalRule, *, username: str, is_admin: bool, keepers_left: bool) -> bool:
    """Whether the person may sign in locally. ``keepers_left``: a keeper still is an admin with a password."""
    if rule.open_to == EVERYBODY:
        return True
    if not is_admin:
        return False
    return rule.open_to == ADMINS or username in rule.keepers or not keepers_left


def rule_problem(rule: LocalRule, *, able: frozenset[str]) -> str:
    """Why the rule may not be set; "" when it may. ``able`` are platform admins with a password of their own."""
    if rule.open_to not in OPEN_TO:
        return "Choose everybody, admins or keepers."
    if rule.open_to != KEEPERS:
        return "Only keepers are named." if rule.keepers else ""
    if not 0 < len(rule.keepers) <= MOST_KEEPERS:
        return f"Choose 1 to {MOST_KEEPERS} platform admins who keep a way in."
    strange = sorted(set(rule.keepers) - able)
    return f"{strange[0]} is no platform admin with a password." if strange else ""

"""The one line by which people know a change: in lists, mails and the audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from provisioning.domain.move import where as move_words
from provisioning.services.gate import Planned

FEW: Final = 3
_WORDS: Final = {"added": "add", "updated": "update", "removed": "remove"}


def title_of(planned: Planned) -> str:
    """One line that says what the change is, without its reason."""
    where = f"{planned.system.slug} / {planned.environment_name}"
    intent = planned.intent
    match planned.kind:
        case "create":
            return f"Create {where} as a copy of {intent['source']}" if intent.get("source") else f"Create {where}"
        case "delete":
            return f"Delete {where}"
        case "sleep":
            return f"Put {where} to sleep"
        case "wake":
            return f"Wake {where}"
        case "extend":
            return f"Extend {where} until {planned.target_day}"
        case "rollback":
            return f"Roll {where} back to r{intent.get('revision')}"
        case "upgrade":
            named = _listed([name for _, name in _touched(planned.plan)])
            return f"Upgrade {where}: {named or intent.get('capability')} to {intent.get('version')}"
        case "promote":
            named = f": {_listed(intent['resources'])}" if intent.get("resources") else ""
            return f"Promote {intent.get('source')} to {where}{named}"
        case "revert":
            return f"Revert drift of {where}: {_listed([one['object'] for one in planned.plan.get('corrects', ())])}"
        case "move":
            move = planned.plan.get("move")
            return f"Move {where} {_way(move)}" if move else f"Move {where}"
        case "adopt":
            return f"Adopt drift of {where}: {_listed([name for _, name in _touched(planned.plan)])}"
    parts = _listed([f"{_WORDS[action]} {name}" for action, name in _touched(planned.plan)])
    return f"Update {where}: {parts or 'expiry'}"


def _way(move: Mapping[str, Any]) -> str:
    """``back`` to where it comes from, else to what is new."""
    told = f"to {move_words(move['to'], move['from'])}"
    return f"back {told}" if move["back"] else told


def _touched(plan: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(one["action"], one["name"]) for one in plan["resources"] if one["action"] != "unchanged"]


def _listed(names: list[str]) -> str:
    """``a, b, c and 2 more``."""
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return f"{', '.join(names[:FEW])}{more}"

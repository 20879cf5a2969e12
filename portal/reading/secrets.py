"""The slots of an environment as their page draws them. Knows keys and whether they are there, never a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.domain.driver import SECRETS_MANAGER
from provisioning.domain.secret_slot import LONGEST_VALUE, SlotKey
from provisioning.services.secret_slots import SlotState


@dataclass(frozen=True, slots=True)
class SlotCard:
    """One slot: ``rows`` say how each key stands, ``fields`` are those of its form (``components/_field.html``)."""

    resource: str
    secret: str
    made: bool
    filled_outside: bool
    missing: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    fields: tuple[dict[str, Any], ...]
    error: str = ""


def slot_cards(states: Sequence[SlotState], at: str, errors: Mapping[str, str]) -> list[SlotCard]:
    """One card for each slot; ``errors`` by key belong to resource ``at``, that of no key to its form."""
    return [_card(one, errors if one.slot.resource == at else {}) for one in states]


def _card(state: SlotState, errors: Mapping[str, str]) -> SlotCard:
    slot = state.slot
    return SlotCard(
        resource=slot.resource,
        secret=slot.ref.name,
        made=state.made,
        filled_outside=slot.filled_outside,
        missing=state.missing,
        rows=tuple(_row(key) for key in state.keys),
        fields=tuple(_field(slot.resource, key, slot.help.get(key.name, ""), errors) for key in state.keys),
        error=errors.get("", ""),
    )


def _row(key: SlotKey) -> dict[str, Any]:
    by = "here" if key.filled_by == SECRETS_MANAGER else f"by {key.filled_by}" if key.filled_by else ""
    absent = "missing" if key.required else "left empty"
    return {
        "name": key.name,
        "state": "yes" if key.filled else "no" if key.required else "unknown",
        "word": "filled" if key.filled else absent,
        "at": key.filled_at,
        "by": by,
    }


def _field(resource: str, key: SlotKey, help: str, errors: Mapping[str, str]) -> dict[str, Any]:
    then = "Leave it empty to keep what is there." if key.filled else "" if key.required else "It may stay empty."
    return {
        "id": f"f-{resource}-{key.name}",
        "name": f"value.{key.name}",
        "label": key.name,
        "kind": "password",
        "autocomplete": "new-password",
        "maxlength": LONGEST_VALUE,
        "mono": True,
        "required": key.required and not key.filled,
        "hint": " ".join(part for part in (_sentence(help), then) if part),
        "error": errors.get(key.name, ""),
        "attributes": {"spellcheck": "false", "data-1p-ignore": "", "data-lpignore": "true"},
    }


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."

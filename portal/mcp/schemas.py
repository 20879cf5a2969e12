"""JSON Schemas of what tools take and give. Arguments are closed; answers name what is always there."""

from __future__ import annotations

from typing import Any, Final

from provisioning.domain.agent import KINDS
from provisioning.domain.lifecycle import CHANGE_STATES, ENVIRONMENT_STATES

Schema = dict[str, Any]


def text(about: str, *, most: int = 200, one_of: tuple[str, ...] = ()) -> Schema:
    found: Schema = {"type": "string", "description": about, "maxLength": most}
    return {**found, "enum": list(one_of)} if one_of else found


def takes(needed: dict[str, Schema] | None = None, more: dict[str, Schema] | None = None) -> Schema:
    """The arguments of a tool: ``needed`` and those that can be left out."""
    required = needed or {}
    return {
        "type": "object",
        "properties": {**required, **(more or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def gives(always: dict[str, Schema]) -> Schema:
    return {"type": "object", "properties": always, "required": list(always)}


SYSTEM: Final = text("Name of the system, such as checkout.", most=40)
ENVIRONMENT: Final = text("Name of the environment within its system, such as staging.", most=40)
STAGE: Final = text("Name of a stage, such as dev.", most=30)
QUERY: Final = text("Part of the name or title.", most=100)
NUMBER: Final = {"type": "integer", "minimum": 1, "maximum": 2**53}
PAGED: Final[dict[str, Schema]] = {
    "cursor": text("“next” of the answer before, for the next page.", most=1_000),
    "limit": {"type": "integer", "minimum": 1, "maximum": 50, "description": "How many at most; 20 by default."},
}
PAGE: Final = gives(
    {"items": {"type": "array", "items": {"type": "object"}}, "next": {"type": ["string", "null"]}},
)
ENVIRONMENT_STATE: Final = text("Only in this state.", one_of=ENVIRONMENT_STATES)
CHANGE_STATE: Final = text("Only in this state; open: not over yet.", one_of=("open", *CHANGE_STATES))

PLAN: Final = takes(
    {
        "kind": text("What to do.", one_of=KINDS),
        "system": SYSTEM,
        "environment": ENVIRONMENT,
    },
    {
        "reason": text("Why; the people who sign and decide read it.", most=2_000),
        "spec": {
            "type": "object",
            "description": "To create and update: the whole spec of the environment as get_environment shows it under "
            "document.spec: stage, expires, resources. To promote: only inputs that differ here, by resource.",
        },
        "base": {**NUMBER, "description": "The revision you read; refused when it is another one by now."},
        "capability": text("To upgrade: whose resources move.", most=64),
        "version": text("To upgrade: the exact version to move to.", most=64),
        "resources": {
            "type": "array",
            "items": {"type": "string", "maxLength": 64},
            "maxItems": 100,
            "description": "To upgrade and promote: which resources; all where it is left out.",
        },
        "revision": {**NUMBER, "description": "To roll back: the revision to go back to. To promote: the one to take."},
        "from": text("To promote: the environment to take from. To create: one to copy.", most=40),
        "until": text("To extend: a span such as 7d, a date, or never.", most=40),
        "confirm": text("To delete: the environment's name once more.", most=64),
    },
)
PLANNED: Final = gives(
    {
        "outcome": {"type": "string", "enum": ["starts", "waits", "denied", "invalid", "nothing"]},
        "may_submit": {"type": "boolean"},
        "plan_digest": {"type": "string"},
        "refusal": {"type": "string"},
        "problems": {"type": "array", "items": {"type": "object"}},
        "approvals": {"type": "array", "items": {"type": "object"}},
        "spend": {"type": "object"},
    }
)
SUBMIT: Final = takes({"plan_digest": text("As “plan” gave it, at most 15 minutes ago.", most=64)})
SUBMITTED: Final = gives(
    {
        "change_id": {"type": "integer"},
        "state": {"type": "string"},
        "waits_for": {"type": "array", "items": {"type": "string"}},
        "url": {"type": "string"},
    }
)

"""A draft as plain data that can be kept and opened again, with everything that was typed. Pure.

Called by the form of an environment. More than the document that it asks for: keys, rows that are still empty, and what
was typed for other choices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idp.kernel.canonical import digest
from portal.forms.environment_draft import Draft, DraftResource


@dataclass(frozen=True, slots=True)
class Begun:
    """A draft that waits to be gone on with."""

    token: str
    words: str
    at: datetime
    url: str


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the draft of one page is kept: its token, how it began, and what else this person has begun there."""

    token: str
    began: str
    others: tuple[Begun, ...] = ()


def to_kept(draft: Draft) -> dict[str, Any]:
    return {
        "name": draft.name,
        "stage": draft.stage,
        "expires": draft.expires,
        "reason": draft.reason,
        "base": draft.base,
        "resources": [
            {"key": one.key, "name": one.name, "capability": one.capability, "component": one.component,
             "inputs": dict(one.inputs), **({"origin": one.origin} if one.origin else {})}
            for one in draft.resources
        ],
    }  # fmt: skip


def from_kept(content: Mapping[str, Any], *, system: str, kept: frozenset[str] = frozenset()) -> Draft:
    """The opposite of ``to_kept``. ``kept`` are the resources that exist already, as of now."""
    return Draft(
        system=system,
        name=content["name"],
        stage=content["stage"],
        expires=content["expires"],
        reason=content["reason"],
        base=content["base"],
        resources=tuple(
            DraftResource(
                key=one["key"],
                name=one["name"],
                capability=one["capability"],
                component=one["component"],
                inputs=one["inputs"],
                kept=one["key"] in kept,
                origin=one.get("origin", ""),
            )
            for one in content["resources"]
        ),
    )


def began(draft: Draft) -> str:
    """What tells a draft that somebody has touched from one that is as it was opened."""
    return digest(to_kept(draft))


def words_of(content: Mapping[str, Any]) -> str:
    """What is in it, in few words: its name and its resources."""
    names = [str(one["name"]) for one in content["resources"]]
    inside = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return ": ".join(part for part in (str(content["name"]), inside or "nothing in it yet") if part)

"""The audit log as its pages show it: a line per entry, one entry with what it changed, and the filters of a search.

Read by ``portal.pages.audit``. Which entries a person may read is ``governance.selectors.audit``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from governance.access import Rights
from governance.models import AuditEntry
from governance.selectors.audit import Search, entry_data, known_actions, known_kinds
from idp.catalog.models import Team
from portal.drawing.actions import VIA, action_words

COLUMNS: Final = (
    "sequence", "at", "actor_name", "behalf", "via", "address", "action", "object_type", "object_id", "object_label",
    "team_slug", "system_slug", "environment_name", "request_id", "token_id", "data", "hash",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the list. ``about`` is the search for everything about its object."""

    number: int
    at: datetime
    actor: str
    behalf: str
    action: str
    words: str
    kind: str
    label: str
    about: str
    refused: bool


def line_of(entry: AuditEntry) -> Line:
    return Line(
        number=entry.sequence,
        at=entry.at,
        actor=entry.actor_name or "Nobody signed in",
        behalf=entry.behalf,
        action=entry.action,
        words=action_words(entry.action),
        kind=entry.object_type,
        label=entry.object_label,
        about=search_url(object_type=entry.object_type, object_id=entry.object_id),
        refused=entry.action in REFUSED,
    )


REFUSED: Final = frozenset(
    {"access.denied", "session.sign-in-failed", "session.proof-failed", "token.refused", "change.deny"}
)
"""What is drawn as an attempt that failed."""


def search_url(**filters: str) -> str:
    """The page of a search."""
    return f"{reverse('audit')}?{urlencode({name: value for name, value in filters.items() if value})}"


@dataclass(frozen=True, slots=True)
class Changed:
    """One field, before and after; None where there was or is nothing."""

    path: str
    before: str | None
    after: str | None


def changes_of(data: Mapping[str, Any]) -> list[Changed]:
    """What ``before`` and ``after`` of an entry's data say, field by field; fields that stayed are left out."""
    if "before" not in data and "after" not in data:
        return []
    before, after = _flat(data.get("before")), _flat(data.get("after"))
    paths = list(dict.fromkeys([*before, *after]))
    return [
        Changed(path, _shown(before, path), _shown(after, path))
        for path in paths
        if before.get(path) != after.get(path) or (path in before) != (path in after)
    ]


def rest_of(data: Mapping[str, Any]) -> list[dict[str, str]]:
    """What else an entry says, as names and values."""
    plain = _flat({name: value for name, value in data.items() if name not in ("before", "after")})
    return [{"label": path.replace("_", " "), "value": _text(value)} for path, value in plain.items()]


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Leaves by their dotted path. Lists of plain values are leaves."""
    if not path and value in (None, {}):
        return {}
    if isinstance(value, Mapping) and value:
        found: dict[str, Any] = {}
        for name, one in value.items():
            found |= _flat(one, f"{path}.{name}" if path else str(name))
        return found
    return {path or "value": value}


def _shown(fields: Mapping[str, Any], path: str) -> str | None:
    return _text(fields[path]) if path in fields and fields[path] is not None else None


def _text(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, (str, int, float)) for one in value):
        return ", ".join(map(str, value)) or "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


Address = Callable[[AuditEntry], tuple[str, list[object]]]
_PAGES: Final[Mapping[str, Address]] = MappingProxyType(
    {
        "team": lambda entry: ("team", [entry.object_label]),
        "system": lambda entry: ("system", [entry.object_label]),
        "component": lambda entry: ("component", [entry.system_slug, entry.object_label]),
        "environment": lambda entry: ("environment", [entry.system_slug, entry.environment_name]),
        "change": lambda entry: ("change", [entry.object_id]),
        "run": lambda entry: ("run", [entry.object_id]),
        "capability": lambda entry: ("capability", [entry.object_label.partition(" ")[0]]),
        "contract": lambda entry: ("capability", [entry.object_label.partition(" ")[0]]),
        "cluster": lambda entry: ("cluster", [entry.object_label]),
        "campaign": lambda entry: ("campaign", [entry.object_id]),
        "train": lambda entry: ("train", [entry.object_id]),
        "host": lambda entry: ("hosts", []),
        "policy": lambda entry: ("policy", [entry.object_id]),
    }
)


def object_url(entry: AuditEntry) -> str:
    """The page of what the entry is about, nothing where it has none. The thing itself may be gone by now."""
    named = _PAGES.get(entry.object_type)
    if named is None:
        return ""
    name, arguments = named(entry)
    try:
        return reverse(name, args=arguments)
    except NoReverseMatch:
        return ""


def facts_of(entry: AuditEntry) -> list[dict[str, str]]:
    """Who, from where and as part of what; left out where nothing is known."""
    token = f"Token {entry.token_id}" if entry.token_id else ""
    named = {
        "Who": entry.actor_name or "Nobody signed in",
        "On behalf of": entry.behalf,
        "Through": " · ".join(part for part in (VIA.get(entry.via, entry.via), token) if part),
        "From": entry.address,
        "Action": entry.action,
        "Team": entry.team_slug,
        "Place": "/".join(part for part in (entry.system_slug, entry.environment_name) if part),
        "Request": entry.request_id,
    }
    return [{"label": label, "value": value} for label, value in named.items() if value]


def options(rights: Rights, search: Search) -> dict[str, list[dict[str, str]]]:
    """What the selects of the search offer. Three queries; what is set stays choosable though it occurs no more."""
    every = rights.may_read_audit(None)
    teams = list(Team.objects.order_by("slug").values_list("slug", flat=True)) if every else rights.audited_teams()
    return {
        "actions": _options([*known_actions(), search.action], action_words),
        "kinds": _options([*known_kinds(), search.object_type], lambda kind: kind.replace("-", " ").capitalize()),
        "teams": _options([*teams, search.team], str),
    }


def _options(values: Iterable[str], label: Callable[[str], str]) -> list[dict[str, str]]:
    named = [{"value": value, "label": label(value)} for value in dict.fromkeys(values) if value]
    return sorted(named, key=lambda one: one["label"])


def cells_of(entry: AuditEntry) -> list[str]:
    """An entry as a row of a table. What a spreadsheet would work out is marked as text."""
    data = entry_data(entry)
    return [_cell(data.get(name, "")) for name in COLUMNS]


def _cell(value: Any) -> str:
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text

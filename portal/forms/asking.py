"""What was filled in on the page that asks for one kind of change, and the intent that it makes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import QueryDict

from portal.forms.schema_kinds import Schema
from portal.forms.schema_values import typed
from provisioning.services.requests import ChangeRequest

PREFIX: Final = "input."
"""Fields named ``input.<resource>.<input>`` hold inputs that belong to the environment that is made."""

LONGEST: Final = 4000
_WHOLE = re.compile(r"-?\d{1,9}")


@dataclass(frozen=True, slots=True)
class Asked:
    """``all_resources``: nothing was left out of the choice. ``inputs`` are as typed, by resource and name."""

    kind: str
    reason: str = ""
    until: str = ""
    upgrade: str = ""
    revision: str = ""
    source: str = ""
    name: str = ""
    not_before: str = ""
    cluster: str = ""
    confirm: str = ""
    resources: tuple[str, ...] | None = None
    all_resources: bool = True
    inputs: Mapping[tuple[str, str], str] = field(default_factory=dict)


def from_fields(kind: str, given: QueryDict, offered: tuple[str, ...] = ()) -> Asked:
    """What a query or a posted form says. ``offered`` are the resources to choose from; all when none is named."""
    chosen = tuple(one for one in given.getlist("resources") if one)
    posted = bool(given.get("chooses"))
    resources = chosen if chosen or posted else offered
    inputs = {}
    for name in given:
        resource, _, key = name.removeprefix(PREFIX).partition(".")
        typed = str(given.get(name, "")).strip()
        if name.startswith(PREFIX) and key and typed:
            inputs[resource, key] = typed[:LONGEST]
    return Asked(
        kind=kind,
        reason=given.get("reason", ""),
        until=given.get("until_other", "").strip()[:40] or given.get("until", "").strip()[:40],
        upgrade=given.get("upgrade", "")[:80],
        revision=given.get("revision", "")[:9],
        source=given.get("from", "")[:64],
        name=given.get("name", "").strip()[:64],
        not_before=given.get("not_before", "").strip()[:40],
        cluster=given.get("cluster", "")[:64],
        confirm=given.get("confirm", "").strip()[:64],
        resources=resources,
        all_resources=set(resources) >= set(offered),
        inputs=inputs,
    )


def intent_of(
    asked: Asked, system: str, environment: str, schemas: Mapping[str, Schema] | None = None
) -> ChangeRequest:
    """The intent to put to the gate; a copy is a create of the name that was written, from ``environment``.

    ``schemas`` are those of the inputs by resource: they say whether what was typed is a number or a text.
    """
    spec = _spec(asked.inputs, schemas or {})
    common: dict[str, Any] = {"system": system, "environment": environment, "reason": asked.reason}
    match asked.kind:
        case "extend":
            return ChangeRequest("extend", **common, until=asked.until)
        case "upgrade":
            capability, _, version = asked.upgrade.partition("@")
            return ChangeRequest("upgrade", **common, capability=capability, version=version)
        case "rollback":
            number = int(asked.revision) if _WHOLE.fullmatch(asked.revision) else None
            return ChangeRequest("rollback", **common, revision=number)
        case "promote":
            part = None if asked.all_resources else asked.resources
            common |= {"source": asked.source, "not_before": asked.not_before}
            return ChangeRequest("promote", **common, resources=part, spec=spec)
        case "move":
            return ChangeRequest("move", **common, cluster=asked.cluster, confirm=asked.confirm)
        case "clone":
            common["environment"] = asked.name
            return ChangeRequest("create", **common, source=environment, spec=spec)
    return ChangeRequest(asked.kind, **common)


def _spec(inputs: Mapping[tuple[str, str], str], schemas: Mapping[str, Schema]) -> dict[str, Any]:
    resources: dict[str, dict[str, Any]] = {}
    for (resource, key), text in inputs.items():
        schema = (schemas.get(resource, {}).get("properties") or {}).get(key, {"type": "string"})
        resources.setdefault(resource, {"inputs": {}})["inputs"][key] = typed(schema, text)
    return {"resources": resources} if resources else {}

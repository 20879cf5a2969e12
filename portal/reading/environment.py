"""One environment as its page shows it: graph, outputs and who uses them, conditions, cost, what happened.

Read by the environment's pages. Takes rows and views that selectors gave and puts them into the shapes the components
draw; asks the database nothing by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zlib import crc32

from django.urls import reverse

from portal.drawing import words
from portal.drawing.graph import Node
from portal.reading.plan_words import listed
from provisioning.domain.contract_states import StateNote
from provisioning.domain.isolation import SHARED
from provisioning.models import Change, Environment
from provisioning.selectors.contract_flags import Flags
from provisioning.selectors.environments import ResourceView

MOVING: Final = ("requested", "progressing", "deleting")
TROUBLED: Final = ("degraded", "failed", "unknown")
OPEN: Final = ("pending", "approved", "running")
SOON: Final = timedelta(hours=48)
REFERENCE: Final = re.compile(r"resources\.([A-Za-z0-9-]+)\.outputs\.([A-Za-z][A-Za-z0-9_]*)")
CONDITION: Final = {"True": "yes", "False": "no", "Unknown": "unknown"}


@dataclass(frozen=True, slots=True)
class OutputRow:
    """One output. ``secret`` says where a secret lives; its value is known to nobody here."""

    id: str
    name: str
    value: str = ""
    url: str = ""
    secret: str = ""
    used_by: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Resources on a version that they should leave, with why."""

    tone: str
    names: str
    verb: str
    note: StateNote


def shown(found: Environment) -> str:
    """Short text that differs when something of the row does; it goes out with the page, and comes back."""
    told = (found.state, found.drifted, found.desired_id, found.expires_at, found.changed_at, found.conditions)
    return f"{crc32(repr(told).encode()):08x}"


def notices(resources: Iterable[ResourceView], known: Flags) -> list[Notice]:
    """One for each version that somebody should leave, defective ones first."""
    found: dict[StateNote, list[str]] = {}
    for one in resources:
        note = known.get((one.capability, one.contract))
        if note is not None and one.state not in ("deleting", "gone"):
            found.setdefault(note, []).append(one.name)
    listing = [
        Notice(
            "bad" if note.state == "defective" else "warn", listed(names), "runs" if len(names) == 1 else "run", note
        )
        for note, names in found.items()
    ]
    return sorted(listing, key=lambda one: one.tone != "bad")


def nodes(resources: Iterable[ResourceView], here: str) -> list[Node]:
    """The boxes of the graph; each leads to its resource in the list."""
    return [
        Node(
            id=one.name,
            title=one.name,
            kind=f"{one.capability} {one.contract}",
            icon=one.icon,
            state=one.state,
            href=f"{here}?view=list#resource-{one.name}",
        )
        for one in resources
    ]


def edges(resources: Iterable[ResourceView]) -> list[tuple[str, str]]:
    """From who uses to who is used."""
    return [(one.name, needed) for one in resources for needed in one.depends_on]


def outputs(resources: Sequence[ResourceView]) -> list[OutputRow]:
    """All outputs that are known, in the order of the resources."""
    users = _users(resources)
    rows = []
    for one in resources:
        for key, value in one.outputs.items():
            rows.append(_plain_row(one.name, key, value, users))
        for key, value in one.secret_outputs.items():
            rows.append(
                OutputRow(
                    id=f"out-{one.name}-{key}",
                    name=f"{one.name}.{key}",
                    secret=_secret_place(value),
                    used_by=listed(users.get((one.name, key), [])),
                )
            )
    return rows


def _plain_row(resource: str, key: str, value: Any, users: Mapping[tuple[str, str], list[str]]) -> OutputRow:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return OutputRow(
        id=f"out-{resource}-{key}",
        name=f"{resource}.{key}",
        value=text,
        url=text if text.startswith(("https://", "http://")) else "",
        used_by=listed(users.get((resource, key), [])),
    )


def _secret_place(value: Any) -> str:
    """``Secret db-credentials, keys username and password``."""
    reference = value.get("secretRef", value) if isinstance(value, Mapping) else {}
    name = str(reference.get("name", "")) if isinstance(reference, Mapping) else ""
    keys = reference.get("keys") if isinstance(reference, Mapping) else None
    said = f"Secret {name}" if name else "A Secret"
    if isinstance(keys, (list, tuple)) and keys:
        said += f", {'key' if len(keys) == 1 else 'keys'} {listed([str(key) for key in keys])}"
    return said


def _users(resources: Iterable[ResourceView]) -> dict[tuple[str, str], list[str]]:
    """Who reads each output, by resource and output."""
    users: dict[tuple[str, str], list[str]] = {}
    for one in resources:
        found = REFERENCE.findall(json.dumps(one.inputs, ensure_ascii=False))
        for pair in dict.fromkeys(found):
            users.setdefault(pair, []).append(one.name)
    return users


def conditions(environment: Environment, resources: Sequence[ResourceView], now: datetime) -> list[dict[str, str]]:
    """What is true of it, as verdict lines; the stored conditions first, then how long it has left.

    That it progresses is not among them: the page says so above, with the run that does it. How long it has left is
    worked out anew, as that moves.
    """
    ready = sum(one.state == "ready" for one in resources)
    counted = f"{ready} of {words.count(len(resources), 'resource,resources')}" if resources else ""
    lines = [
        {
            "state": CONDITION.get(str(one.get("status")), "unknown"),
            "title": _title(str(one.get("type", ""))),
            "text": _told(one, counted if one.get("type") == "Ready" else "", now),
        }
        for one in environment.conditions
        if one.get("type") not in ("Progressing", "Expiring")
    ]
    if environment.expires_at is not None and environment.deleted_at is None:
        lines.append(
            {
                "state": "no" if environment.expires_at - now < SOON else "yes",
                "title": "Time left",
                "word": words.age(environment.expires_at, now),
                "text": f"Goes away on {words.day(environment.expires_at)}",
            }
        )
    return lines


def _title(kind: str) -> str:
    """``WithinQuota`` as ``Within quota``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", kind)
    return spaced[:1].upper() + spaced[1:].lower() if spaced else "Condition"


def _told(one: Mapping[str, Any], counted: str, now: datetime) -> str:
    """The condition's own message, else what was counted; and since when, once that is a while ago."""
    said = str(one.get("message", "")).rstrip(".") or counted
    since = words.age(datetime.fromisoformat(one["since"]), now) if one.get("since") else "now"
    return said if since == "now" or not said else f"{said}, since {since}"


def usage_pairs(environment: Environment, currency: str) -> list[dict[str, Any]]:
    """What it takes and costs a month, line by line and in sum."""
    cluster = environment.cluster
    lines = [
        (environment.cpu, "CPU", cluster.price_cpu),
        (environment.memory_gib, "GiB memory", cluster.price_memory_gib),
        (environment.storage_gib, "GiB storage", cluster.price_storage_gib),
    ]
    pairs: list[dict[str, Any]] = [
        {"label": f"{words.number(amount)} {unit}", "value": words.money(amount * price, currency)}
        for amount, unit, price in lines
        if amount
    ]
    pairs.append({"label": "Total", "value": words.money(environment.monthly_cost, currency), "total": True})
    return pairs


def activity(changes: Iterable[Change], most: int = 6) -> list[dict[str, Any]]:
    """The newest changes as the activity list draws them; a change that runs leads to its run."""
    return [
        {
            "state": one.state,
            "state_kind": "change",
            "url": reverse("change", args=[one.pk]),
            "text": f"#{one.pk} {one.title}",
            "by": f"{one.requester.username} asked",
            "at": one.created_at,
        }
        for one in list(changes)[:most]
    ]


def losses(environment: Environment, resources: Sequence[ResourceView]) -> list[str]:
    """What deleting it destroys, in sentences, data first."""
    with_data = [one for one in resources if one.footprint.storage_gib]
    rest = [one.name for one in resources if not one.footprint.storage_gib]
    said = [f"{one.name}, with its {one.footprint.storage_gib:g} GiB of data" for one in with_data]
    if rest:
        said.append(f"{listed(rest)}, with everything made for {'it' if len(rest) == 1 else 'them'}")
    if environment.isolation == SHARED:
        said.append(f"Every secret of it in {environment.namespace}, which others share and keep")
    else:
        said.append(f"The namespace {environment.namespace} and every secret in it")
    return said

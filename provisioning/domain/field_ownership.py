"""Who owns which field of a live object, read from ``metadata.managedFields``.

Called by drift and by drivers. The server writes there, per manager, a tree of the fields that it set last
(``fieldsV1``): ``f:name`` a field, ``k:{…}`` the item of a list that is keyed, ``v:…`` a member of a set, ``.`` the
node itself. Pure; it reads trees and changes nothing. Source: Kubernetes API reference, "FieldsV1 v1 meta";
Server-Side Apply.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from provisioning.domain.driver import FIELD_MANAGER, Manifest

Path = tuple[str, ...]
"""Steps as ``fieldsV1`` writes them."""


@dataclass(frozen=True, slots=True)
class Owner:
    """One manager's entry. ``at`` is when it last wrote, None where the server does not say."""

    manager: str
    operation: str
    subresource: str
    at: datetime | None
    fields: Mapping[str, Any]

    @property
    def is_slipway(self) -> bool:
        return self.manager == FIELD_MANAGER and self.operation == "Apply" and not self.subresource

    @property
    def is_autoscaler(self) -> bool:
        """A controller whose work is to set numbers that others only start with."""
        by_scale = self.subresource == "scale" and self.manager in _SCALING_CONTROLLERS
        return by_scale or self.manager in _AUTOSCALERS

    def owns(self, path: Path) -> bool:
        """Whether it set ``path`` or a part of it. An ancestor that is a leaf of its tree counts: atomic values."""
        node: Mapping[str, Any] = self.fields
        for step in path:
            if step not in node:
                return bool(path) and not node and node is not self.fields
            node = node[step]
        return True


def agreed_since(owners: Sequence[Owner], fields: Collection[str]) -> bool:
    """Whether others hold each of ``fields`` only because they once wrote the value that Slipway applied since.

    That is how adopting leaves them: the live value is what was agreed, so that another one overwrites nobody's. Who
    applies declaratively or scales by itself would write its value again, and is no such one. ``fields`` are as a
    server names them in a conflict: ``.spec.template.spec.containers[name="app"].image``.
    """
    ours = {_told(path): path for one in owners if one.is_slipway for path in _paths(one.fields)}
    return all(field in ours and _left_behind(owners, ours[field]) for field in fields)


def _left_behind(owners: Sequence[Owner], path: Path) -> bool:
    others = [one for one in owners if not one.is_slipway and one.owns(path)]
    return all(one.operation == "Update" and not one.is_autoscaler for one in others)


def _paths(fields: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    for step, below in fields.items():
        if step != ".":
            yield (*above, step)
            yield from _paths(below, (*above, step))


def _told(path: Path) -> str:
    """``path`` as an API server writes it."""
    text = ""
    for step in path:
        kind, rest = step[0], step[2:]
        if kind == "f":
            text += f".{rest}"
        elif kind == "k":
            text += f"[{','.join(f'{key}={_json(value)}' for key, value in sorted(json.loads(rest).items()))}]"
        else:
            text += f"[={rest}]"
    return text


_SCALING_CONTROLLERS = frozenset({"kube-controller-manager", "horizontal-pod-autoscaler", "keda-operator", "keda"})
_AUTOSCALERS = frozenset({"vpa-updater", "vpa-admission-controller", "vpa-recommender", "keda-operator", "goldilocks"})


def owners_of(live: Manifest) -> tuple[Owner, ...]:
    """Every manager of ``live``, the one that wrote last first."""
    entries = live.get("metadata", {}).get("managedFields") or []
    found = [
        Owner(
            manager=one.get("manager", ""),
            operation=one.get("operation", ""),
            subresource=one.get("subresource", ""),
            at=_moment(one.get("time")),
            fields=one.get("fieldsV1") or {},
        )
        for one in entries
    ]
    earliest = datetime.min.replace(tzinfo=UTC)
    return tuple(sorted(found, key=lambda one: one.at or earliest, reverse=True))


def keys_at(owners: Sequence[Owner], path: Path) -> tuple[str, ...] | None:
    """The names by which items of the list at ``path`` are told apart; None when no manager's tree says so.

    An empty tuple means a set: its members are told apart by their value.
    """
    for step in _steps_at(owners, path):
        if step.startswith("k:"):
            return tuple(sorted(json.loads(step[2:])))
        if step.startswith("v:"):
            return ()
    return None


def item_step(item: Mapping[str, Any], keys: Sequence[str]) -> str:
    """The ``k:`` step of one item of a keyed list, with what the server fills in for a key that was left out."""
    return "k:" + _json({name: item.get(name, _KEY_DEFAULTS.get(name)) for name in keys})


def shown(path: Path) -> str:
    """``path`` for people: ``spec.template.spec.containers[name=app].image``."""
    text = ""
    for step in path:
        kind, rest = step[0], step[2:]
        if kind == "f":
            text += f".{rest}" if text else rest
        elif kind == "k":
            text += f"[{','.join(f'{key}={value}' for key, value in json.loads(rest).items())}]"
        else:
            text += f"[{json.loads(rest)}]"
    return text


_KEY_DEFAULTS: Mapping[str, Any] = {"protocol": "TCP"}


def _steps_at(owners: Sequence[Owner], path: Path) -> Iterator[str]:
    for owner in owners:
        node: Any = owner.fields
        for step in path:
            node = node.get(step) if isinstance(node, Mapping) else None
            if node is None:
                break
        else:
            yield from node


def _moment(text: Any) -> datetime | None:
    if isinstance(text, datetime):
        return text
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))

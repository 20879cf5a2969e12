"""Who owns which field: server-side apply as a small algebra over leaves. Pure; used by the sandbox only.

An object is a mapping from path to leaf. A path is a tuple of steps written as in ``metadata.managedFields``:
``f:name`` for a field, ``k:{…}`` for the item of a list that is keyed, ``v:…`` for a member of a set. The published
schemas say which lists are keyed and which parts are atomic, so the granularity is that of a real API server.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from provisioning.domain.driver import Manifest
from provisioning.domain.field_ownership import Path
from provisioning.domain.kubernetes_schema import definition, resolve

Leaves = dict[Path, Any]

# Identity and what the server makes; no manager owns them.
_UNOWNED = {"apiVersion", "kind", "status"}
_UNOWNED_METADATA = {"creationTimestamp", "deletionTimestamp", "generation", "managedFields"}
_UNOWNED_METADATA |= {"name", "namespace", "resourceVersion", "uid"}
# Keys of keyed lists that may be left out, with what the server fills in.
_KEY_DEFAULTS = {"protocol": "TCP"}


@dataclass(frozen=True, slots=True)
class Field:
    """A leaf's value and the managers that own it."""

    value: Any
    managers: frozenset[str]


Fields = dict[Path, Field]


def leaves_of(manifest: Manifest) -> Leaves:
    """Every leaf of ``manifest`` that a manager can own. The kind must be known to ``kubernetes_schema``."""
    schema = definition(manifest["apiVersion"], manifest["kind"])
    if schema is None:
        raise ValueError(f"no schema for {manifest['apiVersion']} {manifest['kind']}")
    kept = {key: value for key, value in manifest.items() if key not in _UNOWNED}
    metadata = kept.pop("metadata", {})
    kept = {"metadata": {key: value for key, value in metadata.items() if key not in _UNOWNED_METADATA}, **kept}
    leaves: Leaves = {}
    _walk(kept, schema, (), leaves)
    leaves.pop(("f:metadata",), None)
    return leaves


def _walk(value: Any, schema: Mapping[str, Any], path: Path, leaves: Leaves) -> None:
    schema = resolve(schema)
    if value and isinstance(value, dict) and _is_granular(schema):
        known = schema.get("properties", {})
        for key, inner in value.items():
            _walk(inner, known.get(key) or schema.get("additionalProperties") or {}, (*path, f"f:{key}"), leaves)
    elif value and isinstance(value, list) and schema.get("x-kubernetes-list-type") == "map":
        keys = schema["x-kubernetes-list-map-keys"]
        for item in value:
            key = {name: item.get(name, _KEY_DEFAULTS.get(name, "")) for name in keys}
            _walk(item, schema["items"], (*path, f"k:{_json(key)}"), leaves)
    elif value and isinstance(value, list) and schema.get("x-kubernetes-list-type") == "set":
        leaves.update({(*path, f"v:{_json(item)}"): item for item in value})
    else:
        leaves[path] = value


def _is_granular(schema: Mapping[str, Any]) -> bool:
    if schema.get("x-kubernetes-map-type") == "atomic":
        return False
    return "properties" in schema or isinstance(schema.get("additionalProperties"), dict)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def conflicts(live: Fields, wanted: Leaves, manager: str, yielding: Collection[str] = ()) -> list[tuple[str, Path]]:
    """Pairs of other manager and path, where ``wanted`` has another value than that manager's field.

    Of a field that ``manager`` holds too, managers that are ``yielding`` let go without being asked.
    """
    return [
        (other, path)
        for path, value in wanted.items()
        if path in live and live[path].value != value
        for other in sorted(live[path].managers - {manager})
        if other not in yielding or manager not in live[path].managers
    ]


def apply(live: Fields, wanted: Leaves, manager: str) -> Fields:
    """``live`` after ``manager`` applied ``wanted``: equal values are shared, others taken, dropped ones removed.

    A leaf that ``manager`` no longer wants stays if somebody else owns it too. The caller has looked at
    ``conflicts``.
    """
    merged: Fields = {}
    for path, value in wanted.items():
        shared = live[path].managers if path in live and live[path].value == value else frozenset()
        merged[path] = Field(value, shared | {manager})
    for path, field in live.items():
        others = field.managers - {manager}
        if path not in merged and others:
            merged[path] = Field(field.value, others)
    return merged


def edit(live: Fields, changed: Leaves, manager: str) -> Fields:
    """``live`` after ``manager`` wrote ``changed`` without asking, as an update or ``kubectl edit`` does."""
    written = {path: value for path, value in changed.items() if path not in live or live[path].value != value}
    return {**live, **{path: Field(value, frozenset({manager})) for path, value in written.items()}}


def rebuild(values: Mapping[Path, Any]) -> dict[str, Any]:
    """The nested object that has these leaves."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        node = tree
        for step in path[:-1]:
            # An empty leaf gives way to what lies below it.
            if not isinstance(node.get(step), dict):
                node[step] = {}
            node = node[step]
        if not (value in ({}, []) and isinstance(node.get(path[-1]), dict)):
            node[path[-1]] = {} if value == {} else _Leaf(value)
    built: dict[str, Any] = _nest(tree)
    return built


@dataclass(frozen=True, slots=True)
class _Leaf:
    value: Any


def _nest(node: Any) -> Any:
    if isinstance(node, _Leaf):
        return node.value
    if any(step[0] in "kv" for step in node):
        return [_nest(inner) for inner in node.values()]
    return {step[2:]: _nest(inner) for step, inner in node.items()}


def owned_by(fields: Fields, manager: str) -> dict[str, Any]:
    """What ``manager`` owns, as the ``fieldsV1`` of ``metadata.managedFields``."""
    tree: dict[str, Any] = {}
    for path, field in fields.items():
        if manager in field.managers:
            node = tree
            for step in path:
                node = node.setdefault(step, {})
    return tree

"""A contract that makes objects of a custom kind nobody ships, and definitions of that kind."""

from __future__ import annotations

from typing import Any

KEY = "shop.example/v1/Well"


def contract(version: str = "1.0.0", **spec: Any) -> dict[str, Any]:
    """``spec`` is what its object says beside the depth."""
    return {
        "apiVersion": "slipway.dev/v1",
        "kind": "Contract",
        "metadata": {"capability": "well", "version": version},
        "spec": {
            "title": "Well",
            "summary": "Water from below.",
            "owner": "platform",
            "category": "data",
            "icon": "database",
            "state": "stable",
            "requires": {"apis": [{"apiVersion": "shop.example/v1", "kind": "Well"}]},
            "inputs": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"depth": {"type": "integer", "minimum": 1, "maximum": 90, "default": 3}},
            },
            "outputs": {"name": {"type": "string"}},
            "objects": {
                "well": {
                    "manifest": {
                        "apiVersion": "shop.example/v1",
                        "kind": "Well",
                        "metadata": {"name": "${resource.name}"},
                        "spec": {"depth": "${inputs.depth}", **spec},
                    }
                }
            },
            "publish": {"name": "${resource.name}"},
            "usage": {"cpu": 0, "memoryGiB": 0, "storageGiB": 0},
            "examples": [{"name": "shallow", "inputs": {"depth": 3}}],
        },
    }


def openapi(*names: str) -> dict[str, Any]:
    """A strict schema whose spec has ``depth`` and what is named, as text."""
    fields: dict[str, Any] = {"depth": {"type": "integer"}, **{name: {"type": "string"} for name in names}}
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": fields}}}


def definition(*names: str, **changes: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "wells.shop.example"},
        "spec": {
            "group": "shop.example",
            "names": {"kind": "Well", "plural": "wells", "singular": "well", "listKind": "WellList"},
            "scope": "Namespaced",
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": openapi(*names)}}
            ],
            **changes,
        },
    }

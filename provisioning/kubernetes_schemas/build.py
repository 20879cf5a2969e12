"""Extracts the schemas of the kinds that Slipway renders from kubernetes-validate into one small file.

Run by a developer when the Kubernetes version moves (``python -m provisioning.kubernetes_schemas.build``); it needs the
development dependency kubernetes-validate, 108 MB, which nothing at run time may import. The result, ``bundle.json``,
is committed next to this file and read by ``provisioning.domain.kubernetes_schema`` only.
"""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

VERSION = "1.36.0"
BUNDLE = Path(__file__).with_name("bundle.json")

KINDS = {
    "v1": (
        "ConfigMap LimitRange Namespace PersistentVolumeClaim ResourceQuota Secret Service ServiceAccount",
        "io.k8s.api.core.v1",
    ),
    "apps/v1": ("Deployment StatefulSet", "io.k8s.api.apps.v1"),
    "autoscaling/v2": ("HorizontalPodAutoscaler", "io.k8s.api.autoscaling.v2"),
    "batch/v1": ("CronJob Job", "io.k8s.api.batch.v1"),
    "networking.k8s.io/v1": ("Ingress NetworkPolicy", "io.k8s.api.networking.v1"),
    "policy/v1": ("PodDisruptionBudget", "io.k8s.api.policy.v1"),
    "rbac.authorization.k8s.io/v1": ("Role RoleBinding", "io.k8s.api.rbac.v1"),
}

KEPT = {
    "additionalProperties",
    "enum",
    "items",
    "oneOf",
    "properties",
    "required",
    "type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
}

# The grammar of k8s.io/apimachinery/pkg/api/resource; the published schemas say only "string or number".
OVERRIDES: dict[str, dict[str, Any]] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {
        "type": ["string", "number"],
        "pattern": r"^[+-]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$",
    },
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": ["string", "integer"]},
}

INTEGER_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}


def read_definitions(version: str) -> dict[str, Any]:
    """All definitions of the strict flavour, in which an unknown field is an error."""
    folder = files("kubernetes_validate").joinpath("kubernetes-json-schema", f"v{version}-local-strict")
    loaded: dict[str, Any] = json.loads(folder.joinpath("_definitions.json").read_text())["$defs"]
    return loaded


def compact(schema: Any) -> Any:
    """``schema`` without prose. Null is no longer allowed: in a rendered manifest it is a mistake, not a value."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    kept = {key: value for key, value in schema.items() if key in KEPT}
    if isinstance(kept.get("type"), list):
        kept["type"] = next(name for name in kept["type"] if name != "null")
    if kept.get("type") == "integer" and schema.get("format") in INTEGER_RANGES:
        kept["minimum"], kept["maximum"] = INTEGER_RANGES[schema["format"]]
    for key in ("items", "additionalProperties"):
        if isinstance(kept.get(key), dict):
            kept[key] = compact(kept[key])
    if "properties" in kept:
        kept["properties"] = {name: compact(inner) for name, inner in kept["properties"].items()}
    return kept


def references(schema: Any) -> set[str]:
    """Names of the definitions that ``schema`` points to."""
    if isinstance(schema, dict):
        own = {schema["$ref"].removeprefix("#/$defs/")} if isinstance(schema.get("$ref"), str) else set()
        return own.union(*(references(value) for value in schema.values()))
    if isinstance(schema, list):
        return set().union(*(references(value) for value in schema))
    return set()


def bundle(version: str) -> dict[str, Any]:
    """The kinds and every definition they reach."""
    source = read_definitions(version)
    kinds = {f"{gv}/{kind}": f"{prefix}.{kind}" for gv, (names, prefix) in KINDS.items() for kind in names.split()}
    definitions: dict[str, Any] = {}
    waiting = set(kinds.values())
    while waiting:
        name = waiting.pop()
        definitions[name] = OVERRIDES.get(name) or compact(source[name])
        waiting |= references(definitions[name]) - definitions.keys()
    return {"version": version, "kinds": kinds, "$defs": definitions}


def one_line_each(made: dict[str, Any]) -> str:
    """JSON text with one line for each definition, so that a new version reads as a diff."""
    lines = [f"{json.dumps(name)}:{_compact_json(made['$defs'][name])}" for name in sorted(made["$defs"])]
    head = f'"version":{json.dumps(made["version"])},\n"kinds":{_compact_json(made["kinds"])},\n'
    return "{" + head + '"$defs":{\n' + ",\n".join(lines) + "\n}}\n"


def _compact_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def main() -> None:
    made = bundle(VERSION)
    BUNDLE.write_text(one_line_each(made), encoding="utf-8")
    sys.stdout.write(f"{BUNDLE.name}: {len(made['kinds'])} kinds, {BUNDLE.stat().st_size // 1024} KiB\n")


if __name__ == "__main__":
    main()

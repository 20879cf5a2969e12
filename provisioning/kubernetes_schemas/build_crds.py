"""Extracts the custom resource definitions that the built-in contracts use from the projects that publish them.

Run by a developer when one of them moves (``python -m provisioning.kubernetes_schemas.build_crds``); it needs Go, which
downloads each project's published module and checks it against the checksum that is pinned here. The results in
``crds/`` are committed, their licence is in ``NOTICE``; ``provisioning.domain.custom_kinds`` and the tests that install
them on a real API server read them. Nothing at run time calls this.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).with_name("crds")
PROSE = frozenset({"description", "example", "externalDocs", "title"})
ANNOTATIONS = frozenset({"api-approved.kubernetes.io", "gateway.networking.k8s.io/bundle-version"})


@dataclass(frozen=True, slots=True)
class Source:
    """A Go module, its checksum as go.sum has it, and the definitions in it with the version to keep of each."""

    module: str
    version: str
    checksum: str
    definitions: Mapping[str, str]


SOURCES = (
    Source(
        "sigs.k8s.io/gateway-api",
        "v1.6.3",
        "h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc=",
        {"config/crd/standard/gateway.networking.k8s.io_httproutes.yaml": "v1"},
    ),
    Source(
        "github.com/cloudnative-pg/cloudnative-pg",
        "v1.27.1",
        "h1:w+bbtXyEPoaa7sZGXxbb8qJ+/bUGWQ3M48kbNUEpKlk=",
        {"config/crd/bases/postgresql.cnpg.io_clusters.yaml": "v1"},
    ),
    Source(
        "github.com/prometheus-operator/prometheus-operator",
        "v0.85.0",
        "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        {
            "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml": "v1",
            "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml": "v1",
        },
    ),
)


def module_folder(source: Source) -> Path:
    """Where Go keeps the module, downloaded when it is not there; RuntimeError when it is not the pinned one."""
    command = ["go", "mod", "download", "-json", f"{source.module}@{source.version}"]
    with tempfile.TemporaryDirectory() as empty:
        ran = subprocess.run(command, cwd=empty, check=True, capture_output=True, text=True)  # noqa: S603 - from SOURCES
        told = json.loads(ran.stdout)
    if told["Sum"] != source.checksum:
        raise RuntimeError(f"{source.module} {source.version} has the checksum {told['Sum']}, not the pinned one")
    return Path(told["Dir"])


def compact(definition: Mapping[str, Any], version: str) -> dict[str, Any]:
    """``definition`` with one of its versions and without prose; an API server still takes it as it is."""
    spec, metadata = definition["spec"], definition["metadata"]
    kept = next(one for one in spec["versions"] if one["name"] == version)
    annotations = {key: value for key, value in metadata.get("annotations", {}).items() if key in ANNOTATIONS}
    return {
        "apiVersion": definition["apiVersion"],
        "kind": definition["kind"],
        "metadata": {"name": metadata["name"], **({"annotations": annotations} if annotations else {})},
        "spec": {
            "group": spec["group"],
            "names": spec["names"],
            "scope": spec["scope"],
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": without_prose(kept["schema"]["openAPIV3Schema"])},
                    **{key: kept[key] for key in ("subresources",) if key in kept},
                }
            ],
        },
    }


def without_prose(schema: Any) -> Any:
    """A schema without what is only for people; names of fields are never mistaken for keywords."""
    if isinstance(schema, list):
        return [without_prose(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {}
    for key, value in schema.items():
        if key in PROSE:
            continue
        if key == "properties":
            kept[key] = {name: without_prose(inner) for name, inner in value.items()}
        else:
            kept[key] = value if key in ("default", "enum", "x-kubernetes-validations") else without_prose(value)
    return kept


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for source in SOURCES:
        root = module_folder(source)
        for path, version in source.definitions.items():
            made = compact(yaml.safe_load((root / path).read_text(encoding="utf-8")), version)
            target = FOLDER / f"{made['metadata']['name']}.json"
            target.write_text(json.dumps(made, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            sys.stdout.write(f"{target.name}: {source.module} {source.version}, {target.stat().st_size // 1024} KiB\n")


if __name__ == "__main__":
    main()

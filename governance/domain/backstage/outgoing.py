"""What is ours as Backstage's entities: teams, people, systems, components, and the resources of environments. Pure.

An entity that was imported goes out as it came and is not made here a second time. References are written in full,
because a reader in another namespace would understand short ones differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final

from governance.domain.backstage.rules import CORE_VERSIONS

VERSION: Final = CORE_VERSIONS[0]
ORPHAN: Final = "backstage.io/orphan"
VIEW_URL: Final = "backstage.io/view-url"
SOURCE: Final = "backstage.io/source-location"
SELECTOR: Final = "backstage.io/kubernetes-label-selector"
NAMESPACE: Final = "backstage.io/kubernetes-namespace"
LOCATED: Final = "backstage.io/managed-by-origin-location"
FROM: Final = "slipway.dev/from"
"""On what is ours: the address of the Slipway that wrote it, so that it does not take it for somebody else's."""

MOST_NAME: Final = 63
OURS: Final = "slipway"
"""Namespace of what is ours where somebody else's entity has its usual reference."""


def entity(
    kind: str, name: str, spec: Mapping[str, Any], *, namespace: str = "default", **metadata: Any
) -> dict[str, Any]:
    """One entity; what is empty is left out of its metadata and spec, but for lists that must be there."""
    kept = {key: value for key, value in metadata.items() if value}
    where = {"namespace": namespace} if namespace != "default" else {}
    return {
        "apiVersion": VERSION,
        "kind": kind,
        "metadata": {"name": name, **where, **kept},
        "spec": {key: value for key, value in spec.items() if value or key in ("children", "memberOf")},
    }


def resource_name(system: str, environment: str, resource: str) -> str:
    """The name of an environment's resource, as long as names may be; long ones end in letters of their digest."""
    whole = f"{system}.{environment}.{resource}"
    if len(whole) <= MOST_NAME:
        return whole
    return f"{whole[: MOST_NAME - 9].rstrip('.-')}-{sha256(whole.encode()).hexdigest()[:8]}"


def source_location(repository: str) -> dict[str, str]:
    """Where the source is; Backstage wants a folder's address to end in “/”."""
    return {SOURCE: f"url:{repository.rstrip('/')}/"} if repository else {}


def link(url: str, title: str, icon: str = "") -> dict[str, str]:
    return {"url": url, "title": title, **({"icon": icon} if icon else {})}


def is_echo(data: Mapping[str, Any], base: str) -> bool:
    """Whether a Backstage has the entity from the Slipway at ``base``: written by it, or read from it."""
    notes = data.get("metadata", {}).get("annotations") if isinstance(data.get("metadata", {}), Mapping) else None
    if not isinstance(notes, Mapping):
        return False
    at, here = str(notes.get(LOCATED, "")), f"url:{base}"
    return notes.get(FROM) == base or at == here or at.startswith(f"{here}/")


def marked(data: Mapping[str, Any]) -> dict[str, Any]:
    """An imported entity whose source no longer has it."""
    metadata = {**data["metadata"]}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), ORPHAN: "true"}
    return {**data, "metadata": metadata}


def unmarked(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata without the mark, which belongs to who keeps the catalog and not to the document."""
    notes = metadata.get("annotations")
    if not isinstance(notes, Mapping) or ORPHAN not in notes:
        return dict(metadata)
    kept = {key: value for key, value in notes.items() if key != ORPHAN}
    rest = {key: value for key, value in metadata.items() if key != "annotations"}
    return {**rest, "annotations": kept} if kept else rest


def selector(labels: Iterable[tuple[str, str]]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels)

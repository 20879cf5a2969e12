"""What a cluster itself says about the objects of custom kinds. Used by the Kubernetes driver only.

It reads the API server's OpenAPI documents, which any account that is known may read (``system:discovery``); reading
the CustomResourceDefinitions themselves would want a further right. A document is fetched only when its hash, which one
small index tells of all, is not the one that is known: those of some operators have megabytes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from provisioning.domain.custom_kinds import DEEPEST, LARGEST, bare
from provisioning.domain.driver import Defined, DriverError, PermanentError
from provisioning.drivers.kubernetes.connection import Connection
from provisioning.drivers.kubernetes.errors import is_missing

INDEX = "/openapi/v3"
COMPONENTS = "#/components/schemas/"
MOST_NODES = 200_000


class _TooLargeError(Exception):
    """A schema whose references unfold beyond measure."""


def read(connection: Connection, kinds: Collection[str], known: Mapping[str, str]) -> dict[str, Defined]:
    """As ``Driver.definitions`` says. A server without OpenAPI 3 (before Kubernetes 1.24) defines nothing here."""
    marks = _marks(connection) if kinds else {}
    found: dict[str, Defined] = {}
    for group_version in sorted({key.rpartition("/")[0] for key in kinds} & marks.keys()):
        mark = marks[group_version]
        wanted = [key for key in kinds if key.rpartition("/")[0] == group_version]
        stays = {key: Defined(mark, None) for key in wanted if mark and known.get(key) == mark}
        found |= stays
        if len(stays) < len(wanted):
            schemas = _schemas(connection, group_version, mark)
            told = {key: schemas[key.rpartition("/")[2]] for key in wanted if key.rpartition("/")[2] in schemas}
            found |= {key: Defined(mark, schema) for key, schema in told.items() if key not in stays}
    return found


def _marks(connection: Connection) -> dict[str, str]:
    """The hash of each group version's document, by ``group/version``."""
    try:
        told = connection.request("GET", INDEX)
    except DriverError as error:
        if is_missing(error):
            return {}
        raise
    return {
        path.removeprefix("apis/"): (parse_qs(urlsplit(str(one.get("serverRelativeURL"))).query).get("hash") or [""])[0]
        for path, one in (told.get("paths") or {}).items()
        if path.startswith("apis/")
    }


def _schemas(connection: Connection, group_version: str, mark: str) -> dict[str, Mapping[str, Any]]:
    """The bare schema of every kind of one group version, by kind; what unfolds beyond measure is left out."""
    # The address is put together here: what a server names could lead elsewhere, and the token with it.
    path = f"{INDEX}/apis/{quote(group_version, safe='/')}"
    try:
        told = connection.request("GET", path, query={"hash": mark} if mark else None)
    except PermanentError as error:
        if is_missing(error):
            return {}
        raise
    components = (told.get("components") or {}).get("schemas") or {}
    found: dict[str, Mapping[str, Any]] = {}
    for schema in components.values():
        for kind in _kinds(schema, group_version):
            try:
                made = bare(_Unfolding(components).of(schema))
            except _TooLargeError:
                continue
            if len(json.dumps(made)) <= LARGEST:
                found[kind] = made
    return found


def _kinds(schema: Mapping[str, Any], group_version: str) -> Iterator[str]:
    """The kinds of the group version that a component stands for; types that all groups share are none of them."""
    told = schema.get("x-kubernetes-group-version-kind") or []
    if len(told) == 1 and f"{told[0].get('group')}/{told[0].get('version')}" == group_version:
        yield str(told[0].get("kind"))


class _Unfolding:
    """Puts what references name in their place, within limits. Metadata stays out: it is Kubernetes' own."""

    def __init__(self, components: Mapping[str, Any]) -> None:
        self._components = components
        self._nodes = 0

    def of(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = self._unfolded(schema, 0)
        properties = {name: one for name, one in made.get("properties", {}).items() if name != "metadata"}
        return {**made, "properties": properties}

    def _unfolded(self, value: Any, depth: int) -> Any:
        self._nodes += 1
        if depth > DEEPEST * 3 or self._nodes > MOST_NODES:
            raise _TooLargeError
        if isinstance(value, list):
            return [self._unfolded(one, depth + 1) for one in value]
        if not isinstance(value, Mapping):
            return value
        reference = value.get("$ref")
        if isinstance(reference, str):
            return self._named(reference, depth)
        made = {key: self._unfolded(one, depth + 1) for key, one in value.items()}
        alone = value.get("allOf")
        if isinstance(alone, list) and len(alone) == 1 and "$ref" in alone[0] and "type" not in value:
            return {**made.pop("allOf")[0], **made}
        return made

    def _named(self, reference: str, depth: int) -> Any:
        name = reference.removeprefix(COMPONENTS)
        if name.endswith(".ObjectMeta"):
            return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        return self._unfolded(self._components.get(name, {}), depth + 1)

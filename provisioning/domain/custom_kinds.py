"""Kinds that Kubernetes does not know by itself: what a CustomResourceDefinition says about the objects of its kind.

Used by ``kubernetes_schema`` to validate objects, by the sandbox for what it serves, by drivers for addresses. The
definitions that come along are Slipway's own, reduced ones of the kinds that built-in contracts make; others, of
contracts and of clusters, are handed in. It reads the committed files and nothing else. Rules in CEL
(``x-kubernetes-validations``) are left to the API server.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

from idp.kernel.documents import load_yaml
from idp.kernel.errors import FieldError, InvalidInput

OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
DEEPEST = 60
LARGEST = 2_000_000
"""Characters of a definition as JSON; the largest that is published anywhere has about half of that."""

_KEPT = frozenset(
    {
        "enum", "exclusiveMaximum", "exclusiveMinimum", "format", "maxItems", "maxLength", "maxProperties", "maximum",
        "minItems", "minLength", "minProperties", "minimum", "multipleOf", "pattern", "required", "type", "uniqueItems",
        "x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-map-type",
    }
)  # fmt: skip
_MARKS = frozenset(
    {
        "nullable", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string",
        "x-kubernetes-preserve-unknown-fields",
    }
)  # fmt: skip
_FORMATS = frozenset({"date", "date-time", "ipv4", "ipv6", "uri"})


@dataclass(frozen=True, slots=True, eq=False)
class CustomKind:
    """One served version of a custom kind. ``schema`` is strict: an unknown field is an error, as in the bundle.

    ``openapi`` is what it was made from (``bare``), for whoever keeps it. Of a kind that a cluster told about, only
    those two are known.
    """

    api_version: str
    kind: str
    schema: Mapping[str, Any] = field(repr=False)
    openapi: Mapping[str, Any] = field(repr=False, default_factory=dict)
    plural: str = ""
    namespaced: bool = True

    @property
    def key(self) -> str:
        """``postgresql.cnpg.io/v1/Cluster``"""
        return f"{self.api_version}/{self.kind}"


@lru_cache(maxsize=1)
def definitions() -> tuple[Mapping[str, Any], ...]:
    """The definitions that come along, as an API server takes them, by name; do not change them."""
    folder = files("provisioning.kubernetes_schemas").joinpath("crds")
    found = sorted((one for one in folder.iterdir() if one.name.endswith(".yaml")), key=lambda one: one.name)
    return tuple(load_yaml(one.read_bytes()).data for one in found)


@lru_cache(maxsize=1)
def known_custom_kinds() -> Mapping[str, CustomKind]:
    """The kinds of those definitions, by ``postgresql.cnpg.io/v1/Cluster``."""
    return {one.key: one for made in definitions() for one in kinds_of(made)}


def kinds_of(definition: Any) -> list[CustomKind]:
    """The kinds that a CustomResourceDefinition serves; InvalidInput when it is none, or is not one to rely on."""
    problems = list(_problems(definition))
    if problems:
        first = problems[0]
        raise InvalidInput(f"The definition cannot be used: {first.path} {first.message}.", errors=problems)
    spec = definition["spec"]
    return [
        CustomKind(
            api_version=f"{spec['group']}/{one['name']}",
            kind=spec["names"]["kind"],
            schema=root_schema(openapi),
            openapi=openapi,
            plural=spec["names"]["plural"],
            namespaced=spec["scope"] == "Namespaced",
        )
        for one in spec["versions"]
        if one.get("served", True)
        for openapi in [bare(one["schema"]["openAPIV3Schema"])]
    ]


def kind_of(key: str, openapi: Mapping[str, Any]) -> CustomKind:
    """The kind ``key`` of which a bare schema was kept."""
    api_version, _, kind = key.rpartition("/")
    return CustomKind(api_version, kind, root_schema(openapi), openapi)


def bare(openapi: Mapping[str, Any]) -> dict[str, Any]:
    """What of a structural schema judges objects: no prose, no defaults, and nothing that has not its proper shape."""
    made = {key: value for key, value in openapi.items() if key in _KEPT or key in _MARKS}
    properties = openapi.get("properties")
    if isinstance(properties, Mapping):
        made["properties"] = {name: _bare(one) for name, one in properties.items()}
    for key in ("items", "not"):
        if isinstance(openapi.get(key), Mapping):
            made[key] = bare(openapi[key])
    if isinstance(openapi.get("additionalProperties"), Mapping | bool):
        more = openapi["additionalProperties"]
        made["additionalProperties"] = bare(more) if isinstance(more, Mapping) else more
    for key in ("allOf", "anyOf", "oneOf"):
        if isinstance(openapi.get(key), list) and openapi[key]:
            made[key] = [_bare(one) for one in openapi[key]]
    return made


def _bare(openapi: Any) -> dict[str, Any]:
    return bare(openapi) if isinstance(openapi, Mapping) else {}


def _problems(definition: Any) -> Iterator[FieldError]:
    if not isinstance(definition, Mapping) or definition.get("kind") != "CustomResourceDefinition":
        yield FieldError("kind", "must be CustomResourceDefinition")
        return
    if definition.get("apiVersion") != "apiextensions.k8s.io/v1":
        yield FieldError("apiVersion", "must be apiextensions.k8s.io/v1")
        return
    if len(json.dumps(definition)) > LARGEST:
        yield FieldError("spec", f"is larger than {LARGEST:,} characters")
        return
    spec = definition.get("spec")
    spec = spec if isinstance(spec, Mapping) else {}
    names = spec.get("names")
    names = names if isinstance(names, Mapping) else {}
    for place, value in (
        ("spec.group", spec.get("group")),
        ("spec.scope", spec.get("scope")),
        ("spec.names.kind", names.get("kind")),
        ("spec.names.plural", names.get("plural")),
    ):
        if not isinstance(value, str) or not value:
            yield FieldError(place, "is required")
    versions = spec.get("versions")
    if not isinstance(versions, list) or not versions:
        yield FieldError("spec.versions", "must list at least one version")
        return
    for index, one in enumerate(versions):
        path = f"spec.versions.{index}"
        schema = one.get("schema") if isinstance(one, Mapping) else None
        inner = schema.get("openAPIV3Schema") if isinstance(schema, Mapping) else None
        if not isinstance(one, Mapping) or not isinstance(one.get("name"), str) or not isinstance(inner, Mapping):
            yield FieldError(path, "must have a name and schema.openAPIV3Schema")
        elif reason := _unsafe(inner, 0):
            yield FieldError(f"{path}.schema", reason)


def _unsafe(value: Any, depth: int) -> str:
    """Why a schema is not read: it points elsewhere, or is nested beyond measure."""
    if depth > DEEPEST * 2:
        return f"is nested deeper than {DEEPEST} levels"
    inner: Iterable[Any] = ()
    if isinstance(value, Mapping):
        if isinstance(value.get("$ref"), str):
            return "must hold no $ref; a definition stands for itself"
        inner = value.values()
    elif isinstance(value, list):
        inner = value
    return next((found for one in inner if (found := _unsafe(one, depth + 1))), "")


def root_schema(openapi: Mapping[str, Any]) -> dict[str, Any]:
    """The strict JSON Schema of whole objects; metadata is Kubernetes' own, a reference into the bundle."""
    made = strict(openapi)
    made["type"] = "object"
    made["properties"] = {
        **made.get("properties", {}),
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"$ref": f"#/$defs/{OBJECT_META}"},
    }
    if not openapi.get("x-kubernetes-preserve-unknown-fields"):
        made["additionalProperties"] = False
    return made


def strict(openapi: Mapping[str, Any]) -> dict[str, Any]:
    """A structural schema as JSON Schema in which a field that is not named is an error.

    The combinations (``anyOf`` and its like) of a structural schema only narrow what is named outside them, so they
    stay open.
    """
    if openapi.get("x-kubernetes-int-or-string"):
        return _int_or_string(openapi)
    made = _plain(openapi, strict)
    named = "properties" in openapi or openapi.get("type") == "object"
    if named and "additionalProperties" not in openapi and not openapi.get("x-kubernetes-preserve-unknown-fields"):
        made["additionalProperties"] = False
    if openapi.get("x-kubernetes-embedded-resource"):
        made["properties"] = {
            **made.get("properties", {}),
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"$ref": f"#/$defs/{OBJECT_META}"},
        }
    return made


def _open(openapi: Mapping[str, Any]) -> dict[str, Any]:
    return _plain(openapi, _open)


def _plain(openapi: Mapping[str, Any], inside: Any) -> dict[str, Any]:
    made = {key: value for key, value in openapi.items() if key in _KEPT}
    if made.get("format") not in _FORMATS:
        made.pop("format", None)
    if openapi.get("nullable") and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    if "properties" in openapi:
        made["properties"] = {name: inside(one) for name, one in openapi["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(openapi.get(key), Mapping):
            made[key] = inside(openapi[key])
        elif key in openapi:
            made[key] = openapi[key]
    for key in ("allOf", "anyOf", "oneOf"):
        if key in openapi:
            made[key] = [_open(one) for one in openapi[key]]
    if isinstance(openapi.get("not"), Mapping):
        made["not"] = _open(openapi["not"])
    return made


def _int_or_string(openapi: Mapping[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in openapi.items() if key in _KEPT and key != "type"}
    return {**made, "type": ["integer", "string"]}

"""Which entities belong together: read from ``spec``, never written by people, always in pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from governance.domain.backstage.refs import Ref, WrongRef, parse, ref_of

INVERSE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ownedBy": "ownerOf",
        "partOf": "hasPart",
        "providesApi": "apiProvidedBy",
        "consumesApi": "apiConsumedBy",
        "dependsOn": "dependencyOf",
        "childOf": "parentOf",
        "memberOf": "hasMember",
    }
)
"""Stored one way round; the other side of each pair is computed when it is read."""

_FORWARD: Final = {back: forward for forward, back in INVERSE.items()}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of ``spec`` that refers: ``kind`` is meant where none is written, empty where one must be."""

    name: str
    kind: str
    type: str


_OWNER: Final = Field("owner", "Group", "ownedBy")
_SYSTEM: Final = Field("system", "System", "partOf")
_DEPENDS: Final = Field("dependsOn", "", "dependsOn")
_DEPENDED: Final = Field("dependencyOf", "", "dependencyOf")

FIELDS: Final[Mapping[str, tuple[Field, ...]]] = MappingProxyType(
    {
        "component": (
            *(_OWNER, _SYSTEM, _DEPENDS, _DEPENDED),
            Field("subcomponentOf", "Component", "partOf"),
            Field("providesApis", "API", "providesApi"),
            Field("consumesApis", "API", "consumesApi"),
        ),
        "api": (_OWNER, _SYSTEM),
        "resource": (_OWNER, _SYSTEM, _DEPENDS, _DEPENDED),
        "system": (_OWNER, Field("domain", "Domain", "partOf")),
        "domain": (_OWNER, Field("subdomainOf", "Domain", "partOf")),
        "user": (Field("memberOf", "Group", "memberOf"),),
        "group": (
            Field("parent", "Group", "childOf"),
            Field("children", "Group", "parentOf"),
            Field("members", "User", "hasMember"),
        ),
        "template": (_OWNER,),
    }
)


@dataclass(frozen=True, slots=True)
class Relation:
    """``source`` and ``target`` are canonical references; ``type`` is a key of ``INVERSE``."""

    source: str
    type: str
    target: str


def written(data: Mapping[str, Any]) -> Iterator[tuple[str, Field, str]]:
    """Every reference in ``spec`` as (path, field, text), whether or not it is right."""
    spec = data.get("spec")
    if not isinstance(spec, Mapping):
        return
    for field in FIELDS.get(str(data.get("kind", "")).lower(), ()):
        value = spec.get(field.name)
        if isinstance(value, str):
            yield f"spec.{field.name}", field, value
        elif isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, str):
                    yield f"spec.{field.name}.{number}", field, item


def target(data: Mapping[str, Any], name: str) -> Ref | None:
    """What the single field ``name`` of ``spec`` refers to."""
    own = ref_of(data)
    for _, field, text in written(data):
        if field.name == name:
            return parse(text, kind=field.kind, namespace=own.namespace)
    return None


def relations_of(data: Mapping[str, Any]) -> frozenset[Relation]:
    """What a valid entity says, turned so that ``type`` is a key of ``INVERSE``."""
    own = ref_of(data)
    found = set()
    for _, field, text in written(data):
        try:
            other = parse(text, kind=field.kind, namespace=own.namespace)
        except WrongRef:
            continue
        if field.type in INVERSE:
            found.add(Relation(str(own), field.type, str(other)))
        else:
            found.add(Relation(str(other), _FORWARD[field.type], str(own)))
    return frozenset(found)

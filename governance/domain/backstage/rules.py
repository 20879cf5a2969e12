"""Backstage's own rules of what an entity may be, to the letter, each fault in words with its path.

What Backstage accepts is accepted and what it refuses is refused: names may hold capitals, dots and underscores,
namespaces may not; free keys are allowed in ``metadata`` and ``spec``, none at the root; a number is no annotation.
Kinds that it does not know itself are held to the envelope only and kept as data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from governance.domain.backstage.refs import WrongRef, parse
from governance.domain.backstage.relations import written

Fault = tuple[str, str, str]
"""Code, path, reason."""

CORE_VERSIONS: Final = ("backstage.io/v1alpha1", "backstage.io/v1beta1")
TEMPLATE_VERSION: Final = "scaffolder.backstage.io/v1beta3"
ROOT: Final = ("apiVersion", "kind", "metadata", "spec", "relations", "status")
SERVER_MADE: Final = ("uid", "etag", "generation")
"""Keys of ``metadata`` that a server writes; they are not kept."""

_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL = re.compile(r"[a-z0-9]+(?:-+[a-z0-9]+)*")
_VERSION = re.compile(r"[a-z0-9A-Z]+")
_KIND = re.compile(r"[a-zA-Z][a-z0-9A-Z]*")
_HALF = re.compile("[\ud800-\udfff]")
_TAG = re.compile(r"[a-z0-9:+#]+(-[a-z0-9:+#]+)*")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_SPECIAL: Final = ("http", "https", "ftp", "ws", "wss")

NAME_RULE: Final = "1 to 63 letters, digits and “-_.”, beginning and ending with a letter or digit"
LABEL_RULE: Final = "1 to 63 lower-case letters, digits and dashes, beginning and ending with a letter or digit"

_TEXT, _TEXTS, _PROFILE, _PRESENCE = "text", "texts", "profile", "presence"
_OWNED = {"owner": _TEXT}
SPECS: Final[Mapping[str, tuple[Mapping[str, str], tuple[str, ...]]]] = MappingProxyType(
    {
        "Component": (
            {
                **{"type": _TEXT, "lifecycle": _TEXT, "owner": _TEXT, "system": _TEXT, "subcomponentOf": _TEXT},
                **{"providesApis": _TEXTS, "consumesApis": _TEXTS, "dependsOn": _TEXTS, "dependencyOf": _TEXTS},
            },
            ("type", "lifecycle", "owner"),
        ),
        "API": (
            {"type": _TEXT, "lifecycle": _TEXT, "owner": _TEXT, "system": _TEXT, "definition": _TEXT},
            ("type", "lifecycle", "owner", "definition"),
        ),
        "Resource": (
            {"type": _TEXT, "owner": _TEXT, "system": _TEXT, "dependsOn": _TEXTS, "dependencyOf": _TEXTS},
            ("type", "owner"),
        ),
        "System": ({"owner": _TEXT, "domain": _TEXT, "type": _TEXT}, ("owner",)),
        "Domain": ({"owner": _TEXT, "subdomainOf": _TEXT, "type": _TEXT}, ("owner",)),
        "Group": (
            {"type": _TEXT, "children": _TEXTS, "parent": _TEXT, "members": _TEXTS, "profile": _PROFILE},
            ("type", "children"),
        ),
        "User": ({"memberOf": _TEXTS, "profile": _PROFILE}, ("memberOf",)),
        "Location": ({"type": _TEXT, "target": _TEXT, "targets": _TEXTS, "presence": _PRESENCE}, ()),
    }
)
"""Kind → (field of ``spec`` → what it holds, those that must be there)."""

CORE_KINDS: Final = tuple(SPECS)
_BY_LOWER: Final = {kind.lower(): kind for kind in SPECS}


def faults_of(data: Mapping[str, Any]) -> list[Fault]:
    """Everything that is wrong with one document, placeholders resolved; empty when Backstage would take it."""
    if not is_storable(data):
        return [("not-text", "", "A text in it holds a character that is none (NUL, or half of one); remove it.")]
    faults = [*_envelope(data)]
    if faults:
        return faults
    faults += _metadata(data["metadata"])
    faults += _kind(data)
    if not faults:
        faults += _references(data)
    return faults


def is_core(data: Mapping[str, Any]) -> bool:
    """Whether Backstage itself knows what a valid entity of this kind and version means."""
    return data["kind"] in SPECS and data["apiVersion"] in CORE_VERSIONS


def _envelope(data: Mapping[str, Any]) -> Iterator[Fault]:
    for key in data:
        if key not in ROOT:
            yield "foreign-key", key, f"“{key[:60]}” has no place at the root; put it under metadata or spec."
    yield from _must("apiVersion", data.get("apiVersion"), _is_version, "group/version, as backstage.io/v1alpha1")
    yield from _must("kind", data.get("kind"), _is_kind, "1 to 63 letters and digits beginning with a letter")
    metadata = data.get("metadata")
    if not isinstance(metadata, Mapping):
        yield "missing", "metadata", "An entity has metadata with at least a name."
        return
    if "name" not in metadata or metadata["name"] is None:
        yield "missing", "metadata.name", "An entity has a name."
    if "spec" in data and not isinstance(data["spec"], Mapping):
        yield "wrong-type", "spec", "spec is a map."


def _must(path: str, value: Any, right: Callable[[Any], bool], rule: str) -> Iterator[Fault]:
    if value is None:
        yield "missing", path, f"{path} must have a value: {rule}."
    elif not right(value):
        yield "wrong-format", path, f"{path} is {rule}; “{_shown(value)}” is not."


def _metadata(metadata: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _must("metadata.name", metadata["name"], _is_name, NAME_RULE)
    if "namespace" in metadata:
        yield from _must("metadata.namespace", metadata["namespace"], _is_label, LABEL_RULE)
    for key in ("title", "description"):
        if key in metadata and not (isinstance(metadata[key], str) and (metadata[key] or key == "description")):
            yield (
                "wrong-type",
                f"metadata.{key}",
                f"metadata.{key} is text{' and not empty' if key == 'title' else ''}.",
            )
    yield from _keyed(metadata, "labels", _is_label_value, f"empty, or {NAME_RULE}")
    yield from _keyed(metadata, "annotations", lambda value: isinstance(value, str), "text")
    yield from _tags(metadata.get("tags", []))
    yield from _links(metadata.get("links", []))


def _keyed(metadata: Mapping[str, Any], key: str, right: Callable[[Any], bool], rule: str) -> Iterator[Fault]:
    held = metadata.get(key)
    if held is None and key not in metadata:
        return
    if not isinstance(held, Mapping):
        yield "wrong-type", f"metadata.{key}", f"metadata.{key} is a map of text."
        return
    for name, value in held.items():
        path = f"metadata.{key}.{name}"
        if not _is_key(name):
            told = f"“{name[:80]}” is no key: write [prefix/]name, the prefix a DNS name and the name {NAME_RULE}."
            yield "wrong-format", path, told
        elif not isinstance(value, str):
            told = f"The value of “{name[:80]}” is text; put quotes around {_shown(value)}."
            yield "number-as-text" if isinstance(value, (int, float)) else "wrong-type", path, told
        elif not right(value):
            yield "wrong-format", path, f"The value of “{name[:80]}” is {rule}."


def _tags(tags: Any) -> Iterator[Fault]:
    if not isinstance(tags, list):
        yield "wrong-type", "metadata.tags", "metadata.tags is a list."
        return
    for number, tag in enumerate(tags):
        if not (isinstance(tag, str) and len(tag) <= 63 and _TAG.fullmatch(tag)):
            told = f"A tag is up to 63 lower-case letters, digits and “:+#” with single dashes; “{_shown(tag)}” is not."
            yield "wrong-format", f"metadata.tags.{number}", told


def _links(links: Any) -> Iterator[Fault]:
    if not isinstance(links, list):
        yield "wrong-type", "metadata.links", "metadata.links is a list."
        return
    for number, link in enumerate(links):
        path = f"metadata.links.{number}"
        if not isinstance(link, Mapping):
            yield "wrong-type", path, "A link is a map with a url."
            continue
        if not is_url(link.get("url")):
            yield "wrong-format", f"{path}.url", f"A link's url is a whole address; “{_shown(link.get('url'))}” is not."
        for key in ("title", "icon"):
            if key in link and not (isinstance(link[key], str) and link[key].strip()):
                yield "wrong-format", f"{path}.{key}", f"A link's {key} is text and not empty."
        if "type" in link and not (isinstance(link["type"], str) and link["type"]):
            yield "wrong-format", f"{path}.type", "A link's type is text and not empty."


def _kind(data: Mapping[str, Any]) -> Iterator[Fault]:
    kind, version = data["kind"], data["apiVersion"]
    if kind == "Template" and version != TEMPLATE_VERSION and version.partition("/")[0].endswith("backstage.io"):
        told = f"Templates are written at {TEMPLATE_VERSION} today; {version} is an old form that Backstage refuses."
        yield "old-template", "apiVersion", told
        return
    if version.startswith("backstage.io/") and kind.lower() in _BY_LOWER:
        if kind not in SPECS:
            yield "wrong-kind", "kind", f"The kind is written {_BY_LOWER[kind.lower()]}, not {kind}."
            return
        if version not in CORE_VERSIONS:
            yield "wrong-version", "apiVersion", f"{kind} is read at {' and '.join(CORE_VERSIONS)}, not at {version}."
            return
        yield from _spec(kind, data.get("spec"))


def _spec(kind: str, spec: Any) -> Iterator[Fault]:
    if not isinstance(spec, Mapping):
        yield "missing", "spec", f"{'An' if kind == 'API' else 'A'} {kind} has a spec."
        return
    fields, needed = SPECS[kind]
    for name in needed:
        if name not in spec:
            yield "missing", f"spec.{name}", f"{'An' if kind == 'API' else 'A'} {kind} has spec.{name}."
    for name, holds in fields.items():
        if name in spec:
            yield from _HOLDS[holds](f"spec.{name}", spec[name])


def _holds_text(path: str, value: Any) -> Iterator[Fault]:
    if not isinstance(value, str):
        quoted = f"; put quotes around {_shown(value)}" if isinstance(value, (int, float)) else ""
        yield "wrong-type", path, f"{path} is text{quoted}."
    elif not value:
        yield "empty", path, f"{path} must not be empty; leave it out or fill it."


def _holds_texts(path: str, value: Any) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield "wrong-type", path, f"{path} is a list."
        return
    for number, item in enumerate(value):
        yield from _holds_text(f"{path}.{number}", item)


def _holds_profile(path: str, value: Any) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield "wrong-type", path, f"{path} is a map."
        return
    for name in ("displayName", "email", "picture"):
        if name in value:
            yield from _holds_text(f"{path}.{name}", value[name])


def _holds_presence(path: str, value: Any) -> Iterator[Fault]:
    if value not in ("required", "optional"):
        yield "wrong-format", path, f"{path} is required or optional."


_HOLDS: Final[Mapping[str, Callable[[str, Any], Iterator[Fault]]]] = MappingProxyType(
    {_TEXT: _holds_text, _TEXTS: _holds_texts, _PROFILE: _holds_profile, _PRESENCE: _holds_presence}
)


def _references(data: Mapping[str, Any]) -> Iterator[Fault]:
    for path, field, text in written(data):
        try:
            parse(text, kind=field.kind)
        except WrongRef as error:
            yield "wrong-reference", path, str(error)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 63 and bool(_NAME.fullmatch(value))


def _is_label(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 63 and bool(_LABEL.fullmatch(value))


def _is_label_value(value: Any) -> bool:
    return value == "" or _is_name(value)


def _is_domain(value: str) -> bool:
    return 1 <= len(value) <= 253 and all(_is_label(part) for part in value.split("."))


def _is_key(value: str) -> bool:
    prefix, slash, name = value.rpartition("/")
    return _is_name(name) and (not slash or _is_domain(prefix))


def _is_version(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    prefix, slash, name = value.rpartition("/")
    return len(name) <= 63 and bool(_VERSION.fullmatch(name)) and (not slash or _is_domain(prefix))


def _is_kind(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 63 and bool(_KIND.fullmatch(value))


def is_url(value: Any) -> bool:
    """Whether a browser's URL parser takes it as a whole address."""
    if not isinstance(value, str) or not _SCHEME.match(value.strip()):
        return False
    try:
        parts = urlsplit(value.strip())
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme not in _SPECIAL:
        return True
    named = host or value.strip().partition(":")[2].strip("/\\")
    return bool(named) and not re.search(r"[\s<>^|%]", host or "")


def _shown(value: Any) -> str:
    return (
        str(value)[:80] if not isinstance(value, (dict, list)) else f"a {'map' if isinstance(value, dict) else 'list'}"
    )


def is_storable(value: Any) -> bool:
    """Whether a database can hold every text in it: none has a NUL or half a character."""
    if isinstance(value, str):
        return "\x00" not in value and _HALF.search(value) is None
    if isinstance(value, Mapping):
        return all(is_storable(key) and is_storable(item) for key, item in value.items())
    return not isinstance(value, list) or all(map(is_storable, value))

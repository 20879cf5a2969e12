"""Is this a manifest that a Kubernetes API server would take? Asked before anything is sent anywhere.

Called when a contract is published (each rendered object) and by the sandbox driver on apply. Schemas come from the
committed bundle, and for custom kinds from ``custom_kinds``, strictly: an unknown field is an error, and so is null. It
never reads the network and knows no cluster; rules that a schema cannot say are in ``kubernetes_rules``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

from idp.kernel.errors import FieldError
from provisioning.domain.custom_kinds import OBJECT_META, CustomKind, known_custom_kinds
from provisioning.domain.kubernetes_rules import broken_rules

CLUSTER_SCOPED = frozenset({"v1/Namespace"})
MOST_ERRORS = 50
_WORDS = {
    "integer": "a whole number",
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "boolean": "true or false",
}


@lru_cache(maxsize=1)
def bundle() -> Mapping[str, Any]:
    """``{"version", "kinds": {"apps/v1/Deployment": definition name}, "$defs"}``; do not change it."""
    loaded: Mapping[str, Any] = json.loads(files("provisioning.kubernetes_schemas").joinpath("bundle.json").read_text())
    return loaded


def known_kinds() -> tuple[str, ...]:
    """Every kind of Kubernetes itself that can be validated, as ``apps/v1/Deployment``."""
    return tuple(sorted(bundle()["kinds"]))


def definition(api_version: str, kind: str) -> Mapping[str, Any] | None:
    """The schema of a kind, its references still ``#/$defs/…``; None for an unknown kind."""
    name = bundle()["kinds"].get(f"{api_version}/{kind}")
    if name is None:
        custom = known_custom_kinds().get(f"{api_version}/{kind}")
        return custom.schema if custom else None
    found: Mapping[str, Any] = bundle()["$defs"][name]
    return found


def resolve(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """``schema``, or the definition that its reference names."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Mapping[str, Any] = bundle()["$defs"][reference.removeprefix("#/$defs/")]
    return found


def validate_object(manifest: Mapping[str, Any], more: Mapping[str, CustomKind] | None = None) -> list[FieldError]:
    """What is wrong with ``manifest`` (at most 50 errors, in document order of the schema check); empty when
    nothing is.

    ``more`` are custom kinds beside those that come along, by ``CustomKind.key``; one of the same key goes before.
    Paths are dotted from the manifest's root, with list positions as numbers:
    ``spec.template.spec.containers.0.image``.
    """
    key = f"{manifest.get('apiVersion')}/{manifest.get('kind')}"
    custom = {**known_custom_kinds(), **(more or {})}
    if key not in bundle()["kinds"] and key not in custom:
        return [FieldError("kind", _unknown_kind(manifest, custom))]
    show = _hidden if manifest["kind"] == "Secret" else _shown
    validator, schema = _validator(key) if key in bundle()["kinds"] else _custom_validator(custom[key])
    found = [error for raised in validator.iter_errors(manifest) for error in _explain(raised, show, schema)]
    return (found or list(broken_rules(manifest, custom=key in custom)))[:MOST_ERRORS]


_Validator = tuple[jsonschema_rs.Draft202012Validator, Mapping[str, Any]]


@lru_cache(maxsize=64)
def _validator(key: str) -> _Validator:
    name = bundle()["kinds"][key]
    return jsonschema_rs.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": bundle()["$defs"]}), {}


@lru_cache(maxsize=64)
def _custom_validator(kind: CustomKind) -> _Validator:
    """Kept by the kind's identity: two definitions of one kind are two validators."""
    # Patterns of a definition come from outside: an engine that takes linear time, and speaks nearly what Go's does.
    schema = {**kind.schema, "$defs": _metadata_definitions()}
    return jsonschema_rs.Draft202012Validator(schema, pattern_options=jsonschema_rs.RegexOptions()), kind.schema


def unusable(kind: CustomKind) -> str:
    """Why nothing can be held against the definition of a custom kind; empty when all is well."""
    try:
        _custom_validator(kind)
    except ValueError as error:
        return f"cannot be used as a schema: {str(error).splitlines()[0][:200]}"
    return ""


@lru_cache(maxsize=1)
def _metadata_definitions() -> Mapping[str, Any]:
    """What ObjectMeta reaches in the bundle: all that custom kinds refer to."""
    found: dict[str, Any] = {}
    waiting = [OBJECT_META]
    while waiting:
        name = waiting.pop()
        found[name] = bundle()["$defs"][name]
        for reference in _references(found[name]):
            if reference not in found:
                waiting.append(reference)
    return found


def _references(schema: Any) -> Iterable[str]:
    if isinstance(schema, Mapping):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix("#/$defs/")
        for inner in schema.values():
            yield from _references(inner)


def _unknown_kind(manifest: Mapping[str, Any], custom: Mapping[str, CustomKind]) -> str:
    api_version, kind = manifest.get("apiVersion"), manifest.get("kind")
    names = [*known_kinds(), *sorted(custom)]
    same_kind = [name for name in names if name.rsplit("/", 1)[1] == kind]
    known = f"{kind} is known as {same_kind[0].rsplit('/', 1)[0]}" if same_kind else f"known are {', '.join(names)}"
    return f"{api_version or 'no apiVersion'} {kind or 'without a kind'} is not a kind Slipway can validate; {known}."


def _explain(
    raised: jsonschema_rs.ValidationError, show: Callable[[Any], str], schema: Mapping[str, Any]
) -> Iterable[FieldError]:
    """One schema error as the errors a person sees: what is right at that place. ``schema`` is a custom kind's own."""
    path = ".".join(str(part) for part in raised.instance_path)
    told = raised.kind.as_dict()
    match raised.kind.name:
        case "additionalProperties":
            for name in told["unexpected"]:
                yield FieldError(f"{path}.{name}".lstrip("."), _unknown_field(name, raised.schema_path, schema))
        case "required":
            yield FieldError(f"{path}.{told['property']}".lstrip("."), f"{told['property']} is required here.")
        case "type":
            wanted = " or ".join(_WORDS.get(name, f"a {name}") for name in told["types"])
            yield FieldError(path, f"Must be {wanted}, not {show(raised.instance)}.")
        case "pattern" if "KMGTPE" in told.get("pattern", ""):
            yield FieldError(
                path, f"Must be a Kubernetes quantity such as 500m, 2 or 1Gi, not {show(raised.instance)}."
            )
        case _:
            yield FieldError(path, f"{raised.message if show is _shown else 'The value is not allowed here'}.")


def _unknown_field(name: str, schema_path: list[str | int], schema: Mapping[str, Any]) -> str:
    """The schema path of an additionalProperties error ends ``$defs, <definition>, additionalProperties`` in the
    bundle; a custom kind has no definitions of its own, so there the path leads from its root.
    """
    place = bundle()["$defs"].get(schema_path[-2]) if len(schema_path) > 1 else None
    if place is None:
        place = schema
        for step in schema_path[:-1]:
            place = place.get(step, {}) if isinstance(place, Mapping) else {}
    close = get_close_matches(name, place.get("properties", {}), n=1)
    return f"There is no field {name} here{f'; did you mean {close[0]}?' if close else '.'}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _hidden(value: Any) -> str:
    """For Secrets: an error may be stored and shown, so it never quotes what was given."""
    return "what was given"

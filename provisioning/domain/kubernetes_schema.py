"""Is this a manifest that a Kubernetes API server would take? Asked before anything is sent anywhere.

Called when a contract is published (each rendered object) and by the sandbox driver on apply. Schemas come from the
committed bundle, strictly: an unknown field is an error, and so is null. It never reads the network and knows no
cluster; rules that a schema cannot say are in ``kubernetes_rules``.
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
    """Every kind that can be validated, as ``apps/v1/Deployment``."""
    return tuple(sorted(bundle()["kinds"]))


def definition(api_version: str, kind: str) -> Mapping[str, Any] | None:
    """The schema of a kind, its references still ``#/$defs/…``; None for an unknown kind."""
    name = bundle()["kinds"].get(f"{api_version}/{kind}")
    found: Mapping[str, Any] | None = bundle()["$defs"][name] if name else None
    return found


def resolve(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """``schema``, or the definition that its reference names."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Mapping[str, Any] = bundle()["$defs"][reference.removeprefix("#/$defs/")]
    return found


def validate_object(manifest: Mapping[str, Any]) -> list[FieldError]:
    """What is wrong with ``manifest`` (at most 50 errors, in document order of the schema check); empty when
    nothing is.

    Paths are dotted from the manifest's root, with list positions as numbers:
    ``spec.template.spec.containers.0.image``.
    """
    key = f"{manifest.get('apiVersion')}/{manifest.get('kind')}"
    if key not in bundle()["kinds"]:
        return [FieldError("kind", _unknown_kind(manifest))]
    show = _hidden if manifest["kind"] == "Secret" else _shown
    found = [error for raised in _validator(key).iter_errors(manifest) for error in _explain(raised, show)]
    return (found or list(broken_rules(manifest)))[:MOST_ERRORS]


@lru_cache(maxsize=64)
def _validator(key: str) -> jsonschema_rs.Draft202012Validator:
    name = bundle()["kinds"][key]
    return jsonschema_rs.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": bundle()["$defs"]})


def _unknown_kind(manifest: Mapping[str, Any]) -> str:
    api_version, kind = manifest.get("apiVersion"), manifest.get("kind")
    same_kind = [name for name in known_kinds() if name.rsplit("/", 1)[1] == kind]
    known = (
        f"{kind} is known as {same_kind[0].rsplit('/', 1)[0]}" if same_kind else f"known are {', '.join(known_kinds())}"
    )
    return f"{api_version or 'no apiVersion'} {kind or 'without a kind'} is not a kind Slipway can validate; {known}."


def _explain(raised: jsonschema_rs.ValidationError, show: Callable[[Any], str]) -> Iterable[FieldError]:
    """One schema error as the errors a person sees: what is right at that place."""
    path = ".".join(str(part) for part in raised.instance_path)
    told = raised.kind.as_dict()
    match raised.kind.name:
        case "additionalProperties":
            for name in told["unexpected"]:
                yield FieldError(f"{path}.{name}".lstrip("."), _unknown_field(name, raised.schema_path))
        case "required":
            yield FieldError(f"{path}.{told['property']}".lstrip("."), f"{told['property']} is required here.")
        case "type":
            wanted = " or ".join(_WORDS.get(name, f"a {name}") for name in told["types"])
            yield FieldError(path, f"Must be {wanted}, not {show(raised.instance)}.")
        case "pattern":
            yield FieldError(
                path, f"Must be a Kubernetes quantity such as 500m, 2 or 1Gi, not {show(raised.instance)}."
            )
        case _:
            yield FieldError(path, f"{raised.message if show is _shown else 'The value is not allowed here'}.")


def _unknown_field(name: str, schema_path: list[str | int]) -> str:
    """The schema path of an additionalProperties error ends ``$defs, <definition>, additionalProperties``."""
    known = bundle()["$defs"].get(schema_path[-2], {}).get("properties", {})
    close = get_close_matches(name, known, n=1)
    return f"There is no field {name} here{f'; did you mean {close[0]}?' if close else '.'}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _hidden(value: Any) -> str:
    """For Secrets: an error may be stored and shown, so it never quotes what was given."""
    return "what was given"

"""A draft contract from a CustomResourceDefinition: its ``spec`` becomes inputs, its columns readiness and outputs.

Called by the service behind ``manage.py contract draft --from-crd``. Nothing is asked of a cluster. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.contract_draft import OBJECT, Decision, Draft, Naming, Parts, assembled, first_sentence
from provisioning.domain.contract_draft_schema import translated
from provisioning.domain.custom_kinds import kinds_of
from provisioning.domain.readiness import has_rule
from provisioning.domain.schema import Schema

_STATUS_PATH: Final = re.compile(r"\.status((?:\.[A-Za-z_][A-Za-z0-9_]*)+)")
_CONDITION: Final = re.compile(r"""\.status\.conditions\[\?\(@\.type\s*==\s*["'](\w+)["']\)\]\.status""")
_PRIORITY: Final = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
_KUBERNETES_OWN: Final = ("apiVersion", "kind", "metadata", "status")
GOOD_CONDITIONS: Final = ("Ready", "Available", "Healthy", "Programmed", "Accepted", "Synced", "Succeeded", "Complete")
GOOD_PHASES: Final = ("Ready", "ready", "Healthy", "Available", "Running", "Active", "Bound", "Succeeded", "Online")
PHASES: Final = ("phase", "state", "status", "health")
MOST_OUTPUTS: Final = 8
_SCALARS: Final[Mapping[str, str]] = {
    "string": "string",
    "date": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
}


@dataclass(frozen=True, slots=True)
class Column:
    """What the project shows of an object in a list; ``path`` is a JSON path."""

    name: str
    type: str
    path: str


def draft_from_crd(definition: Any, naming: Naming, *, served: str = "") -> Draft:
    """The draft for one kind. ``served`` names the version of the API; without it the stored one is taken.

    Raises InvalidInput when the definition is none, is unsafe to read, or does not serve that version.
    """
    kinds_of(definition)
    spec = definition["spec"]
    version, decisions = _version(spec, served)
    openapi = version["schema"]["openAPIV3Schema"]
    kind = spec["names"]["kind"]
    decisions += _of_scope(spec)
    inputs, found = _inputs(openapi)
    ready_when, told = _readiness(version, openapi, kind)
    outputs = dict(_outputs(version, openapi))
    parts = Parts(
        called=kind,
        summary=_summary(openapi, kind),
        category="other",
        icon="box",
        inputs=inputs,
        manifest={"apiVersion": f"{spec['group']}/{version['name']}", "kind": kind, **_body(openapi)},
        ready_when=ready_when,
        outputs=outputs,
        publish={name: f"${{objects.{OBJECT}.{schema.pop('x-from')}}}" for name, schema in outputs.items()},
    )
    made = assembled(parts, naming, [*decisions, *found, *told])
    return Draft(made.document, made.decisions, definition)


def _version(spec: Mapping[str, Any], asked: str) -> tuple[Mapping[str, Any], list[Decision]]:
    """The version to draft from: the one asked for, else the stored one where it is served, else the most stable."""
    served = {one["name"]: one for one in spec["versions"] if one.get("served", True)}
    if not served:
        raise InvalidInput("The definition serves no version.", errors=[FieldError("spec.versions", "serve one")])
    if asked and asked not in served:
        message = f"is served as {', '.join(sorted(served, key=_rank))}"
        raise InvalidInput(f"{asked[:40]} is not served.", errors=[FieldError("spec.versions", message)])
    stored = next((name for name, one in served.items() if one.get("storage")), "")
    best = max(served, key=_rank)
    chosen = asked or (stored if stored and _rank(stored) >= _rank(best) else best)
    decisions = []
    if len(served) > 1:
        others = ", ".join(sorted((one for one in served if one != chosen), key=_rank, reverse=True))
        decisions.append(
            Decision(
                f"spec.objects.{OBJECT}.manifest.apiVersion", "version", f"{chosen} was taken; {others} is served too"
            )
        )
    if served[chosen].get("deprecated"):
        told = f"The project calls {chosen} deprecated: {served[chosen].get('deprecationWarning') or 'see its notes'}"
        decisions.append(Decision(f"spec.objects.{OBJECT}.manifest.apiVersion", "deprecated", told[:300], must=True))
    return served[chosen], decisions


def _rank(name: str) -> tuple[int, int, int]:
    """As Kubernetes orders versions: v2 before v1 before v1beta2 before v1alpha1 before anything else."""
    match = _PRIORITY.fullmatch(name)
    if match is None:
        return (0, 0, 0)
    level = {None: 3, "beta": 2, "alpha": 1}[match[2]]
    return (level, int(match[1]), int(match[3] or 0))


def _of_scope(spec: Mapping[str, Any]) -> list[Decision]:
    if spec["scope"] == "Namespaced":
        return []
    message = (
        f"{spec['names']['kind']} belongs to the whole cluster, and an environment makes things in its namespace only; "
        "offer something of the namespace that uses it instead"
    )
    return [Decision(f"spec.objects.{OBJECT}.manifest.kind", "cluster-scoped", message, must=True)]


def _body_schema(openapi: Schema) -> tuple[Schema, bool]:
    """What people fill in: ``spec``, or, for kinds without one, all that is not Kubernetes' own; and which it is."""
    properties = openapi.get("properties") or {}
    if "spec" in properties:
        return properties["spec"], True
    own = {name: one for name, one in properties.items() if name not in _KUBERNETES_OWN}
    return {**openapi, "properties": own, "required": [one for one in openapi.get("required", ()) if one in own]}, False


def _inputs(openapi: Schema) -> tuple[dict[str, Any], Sequence[Decision]]:
    schema, is_spec = _body_schema(openapi)
    if schema.get("properties"):
        return translated(schema, openapi)
    words = "the whole spec" if is_spec else "the whole object"
    inputs = {"type": "object", "additionalProperties": False, "properties": {}}
    message = f"The definition does not say what is in it, so there are no inputs; name those that make up {words}"
    return inputs, [Decision("spec.inputs", "no-schema", message, must=True)]


def _body(openapi: Schema) -> dict[str, Any]:
    """The manifest beyond its head. All inputs at once: what is not given is not there."""
    schema, is_spec = _body_schema(openapi)
    if is_spec:
        return {"spec": "${inputs}"}
    return {
        name: f"${{default(inputs.{name}, null)}}" for name in schema.get("properties") or {} if name.isidentifier()
    }


def _columns(version: Mapping[str, Any]) -> list[Column]:
    found = version.get("additionalPrinterColumns")
    return [
        Column(str(one.get("name", "")), str(one.get("type", "string")), str(one.get("jsonPath", "")).strip("{}"))
        for one in (found if isinstance(found, list) else [])
        if isinstance(one, Mapping)
    ]


def _readiness(version: Mapping[str, Any], openapi: Schema, kind: str) -> tuple[str, list[Decision]]:
    """``readyWhen`` where the kind's own rules would not do, and what to know of it."""
    path = f"spec.objects.{OBJECT}.readyWhen"
    columns = _columns(version)
    conditions = [match[1] for one in columns if (match := _CONDITION.fullmatch(one.path))]
    if "Ready" in conditions:
        return "", []
    for name in GOOD_CONDITIONS:
        if name in conditions:
            return f"object.status.conditions.exists(c, c.type == '{name}' && c.status == 'True')", []
    for one in columns:
        match = _STATUS_PATH.fullmatch(one.path)
        if match and match[1].rpartition(".")[2] in PHASES:
            return _by_phase(match[1], _at_status(openapi, match[1]), path)
    status = (openapi.get("properties") or {}).get("status") or {}
    if not status or has_rule(kind):
        return "", []
    if "conditions" in (status.get("properties") or {}):
        message = (
            "It is ready when its condition Ready is true, or at once where nothing sets one; say it if it is otherwise"
        )
    else:
        message = f"Nothing says when a {kind} is ready, so it is as soon as it is there; say it if it is otherwise"
    return "", [Decision(path, "readiness", message)]


def _by_phase(steps: str, schema: Schema, path: str) -> tuple[str, list[Decision]]:
    known = [one for one in schema.get("enum") or () if isinstance(one, str)]
    good = next((one for one in GOOD_PHASES if one in known), "")
    message = f"Say which value of status{steps} means that it is ready" + (
        f": {', '.join(known[:8])}" if known else ""
    )
    if not good:
        return "", [Decision(path, "readiness", message, must=True)]
    return f"object.status{steps} == '{good}'", [Decision(path, "readiness", f"“{good}” is taken for ready; {message}")]


def _outputs(version: Mapping[str, Any], openapi: Schema) -> Iterator[tuple[str, dict[str, Any]]]:
    """Columns that show one value of the status; ``x-from`` is where it stands in the object."""
    seen = {"name"}
    for one in _columns(version):
        match = _STATUS_PATH.fullmatch(one.path)
        if match is None or len(seen) > MOST_OUTPUTS:
            continue
        name = match[1].rpartition(".")[2]
        kind = _SCALARS.get(str(_at_status(openapi, match[1]).get("type", one.type)))
        if name in seen or name in PHASES or kind is None:
            continue
        seen.add(name)
        yield name, {"type": kind, "title": one.name[:80] or name, "x-from": f"status{match[1]}"}


def _at_status(openapi: Schema, steps: str) -> Schema:
    found: Any = (openapi.get("properties") or {}).get("status") or {}
    for step in steps.strip(".").split("."):
        found = (found.get("properties") or {}).get(step) or {} if isinstance(found, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


def _summary(openapi: Schema, kind: str) -> str:
    said = openapi.get("description")
    return first_sentence(said) if isinstance(said, str) and said.strip() else f"A {kind}."

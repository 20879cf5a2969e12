"""What must hold before a contract version is published: every expression, every example, every object.

Called by the service that publishes and by the tests of the built-in contracts. ``parse_contract`` has already
checked the document's shape; this needs the contract to be of that shape. Nothing is sent anywhere: whether
Kubernetes would take an object is asked of an injected function. Comparing with older versions is not done here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from idp.kernel.cel import CelError, Program, compile, compiled, did_you_mean, transform, whole
from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.availability import is_own
from provisioning.domain.contract import Contract, Example, ObjectTemplate
from provisioning.domain.driver import Manifest
from provisioning.domain.form_hints import hint_problems
from provisioning.domain.references import parse_reference, references
from provisioning.domain.render import RenderContext, Rendered, publish_outputs, render, usage_of
from provisioning.domain.schema import Schema, at, children, validate

ObjectValidator = Callable[[Manifest], list[FieldError]]

SHARED = frozenset({"inputs", "resource", "environment", "system", "team", "stage", "power", "resources", "cluster"})
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "resource": ("name", "capability", "version", "component"),
    "environment": ("name", "namespace", "stage"),
    "system": ("name",),
    "team": ("name", "slug"),
    "cluster": ("apis",),
}
_ELSEWHERE = {
    "object": "“object” is known in readyWhen only",
    "objects": "“objects” is known in publish only",
    "item": "“item” is known in an object with forEach only",
}
_ANNOTATIONS: Mapping[str, tuple[Any, ...]] = {
    "x-scope": ("environment",),
    "x-effect": ("restarts", "data", "none"),
    "x-grows-only": (True, False),
    "x-immutable": (True, False),
    "x-secret": (True, False),
}
_ANNOTATION_TYPES: Mapping[str, tuple[type, str]] = {
    "x-order": (int, "a whole number"),
    "x-group": (str, "text"),
    "x-unit": (str, "text"),
    "x-message": (str, "a sentence"),
    "x-placeholder": (str, "text"),
    "x-labels": (Mapping, "a map of values to labels"),
    "x-rules": (list, "a list"),
}
FORBIDDEN_KINDS = frozenset(
    {
        "Namespace",
        "ResourceQuota",
        "LimitRange",
        "Role",
        "RoleBinding",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "PersistentVolume",
        "StorageClass",
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
        "APIService",
        "PriorityClass",
        "Node",
    }
)
LONGEST_NAME = "resource-with-the-longest-name1"
"""31 characters, as long as a resource's name may be: what is derived from it must still be a valid name."""


def check_contract(contract: Contract, *, validate_object: ObjectValidator) -> list[FieldError]:
    """Everything that keeps ``contract`` from being published, each with its path in the document."""
    problems = [
        *_expression_problems(contract),
        *_annotation_problems(contract.inputs, "spec.inputs"),
        *_rule_problems(contract),
        *_output_problems(contract),
        *_upgrade_problems(contract),
        *_requirement_problems(contract),
    ]
    if problems:
        return problems
    for index, example in enumerate(contract.examples):
        problems += _example_problems(contract, example, f"spec.examples.{index}", validate_object)
    return list(dict.fromkeys(problems))


def sample_context(contract: Contract, *, power: str = "awake", apis: Iterable[str] = ()) -> RenderContext:
    """A made-up place in which examples are rendered; its cluster serves ``apis`` besides what is required."""
    place = RenderContext(
        environment={"name": "example", "namespace": "shop-example", "stage": "dev"},
        system={"name": "shop"},
        team={"name": "Shop", "slug": "shop"},
        stage={"name": "dev"},
        power=power,
        revision=1,
    )
    return place.of(LONGEST_NAME, contract, None, apis)


def sample_inputs(contract: Contract, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """``inputs`` with defaults, and with each reference replaced by a value of the type that is asked for there."""
    place = sample_context(contract).facts
    given = contract.with_defaults(inputs)

    def filled(text: str, path: str) -> Any:
        wanted = at(contract.inputs, tuple(path.split(".")), given) or {}
        source = whole(text) if "${" in text else None
        reference = parse_reference(source) if source else None
        if reference is None:
            return text
        if not reference.resource:
            return place[reference.steps[0]][reference.steps[1]]
        return _SECRET if wanted.get("x-secret") else _sample(wanted)

    replaced: dict[str, Any] = transform(given, filled)
    return replaced


_SECRET = {"valueFrom": {"secretKeyRef": {"name": "example-credentials", "key": "password"}}}


def _sample(schema: Schema) -> Any:
    for keyword in ("default", "const"):
        if keyword in schema:
            return schema[keyword]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "string")
    if kind == "object":
        properties = schema.get("properties") or {}
        return {key: _sample(properties.get(key, {})) for key in schema.get("required", properties)}
    if kind in ("integer", "number"):
        return max(schema.get("minimum", 1), 1)
    return {"boolean": False, "array": []}.get(kind, "example")


def _expression_problems(contract: Contract) -> Iterator[FieldError]:
    for one in contract.objects:
        yield from _object_expression_problems(contract, one)
    yield from _template_problems(contract, contract.publish, SHARED | {"objects"}, "spec.publish")
    yield from _template_problems(contract, contract.usage, SHARED, "spec.usage")


def _object_expression_problems(contract: Contract, one: ObjectTemplate) -> Iterator[FieldError]:
    path = f"spec.objects.{one.id}"
    own = SHARED | {"item"} if one.for_each else SHARED
    for keyword, source, names in (
        ("includeWhen", one.include_when, SHARED),
        ("forEach", one.for_each, SHARED),
        ("readyWhen", one.ready_when, frozenset({"object"})),
    ):
        if source:
            yield from _source_problems(contract, source, names, f"{path}.{keyword}")
    yield from _template_problems(contract, one.manifest, own, f"{path}.manifest")
    if one.manifest["kind"] in FORBIDDEN_KINDS:
        yield FieldError(f"{path}.manifest.kind", f"{one.manifest['kind']} belongs to the platform, not to a contract")


def _template_problems(contract: Contract, value: Any, names: frozenset[str], path: str) -> Iterator[FieldError]:
    try:
        programs = compiled(value, path=path)
    except CelError as error:
        yield from error.errors
        return
    for where, program in programs:
        yield from _name_problems(contract, program, names, where)


def _source_problems(contract: Contract, source: str, names: frozenset[str], path: str) -> Iterator[FieldError]:
    if source.strip().startswith("${"):
        yield FieldError(path, "is CEL as it is; write it without ${ and }")
        return
    try:
        yield from _name_problems(contract, compile(source), names, path)
    except CelError as error:
        yield FieldError(path, error.message.rstrip("."))


def _name_problems(contract: Contract, program: Program, names: frozenset[str], path: str) -> Iterator[FieldError]:
    for root, *steps in program.paths:
        if root not in names:
            hint = _ELSEWHERE.get(root, f"“{root}” is not known here{did_you_mean(root, names)}")
            yield FieldError(path, f"{hint} (in “{program.source}”)")
        elif steps and (reason := _unknown_field(contract, root, tuple(steps))):
            yield FieldError(path, f"{reason} (in “{program.source}”)")


def _unknown_field(contract: Contract, root: str, steps: tuple[str, ...]) -> str | None:
    """Why a dotted path cannot exist, or None. Only the first steps are known; a method's name never is a step."""
    if root == "inputs" and at(contract.inputs, steps) is None:
        known = contract.inputs.get("properties") or {}
        shown = ".".join(("inputs", *steps))
        return f"there is no “{shown}”{did_you_mean(steps[0], known) if steps[0] not in known else ''}"
    if root == "objects" and any(steps[0].startswith(f"{one.id}-") for one in contract.objects if one.for_each):
        return None
    ids = tuple(one.id for one in contract.objects if not one.for_each)
    known_fields = {**_FIELDS, "objects": ids}.get(root)
    if known_fields is not None and steps[0] not in known_fields:
        return f"“{root}” has no “{steps[0]}”{did_you_mean(steps[0], known_fields)}"
    return None


def _annotation_problems(schema: Schema, path: str) -> Iterator[FieldError]:
    for keyword, allowed in _ANNOTATIONS.items():
        if keyword in schema and schema[keyword] not in allowed:
            shown = ", ".join(str(one).lower() for one in allowed)
            yield FieldError(
                f"{path}.{keyword}", f"must be {shown}" if len(allowed) == 1 else f"must be one of {shown}"
            )
    for keyword, (kind, words) in _ANNOTATION_TYPES.items():
        if keyword in schema and (not isinstance(schema[keyword], kind) or isinstance(schema[keyword], bool)):
            yield FieldError(f"{path}.{keyword}", f"must be {words}")
    if "secret" in schema:
        yield FieldError(f"{path}.secret", "is for outputs; an input that takes a secret has x-secret: true")
    if schema.get("x-secret") is True and schema.get("type") != "string":
        yield FieldError(f"{path}.x-secret", "is for inputs of type string only")
    yield from hint_problems(schema, path)
    for place, child in children(schema):
        yield from _annotation_problems(child, f"{path}.{place}")


def _rule_problems(contract: Contract) -> Iterator[FieldError]:
    rules = contract.inputs.get("x-rules", [])
    for index, rule in enumerate(rules if isinstance(rules, list) else []):
        path = f"spec.inputs.x-rules.{index}"
        if not isinstance(rule, Mapping) or not all(isinstance(rule.get(key), str) for key in ("rule", "at", "say")):
            yield FieldError(path, "must have rule (CEL over inputs), at (an input) and say (what is right)")
        else:
            yield from _source_problems(contract, rule["rule"], frozenset({"inputs"}), f"{path}.rule")


def _output_problems(contract: Contract) -> Iterator[FieldError]:
    for name in contract.outputs:
        if name not in contract.publish:
            yield FieldError(f"spec.outputs.{name}", f"is declared and never published; add it to spec.publish.{name}")
    for name, value in contract.publish.items():
        path = f"spec.publish.{name}"
        if name not in contract.outputs:
            hint = did_you_mean(name, contract.outputs)
            yield FieldError(path, f"is published and not declared; add it to spec.outputs{hint}")
            continue
        link = contract.outputs[name].get("x-link")
        if link is not None and (not isinstance(link, str) or contract.is_secret(name)):
            yield FieldError(f"spec.outputs.{name}.x-link", "must be what the link is called; a secret is never shown")
        points = isinstance(value, Mapping) and "secretRef" in value
        if contract.is_secret(name) and not _is_secret_ref(value):
            yield FieldError(
                path, "is secret, so it must be {secretRef: {name: …}}: the value never leaves the cluster"
            )
        elif points and not contract.is_secret(name):
            yield FieldError(path, f"points at a Secret, so spec.outputs.{name} needs secret: true")


def _is_secret_ref(value: Any) -> bool:
    if not isinstance(value, Mapping) or set(value) != {"secretRef"}:
        return False
    target = value["secretRef"]
    return isinstance(target, Mapping) and set(target) == {"name"} and isinstance(target["name"], str)


def _upgrade_problems(contract: Contract) -> Iterator[FieldError]:
    for major, values in contract.upgrade.items():
        path = f"spec.upgrade.{major}"
        if int(major) >= contract.semver.major:
            yield FieldError(path, f"must be a major version before {contract.semver.major}")
        known = contract.inputs.get("properties") or {}
        for key in values:
            if key not in known:
                yield FieldError(f"{path}.{key}", f"is not an input of this version{did_you_mean(key, known)}")
        try:
            # The inputs here are those of the older version, so only the name of the variable can be checked.
            compiled(values, names=SHARED, path=path)
        except CelError as error:
            yield from error.errors


def _requirement_problems(contract: Contract) -> Iterator[FieldError]:
    """An object of a kind that not every cluster serves must be required, so that its lack is told beforehand, or be
    left out where it is not served.
    """
    for one in contract.objects:
        api_version, kind = one.manifest["apiVersion"], one.manifest["kind"]
        key = f"{api_version}/{kind}"
        if key in contract.uses and key not in contract.requires.apis:
            if key not in one.include_when:
                yield FieldError(
                    f"spec.objects.{one.id}.includeWhen",
                    f"must ask for the kind, which not every cluster serves: '{key}' in cluster.apis",
                )
        elif not is_own(api_version) and key not in contract.requires.apis:
            wanted = f"{{apiVersion: {api_version}, kind: {kind}}}"
            yield FieldError(
                f"spec.objects.{one.id}.manifest.kind",
                f"{kind} is no kind of every cluster; add {wanted} to spec.requires.apis",
            )


def _example_problems(
    contract: Contract, example: Example, path: str, validate_object: ObjectValidator
) -> Iterator[FieldError]:
    inputs = contract.with_defaults(example.inputs)
    problems = contract.validate_inputs(inputs, f"{path}.inputs")
    problems += references(inputs, f"{path}.inputs")[1]
    if problems:
        yield from problems
        return
    filled = sample_inputs(contract, example.inputs)
    clusters = ((), contract.uses) if contract.uses else ((),)
    for power, apis in product(("awake", "asleep"), clusters):
        place = sample_context(contract, power=power, apis=apis)
        try:
            yield from _rendered_problems(contract, filled, place, validate_object)
        except InvalidInput as error:
            for one in error.errors or (FieldError(path, error.message.rstrip(".")),):
                yield FieldError(one.path, f"{one.message} (example “{example.name}”, {power})")


def _rendered_problems(
    contract: Contract, inputs: Mapping[str, Any], ctx: RenderContext, validate_object: ObjectValidator
) -> Iterator[FieldError]:
    rendered = render(contract, inputs, ctx)
    for one in rendered:
        for error in validate_object(one.manifest):
            yield FieldError(f"spec.objects.{one.id}.manifest.{error.path}".rstrip("."), error.message)
    yield from _same_object(rendered)
    usage_of(contract, inputs, ctx)
    outputs = publish_outputs(contract, inputs, ctx)
    secrets = {one.manifest["metadata"]["name"] for one in rendered if one.manifest["kind"] == "Secret"}
    for name, value in outputs.items():
        if not contract.is_secret(name):
            yield from validate(value, contract.outputs[name], f"spec.publish.{name}")
        elif value["secretRef"]["name"] not in secrets:
            yield FieldError(f"spec.publish.{name}", f"“{value['secretRef']['name']}” is not a Secret that it makes")


def _same_object(rendered: tuple[Rendered, ...]) -> Iterator[FieldError]:
    seen: dict[tuple[str, str], str] = {}
    for one in rendered:
        key = (one.manifest["kind"], one.manifest["metadata"]["name"])
        other = seen.setdefault(key, one.id)
        if other != one.id:
            message = f"makes {key[0]} {key[1]}, which “{other}” makes too"
            yield FieldError(f"spec.objects.{one.id}.manifest.metadata.name", message)

"""From a contract and resolved inputs to Kubernetes objects, outputs and usage. Pure and deterministic.

Called by plans (object diff, usage), by runs (what to apply, what to publish) and by publishing checks. Objects are
plain values filled by expressions, never text; each gets the environment's namespace and the labels by which
Slipway knows its own. It applies nothing and sees no secret: a secret is a reference to a Secret object.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from idp.kernel.cel import CelError, Facts, compile, compiled, located, template
from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.contract import Contract, ObjectTemplate
from provisioning.domain.driver import (
    ANNOTATION_COPY,
    FIELD_MANAGER,
    LABEL_ENVIRONMENT,
    LABEL_MANAGED,
    LABEL_RESOURCE,
    LABEL_REVISION,
    LABEL_SYSTEM,
    Manifest,
)
from provisioning.domain.isolation import prefixed
from provisioning.domain.plan import Footprint as Usage
from provisioning.domain.schema import numbers_as_floats

MAX_ITEMS = 100
MAX_NAME = 63
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")

Outputs = Mapping[str, Mapping[str, Any]]
"""Published outputs by resource."""


@dataclass(frozen=True, slots=True)
class RenderContext:
    """Where a resource is rendered. Mappings hold what expressions may read.

    ``environment``: name, namespace, stage. ``system``: name. ``team``: name, slug. ``stage``: name and the stage's
    settings. ``resource``: name, capability, version, component (None when it has none). ``power``: awake, asleep.
    ``apis`` are those of the contract's ``uses`` that the revision says the cluster serves: what a contract makes of
    them was decided when the change was planned, and stays until the resource is changed.
    ``prefix`` is put before the resource's name wherever it is read, so that all that is made of it and refers to it is
    told apart in a namespace that others share.
    """

    environment: Mapping[str, Any]
    system: Mapping[str, Any]
    team: Mapping[str, Any]
    stage: Mapping[str, Any]
    resource: Mapping[str, Any] = field(default_factory=dict)
    power: str = "awake"
    revision: int = 0
    apis: tuple[str, ...] = ()
    prefix: str = ""

    def of(
        self, name: str, contract: Contract, component: str | None = None, apis: Iterable[str] = ()
    ) -> RenderContext:
        """The same place for resource ``name``."""
        resource = {
            "name": prefixed(self.prefix, name),
            "capability": contract.capability,
            "version": contract.version,
            "component": component,
        }
        used = tuple(key for key in contract.uses if key in set(apis))
        return replace(self, resource=resource, apis=used)

    @property
    def facts(self) -> dict[str, Mapping[str, Any]]:
        """What references in an environment's inputs may read, for ``revision.resolve_inputs``."""
        return {"environment": self.environment, "system": self.system, "team": self.team, "stage": self.stage}


@dataclass(frozen=True, slots=True)
class Rendered:
    """One object to apply. ``needs`` are ids of the resource's others that go first; ``ready_when`` may be ``""``."""

    id: str
    manifest: Manifest
    ready_when: str = ""
    needs: tuple[str, ...] = ()


def render(
    contract: Contract, inputs: Mapping[str, Any], ctx: RenderContext, resources: Outputs | None = None
) -> tuple[Rendered, ...]:
    """The objects of one resource in the order in which they are applied.

    ``inputs`` are resolved (``revision.resolve_inputs``) and judged once more, as references have become values.
    Raises InvalidInput with the input's path, CelError or InvalidInput with the object's.
    """
    if wrong := contract.validate_inputs(inputs):
        raise InvalidInput(f"{wrong[0].path} {wrong[0].message}.", errors=wrong)
    facts = Facts(_facts(contract, inputs, ctx, resources))
    rendered = [(one.id, each) for one in contract.objects for each in _objects(one, facts, ctx)]
    made: dict[str, list[str]] = {}
    for template_id, each in rendered:
        made.setdefault(template_id, []).append(each.id)
    return tuple(
        Rendered(each.id, each.manifest, each.ready_when, tuple(it for need in each.needs for it in made.get(need, [])))
        for _, each in rendered
    )


def publish_outputs(
    contract: Contract,
    inputs: Mapping[str, Any],
    ctx: RenderContext,
    observed: Mapping[str, Manifest | None] | None = None,
    resources: Outputs | None = None,
) -> dict[str, Any]:
    """The outputs that are known. ``observed`` are live objects by id, None before anything is applied.

    An output that reads ``objects`` is left out as long as they do not have what it reads. A secret output is
    ``{"secretRef": {"name"}}``, never a value.
    """
    live = {key: value for key, value in (observed or {}).items() if value is not None}
    facts = Facts({**_facts(contract, inputs, ctx, resources), "objects": live})
    outputs: dict[str, Any] = {}
    for name, value in contract.publish.items():
        path = f"spec.publish.{name}"
        waits = any("objects" in program.names for _, program in compiled(value, path=path))
        if waits and observed is None:
            continue
        try:
            outputs[name] = template(value, facts, path=path)
        except CelError:
            if not waits:
                raise
    return outputs


def usage_of(contract: Contract, inputs: Mapping[str, Any], ctx: RenderContext) -> Usage:
    """Cores, GiB of memory and GiB of storage that the resource takes; CelError when one is no number from 0 up."""
    facts = Facts(_facts(contract, inputs, ctx, None))
    return Usage(*(_amount(contract, key, facts) for key in ("cpu", "memoryGiB", "storageGiB")))


def is_ready(ready_when: str, live: Manifest) -> tuple[bool, str]:
    """Whether ``live`` fulfils a contract's own readiness expression, and if not, why in one sentence."""
    try:
        ready = compile(ready_when, names=("object",)).evaluate({"object": live})
    except CelError as error:
        return False, f"Not ready yet: {error.message}"
    return (True, "") if ready is True else (False, f"Waits until {ready_when}")


def duplicates(rendered: Mapping[str, Sequence[Rendered]]) -> list[FieldError]:
    """Objects that two resources of one environment would both make."""
    owners: dict[tuple[str, str], str] = {}
    found = []
    for resource, objects in rendered.items():
        for one in objects:
            kind, name = one.manifest["kind"], one.manifest["metadata"]["name"]
            owner = owners.setdefault((kind, name), resource)
            if owner != resource:
                message = f"makes {kind} {name}, which “{owner}” makes too; give one of them another name"
                found.append(FieldError(f"spec.resources.{resource}", message))
    return found


def _facts(
    contract: Contract, inputs: Mapping[str, Any], ctx: RenderContext, resources: Outputs | None
) -> dict[str, Any]:
    return {
        "inputs": numbers_as_floats(inputs, contract.inputs),
        "resource": ctx.resource,
        "environment": ctx.environment,
        "system": ctx.system,
        "team": ctx.team,
        "stage": ctx.stage,
        "power": ctx.power,
        "cluster": {"apis": list(ctx.apis)},
        "resources": {name: {"outputs": outputs} for name, outputs in (resources or {}).items()},
    }


def _objects(one: ObjectTemplate, shared: Facts, ctx: RenderContext) -> Iterator[Rendered]:
    path = f"spec.objects.{one.id}"
    if one.include_when and not _flag(one.include_when, shared, f"{path}.includeWhen"):
        return
    if not one.for_each:
        yield Rendered(one.id, _manifest(one, shared, ctx), one.ready_when, one.needs)
        return
    for key, item in _items(one.for_each, shared, f"{path}.forEach"):
        manifest = _manifest(one, Facts({**shared.values, "item": item}), ctx)
        yield Rendered(f"{one.id}-{key}", manifest, one.ready_when, one.needs)


def _flag(source: str, facts: Facts, path: str) -> bool:
    value = _evaluate(source, facts, path)
    if not isinstance(value, bool):
        raise _refusal(path, "must give true or false")
    return value


def _items(source: str, facts: Facts, path: str) -> list[tuple[str, Any]]:
    """The items of a list by position, or of a map by key, each as ``{"key", "value"}``, in the order of keys."""
    value = _evaluate(source, facts, path)
    if isinstance(value, list):
        items = [(str(index), item) for index, item in enumerate(value)]
    elif isinstance(value, dict):
        items = [(str(key), {"key": key, "value": value[key]}) for key in sorted(value)]
    else:
        raise _refusal(path, "must give a list or a map")
    if len(items) > MAX_ITEMS:
        raise _refusal(path, f"gives {len(items)} items; at most {MAX_ITEMS} objects are made of one")
    return items


def _evaluate(source: str, facts: Facts, path: str) -> Any:
    return located(path)(lambda: compile(source).evaluate(facts))


def _manifest(one: ObjectTemplate, facts: Facts, ctx: RenderContext) -> Manifest:
    path = f"spec.objects.{one.id}.manifest"
    manifest: dict[str, Any] = _without_null(template(one.manifest, facts, path=path))
    name = manifest["metadata"].get("name")
    if not isinstance(name, str) or len(name) > MAX_NAME or not _NAME.fullmatch(name):
        message = f"gives “{name}”; a name is lower-case letters, digits and dashes, at most {MAX_NAME} characters"
        raise _refusal(f"{path}.metadata.name", message)
    if ctx.prefix and ctx.resource["name"] not in name:
        message = f"gives “{name}”; in a namespace that is shared a name holds that of its resource, ${{resource.name}}"
        raise _refusal(f"{path}.metadata.name", message)
    annotations = manifest["metadata"].get("annotations")
    if isinstance(annotations, Mapping) and ANNOTATION_COPY in annotations:
        raise _refusal(f"{path}.metadata.annotations", f"must not have {ANNOTATION_COPY}: no contract copies a Secret")
    labels = labels_of(ctx)
    _stamp(manifest, {**labels, LABEL_REVISION: str(ctx.revision)}, path)
    manifest["metadata"]["namespace"] = ctx.environment["namespace"]
    for pod in _pod_templates(manifest):
        _stamp(pod, labels, f"{path}.spec.template")
    return manifest


def labels_of(ctx: RenderContext) -> dict[str, str]:
    """Labels of everything the resource makes. The revision is not among them: on a pod it would mean a restart."""
    labels = {
        "app.kubernetes.io/name": ctx.resource["capability"],
        "app.kubernetes.io/instance": ctx.resource["name"],
        "app.kubernetes.io/part-of": ctx.system["name"],
        LABEL_MANAGED: FIELD_MANAGER,
        LABEL_SYSTEM: ctx.system["name"],
        LABEL_ENVIRONMENT: ctx.environment["name"],
        LABEL_RESOURCE: ctx.resource["name"],
    }
    if ctx.resource.get("component"):
        labels["app.kubernetes.io/component"] = ctx.resource["component"]
    return labels


def _stamp(owner: dict[str, Any], labels: Mapping[str, str], path: str) -> None:
    """Ours win over the contract's own, so that nothing can pretend to be another resource's."""
    metadata = owner.setdefault("metadata", {})
    own = metadata.get("labels", {}) if isinstance(metadata, dict) else None
    if not isinstance(own, dict):
        raise _refusal(f"{path}.metadata.labels", "must be a map of labels")
    metadata["labels"] = {**own, **labels}


def _pod_templates(manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The pod template of a workload, of a CronJob's too; volume claim templates stay as they are."""
    spec = manifest.get("spec")
    if not isinstance(spec, Mapping):
        return
    job = spec.get("jobTemplate")
    holder = job.get("spec") if isinstance(job, Mapping) else spec
    pod = holder.get("template") if isinstance(holder, Mapping) else None
    if isinstance(pod, dict) and isinstance(pod.get("spec"), Mapping) and "containers" in pod["spec"]:
        yield pod


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_null(item) for item in value if item is not None]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _amount(contract: Contract, key: str, facts: Facts) -> float:
    path = f"spec.usage.{key}"
    value = template(contract.usage.get(key, 0), facts, path=path)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise _refusal(path, "must give a number from 0 up")
    return float(value)


def _refusal(path: str, message: str) -> InvalidInput:
    return InvalidInput(f"{path} {message}.", errors=[FieldError(path, message)])

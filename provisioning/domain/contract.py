"""A contract: one immutable, published version of a capability, read from its document.

Called by services that publish and read contracts, and by everything that renders. ``parse_contract`` says all
that is wrong with the document's shape at once; whether its expressions and examples hold is ``contract_checks``.
It renders nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from idp.kernel.cel import CelError, compile, did_you_mean, expressions
from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.availability import Requires, requires_of, uses_of
from provisioning.domain.document_schemas import CONTRACT_SCHEMA
from provisioning.domain.schema import Schema, apply_defaults, check_schema, inline, validate
from provisioning.domain.version import Version, parse_version


@dataclass(frozen=True, slots=True)
class ObjectTemplate:
    """One object of a contract. ``include_when``, ``for_each`` and ``ready_when`` are CEL, ``""`` where not given."""

    id: str
    manifest: Mapping[str, Any]
    include_when: str = ""
    for_each: str = ""
    ready_when: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """Inputs that are known to work; shown to people, and a test of the contract."""

    name: str
    inputs: Mapping[str, Any]
    title: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Contract:
    """One version of a capability. ``inputs`` and each of ``outputs`` are schemas without ``$ref``.

    ``objects`` stand in the order in which they are applied. ``document`` is what was published, as plain data.
    ``uses`` are keys of custom kinds that it makes use of where the cluster serves them (``availability.uses_of``).
    """

    capability: str
    version: str
    title: str
    summary: str
    owner: str
    category: str
    icon: str
    state: str
    inputs: Schema
    outputs: Mapping[str, Schema]
    objects: tuple[ObjectTemplate, ...]
    publish: Mapping[str, Any]
    usage: Mapping[str, Any]
    upgrade: Mapping[str, Mapping[str, Any]]
    examples: tuple[Example, ...]
    document: Mapping[str, Any] = field(repr=False)
    requires: Requires = field(default_factory=Requires)
    uses: tuple[str, ...] = ()

    @property
    def semver(self) -> Version:
        return parse_version(self.version)

    @property
    def reference(self) -> str:
        """``postgres@1.2.0``"""
        return f"{self.capability}@{self.version}"

    def is_secret(self, output: str) -> bool:
        """Whether the value of ``output`` never leaves the cluster."""
        return bool(self.outputs.get(output, {}).get("secret"))

    def with_defaults(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """``inputs`` with the defaults filled in; references stay as written."""
        filled: dict[str, Any] = apply_defaults(inputs, self.inputs)
        return filled

    def validate_inputs(self, inputs: Any, path: str = "inputs") -> list[FieldError]:
        """What in ``inputs`` does not fit the contract. References are judged by ``graph``, not here.

        Rules across inputs (``x-rules``) are asked once each input fits by itself.
        """
        return validate(inputs, self.inputs, path) or list(_broken_rules(inputs, self.inputs, path))


def parse_contract(document: Any, lines: Mapping[str, int] | None = None) -> Contract:
    """The contract that ``document`` (plain data) describes; InvalidInput naming every problem with path and line."""
    problems = validate(document, CONTRACT_SCHEMA) or list(_expressions_for_parts(document["spec"]))
    if not problems:
        problems = list(_spec_problems(document["spec"]))
    if problems:
        known = lines or {}
        placed = [FieldError(one.path, one.message, one.line or nearest_line(known, one.path)) for one in problems]
        raise InvalidInput(
            f"The contract has {_count(len(placed), 'problem')}: {placed[0].path or 'it'} {placed[0].message}.",
            code="invalid-contract",
            errors=placed,
        )
    return _contract(document)


def _broken_rules(inputs: Mapping[str, Any], schema: Schema, path: str) -> Iterator[FieldError]:
    """Rules that do not hold. One that reads an input which is not there, or not known yet, is not asked."""
    for rule in schema.get("x-rules", []):
        program = compile(rule["rule"])
        read = [(value_at(inputs, steps), steps) for _, *steps in program.paths]
        if any(value is None or (isinstance(value, str) and "${" in value) for value, _ in read):
            continue
        if program.evaluate({"inputs": inputs}) is not True:
            yield FieldError(f"{path}.{rule['at']}" if path else rule["at"], rule["say"])


def value_at(value: Any, steps: Sequence[str]) -> Any:
    """What lies at ``steps`` inside ``value``, None where there is nothing."""
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def nearest_line(lines: Mapping[str, int], path: str) -> int | None:
    """The line of ``path``, or of the nearest place above it; ``lines`` as in ``idp.kernel.documents.Document``."""
    while path not in lines and path:
        path = path.rpartition(".")[0]
    return lines.get(path)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _contract(document: Mapping[str, Any]) -> Contract:
    metadata, spec = document["metadata"], document["spec"]
    return Contract(
        capability=metadata["capability"],
        version=metadata["version"],
        title=spec["title"],
        summary=spec["summary"],
        owner=spec["owner"],
        category=spec.get("category", "other"),
        icon=spec.get("icon", "box"),
        state=spec.get("state", "stable"),
        inputs=inline(spec["inputs"]),
        outputs={name: inline(schema) for name, schema in spec.get("outputs", {}).items()},
        objects=tuple(_object(key, value) for key, value in _in_order(spec["objects"])),
        publish=spec.get("publish", {}),
        usage=spec.get("usage", {}),
        upgrade=spec.get("upgrade", {}),
        examples=tuple(_example(one) for one in spec["examples"]),
        document=document,
        requires=requires_of(spec),
        uses=uses_of(spec),
    )


def _object(key: str, spec: Mapping[str, Any]) -> ObjectTemplate:
    return ObjectTemplate(
        id=key,
        manifest=spec["manifest"],
        include_when=spec.get("includeWhen", ""),
        for_each=spec.get("forEach", ""),
        ready_when=spec.get("readyWhen", ""),
        needs=tuple(spec.get("needs", ())),
    )


def _example(spec: Mapping[str, Any]) -> Example:
    return Example(spec["name"], spec["inputs"], spec.get("title", ""), spec.get("description", ""))


def _in_order(objects: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Objects with what each needs before it, otherwise as written. They hold no circle (checked before)."""
    done: set[str] = set()

    def visit(key: str) -> Iterator[tuple[str, Any]]:
        if key not in done:
            done.add(key)
            for needed in objects[key].get("needs", ()):
                yield from visit(needed)
            yield key, objects[key]

    for key in objects:
        yield from visit(key)


def _expressions_for_parts(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    """A schema takes an expression wherever a value may stand; what the contract consists of must be written out."""
    parts = {f"spec.{name}": spec.get(name) for name in ("inputs", "outputs", "publish", "usage", "examples")}
    for name in ("objects", "upgrade"):
        there = parts[f"spec.{name}"] = spec.get(name, {})
        parts |= {f"spec.{name}.{key}": one for key, one in _items(there)}
    for key, one in _items(spec["objects"]):
        parts |= {f"spec.objects.{key}.{name}": value for name, value in _items(one) if name == "manifest"}
    if isinstance(spec["examples"], list):
        parts |= {f"spec.examples.{place}": one for place, one in enumerate(spec["examples"])}
    for path, value in parts.items():
        if isinstance(value, str):
            yield FieldError(path, "must be written out; an expression cannot stand for it")


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()


def _spec_problems(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    yield from check_schema(spec["inputs"], "spec.inputs")
    if spec["inputs"].get("type") != "object":
        yield FieldError("spec.inputs.type", "must be object: inputs are a map of names to values")
    if spec["inputs"].get("additionalProperties") is not False:
        yield FieldError("spec.inputs.additionalProperties", "must be false, so that a mistyped input is refused")
    for name, schema in spec.get("outputs", {}).items():
        yield from check_schema(schema, f"spec.outputs.{name}")
        if "type" not in schema:
            yield FieldError(f"spec.outputs.{name}.type", "is required, so that others know what they get")
    yield from _object_problems(spec["objects"])
    names = [one["name"] for one in spec["examples"]]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield FieldError(f"spec.examples.{index}.name", f"“{name}” is used by an example above; choose another")
    for place in ("inputs", "outputs"):
        yield from _no_expressions(spec.get(place), f"spec.{place}")


def _object_problems(objects: Mapping[str, Any]) -> Iterator[FieldError]:
    for key, spec in objects.items():
        path = f"spec.objects.{key}"
        for needed in spec.get("needs", ()):
            if needed not in objects:
                yield FieldError(f"{path}.needs", f"“{needed}” is not an object here{did_you_mean(needed, objects)}")
        for missing in ("apiVersion", "kind"):
            value = spec["manifest"].get(missing)
            if not isinstance(value, str) or "${" in value:
                yield FieldError(f"{path}.manifest.{missing}", "is required and is plain text, not an expression")
        metadata = spec["manifest"].get("metadata")
        if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
            yield FieldError(f"{path}.manifest.metadata.name", 'is required, for example "${resource.name}"')
        elif "namespace" in metadata:
            yield FieldError(f"{path}.manifest.metadata.namespace", "must be left out: the environment decides it")
    if circle := _circle(objects):
        yield FieldError("spec.objects", f"need each other in a circle: {' → '.join(circle)}")


def _circle(objects: Mapping[str, Any]) -> list[str]:
    """The first circle in ``needs``, its first object named again at the end; empty when there is none."""
    done: set[str] = set()

    def visit(key: str, trail: list[str]) -> list[str]:
        if key in trail:
            return [*trail[trail.index(key) :], key]
        if key in done or key not in objects:
            return []
        found = next((it for need in objects[key].get("needs", ()) if (it := visit(need, [*trail, key]))), [])
        done.add(key)
        return found

    return next((found for key in objects if (found := visit(key, []))), [])


def _no_expressions(value: Any, path: str) -> Iterator[FieldError]:
    """A schema is plain data; only its words for people may show what an expression looks like."""
    try:
        found = expressions(value, path)
    except CelError as error:
        found = [(one.path, "") for one in error.errors]
    for where, _ in found:
        if ".x-" not in where and not where.endswith((".description", ".title")) and ".examples." not in where:
            yield FieldError(where, "must be plain: expressions belong into objects, publish and usage")

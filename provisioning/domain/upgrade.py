"""How inputs of an older major version become inputs of a newer one, by the mapping that the newer contract carries.

Called when a major is published or previewed, for every living resource of the older one, and when a resource is
moved. Expressions read the older inputs as ``inputs``. What is not mapped and still fits is kept as it is; what would
be lost without anybody having said so is a problem, for a person to decide. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from idp.kernel.cel import CelError, Facts, compiled, template
from idp.kernel.errors import FieldError
from provisioning.domain.contract import Contract
from provisioning.domain.render import RenderContext
from provisioning.domain.schema import apply_defaults, numbers_as_floats, validate


@dataclass(frozen=True, slots=True)
class Mapped:
    """One resource after the mapping. With ``problems`` a person has to decide; ``inputs`` are as far as it got."""

    resource: str
    inputs: Mapping[str, Any]
    problems: tuple[FieldError, ...]

    @property
    def is_clean(self) -> bool:
        return not self.problems


def upgrade_inputs(
    old_inputs: Mapping[str, Any],
    contract: Contract,
    *,
    old: Contract | None = None,
    major: int | None = None,
    ctx: RenderContext | None = None,
) -> tuple[dict[str, Any], list[FieldError]]:
    """The inputs with which ``contract`` carries on, with defaults, and what keeps them from being used as they are.

    ``major`` is the older major version, by default that of ``old``, else the one before ``contract``'s. With ``old``
    an input that only holds its default may be dropped. ``ctx`` gives expressions the place; without it they may
    read ``inputs`` only. A mapped value of null leaves the input out.
    """
    if major is None:
        major = old.semver.major if old else contract.semver.major - 1
    mapping = contract.upgrade.get(str(major))
    if mapping is None:
        message = f"{contract.version} does not say how inputs of {major}.x become its own"
        return {}, [FieldError("upgrade", message)]
    made: dict[str, Any] = {}
    problems: list[FieldError] = []
    facts = Facts(_facts(old_inputs, old, ctx))
    for key, value in mapping.items():
        try:
            filled = template(value, facts, path=f"spec.upgrade.{major}.{key}")
        except CelError as error:
            problems.append(FieldError(f"inputs.{key}", error.message.rstrip(".")))
            continue
        if filled is not None:
            made[key] = _whole_numbers(filled)
    failed = {one.path.removeprefix("inputs.") for one in problems}
    for key in old_inputs:
        if key not in mapping:
            problems += _carried(key, old_inputs[key], contract, old, _read_by(mapping), made)
    completed = contract.with_defaults(made)
    wrong = [one for one in contract.validate_inputs(completed) if _root(one.path) not in failed]
    return completed, [*problems, *wrong]


def upgrade_all(
    living: Iterable[tuple[str, Mapping[str, Any]]], contract: Contract, *, old: Contract
) -> tuple[Mapped, ...]:
    """The mapping run over all ``living`` resources (name and inputs with defaults) of ``old``'s major."""
    return tuple(_mapped(name, inputs, contract, old) for name, inputs in living)


def _mapped(name: str, inputs: Mapping[str, Any], contract: Contract, old: Contract) -> Mapped:
    made, problems = upgrade_inputs(inputs, contract, old=old)
    return Mapped(name, made, tuple(problems))


def _facts(inputs: Mapping[str, Any], old: Contract | None, ctx: RenderContext | None) -> dict[str, Any]:
    """Numbers as the older contract's own expressions saw them."""
    read = numbers_as_floats(inputs, old.inputs) if old else inputs
    place = {**ctx.facts, "resource": ctx.resource, "power": ctx.power} if ctx else {}
    return {**place, "inputs": read}


def _carried(
    key: str,
    value: Any,
    contract: Contract,
    old: Contract | None,
    read: frozenset[str] | None,
    made: dict[str, Any],
) -> Iterator[FieldError]:
    """Keep an input that the mapping does not name, if it still fits. ``read`` is what the mapping has used."""
    schema = (contract.inputs.get("properties") or {}).get(key)
    if schema is not None and not validate(apply_defaults(value, schema), schema):
        made[key] = value
    elif read is None or key in read or (old is not None and _is_default(key, value, old)):
        return
    elif schema is None:
        yield FieldError(
            f"inputs.{key}", f"has no place in {contract.version} and the mapping does not say what it becomes"
        )
    else:
        wrong = validate(value, schema, f"inputs.{key}")
        yield FieldError(wrong[0].path, f"does not fit {contract.version} and is not mapped: it {wrong[0].message}")


def _is_default(key: str, value: Any, old: Contract) -> bool:
    schema = (old.inputs.get("properties") or {}).get(key, {})
    return "default" in schema and apply_defaults(schema["default"], schema) == value


def _read_by(mapping: Mapping[str, Any]) -> frozenset[str] | None:
    """The older inputs that the mapping reads; None when it reads them as a whole."""
    read: set[str] = set()
    for _, program in compiled(mapping, path="upgrade"):
        for root, *steps in program.paths:
            if root == "inputs" and not steps:
                return None
            if root == "inputs":
                read.add(steps[0])
    return frozenset(read)


def _root(path: str) -> str:
    return path.removeprefix("inputs.").split(".")[0]


def _whole_numbers(value: Any) -> Any:
    """CEL gives ``double`` for what people write as a whole number."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, Mapping):
        return {key: _whole_numbers(item) for key, item in value.items() if item is not None}
    return [_whole_numbers(item) for item in value] if isinstance(value, list) else value

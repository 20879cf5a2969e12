"""The desired state of an environment, resolved: from what a person wrote to what is stored and carried out.

``resolve`` is step 2 and 3 of the gate; ``resolve_inputs`` is what a run calls when a resource's turn has come.
Pure: who offers contracts and what time it is are arguments. A revision's document is plain data:

    {"stage", "power", "expires", "resources": {name: {"capability", "contract", "component", "inputs"}}}

with defaults filled in and references as written. A borrowed resource has ``from`` and ``lent`` too, and no inputs. Its
digest is what an approval is about. A resource whose contract
makes use of kinds that not every cluster serves has ``apis`` too: those that the cluster served when it was decided.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from idp.kernel.canonical import canonical, digest
from idp.kernel.cel import Expression, parse, transform
from idp.kernel.errors import FieldError, InvalidInput, UserFault
from provisioning.domain.contract import Contract
from provisioning.domain.document_schemas import DURATION_PATTERN, ENVIRONMENT_SPEC_SCHEMA
from provisioning.domain.graph import Wired, check_references, dependencies, order
from provisioning.domain.input_changes import forbidden_changes
from provisioning.domain.lending import (
    LendSource,
    Lent,
    Origin,
    borrowed_contract,
    entry_problems,
    is_borrowed,
)
from provisioning.domain.references import Reference, parse_reference, references
from provisioning.domain.schema import Schema, at, validate

ApiSource = Callable[[], Collection[str]]
"""Keys of the custom kinds that the cluster serves; asked only when a contract makes use of some."""

ContractSource = Callable[[str, str], Contract]
"""``(capability, constraint)`` to the contract to use; raises a UserFault that says what there is instead."""

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class Revision:
    """A resolved desired state. With ``problems`` it must not be stored; what is right is there all the same.

    ``contracts`` has one per resource of ``document``; ``order`` names them, each after those it needs;
    ``left_out`` names resources that a problem keeps out of ``document``.
    """

    document: Mapping[str, Any]
    digest: str
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    problems: tuple[FieldError, ...] = ()
    left_out: tuple[str, ...] = ()

    def require(self) -> Revision:
        """Itself; InvalidInput with every problem when it has any."""
        if self.problems:
            first = self.problems[0]
            more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
            raise InvalidInput(f"{first.path} {first.message}{more}.", errors=self.problems)
        return self


def resolve(
    spec: Any,
    *,
    contracts: ContractSource,
    power: str = "awake",
    expires: str | None = None,
    base: Mapping[str, Any] | None = None,
    served: ApiSource | None = None,
    lend: LendSource | None = None,
) -> Revision:
    """The revision that the ``spec`` of an Environment document asks for, with every problem it has.

    ``expires`` is the moment (RFC 3339, UTC) that the caller worked out of ``spec.expires`` or the stage.
    ``base`` is the document of the revision that it replaces: what lives may not shrink or turn into something else.
    ``lend`` says what others lend; without it nothing is borrowed.
    """
    problems = validate(spec, ENVIRONMENT_SPEC_SCHEMA, "spec")
    written = _written(spec)
    broken = {name for name in written if _concerns(problems, name)}
    wired: dict[str, Wired] = {}
    lent: dict[str, Lent] = {}
    for name, resource in written.items():
        if name in broken:
            continue
        if is_borrowed(resource):
            problems += _borrowed(name, resource, lend, lent)
            if name in lent:
                wired[name] = Wired(borrowed_contract(lent[name].contract), {})
        else:
            found, contract = _contract_of(name, resource, contracts)
            problems += found
            if contract is not None:
                inputs, wrong = _inputs_of(name, resource, contract)
                problems += wrong
                wired[name] = Wired(contract, inputs)
    problems += check_references(wired, named=frozenset(written))
    kept = {name: one for name, one in wired.items() if not _concerns(problems, name)}
    problems += _held_by(base or {}, kept, written)
    document = _document(spec, power, expires, kept, written)
    for name, one in lent.items():
        if name in kept:
            document["resources"][name] |= canonical({"from": one.origin.as_data(), "lent": one.as_data()})
    _decide_apis(document, kept, (base or {}).get("resources", {}), served)
    return Revision(
        document=document,
        digest=digest(document),
        contracts={name: one.contract for name, one in kept.items()},
        order=order(dependencies({name: one.inputs for name, one in kept.items()})),
        problems=tuple(dict.fromkeys(problems)),
        left_out=tuple(name for name in written if name not in kept),
    )


def resolve_inputs(
    document: Mapping[str, Any],
    name: str,
    outputs: Mapping[str, Mapping[str, Any]],
    *,
    context: Mapping[str, Mapping[str, Any]] | None = None,
    pending: bool = False,
    schema: Schema | None = None,
) -> dict[str, Any]:
    """The inputs of resource ``name`` of a revision's ``document`` with references replaced by values.

    ``schema`` is the contract's for them: a number that is read where it asks for text becomes text.

    ``outputs`` are those published so far, by resource. ``context`` is what ``${environment.name}`` and its like
    read (``render.RenderContext.facts``). A secret becomes ``{"valueFrom": {"secretKeyRef": {"name", "key"}}}``.
    A value that is not there yet raises InvalidInput ``output-not-ready``, or stays as written with ``pending``.
    """
    facts = {"outputs": outputs, "context": context or {}}
    written, root = document["resources"][name]["inputs"], f"resources.{name}.inputs"

    def filled(text: str, path: str) -> Any:
        value = _filled(text, path, facts, pending)
        if schema is None or not isinstance(value, (int, float)):
            return value
        asked = at(schema, tuple(path[len(root) + 1 :].split(".")), written) or {}
        return _in_text(value) if asked.get("type") == "string" else value

    inputs: dict[str, Any] = transform(written, filled, root)
    return inputs


def parse_duration(text: str) -> timedelta:
    """``8h``, ``14d`` or ``4w`` as a time span; InvalidInput for anything else."""
    if not re.fullmatch(DURATION_PATTERN, text):
        raise InvalidInput(f"“{text[:40]}” is not a time span; write 8h, 14d or 4w.")
    return int(text[:-1]) * _UNITS[text[-1]]


def _written(spec: Any) -> Mapping[str, Any]:
    resources = spec.get("resources") if isinstance(spec, Mapping) else None
    return resources if isinstance(resources, Mapping) else {}


def _concerns(problems: list[FieldError], name: str) -> bool:
    path = f"spec.resources.{name}"
    return any(one.path == path or one.path.startswith(f"{path}.") for one in problems)


def _borrowed(
    name: str, resource: Mapping[str, Any], lend: LendSource | None, lent: dict[str, Lent]
) -> list[FieldError]:
    """What is wrong with an entry that names its giver; what is lent goes into ``lent``."""
    path = f"spec.resources.{name}"
    if problems := entry_problems(name, resource):
        return problems
    if lend is None:
        return [FieldError(f"{path}.from", "cannot be used here")]
    try:
        one = lend(Origin.of(resource["from"]), name)
    except UserFault as error:
        return [FieldError(f"{path}.from", f"{error.message} {error.remedy}".strip().rstrip("."))]
    capability = str(resource.get("capability") or one.contract.capability).partition("@")[0]
    if capability != one.contract.capability:
        return [FieldError(f"{path}.capability", f"is {one.contract.capability}: that is what {one.origin} is")]
    lent[name] = one
    return []


def _contract_of(
    name: str, resource: Mapping[str, Any], contracts: ContractSource
) -> tuple[list[FieldError], Contract | None]:
    capability, _, constraint = resource["capability"].partition("@")
    try:
        return [], contracts(capability, constraint)
    except UserFault as error:
        message = f"{error.message} {error.remedy}".strip()
        return [FieldError(f"spec.resources.{name}.capability", message.rstrip("."))], None


def _inputs_of(
    name: str, resource: Mapping[str, Any], contract: Contract
) -> tuple[Mapping[str, Any], list[FieldError]]:
    inputs = contract.with_defaults(resource.get("inputs") or {})
    return inputs, contract.validate_inputs(inputs, f"spec.resources.{name}.inputs")


def _held_by(base: Mapping[str, Any], kept: Mapping[str, Wired], written: Mapping[str, Any]) -> list[FieldError]:
    """What of ``base`` does not let its resources become what ``kept`` says."""
    found: list[FieldError] = []
    for name, before in base.get("resources", {}).items():
        one = kept.get(name)
        if one is None:
            continue
        path = f"spec.resources.{name}"
        if is_borrowed(before) != is_borrowed(written[name]):
            has = "another environment's" if is_borrowed(before) else "the environment's own"
            message = f"stays {has}; add what you want under another name and remove this one"
            found.append(FieldError(f"{path}.from", message))
        elif one.contract.capability != before["capability"]:
            message = f"stays {before['capability']}; add what you want under another name and remove this one"
            found.append(FieldError(f"{path}.capability", message))
        else:
            found += forbidden_changes(one.contract.inputs, before["inputs"], one.inputs, f"{path}.inputs")
    return found


def _document(
    spec: Any, power: str, expires: str | None, kept: Mapping[str, Wired], written: Mapping[str, Any]
) -> dict[str, Any]:
    resources = {
        name: {
            "capability": one.contract.capability,
            "contract": one.contract.version,
            "component": written[name].get("component"),
            "inputs": one.inputs,
        }
        for name, one in kept.items()
    }
    stage = spec.get("stage") if isinstance(spec, Mapping) and isinstance(spec.get("stage"), str) else ""
    document: dict[str, Any] = canonical({"stage": stage, "power": power, "expires": expires, "resources": resources})
    return document


def _decide_apis(
    document: Mapping[str, Any],
    kept: Mapping[str, Wired],
    before: Mapping[str, Any],
    served: ApiSource | None,
) -> None:
    """Write down which kinds each resource may make use of. What was decided holds while the resource stays as it is,
    so that sleeping or waking makes nothing new; a kind that the cluster has lost is given up at the next change.
    """
    for name, one in kept.items():
        if not one.contract.uses or served is None:
            continue
        wanted = document["resources"][name]
        had = before.get(name, {})
        same = all(had.get(key) == wanted[key] for key in ("capability", "contract", "component", "inputs"))
        possible = had.get("apis", ()) if same else one.contract.uses
        apis = sorted(set(possible) & set(served())) if possible else []
        if apis:
            wanted["apis"] = apis


def _filled(text: str, path: str, facts: Mapping[str, Any], pending: bool) -> Any:
    if "${" not in text:
        return text
    found, wrong = references(text, path)
    if wrong:
        raise InvalidInput(f"{wrong[0].path} {wrong[0].message}.", errors=wrong)
    if len(found) == 1 and found[0].alone:
        return _value(found[0], facts, pending)
    return "".join(part if isinstance(part, str) else _as_text(part, path, facts, pending) for part in parse(text))


def _as_text(part: Expression, path: str, facts: Mapping[str, Any], pending: bool) -> str:
    reference = parse_reference(part.source, path, alone=False)
    value = None if reference is None else _value(reference, facts, pending)
    if isinstance(value, (str, int, float)):
        return _in_text(value)
    message = f"${{{part.source}}} cannot stand inside a text"
    raise InvalidInput(f"{message}.", errors=[FieldError(path, message)])


def _in_text(value: str | int | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(reference: Reference, facts: Mapping[str, Any], pending: bool) -> Any:
    if not reference.resource:
        root, key = reference.steps
        return facts["context"][root][key] if key in facts["context"].get(root, {}) else str(reference)
    outputs = facts["outputs"].get(reference.resource, {})
    value: Any = outputs.get(reference.output)
    if isinstance(value, Mapping) and "secretRef" in value:
        return _secret_value(reference, value["secretRef"])
    for step in reference.steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    if value is None and not pending:
        raise InvalidInput(
            f"“{reference.resource}” has not published “{reference.output}” yet.",
            code="output-not-ready",
            errors=[FieldError(reference.path, f"waits for {reference}")],
        )
    return str(reference) if value is None else value


def _secret_value(reference: Reference, secret: Mapping[str, Any]) -> dict[str, Any]:
    if not reference.alone or len(reference.steps) != 1:
        raise InvalidInput(
            f"{reference} is a secret and cannot be text.",
            errors=[FieldError(reference.path, "a secret goes only where a contract takes one, as the whole value")],
        )
    return {"valueFrom": {"secretKeyRef": {"name": secret["name"], "key": reference.steps[0]}}}

"""Promotion: a set of resources that has proven itself in one environment becomes the target of another.

Called by the gate for ``promote``. What travels is the capability, the exact version, the component and every input
that its contract does not mark ``x-scope: environment``; those stay as the target has them. ``untested`` says whether
the mix that would run in the target has run Ready, together and for long enough, where it comes from. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idp.kernel.errors import FieldError
from provisioning.domain.graph import dependencies
from provisioning.domain.lending import is_borrowed
from provisioning.domain.schema import Schema
from provisioning.domain.targets import Contracts, Document, Target, missing, resource_spec, resources_of, spec_of

SCOPE = "x-scope"


@dataclass(frozen=True, slots=True)
class Seen:
    """A revision of the source that ran Ready for ``minutes`` without a break."""

    number: int
    document: Document
    minutes: float


def promoted(
    base: Document | None,
    source: Document,
    name: str,
    *,
    stage: str,
    resources: Collection[str] | None,
    spec: Mapping[str, Any],
    contracts: Contracts,
) -> Target:
    """``base`` (None: it does not exist yet) with ``resources`` as ``source`` has them; with all of them when None.

    A promotion of all removes what ``source`` does not have; one of a part leaves the rest as it is. ``spec`` may
    give inputs that belong to the environment, and the life of one that is made by this.
    """
    names = list(source["resources"]) if resources is None else [one for one in resources if one in source["resources"]]
    problems = missing(resources, source)
    if resources is not None and not resources:
        problems.append(FieldError("resources", f"Choose at least one resource of {name}."))
    held = base["resources"] if base else {}
    made = dict(spec_of(base)["resources"]) if base and resources is not None else {}
    given = resources_of(spec)
    for one in names:
        entry = source["resources"][one]
        if is_borrowed(entry) or is_borrowed(held.get(one, {})):
            # Where it comes from belongs to the environment; one that has it keeps it.
            made[one] = resource_spec(held.get(one, entry))
            continue
        schema = contracts(entry["capability"], entry["contract"]).inputs
        own, wrong = _own(one, given, schema, name) if given else ({}, [])
        problems += wrong
        inputs = _merged(entry["inputs"], _held(entry, held.get(one)), schema)
        made[one] = resource_spec(entry, inputs={**inputs, **own})
    problems += [
        FieldError(f"spec.resources.{one}", f"It is not among what is promoted from {name}; leave it out.")
        for one in given
        if one not in names
    ]
    problems += _lacking(names, source, made, name)
    power = base.get("power", "awake") if base else "awake"
    return Target({"stage": stage, "resources": made}, power, expires=spec.get("expires"), problems=tuple(problems))


def _held(entry: Mapping[str, Any], held: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The inputs of the target's resource of that name, if it is of the same capability."""
    return held["inputs"] if held and held["capability"] == entry["capability"] else {}


def _merged(travels: Mapping[str, Any], stays: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """Inputs of the source, but what is scoped to an environment as the target has it, or not at all."""
    properties = schema.get("properties") or {}
    made: dict[str, Any] = {}
    for key in [*travels, *(key for key in stays if key not in travels)]:
        child = properties.get(key, {})
        if child.get(SCOPE) == "environment":
            if key in stays:
                made[key] = stays[key]
        elif key in travels:
            value, other = travels[key], stays.get(key)
            nested = isinstance(value, Mapping) and child.get("properties")
            made[key] = _merged(value, other if isinstance(other, Mapping) else {}, child) if nested else value
    return made


def travelling(entry: Mapping[str, Any], schema: Schema) -> tuple[Any, ...]:
    """What of a resource goes along on promotion, to be compared."""
    if is_borrowed(entry):
        return entry["capability"], entry.get("component")
    return entry["capability"], entry["contract"], entry.get("component"), _merged(entry["inputs"], {}, schema)


def _own(one: str, given: Mapping[str, Any], schema: Schema, source: str) -> tuple[dict[str, Any], list[FieldError]]:
    """The inputs that were given for resource ``one``, and those among them that must travel."""
    asked = given.get(one)
    inputs = asked.get("inputs") if isinstance(asked, Mapping) else None
    if not isinstance(inputs, Mapping):
        return {}, []
    properties = schema.get("properties") or {}
    told = f"travels from {source} as it was tested; change it there first"
    wrong = [
        FieldError(f"spec.resources.{one}.inputs.{key}", told)
        for key in inputs
        if properties.get(key, {}).get(SCOPE) != "environment"
    ]
    return {key: value for key, value in inputs.items() if properties.get(key, {}).get(SCOPE) == "environment"}, wrong


def _lacking(names: Sequence[str], source: Document, made: Mapping[str, Any], where: str) -> list[FieldError]:
    """Resources that a part needs and that are neither in it nor in the target."""
    needs = dependencies({name: one["inputs"] for name, one in source["resources"].items()})
    return [
        FieldError("resources", f"“{name}” needs “{needed}”, which is not there yet; choose it too.")
        for name in names
        for needed in sorted(needs[name])
        if needed not in made
    ]


def untested(
    target: Document, names: Collection[str], seen: Sequence[Seen], *, source: str, soak: float, contracts: Contracts
) -> str:
    """Why the mix of ``target`` has not proven itself in ``source``; empty when it has for ``soak`` minutes.

    ``names`` are the resources that are promoted; of the others those count that ``source`` has too. ``seen`` is what
    ran there, newest first.
    """
    if not seen:
        return f"{source} has not been Ready yet."
    fitting = [one for one in seen if not _differs(target, names, one.document, contracts)]
    if any(one.minutes >= soak for one in fitting):
        return ""
    if fitting:
        longest = max(one.minutes for one in fitting)
        return f"This set has run Ready in {source} for {_minutes(longest)}; {_minutes(soak)} are asked for."
    differing = _differs(target, names, seen[0].document, contracts)
    if any(name in names for name in differing):
        return f"This set has not run Ready in {source}."
    shown = ", ".join(differing[:3])
    return f"What is promoted has never run in {source} together with {shown} as it is here; promote {shown} too."


def _differs(target: Document, names: Collection[str], ran: Document, contracts: Contracts) -> list[str]:
    """Resources of ``target`` that ran otherwise, or not at all though they are promoted."""
    found = []
    for name, one in target["resources"].items():
        other = ran["resources"].get(name)
        if other is None:
            if name in names:
                found.append(name)
            continue
        if (one["capability"], one["contract"]) != (other["capability"], other["contract"]):
            found.append(name)
            continue
        schema = contracts(one["capability"], one["contract"]).inputs
        if travelling(one, schema) != travelling(other, schema):
            found.append(name)
    return found


def _minutes(number: float) -> str:
    whole = int(number)
    if whole >= 120:
        return f"{whole // 60} hours"
    return "1 minute" if whole == 1 else f"{whole} minutes"

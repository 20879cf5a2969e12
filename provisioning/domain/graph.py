"""Which resource needs which, whether that goes in a circle, and whether each reference fits where it stands.

Called by ``revision`` and by runs (for the order of resources). Works on plain inputs and the contracts' schemas;
evaluates and renders nothing. Secrets are guarded here: a secret output may only go where a contract takes one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from idp.kernel.cel import did_you_mean
from idp.kernel.errors import FieldError
from provisioning.domain.contract import Contract
from provisioning.domain.references import Reference, references
from provisioning.domain.schema import Schema, at, fits, is_text_of, type_words

_TEXT: Schema = {"type": "string"}


@dataclass(frozen=True, slots=True)
class Wired:
    """A resource as the graph sees it: its contract, and its inputs with defaults and references as written."""

    contract: Contract
    inputs: Mapping[str, Any]


def dependencies(inputs_by_resource: Mapping[str, Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """Each resource to those whose outputs it reads; names that do not exist are left out."""
    needs: dict[str, frozenset[str]] = {}
    for name, inputs in inputs_by_resource.items():
        found, _ = references(inputs)
        needs[name] = frozenset(one.resource for one in found if one.resource in inputs_by_resource)
    return needs


def order(needs: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """All resources, each after those it needs, otherwise by name. What is in a circle comes last."""
    done: list[str] = []
    waiting = sorted(needs)
    while ready := [name for name in waiting if needs[name] <= {*done}]:
        done += ready
        waiting = [name for name in waiting if name not in ready]
    return (*done, *waiting)


def layers(needs: Mapping[str, frozenset[str]]) -> tuple[tuple[str, ...], ...]:
    """Resources in steps: all of one step can be made side by side. What is in a circle is left out."""
    steps: list[tuple[str, ...]] = []
    done: set[str] = set()
    while ready := tuple(name for name in sorted(needs) if name not in done and needs[name] <= done):
        steps.append(ready)
        done |= {*ready}
    return tuple(steps)


def circle(needs: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """The first circle by name, its first resource named again at the end; empty when there is none."""
    safe: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> tuple[str, ...]:
        if name in trail:
            return (*trail[trail.index(name) :], name)
        if name in safe:
            return ()
        for needed in sorted(needs.get(name, ())):
            if found := visit(needed, (*trail, name)):
                return found
        safe.add(name)
        return ()

    return next((found for name in sorted(needs) if (found := visit(name, ()))), ())


def check_references(
    resources: Mapping[str, Wired], *, named: frozenset[str] = frozenset(), path: str = "spec.resources"
) -> list[FieldError]:
    """Everything wrong with the references between ``resources``.

    ``named`` are resources that exist without being among them (their contract could not be found): a reference
    to one is not judged.
    """
    found: list[FieldError] = []
    for name, resource in resources.items():
        read, wrong = references(resource.inputs, f"{path}.{name}.inputs")
        found += wrong
        for one in read:
            steps = _steps_below(one.path, f"{path}.{name}.inputs")
            wanted = at(resource.contract.inputs, steps, resource.inputs)
            above = at(resource.contract.inputs, steps[:-1], resource.inputs) or {}
            if steps[-1] in ((above.get("if") or {}).get("properties") or {}):
                found.append(FieldError(one.path, "decides what else is asked for, so it must be written out"))
            elif wanted is not None:
                found += _judged(one, wanted, resources, named)
    needs = dependencies({name: resource.inputs for name, resource in resources.items()})
    if found_circle := circle(needs):
        shown = " → ".join(found_circle)
        found.append(FieldError(f"{path}.{found_circle[0]}.inputs", f"must not go in a circle: {shown}"))
    return found


def _steps_below(path: str, root: str) -> tuple[str, ...]:
    return tuple(path[len(root) + 1 :].split("."))


def _judged(
    one: Reference, wanted: Schema, resources: Mapping[str, Wired], named: frozenset[str]
) -> Iterator[FieldError]:
    if not one.resource:
        if one.alone and (reason := fits(_TEXT, wanted)) is not None:
            yield FieldError(one.path, f"{one} does not fit here: {reason}")
        return
    source = resources.get(one.resource)
    if source is None:
        if one.resource not in named:
            known = {*resources, *named}
            yield FieldError(one.path, f"there is no resource “{one.resource}”{did_you_mean(one.resource, known)}")
        return
    given = source.contract.outputs.get(one.output)
    if given is None:
        outputs = source.contract.outputs
        yield FieldError(one.path, f"“{one.resource}” has no output “{one.output}”{did_you_mean(one.output, outputs)}")
        return
    if source.contract.is_secret(one.output):
        yield from _secret(one, given, wanted)
    else:
        yield from _plain(one, given, wanted)


def _secret(one: Reference, given: Schema, wanted: Schema) -> Iterator[FieldError]:
    keys = given.get("properties") or {}
    if not one.alone:
        yield FieldError(one.path, f"{one} is a secret and cannot stand inside a longer text; make it the whole value")
    elif not wanted.get("x-secret"):
        yield FieldError(
            one.path, f"{one} is a secret and this is stored as plain text; use it where the contract takes a secret"
        )
    elif len(one.steps) != 1:
        example = next(iter(keys), "password")
        yield FieldError(one.path, f"must name one key of the secret, such as ${{{_base(one)}.{example}}}")
    elif keys and one.steps[0] not in keys:
        yield FieldError(one.path, f"“{_base(one)}” has no “{one.steps[0]}”{did_you_mean(one.steps[0], keys)}")


def _plain(one: Reference, given: Schema, wanted: Schema) -> Iterator[FieldError]:
    inner = at(given, one.steps)
    if inner is None:
        known = given.get("properties") or {}
        yield FieldError(one.path, f"“{_base(one)}” has no “{'.'.join(one.steps)}”{did_you_mean(one.steps[0], known)}")
    elif not one.alone and inner.get("type") in ("object", "array"):
        yield FieldError(one.path, f"{one} is {type_words(inner)} and cannot stand inside a text")
    elif is_text_of(inner, wanted):
        return
    elif one.alone and (reason := fits(inner, wanted)) is not None:
        yield FieldError(one.path, f"{one} does not fit here: {reason}")


def _base(one: Reference) -> str:
    return f"resources.{one.resource}.outputs.{one.output}"

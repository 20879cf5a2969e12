"""Whether a newer contract still makes the same objects, and whether it takes more: both rendered side by side.

Called by ``compatibility``. An object is the same by group, kind and name: another name means that the old one is
deleted and a new, empty one is made. Tried with the older contract's examples and with every recorded input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idp.kernel.errors import InvalidInput
from provisioning.domain.compatibility_examples import accepts, masked
from provisioning.domain.contract import Contract
from provisioning.domain.contract_checks import sample_context, sample_inputs
from provisioning.domain.finding import Finding
from provisioning.domain.plan import Footprint
from provisioning.domain.render import Rendered, render, usage_of

Identity = tuple[str, str, str]
"""API group (empty for the core), kind and name."""

_AMOUNTS = (
    ("cpu", "cpu", "CPU"),
    ("memory_gib", "memoryGiB", "GiB memory"),
    ("storage_gib", "storageGiB", "GiB storage"),
)


@dataclass(frozen=True, slots=True)
class _Tried:
    """One set of inputs: ``shown`` is how people would call it."""

    shown: str
    inputs: Mapping[str, Any]


def object_findings(old: Contract, new: Contract, recorded: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Objects that would be lost, each once; and inputs with which ``new`` makes nothing at all."""
    found: dict[tuple[str, str], Finding] = {}
    tried = _tries(old, recorded)
    for one in tried:
        before = _rendered(old, one.inputs)
        if isinstance(before, str) or not accepts(new, one.inputs):  # refused inputs are reported as such
            continue
        after = _rendered(new, one.inputs)
        example = masked(dict(one.inputs), old.inputs)
        if isinstance(after, str):
            message = f"Nothing can be made any more of {one.shown}: {after}"
            found.setdefault(("render", after), Finding("spec.objects", "not-rendered", message, example))
            continue
        kept = {identity_of(each) for each in after}
        for each in before:
            if identity_of(each) not in kept:
                finding = _lost(each, new, one, example)
                found.setdefault(("object", finding.path), finding)
    return [*found.values(), *_renamed(old, new, len(tried))]


def usage_notices(old: Contract, new: Contract, recorded: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """The largest growth of each amount, as notices that break nothing."""
    grown: dict[str, tuple[float, Finding]] = {}
    for one in _tries(old, recorded):
        before, after = _usage(old, one.inputs), _usage(new, one.inputs)
        if before is None or after is None:
            continue
        for attribute, key, words in _AMOUNTS:
            was, becomes = getattr(before, attribute), getattr(after, attribute)
            if becomes > was and becomes - was > grown.get(key, (0.0,))[0]:
                message = f"It takes {becomes:g} {words} instead of {was:g} for {one.shown}."
                example = masked(dict(one.inputs), old.inputs)
                finding = Finding(f"spec.usage.{key}", "usage-grows", message, example, breaking=False)
                grown[key] = (becomes - was, finding)
    return [finding for _, finding in grown.values()]


def identity_of(one: Rendered) -> Identity:
    """By what the cluster tells objects apart within a namespace."""
    group, slash, _ = one.manifest["apiVersion"].partition("/")
    return (group if slash else "", one.manifest["kind"], one.manifest["metadata"]["name"])


def _tries(old: Contract, recorded: Sequence[Mapping[str, Any]]) -> list[_Tried]:
    own = [_Tried(f"the example “{example.name}”", example.inputs) for example in old.examples]
    return [*own, *(_Tried("inputs in use", one) for one in recorded)]


def _filled(contract: Contract, inputs: Mapping[str, Any]) -> dict[str, Any]:
    return sample_inputs(contract, inputs)


def _rendered(contract: Contract, inputs: Mapping[str, Any]) -> tuple[Rendered, ...] | str:
    """What ``contract`` makes of ``inputs``, or why it cannot."""
    try:
        return render(contract, _filled(contract, inputs), sample_context(contract))
    except InvalidInput as error:
        return error.message


def _usage(contract: Contract, inputs: Mapping[str, Any]) -> Footprint | None:
    try:
        return usage_of(contract, _filled(contract, inputs), sample_context(contract))
    except InvalidInput:
        return None


def _lost(each: Rendered, new: Contract, one: _Tried, example: Mapping[str, Any]) -> Finding:
    kind, name = each.manifest["kind"], each.manifest["metadata"]["name"]
    template = each.id.split("-", 1)[0]
    path = f"spec.objects.{template}"
    data = " with its data" if kind in ("PersistentVolumeClaim", "StatefulSet") else ""
    message = f"{kind} {name} is made no longer for {one.shown}; it would be deleted{data}."
    return Finding(path, "object-lost", message, example)


def _renamed(old: Contract, new: Contract, tried: int) -> Iterator[Finding]:
    """A name that is written otherwise may differ for inputs that nobody tried."""
    after = {one.id: one for one in new.objects}
    for one in old.objects:
        other = after.get(one.id)
        if other is None:
            continue
        was, becomes = one.manifest["metadata"]["name"], other.manifest["metadata"]["name"]
        if was != becomes:
            path = f"spec.objects.{one.id}.manifest.metadata.name"
            message = f"The name is written “{becomes}” instead of “{was}”; tried with {tried} inputs."
            yield Finding(path, "name-rewritten", message, breaking=False)

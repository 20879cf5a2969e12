"""What a contract version would do to everything that lives: each resource rendered as it is and as it would be.

Called before a draft is published and before resources are moved to a version. Works on one resource at a time, so
that whoever calls can show progress, stop, or share the work; asks no cluster. Pure: what lives is an argument.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.compatibility_objects import Identity, identity_of
from provisioning.domain.contract import Contract
from provisioning.domain.frozen import frozen_among
from provisioning.domain.plan import Footprint, Prices
from provisioning.domain.render import Outputs, RenderContext, Rendered, render, usage_of
from provisioning.domain.upgrade import upgrade_inputs

Outcome = Literal["fails", "replaces", "restarts", "changed", "unchanged"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("fails", "replaces", "restarts", "changed", "unchanged")
"""From the worst to the best. ``replaces`` loses data, ``restarts`` starts pods anew."""

_HOLDS_DATA = frozenset({"PersistentVolumeClaim", "StatefulSet"})
_RUNS_PODS = frozenset({"Deployment", "StatefulSet", "Job"})


@dataclass(frozen=True, slots=True)
class Living:
    """One resource as it was agreed. ``inputs`` are resolved as far as outputs are known, with defaults."""

    team: str
    system: str
    environment: str
    stage: str
    name: str
    contract: Contract
    inputs: Mapping[str, Any]
    place: RenderContext
    outputs: Outputs = field(default_factory=dict)
    prices: Prices = field(default_factory=Prices)


@dataclass(frozen=True, slots=True)
class ObjectImpact:
    """``action`` is added, removed or updated; ``fields`` are the dotted paths that differ."""

    kind: str
    name: str
    action: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Impact:
    """``reason`` is one sentence for people; with ``fails`` the ``problems`` say what stands against it."""

    living: Living
    outcome: Outcome
    reason: str
    objects: tuple[ObjectImpact, ...] = ()
    problems: tuple[FieldError, ...] = ()
    usage_before: Footprint = field(default_factory=Footprint)
    usage_after: Footprint = field(default_factory=Footprint)

    @property
    def more_cost(self) -> float:
        """Per month; negative when it costs less."""
        prices = self.living.prices
        return round(prices.of(self.usage_after) - prices.of(self.usage_before), 2)


def strike(living: Iterable[Living], target: Contract) -> Iterator[Impact]:
    """The impact on each, one after the other, in the order given."""
    return (impact_on(one, target) for one in living)


def impact_on(living: Living, target: Contract) -> Impact:
    """What moving one resource to ``target`` does to it."""
    inputs, problems = _inputs_for(living, target)
    try:
        before = _made(living, living.contract, living.inputs)
        if problems:
            return _failing(living, before[1], "Its inputs do not fit", problems)
        after = _made(living, target, inputs)
    except InvalidInput as error:
        told = error.errors or [FieldError("", error.message.rstrip("."))]
        return Impact(living, "fails", f"It cannot be rendered: {error.message}", problems=tuple(told))
    objects = tuple(_differences(before[0], after[0]))
    outcome, reason = _judged(objects)
    return Impact(living, outcome, reason, objects, (), before[1], after[1])


def summary(impacts: Iterable[Impact]) -> dict[str, dict[str, dict[str, int]]]:
    """How many of each outcome, by team and ``system/environment``; what does not occur is left out."""
    counted: dict[str, dict[str, Counter[str]]] = {}
    for one in impacts:
        place = f"{one.living.system}/{one.living.environment}"
        counted.setdefault(one.living.team, {}).setdefault(place, Counter())[one.outcome] += 1
    return {
        team: {place: {key: found[key] for key in OUTCOMES if found[key]} for place, found in sorted(places.items())}
        for team, places in sorted(counted.items())
    }


def _inputs_for(living: Living, target: Contract) -> tuple[dict[str, Any], list[FieldError]]:
    """Inputs for ``target``: those it has, or for another major what the mapping makes of them."""
    if living.contract.semver.major != target.semver.major:
        place = living.place.of(living.name, target)
        return upgrade_inputs(living.inputs, target, old=living.contract, ctx=place)
    inputs = target.with_defaults(living.inputs)
    return inputs, target.validate_inputs(inputs)


def _made(living: Living, contract: Contract, inputs: Mapping[str, Any]) -> tuple[dict[Identity, Rendered], Footprint]:
    place = living.place.of(living.name, contract, living.place.resource.get("component"))
    made = render(contract, inputs, place, living.outputs)
    return {identity_of(one): one for one in made}, usage_of(contract, inputs, place)


def _failing(living: Living, usage: Footprint, why: str, problems: list[FieldError]) -> Impact:
    first = problems[0]
    reason = f"{why}: {first.path} {first.message}."
    return Impact(living, "fails", reason, problems=tuple(problems), usage_before=usage, usage_after=usage)


def _differences(before: Mapping[Identity, Rendered], after: Mapping[Identity, Rendered]) -> Iterator[ObjectImpact]:
    for key, one in after.items():
        if key not in before:
            yield ObjectImpact(key[1], key[2], "added")
        elif found := tuple(sorted(differing(before[key].manifest, one.manifest))):
            yield ObjectImpact(key[1], key[2], "updated", found)
    for key in before:
        if key not in after:
            yield ObjectImpact(key[1], key[2], "removed")


def differing(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Dotted paths at which two plain values differ; lists of the same length are compared item by item."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in {*before, *after}:
            yield from differing(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differing(one, other, f"{path}.{index}")
    elif before != after:
        yield path


def _judged(objects: tuple[ObjectImpact, ...]) -> tuple[Outcome, str]:
    """The worst that happens to any object, and why."""
    for one in objects:
        if one.action == "updated" and (stuck := frozen_among(one.kind, one.fields)):
            return "fails", f"{one.kind} {one.name} exists, and its {stuck[0]} cannot be changed."
    for one in objects:
        if one.action == "removed" and one.kind in _HOLDS_DATA:
            return "replaces", f"{one.kind} {one.name} is deleted with what it holds."
    for one in objects:
        if one.kind in _RUNS_PODS and (one.action != "updated" or _restarts(one)):
            words = {"added": "starts", "removed": "ends", "updated": "restarts its pods"}[one.action]
            return "restarts", f"{one.kind} {one.name} {words}."
    if not objects:
        return "unchanged", "Everything stays as it is."
    count = len(objects)
    return "changed", f"{count} object{'s' if count > 1 else ''} changed, no pod restarts."


def _restarts(one: ObjectImpact) -> bool:
    return any(path.startswith("spec.template.") for path in one.fields)

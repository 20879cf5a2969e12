"""What a contract version would do to everything that lives: each resource rendered as it is and as it would be.

Called before a draft is published and before resources are moved to a version. Works on one resource at a time, so
that whoever calls can show progress, stop, or share the work; asks no cluster. Pure: what lives is an argument.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain import object_effects
from provisioning.domain.compatibility_objects import Identity, identity_of
from provisioning.domain.contract import Contract
from provisioning.domain.driver import Manifest
from provisioning.domain.kubernetes_schema import validate_object
from provisioning.domain.object_differences import Line, Raw, differing, hidden_texts, told
from provisioning.domain.object_effects import OUTCOMES, Effect, Outcome
from provisioning.domain.plan import Footprint, Prices
from provisioning.domain.render import Outputs, RenderContext, Rendered, publish_outputs, render, usage_of
from provisioning.domain.upgrade import upgrade_inputs

RULES: Final = "2"
"""Raised when the same question would be judged otherwise, so that reports kept from before are not used."""

MOST_LINES: Final = 60
MOST_AMOUNT: Final = 1_000_000
"""Cores or GiB of one resource."""


@dataclass(frozen=True, slots=True)
class Read:
    """Another resource of the environment, ``resource``, reads ``output`` of this one."""

    resource: str
    output: str


@dataclass(frozen=True, slots=True)
class Living:
    """One resource as it was agreed. ``inputs`` are resolved as far as outputs are known, with defaults.

    ``served`` are custom kinds of its cluster: what another version would make use of, were it planned now.
    ``read_by`` says who in the environment reads which of its outputs. The ids are those of the rows it came from.
    """

    team: str
    system: str
    environment: str
    stage: str
    name: str
    contract: Contract
    inputs: Mapping[str, Any]
    place: RenderContext
    served: Collection[str] = ()
    outputs: Outputs = field(default_factory=dict)
    prices: Prices = field(default_factory=Prices)
    read_by: tuple[Read, ...] = ()
    team_id: int = 0
    system_id: int = 0
    environment_id: int = 0


@dataclass(frozen=True, slots=True)
class ObjectImpact:
    """``action`` is added, removed or updated. ``more`` is how many lines are not among ``lines``."""

    kind: str
    name: str
    action: str
    effect: Effect
    lines: tuple[Line, ...] = ()
    more: int = 0

    @property
    def fields(self) -> tuple[str, ...]:
        """The dotted paths that differ."""
        return tuple(one.path for one in self.lines)

    def as_dict(self) -> dict[str, Any]:
        lines = [{"path": one.path, "before": one.before, "after": one.after} for one in self.lines]
        return {
            "kind": self.kind,
            "name": self.name,
            "action": self.action,
            "outcome": self.effect.outcome,
            "reason": self.effect.reason,
            "lines": lines,
            "more": self.more,
        }


@dataclass(frozen=True, slots=True)
class Impact:
    """``reason`` is for people; with ``fails`` the ``problems`` say what stands against it."""

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

    @property
    def more_usage(self) -> Footprint:
        """What it takes on top; amounts below zero are freed."""
        was, becomes = self.usage_before, self.usage_after
        return Footprint(
            round(becomes.cpu - was.cpu, 3),
            round(becomes.memory_gib - was.memory_gib, 3),
            round(becomes.storage_gib - was.storage_gib, 3),
        )


def majors_reached(target: Contract) -> frozenset[int]:
    """The majors whose resources could become ``target``: its own, and the older ones that its mapping takes along."""
    return majors_taken(target.semver.major, target.upgrade)


def majors_taken(own: int, upgrade: Iterable[str]) -> frozenset[int]:
    """``own`` and the older ones among those that the mapping names."""
    return frozenset({own, *(int(major) for major in upgrade if major.isdigit() and int(major) < own)})


def strike(living: Iterable[Living], target: Contract) -> Iterator[Impact]:
    """The impact on each, one after the other, in the order given."""
    return (impact_on(one, target) for one in living)


def impact_on(living: Living, target: Contract) -> Impact:
    """What moving one resource to ``target`` does to it."""
    if living.contract.document == target.document:
        usage = usage_of(target, living.inputs, _place(living, target))
        return Impact(living, "unchanged", f"It is {target.version} already.", (), (), usage, usage)
    inputs, problems = _inputs_for(living, target)
    try:
        before, usage = _made(living, living.contract, living.inputs)
        problems = [*problems, *_lost_outputs(living, target)]
        if problems:
            return _failing(living, usage, problems)
        after, more_usage = _made(living, target, inputs)
        _require_countable(more_usage)
        moved = _moved_outputs(living, target, inputs)
    except InvalidInput as error:
        told_by = error.errors or (FieldError("", error.message.rstrip(".")),)
        return Impact(living, "fails", f"It cannot be rendered: {error.message}", problems=tuple(told_by))
    hidden = hidden_texts((living.inputs, living.contract.inputs), (inputs, target.inputs))
    objects = tuple(_differences(before, after, hidden))
    outcome, reason = _judged(objects, moved)
    usage_after = usage if outcome == "fails" else more_usage
    return Impact(living, outcome, reason, objects, tuple(_refused(objects)), usage, usage_after)


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
        return upgrade_inputs(living.inputs, target, old=living.contract, ctx=_place(living, target))
    inputs = target.with_defaults(living.inputs)
    return inputs, target.validate_inputs(inputs)


def _place(living: Living, contract: Contract) -> RenderContext:
    same = contract.reference == living.contract.reference
    apis = living.place.apis if same else living.served
    return living.place.of(living.name, contract, living.place.resource.get("component"), apis)


def _made(living: Living, contract: Contract, inputs: Mapping[str, Any]) -> tuple[dict[Identity, Rendered], Footprint]:
    place = _place(living, contract)
    made = render(contract, inputs, place, living.outputs)
    return {identity_of(one): one for one in made}, usage_of(contract, inputs, place)


def _require_countable(usage: Footprint) -> None:
    """InvalidInput for amounts beyond what a quota's ledger can hold."""
    for name, amount in usage.as_dict().items():
        if amount > MOST_AMOUNT:
            message = f"gives {amount:g}; at most {MOST_AMOUNT:,} can be counted"
            raise InvalidInput(f"usage.{name} {message}.", errors=[FieldError(f"usage.{name}", message)])


def _lost_outputs(living: Living, target: Contract) -> list[FieldError]:
    """What others in the environment read and ``target`` does not publish."""
    return [
        FieldError(f"outputs.{one.output}", f"is read by {one.resource}, and {target.version} does not publish it")
        for one in living.read_by
        if one.output not in target.publish
    ]


def _moved_outputs(living: Living, target: Contract, inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence for each value that others read and that becomes another one."""
    if not living.read_by:
        return ()
    before = living.outputs.get(living.name, {})
    after = publish_outputs(target, inputs, _place(living, target), resources=living.outputs)
    return tuple(
        f"{one.resource} reads its {one.output}, which changes."
        for one in living.read_by
        if one.output in before and one.output in after and before[one.output] != after[one.output]
    )


def _failing(living: Living, usage: Footprint, problems: list[FieldError]) -> Impact:
    first = problems[0]
    why = "What others read is gone" if first.path.startswith("outputs.") else "Its inputs do not fit"
    return Impact(
        living, "fails", f"{why}: {first.path} {first.message.rstrip('.')}.", (), tuple(problems), usage, usage
    )


def _differences(
    before: Mapping[Identity, Rendered], after: Mapping[Identity, Rendered], hidden: frozenset[str]
) -> Iterator[ObjectImpact]:
    for key, one in after.items():
        was = before.get(key)
        if was is None:
            effect = _unsound(one.manifest, {}) or object_effects.added(one.manifest)
            yield ObjectImpact(key[1], key[2], "added", effect)
        elif found := sorted(differing(was.manifest, one.manifest), key=itemgetter(0)):
            yield _updated(was.manifest, one.manifest, found, hidden)
    for key, one in before.items():
        if key not in after:
            yield ObjectImpact(key[1], key[2], "removed", object_effects.removed(one.manifest))


def _updated(before: Manifest, after: Manifest, found: Sequence[Raw], hidden: frozenset[str]) -> ObjectImpact:
    effect = object_effects.updated(before, after, [path for path, _, _ in found])
    if effect.outcome != "fails":
        effect = _unsound(after, before) or effect
    kind, name = after["kind"], after["metadata"]["name"]
    lines = tuple(told(path, *values, kind=kind, hidden=hidden) for path, *values in found[:MOST_LINES])
    return ObjectImpact(kind, name, "updated", effect, lines, max(0, len(found) - MOST_LINES))


def _unsound(after: Manifest, before: Manifest) -> Effect | None:
    """An object that an API server would refuse as it is, and did not refuse as it was.

    What kinds there are, the cluster decides: one that is not known here is no fault.
    """
    wrong = [one for one in validate_object(after) if one.path != "kind"]
    if not wrong or (before and validate_object(before)):
        return None
    message = f"{wrong[0].path} {wrong[0].message.rstrip('.')}"
    return Effect("fails", f"{after['kind']} {after['metadata']['name']} is not valid: {message}.")


def _refused(objects: Iterable[ObjectImpact]) -> Iterator[FieldError]:
    for one in objects:
        if one.effect.outcome == "fails":
            yield FieldError(f"objects.{one.kind}.{one.name}", one.effect.reason.rstrip("."))


def _judged(objects: tuple[ObjectImpact, ...], moved: tuple[str, ...]) -> tuple[Outcome, str]:
    """The worst that happens to any object, and why."""
    found = object_effects.worst(one.effect for one in objects)
    if found is None:
        return ("changed", " ".join(moved)) if moved else ("unchanged", "Everything stays as it is.")
    reason = found.reason
    if len(objects) > 1:
        others = len(objects) - 1
        reason += f" {others} more object{'s change' if others > 1 else ' changes'}."
    return found.outcome, " ".join((reason, *moved))

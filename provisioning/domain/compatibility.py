"""May this version follow that one? What a new contract version takes away, and what it makes grow, with examples.

Called by the service that publishes, and by whoever previews a draft. A minor or patch version accepts every input
that its predecessor accepted, keeps every output and keeps the objects that it makes; a new major says how the inputs
of the older one become its own. Pure: recorded inputs are arguments; nothing is rendered against a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from idp.kernel.canonical import canonical, digest
from idp.kernel.cel import CelError, compile
from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.compatibility_examples import broken_by, masked
from provisioning.domain.compatibility_objects import object_findings, usage_notices
from provisioning.domain.compatibility_schema import Narrowing, filling, narrowings, not_proven
from provisioning.domain.contract import Contract
from provisioning.domain.finding import Finding
from provisioning.domain.schema import Schema, type_words

Level = Literal["none", "patch", "minor", "major"]
_RANK: Mapping[str, int] = {"none": 0, "patch": 1, "minor": 2, "major": 3}
MOST_EXAMPLES = 10
"""Findings for which an example is looked for; each costs some dozens of validations."""
MOST_RENDERED = 200
"""Recorded inputs that are rendered by both versions, a few milliseconds each; every one of them is validated."""
MOST_REPLAYED = 20
"""Findings of the replay that are listed one by one; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Compatibility:
    """``level`` is the step that the difference needs, ``step`` the one that the versions make.

    ``allowed`` is whether the newer may be published as it is numbered. Findings that are not ``breaking`` only
    tell.
    """

    findings: tuple[Finding, ...]
    level: Level
    step: Level
    allowed: bool

    @property
    def breaking(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.breaking)


def compare(old: Contract, new: Contract, recorded_inputs: Iterable[Mapping[str, Any]] = ()) -> Compatibility:
    """What changes for those who use ``old`` when ``new`` takes its place.

    ``recorded_inputs`` are those of living resources of ``old``, with defaults, references as written.
    """
    recorded = _distinct(recorded_inputs)
    rendered = recorded[:: -(-len(recorded) // MOST_RENDERED) or 1]
    found = [
        *_input_findings(old, new),
        *_rule_findings(old, new),
        *_replayed(new, recorded),
        *_output_findings(old, new),
        *_requirement_findings(old, new),
        *object_findings(old, new, rendered),
        *usage_notices(old, new, rendered),
        *_sampled(len(rendered), len(recorded)),
    ]
    level = _level(old, new, found)
    step = version_step(old, new)
    if step == "major" and str(old.semver.major) not in new.upgrade:
        found.append(_without_upgrade(old, new))
        return Compatibility(tuple(found), level, step, allowed=False)
    if step == "patch" and level == "minor":
        found.append(_too_small_a_step(new))
    return Compatibility(tuple(found), level, step, allowed=_RANK[level] <= _RANK[step] and step != "none")


def version_step(old: Contract, new: Contract) -> Level:
    """Which part of the version is raised; ``none`` when ``new`` is not newer."""
    before, after = old.semver, new.semver
    if not before < after:
        return "none"
    if before.major != after.major:
        return "major"
    return "minor" if before.minor != after.minor else "patch"


def _sampled(rendered: int, recorded: int) -> Iterator[Finding]:
    if rendered < recorded:
        message = f"Objects were compared for {rendered} of {recorded} different inputs in use, spread evenly."
        yield Finding("spec.objects", "sampled", message, breaking=False)


def _distinct(recorded: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple({digest(canonical(one)): one for one in recorded}.values())


def _input_findings(old: Contract, new: Contract) -> Iterator[Finding]:
    found = narrowings(old.inputs, new.inputs, "spec.inputs") or not_proven(old.inputs, new.inputs, "spec.inputs")
    for number, one in enumerate(found):
        example = broken_by(one, old, new) if number < MOST_EXAMPLES else None
        yield Finding(one.path, one.rule, f"{one.message}.", example)


def _rule_findings(old: Contract, new: Contract) -> Iterator[Finding]:
    """Rules across inputs: an added one narrows; a kept one does too when what it reads is filled in otherwise."""
    known = {rule["rule"] for rule in old.inputs.get("x-rules", [])}
    for index, rule in enumerate(new.inputs.get("x-rules", [])):
        path = f"spec.inputs.x-rules.{index}"
        if rule["rule"] not in known:
            narrowing = Narrowing(path, (), "x-rules", "")
            message = f"The rule “{rule['rule']}” is new: inputs that break it were accepted."
            yield Finding(path, "x-rules", message, broken_by(narrowing, old, new))
        elif (name := _refilled(rule["rule"], old.inputs, new.inputs)) is not None:
            message = f"The rule “{rule['rule']}” reads “{name}”, whose type or default changed."
            yield Finding(path, "x-rules", message)


def _refilled(source: str, old: Schema, new: Schema) -> str | None:
    """The first input that a rule reads and that is filled in or converted otherwise than before."""
    before, after = old.get("properties") or {}, new.get("properties") or {}
    for _, *steps in compile(source).paths:
        for name in steps[:1] or sorted({*before, *after}):
            if filling(before.get(name)) != filling(after.get(name)):
                return name
    return None


def _replayed(new: Contract, recorded: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    refused = [(one, found[0]) for one in recorded if (found := _judged(new, one))]
    for inputs, wrong in refused[:MOST_REPLAYED]:
        name = wrong.path.removeprefix("inputs.").split(".")[0]
        shown = masked({key: value for key, value in inputs.items() if key == name}, new.inputs)
        message = f"An input in use is refused: {wrong.path} {wrong.message}."
        yield Finding(f"spec.inputs.properties.{name}", "replay", message, shown)
    if len(refused) > MOST_REPLAYED:
        message = f"{len(refused) - MOST_REPLAYED} more inputs in use are refused."
        yield Finding("spec.inputs", "replay", message)


def _judged(contract: Contract, inputs: Mapping[str, Any]) -> list[FieldError]:
    try:
        return contract.validate_inputs(contract.with_defaults(inputs))
    except CelError as error:
        return [FieldError("inputs", error.message.rstrip("."))]


def _output_findings(old: Contract, new: Contract) -> Iterator[Finding]:
    for name, before in old.outputs.items():
        path, after = f"spec.outputs.{name}", new.outputs.get(name)
        if after is None:
            yield Finding(path, "output-removed", f"The output “{name}” is gone; whoever refers to it breaks.")
        elif bool(before.get("secret")) != bool(after.get("secret")):
            was, becomes = ("secret", "plain") if before.get("secret") else ("plain", "secret")
            yield Finding(path, "output-secret", f"The output “{name}” was {was} and is now {becomes}.")
        elif before.get("type") != after.get("type"):
            words = f"was {type_words(before)} and is now {type_words(after)}"
            yield Finding(path, "output-type", f"The output “{name}” {words}.")
        else:
            yield from _output_keys(name, before, after, path)


def _output_keys(name: str, before: Schema, after: Schema, path: str) -> Iterator[Finding]:
    for key in before.get("properties") or {}:
        if key not in (after.get("properties") or {}):
            yield Finding(f"{path}.properties.{key}", "output-removed", f"The output “{name}” no longer has “{key}”.")
    # The other way round: whoever reads it must be able to rely on what it promised before.
    for one in narrowings(after, before, path):
        message = f"The output “{name}” promised more before: its “{one.rule}” is kept no longer."
        yield Finding(one.path, "output-wider", message)


def _requirement_findings(old: Contract, new: Contract) -> Iterator[Finding]:
    """Whoever has the older version may be on a cluster that lacks what the newer asks for."""
    for kind, before, after in (
        ("apis", old.requires.apis, new.requires.apis),
        ("features", old.requires.features, new.requires.features),
    ):
        for name in after:
            if name not in before:
                yield Finding(f"spec.requires.{kind}", "requires-more", f"It needs {name} of a cluster, and did not.")
    if new.requires.kubernetes and _minor(new.requires.kubernetes) > _minor(old.requires.kubernetes):
        message = f"It needs Kubernetes {new.requires.kubernetes}; {old.requires.kubernetes or 'any'} would do before."
        yield Finding("spec.requires.kubernetes", "requires-more", message)


def _minor(version: str) -> int:
    """The 29 of ``1.29``; 0 where no version is asked for."""
    return int(version.partition(".")[2] or 0)


def _level(old: Contract, new: Contract, found: Sequence[Finding]) -> Level:
    if any(one.breaking for one in found):
        return "major"
    before, after = old.document["spec"], new.document["spec"]
    if old.inputs != new.inputs or dict(old.outputs) != dict(new.outputs):
        return "minor" if _interface(old) != _interface(new) else "patch"
    same = all(before.get(key) == after.get(key) for key in {*before, *after} - {"state"})
    return "none" if same else "patch"


def _interface(contract: Contract) -> Any:
    """Inputs and outputs without the words for people."""
    return [_wordless(contract.inputs), {name: _wordless(one) for name, one in contract.outputs.items()}]


_WORDS = frozenset({"title", "description", "examples", "$comment", "x-message", "x-messages", "x-labels"})
_WORDS |= {"x-order", "x-group", "x-placeholder", "x-advanced", "x-unit"}


def _wordless(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    plain = {key: value for key, value in schema.items() if key not in _WORDS and key != "properties"}
    for keyword in ("items", "additionalProperties", "propertyNames"):
        if keyword in plain:
            plain[keyword] = _wordless(plain[keyword])
    if "properties" in schema:
        plain["properties"] = {key: _wordless(child) for key, child in schema["properties"].items()}
    return plain


def _without_upgrade(old: Contract, new: Contract) -> Finding:
    major = old.semver.major
    how = f"say under spec.upgrade.“{major}” how inputs of {major}.x become its own"
    message = f"{new.version} is a new major version: {how}."
    return Finding("spec.upgrade", "no-upgrade", message)


def _too_small_a_step(new: Contract) -> Finding:
    version = new.semver
    message = f"It adds to the interface, so it is no patch; publish it as {version.major}.{version.minor + 1}.0."
    return Finding("metadata.version", "version-step", message)


def require_compatible(old: Contract, new: Contract, found: Compatibility) -> None:
    """InvalidInput ``contract-incompatible`` with every finding when ``new`` may not follow ``old``."""
    if found.allowed:
        return
    steps = ("version-step", "no-upgrade")
    told = [one for one in found.breaking if found.step != "major" or one.rule in steps]
    raise InvalidInput(
        f"{new.reference} cannot follow {old.version}: {told[0].message if told else 'its version is not newer.'}",
        code="contract-incompatible",
        remedy=f"Mend what is listed, or publish it as {old.semver.major + 1}.0.0 with an upgrade mapping."
        if found.step != "major"
        else "Add the mapping and publish again.",
        errors=[FieldError(one.path, one.sentence) for one in told],
    )

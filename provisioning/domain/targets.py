"""What each kind of change makes of an environment: from an intent and documents to the state that is asked for.

Called by the gate for every kind but create, update and delete, whose targets are written by people or empty. The
answer is the ``spec`` of an Environment document with exact versions, so that all kinds are resolved, planned and
judged alike. Promotion has its own module. Pure: documents and contracts are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from idp.kernel.errors import FieldError, UserFault
from provisioning.domain.contract import Contract
from provisioning.domain.lending import is_borrowed
from provisioning.domain.render import RenderContext
from provisioning.domain.upgrade import upgrade_inputs
from provisioning.domain.version import is_exact, parse_version

Document = Mapping[str, Any]
Contracts = Callable[[str, str], Contract]
"""``(capability, version)`` to the published contract; raises a UserFault that says what there is instead."""

Places = Callable[[str, Contract], RenderContext]
"""Resource and its contract to the place where it runs, for mappings that read more than the inputs."""

POWERS: Final = ("awake", "asleep")


@dataclass(frozen=True, slots=True)
class Target:
    """The desired state that an intent asks for. With ``problems`` it must not be stored.

    ``expires`` is what is asked of its life, as people write it; None leaves it as it is. ``notes`` are sentences
    that whoever decides should read. ``untested`` says of a promotion why its set has not proven itself where it comes
    from; it is empty when it has.
    """

    spec: Mapping[str, Any]
    power: str = "awake"
    expires: object = None
    problems: tuple[FieldError, ...] = ()
    notes: tuple[str, ...] = ()
    untested: str = ""


def spec_of(document: Document) -> dict[str, Any]:
    """A revision's document as people write it, each resource at its exact version; without its expiry."""
    return {
        "stage": document["stage"],
        "resources": {name: resource_spec(one) for name, one in document["resources"].items()},
    }


def resource_spec(one: Mapping[str, Any], *, version: str = "", inputs: Mapping[str, Any] | None = None) -> Any:
    """One resource of a document as people write it, at ``version`` and with ``inputs`` where they are given; of a
    borrowed one where it comes from.
    """
    written: dict[str, Any] = {"capability": f"{one['capability']}@{version or one['contract']}"}
    if one.get("component"):
        written["component"] = one["component"]
    if is_borrowed(one):
        return {**written, "from": dict(one["from"])}
    written["inputs"] = one["inputs"] if inputs is None else inputs
    return written


def powered(base: Document, power: str) -> Target:
    """The same environment ``awake`` or ``asleep``."""
    if power == base.get("power", "awake"):
        return Target(spec_of(base), power, problems=(FieldError("kind", f"It is {power} already."),))
    return Target(spec_of(base), power)


def extended(base: Document, until: object) -> Target:
    """The same environment with another end; what may be asked is the stage's matter."""
    problems = () if until else (FieldError("until", "Write a span such as 14d, or a date such as 2030-01-31."),)
    return Target(spec_of(base), _power(base), expires=until, problems=problems)


def adopted(base: Document, patches: Mapping[str, Mapping[str, Any]]) -> Target:
    """The same environment, where each resource of ``patches`` has the inputs given there, as a whole."""
    unknown = [name for name in patches if name not in base["resources"]]
    spec = spec_of(base)
    for name, inputs in patches.items():
        if name not in unknown and not is_borrowed(base["resources"][name]):
            spec["resources"][name] = {**spec["resources"][name], "inputs": dict(inputs)}
    problems = tuple(FieldError(f"patches.{name}", _no_resource(name, base)) for name in unknown)
    if not patches:
        problems = (FieldError("patches", "Name at least one resource and its inputs."),)
    return Target(spec, _power(base), problems=problems)


def cloned(source: Document, name: str, spec: Mapping[str, Any]) -> Target:
    """A new environment with the resources of ``source`` (called ``name``); inputs in ``spec`` are laid over them.

    The clone is awake, whether its source sleeps or not.
    """
    made, problems = overridden(spec_of(source), spec, told=f"It is not among the resources of {name}")
    made["stage"] = spec.get("stage") or source["stage"]
    notes = (f"Secrets are made new. Data of {name} is not copied: every volume starts empty.",)
    return Target(made, expires=spec.get("expires"), problems=tuple(problems), notes=notes)


def overridden(made: dict[str, Any], spec: Mapping[str, Any], *, told: str) -> tuple[dict[str, Any], list[FieldError]]:
    """``made`` with the inputs of ``spec`` laid over, key by key; ``told`` is said of resources that it lacks."""
    problems = []
    resources = dict(made["resources"])
    for name, one in resources_of(spec).items():
        given = one.get("inputs") if isinstance(one, Mapping) else None
        if name not in resources:
            problems.append(FieldError(f"spec.resources.{name}", f"{told}; leave it out."))
        elif isinstance(given, Mapping) and is_borrowed(resources[name]):
            problems.append(FieldError(f"spec.resources.{name}.inputs", "It comes as its giver has made it."))
        elif isinstance(given, Mapping):
            resources[name] = {**resources[name], "inputs": {**resources[name]["inputs"], **given}}
    return {**made, "resources": resources}, problems


def rolled_back(base: Document, older: Document, number: int, state_of: Callable[[str, str], str]) -> Target:
    """The resources of revision ``number``, an ``older`` one, with the power and life of ``base``.

    ``state_of`` is the state of a published version. One that has become defective or retired since is a problem,
    unless ``base`` runs the resource on it already.
    """
    problems = []
    for name, one in older["resources"].items():
        capability, version = one["capability"], one["contract"]
        had = base["resources"].get(name, {})
        if (had.get("capability"), had.get("contract")) == (capability, version) or is_borrowed(one):
            continue
        state = state_of(capability, version)
        if state in ("defective", "retired"):
            told = f"r{number} runs it on {capability} {version}, which is {state} meanwhile. Choose another revision, "
            problems.append(FieldError(f"spec.resources.{name}.capability", f"{told}or edit the environment instead."))
    return Target({**spec_of(older), "stage": base["stage"]}, _power(base), problems=tuple(problems))


def upgraded(
    base: Document,
    capability: str,
    version: str,
    resources: Sequence[str] | None,
    *,
    contracts: Contracts,
    places: Places | None = None,
) -> Target:
    """``resources`` of ``capability`` moved to ``version``; all that run an older one when None are named.

    Within a major inputs stay; a newer major takes them over by its own mapping, and what does not map cleanly is a
    problem at its path. Going back is refused.
    """
    spec = spec_of(base)
    problems = [*_version_problems(base, capability, version, contracts)]
    if problems:
        return Target(spec, _power(base), problems=tuple(problems))
    names, problems = _chosen(base, capability, version, resources)
    new = contracts(capability, version)
    for name in names:
        one = base["resources"][name]
        inputs, wrong = _moved(name, one, new, contracts, places)
        problems += wrong
        spec["resources"][name] = resource_spec(one, version=version, inputs=inputs)
    return Target(spec, _power(base), problems=tuple(problems))


def _version_problems(base: Document, capability: str, version: str, contracts: Contracts) -> Iterator[FieldError]:
    own = [one for one in base["resources"].values() if not is_borrowed(one)]
    if not capability:
        yield FieldError("capability", "Name the capability whose resources should move.")
    elif not any(one["capability"] == capability for one in own):
        known = ", ".join(sorted({one["capability"] for one in own})) or "nothing"
        yield FieldError("capability", f"Nothing here is made by {capability or 'it'}; the environment has {known}.")
    elif not is_exact(version):
        yield FieldError("version", "Write one exact version, such as 1.2.0.")
    else:
        try:
            contracts(capability, version)
        except UserFault as error:
            yield FieldError("version", f"{error.message} {error.remedy}".strip())


def _chosen(
    base: Document, capability: str, version: str, resources: Sequence[str] | None
) -> tuple[list[str], list[FieldError]]:
    """The resources to move, and what keeps others from it."""
    wanted = parse_version(version)
    running = {
        name: one for name, one in base["resources"].items() if one["capability"] == capability and not is_borrowed(one)
    }
    newer = [name for name, one in running.items() if parse_version(one["contract"]) > wanted]
    if resources is None:
        older = [name for name, one in running.items() if parse_version(one["contract"]) < wanted]
        return older, [] if older or not newer else [_downgrade(base, newer[0], "version")]
    problems = []
    for name in resources:
        if name not in running:
            told = f"“{name}” is not a {capability} here; there {_are(sorted(running))}."
            problems.append(FieldError("resources", told))
        elif name in newer:
            problems.append(_downgrade(base, name, "resources"))
    return [name for name in dict.fromkeys(resources) if name in running and name not in newer], problems


def _downgrade(base: Document, name: str, path: str) -> FieldError:
    has = base["resources"][name]["contract"]
    return FieldError(path, f"“{name}” runs {has}, which is newer. To go back, roll back to a revision from before.")


def _moved(
    name: str, one: Mapping[str, Any], new: Contract, contracts: Contracts, places: Places | None
) -> tuple[Mapping[str, Any], list[FieldError]]:
    if parse_version(one["contract"]).major == new.semver.major:
        return one["inputs"], []
    old = contracts(one["capability"], one["contract"])
    place = places(name, new) if places else None
    inputs, found = upgrade_inputs(one["inputs"], new, old=old, ctx=place)
    path = f"spec.resources.{name}"
    return inputs, [
        FieldError(path if wrong.path == "upgrade" else f"{path}.{wrong.path}", wrong.message) for wrong in found
    ]


def missing(resources: Collection[str] | None, document: Document, path: str = "resources") -> list[FieldError]:
    """Names that ``document`` has no resource of."""
    return [
        FieldError(path, _no_resource(name, document)) for name in resources or () if name not in document["resources"]
    ]


def _no_resource(name: str, document: Document) -> str:
    return f"There is no resource “{name}”; there {_are(sorted(document['resources']))}."


def _are(names: Sequence[str]) -> str:
    return f"{'is' if len(names) == 1 else 'are'} {', '.join(names)}" if names else "is none"


def _power(document: Document) -> str:
    return str(document.get("power", "awake"))


def resources_of(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The resources that a spec names, as far as it is one."""
    found = spec.get("resources")
    return found if isinstance(found, Mapping) else {}

"""Fetches what each kind of change needs besides its base, and has the domain compute the target from it.

Called by the gate. One kind needs at most four queries more than an update; create and update need none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from idp.catalog.models import System
from idp.kernel.errors import FieldError
from provisioning.domain import promotion, targets
from provisioning.domain.contract import Contract
from provisioning.domain.promotion import Seen
from provisioning.domain.render import RenderContext
from provisioning.domain.targets import Target
from provisioning.models import Environment, Revision, Stage
from provisioning.selectors.contracts import ContractLookup, lookup_for
from provisioning.selectors.desired import place_of
from provisioning.selectors.hosts import hosts_wanted
from provisioning.selectors.proven import ran_ready
from provisioning.services.requests import ChangeRequest

NO_RESOURCES: Mapping[str, Any] = {"stage": "", "resources": {}}


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the target comes from: another ``environment`` (promote, copy) and the ``revision`` that is read."""

    environment: Environment | None = None
    revision: Revision | None = None
    problems: tuple[FieldError, ...] = ()


def sources_of(request: ChangeRequest, system: System, environment: Environment | None) -> Sources:
    """What ``request`` refers to; what is not there is a problem at the field that names it."""
    if request.kind == "rollback":
        return _older(request, environment)
    if request.kind == "promote" or (request.kind == "create" and request.source):
        return _elsewhere(request, system)
    return Sources()


def _older(request: ChangeRequest, environment: Environment | None) -> Sources:
    if environment is None:
        return Sources()
    if request.revision is None:
        return Sources(problems=(FieldError("revision", "Write the number of the revision to go back to."),))
    found = Revision.objects.filter(environment=environment, number=request.revision).first()
    if found is None:
        told = f"{environment.name} has no revision r{request.revision}."
        return Sources(problems=(FieldError("revision", told),))
    return Sources(revision=found)


def _elsewhere(request: ChangeRequest, system: System) -> Sources:
    path = "from"
    if request.source == request.environment:
        return Sources(problems=(FieldError(path, "Name another environment; this is the one that is asked for."),))
    rows = Environment.objects.select_related("stage", "desired", "observed")
    found = rows.filter(system=system, name=request.source, deleted_at=None).first()
    if found is None:
        told = f"{system.slug} has no environment “{request.source}”." if request.source else "Name an environment."
        return Sources(problems=(FieldError(path, told),))
    if request.revision is not None:
        revision = Revision.objects.filter(environment=found, number=request.revision).first()
        told = f"{found.name} has no revision r{request.revision}."
    else:
        revision = found.observed or (found.desired if request.kind == "create" else None)
        told = f"{found.name} has not been Ready yet; there is nothing to take."
    if revision is None:
        return Sources(found, problems=(FieldError("revision" if request.revision else path, told),))
    return Sources(found, revision)


def pinned(request: ChangeRequest, sources: Sources) -> ChangeRequest:
    """The request with the revision of its source written down, so that computing it again gives the same set."""
    if request.kind != "promote" or sources.revision is None:
        return request
    return replace(request, revision=sources.revision.number)


def lookup_of(request: ChangeRequest, base: Revision | None, sources: Sources) -> ContractLookup:
    """Contracts of everything that the kind's target may name; one query."""
    named = dict(targets.resources_of(request.spec or {}))
    if sources.revision is not None:
        named |= {f"{name}@": one for name, one in sources.revision.document["resources"].items()}
    return lookup_for({"resources": named}, base.document if base else None)


def target_of(
    request: ChangeRequest,
    *,
    system: System,
    stage: Stage,
    environment: Environment | None,
    base: Revision | None,
    sources: Sources,
    lookup: ContractLookup,
    now: datetime,
) -> Target:
    """What ``request`` asks for. What ``sources`` lacks has been said by them already."""
    asked = _asked(
        request,
        system=system,
        stage=stage,
        environment=environment,
        base=base,
        sources=sources,
        lookup=lookup,
        now=now,
    )
    if not stage.production or asked.problems or asked.expires in (None, "", "never"):
        return asked
    told = "Production never expires. Leave it out; whoever wants it gone deletes it."
    return replace(asked, expires=None, problems=(FieldError("spec.expires", told),))


def _asked(
    request: ChangeRequest,
    *,
    system: System,
    stage: Stage,
    environment: Environment | None,
    base: Revision | None,
    sources: Sources,
    lookup: ContractLookup,
    now: datetime,
) -> Target:
    before = base.document if base else NO_RESOURCES
    contracts = lookup.catalogue.contract
    match request.kind:
        case "sleep" | "wake":
            return targets.powered(before, "asleep" if request.kind == "sleep" else "awake")
        case "extend":
            return _extended(request, before, stage)
        case "adopt":
            return targets.adopted(before, request.patches or {})
        case "revert" | "move":
            return Target(targets.spec_of(before), before.get("power", "awake"))
        case "upgrade":
            places = _places(system, stage, environment, before)
            return targets.upgraded(
                before, request.capability, request.version, request.resources, contracts=contracts, places=places
            )
        case "rollback":
            return _rolled_back(before, sources, lookup)
        case "promote":
            return _promoted(request, base, stage, sources, lookup, now)
    if request.source:
        return _copied(request, system, stage, sources, lookup)
    spec = {"stage": stage.name, **(request.spec or {})}
    asked = spec.pop("expires", None)
    return Target(spec, before.get("power", "awake"), expires=asked)


def _extended(request: ChangeRequest, before: Mapping[str, Any], stage: Stage) -> Target:
    asked = targets.extended(before, request.until)
    if stage.production:
        return replace(asked, problems=(FieldError("until", "Production never expires; there is nothing to extend."),))
    if before.get("expires") is None:
        return replace(asked, problems=(FieldError("until", "It never goes away; there is nothing to extend."),))
    return asked


def _rolled_back(before: Mapping[str, Any], sources: Sources, lookup: ContractLookup) -> Target:
    older = sources.revision
    if older is None:
        return Target(targets.spec_of(before), before.get("power", "awake"))

    def state_of(capability: str, version: str) -> str:
        return lookup.catalogue.row(capability, version).state

    return targets.rolled_back(before, older.document, older.number, state_of)


def _copied(request: ChangeRequest, system: System, stage: Stage, sources: Sources, lookup: ContractLookup) -> Target:
    """The copy; a host that leads to its source cannot lead to both."""
    source, revision = sources.environment, sources.revision
    document = revision.document if revision else NO_RESOURCES
    target = targets.cloned(document, request.source, {"stage": stage.name, **(request.spec or {})})
    if source is None or revision is None or target.problems:
        return target
    there = hosts_wanted(document, system=system, stage=source.stage, name=source.name, catalogue=lookup.catalogue)
    taken = {host for hosts in there.values() for host in hosts}
    here = hosts_wanted(
        _document(target), system=system, stage=stage, name=request.environment, catalogue=lookup.catalogue
    )
    problems = [
        FieldError(_where(name, host, target), f"leads to {source.name} already; give the copy a host of its own")
        for name, hosts in here.items()
        for host in hosts
        if host in taken
    ]
    return replace(target, problems=tuple(problems))


def _where(name: str, value: str, target: Target) -> str:
    """The input of resource ``name`` that holds ``value``, else the resource."""
    inputs = target.spec["resources"][name]["inputs"]
    key = next((key for key, held in inputs.items() if held == value), None)
    return f"spec.resources.{name}" if key is None else f"spec.resources.{name}.inputs.{key}"


def _promoted(
    request: ChangeRequest,
    base: Revision | None,
    stage: Stage,
    sources: Sources,
    lookup: ContractLookup,
    now: datetime,
) -> Target:
    source, revision = sources.environment, sources.revision
    if source is None or revision is None:
        return Target({"stage": stage.name, "resources": {}})
    contracts = lookup.catalogue.contract
    target = promotion.promoted(
        base.document if base else None,
        revision.document,
        source.name,
        stage=stage.name,
        resources=request.resources,
        spec=request.spec or {},
        contracts=contracts,
    )
    seen = [Seen(number, document, minutes) for number, document, minutes in ran_ready(source, now)]
    return replace(
        target,
        untested=promotion.untested(
            _document(target),
            request.resources or tuple(revision.document["resources"]),
            seen,
            source=source.name,
            soak=stage.soak_minutes,
            contracts=contracts,
        ),
    )


def _document(target: Target) -> dict[str, Any]:
    """A target's resources in the form of a revision's; each names its exact version."""
    resources = {}
    for name, one in target.spec["resources"].items():
        capability, _, version = one["capability"].partition("@")
        resources[name] = {
            "capability": capability,
            "contract": version,
            "component": one.get("component"),
            "inputs": one["inputs"],
        }
    return {"resources": resources}


def _places(system: System, stage: Stage, environment: Environment | None, before: Mapping[str, Any]) -> targets.Places:
    assert environment is not None  # only a create is asked of nothing
    place = place_of(
        system=system,
        stage=stage,
        name=environment.name,
        namespace=environment.namespace,
        isolation=environment.isolation,
        power=before.get("power", "awake"),
        revision=0,
    )

    def of(name: str, contract: Contract) -> RenderContext:
        one = before["resources"][name]
        return place.of(name, contract, one.get("component"), one.get("apis", ()))

    return of

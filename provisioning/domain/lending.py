"""A resource of one environment that another one uses: what crosses, what is made for it, and what it publishes.

The giver allows it by a grant; the taker's document then has an entry that says where the resource comes ``from``.
Resolving writes down what is lent (``Lent``), so that what was shown and agreed to is what is carried out. Nothing of
the giver is made again: the taker gets copies of its Secrets and a way through both networks. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from idp.kernel.canonical import digest
from idp.kernel.cel import compiled
from idp.kernel.errors import FieldError
from provisioning.domain.availability import Requires
from provisioning.domain.contract import Contract
from provisioning.domain.driver import (
    ANNOTATION_COPY,
    ANNOTATION_LENDER,
    LABEL_ENVIRONMENT,
    LABEL_RESOURCE,
    LABEL_REVISION,
    LABEL_SYSTEM,
)
from provisioning.domain.isolation import LONGEST, prefixed
from provisioning.domain.render import RenderContext, Rendered, labels_of

NOTHING: Final[Mapping[str, Any]] = {"type": "object", "additionalProperties": False, "properties": {}}
"""The inputs of a borrowed resource: its giver decides them."""
_NETWORK: Final = "networking.k8s.io/v1"


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """The resource of another environment that an entry names."""

    system: str
    environment: str
    resource: str

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Origin:
        return cls(str(written["system"]), str(written["environment"]), str(written["resource"]))

    @property
    def place(self) -> str:
        return f"{self.system}/{self.environment}"

    def __str__(self) -> str:
        return f"{self.resource} of {self.place}"

    def as_data(self) -> dict[str, str]:
        return {"system": self.system, "environment": self.environment, "resource": self.resource}


@dataclass(frozen=True, slots=True)
class Lent:
    """What a giver lends at this moment. ``name`` is the resource's in its ``namespace``, ``outputs`` are plain,
    ``secrets`` name the giver's Secret by output. ``reached``: it has pods, so that the networks must let through, to
    the ``ports`` of these alone where they are known.
    """

    origin: Origin
    contract: Contract = field(repr=False)
    namespace: str
    name: str
    outputs: Mapping[str, Any]
    secrets: Mapping[str, str]
    reached: bool
    ports: Sequence[Mapping[str, Any]] = ()

    def as_data(self) -> dict[str, Any]:
        """As a revision's document keeps it; it holds no secret."""
        known = {"ports": [dict(one) for one in self.ports]} if self.ports else {}
        return {
            "namespace": self.namespace,
            "name": self.name,
            "outputs": dict(self.outputs),
            "secrets": dict(self.secrets),
            "reached": self.reached,
            **known,
        }


LendSource = Callable[[Origin, str], Lent]
"""What is lent by ``(origin, name of the taker's resource)``; raises a UserFault that says why nothing is."""


def is_borrowed(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of a document, or of a spec, says that the resource is another environment's."""
    return isinstance(entry.get("from"), Mapping)


def borrowed(document: Mapping[str, Any] | None) -> dict[str, Origin]:
    """The borrowed resources of a revision's document by name."""
    resources = (document or {}).get("resources", {})
    return {name: Origin.of(one["from"]) for name, one in resources.items() if is_borrowed(one)}


def crossing(contract: Contract) -> tuple[str, ...]:
    """Outputs that mean the same in another namespace, in the contract's order.

    What is made of the resource's name and not of its namespace, or read off an object's metadata, is the name of
    something inside: a volume claim, a Service for a route. A secret crosses, as its Secret is copied.
    """
    return tuple(name for name in contract.publish if contract.is_secret(name) or not _is_local(contract, name))


def lending_problem(contract: Contract) -> str:
    """Why nothing made by ``contract`` can be lent; empty when it can."""
    if crossing(contract):
        return ""
    told = "what it publishes are names inside of its namespace" if contract.publish else "it publishes nothing"
    return f"A {contract.capability} cannot be shared: {told}, which lead nowhere in another one."


def lent_of(
    contract: Contract,
    origin: Origin,
    *,
    namespace: str,
    name: str,
    outputs: Mapping[str, Any],
    made: Iterable[Mapping[str, Any]] = (),
) -> Lent | None:
    """What is lent of a resource that has published ``outputs``; None as long as one is missing that crosses.

    ``made``: the manifests of the resource, whose Services say which ports its pods listen on.
    """
    names = crossing(contract)
    if any(one not in outputs for one in names):
        return None
    secrets = {one: str(outputs[one]["secretRef"]["name"]) for one in names if contract.is_secret(one)}
    plain = {one: outputs[one] for one in names if one not in secrets}
    reached = any(("environment", "namespace") in _read(contract, one) for one in plain)
    ports = pod_ports(made, plain) if reached else ()
    return Lent(origin, contract, namespace, name, plain, secrets, reached, ports)


def pod_ports(made: Iterable[Mapping[str, Any]], outputs: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The ports of pods behind the Services among ``made``, as a network policy names them.

    Where an operator makes the Service, the output ``port``; nothing where there is none either.
    """
    services = [one for one in made if (one.get("apiVersion"), one.get("kind")) == ("v1", "Service")]
    written = [port for one in services for port in one.get("spec", {}).get("ports") or ()]
    if not written and isinstance(outputs.get("port"), int):
        written = [{"port": outputs["port"]}]
    found = {(one.get("protocol", "TCP"), one.get("targetPort") or one.get("port")) for one in written}
    if any(not isinstance(port, (int, str)) or "${" in str(port) for _, port in found):
        return ()
    return tuple({"protocol": protocol, "port": port} for protocol, port in sorted(found, key=str))


def borrowed_contract(contract: Contract) -> Contract:
    """The contract as a borrower sees it: the outputs that cross, and nothing to ask for, to make or to pay."""
    names = crossing(contract)
    return replace(
        contract,
        inputs=NOTHING,
        outputs={name: schema for name, schema in contract.outputs.items() if name in names},
        objects=(),
        publish={name: contract.publish[name] for name in names},
        usage={},
        upgrade={},
        examples=(),
        requires=Requires(),
        uses=(),
    )


def borrowed_outputs(entry: Mapping[str, Any], ctx: RenderContext) -> dict[str, Any]:
    """What the borrowed resource publishes to the taker's others; a secret is a reference to its copy."""
    lent = entry["lent"]
    copies = {name: {"secretRef": {"name": _copy_name(ctx, name)}} for name in lent["secrets"]}
    return {**lent["outputs"], **copies}


def borrowed_objects(entry: Mapping[str, Any], ctx: RenderContext) -> tuple[Rendered, ...]:
    """Copies of the Secrets in the taker's namespace, and a way out of it and into the giver's, to this resource."""
    return tuple(_objects(entry["lent"], Origin.of(entry["from"]), ctx))


def stages_problem(*, giver_production: bool, taker_production: bool, beyond: bool) -> str:
    """Why a resource may not be used at the taker's stage; empty when it may. ``beyond``: the grant says that what is
    production may be used outside of it. Production never hangs on what is none.
    """
    if taker_production and not giver_production:
        return "is not in production, and production uses only what is"
    if giver_production and not taker_production and not beyond:
        return "is in production, and its grant does not say that others than production may use it"
    return ""


def lenders_by_step(start: Collection[int], lenders: Callable[[Collection[int]], Iterable[int]]) -> list[set[int]]:
    """``start``, then those of whom these use something, and so on, each environment once. ``lenders`` is asked once
    for each step.
    """
    steps = [set(start)]
    known = set(start)
    while found := set(lenders(sorted(steps[-1]))) - known:
        steps.append(found)
        known |= found
    return steps


def circle_problem(giver: str, taker: str, taker_id: int, steps: Sequence[Collection[int]]) -> str:
    """Why ``taker`` may not use what ``giver`` has, from whom ``steps`` lead on; empty when they lead not back to it.

    Who lends in between is not named, as not everybody sees them.
    """
    far = next((number for number, step in enumerate(steps) if taker_id in step), 0)
    if not far:
        return ""
    if far == 1:
        return f"{giver} uses something of {taker} already; two cannot hang on each other."
    told = f"{giver} hangs on {taker} already, through {far - 1} that lend{'s' if far == 2 else ''} in between"
    return f"{told}; environments cannot hang on each other in a circle."


def changed_for_takers(before: Mapping[str, Any], after: Mapping[str, Any], contract: Contract) -> tuple[str, ...]:
    """Outputs that takers have and that would become others: ``before`` and ``after`` are what is published."""
    return tuple(name for name in crossing(contract) if before.get(name) != after.get(name))


def entry_problems(name: str, written: Mapping[str, Any]) -> list[FieldError]:
    """What cannot stand beside ``from``."""
    path = f"spec.resources.{name}.inputs"
    told = "must be left out: it comes as its giver has made it"
    return [FieldError(path, told)] if written.get("inputs") else []


def _objects(lent: Mapping[str, Any], origin: Origin, ctx: RenderContext) -> Iterator[Rendered]:
    for output, secret in lent["secrets"].items():
        yield Rendered(f"copy-{_slug(output)}", _copy(lent["namespace"], secret, output, origin, ctx))
    if lent["reached"]:
        yield Rendered("way-out", _way_out(lent, origin, ctx))
        yield Rendered("way-in", _way_in(lent, origin, ctx))


def _copy(namespace: str, secret: str, output: str, origin: Origin, ctx: RenderContext) -> dict[str, Any]:
    """Without data: the driver puts in what it reads of the source, and nobody else ever sees it."""
    metadata = _metadata(_copy_name(ctx, output), ctx.environment["namespace"], ctx)
    metadata["annotations"] = {ANNOTATION_COPY: f"{namespace}/{secret}", ANNOTATION_LENDER: origin.place}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque"}


def _way_out(lent: Mapping[str, Any], origin: Origin, ctx: RenderContext) -> dict[str, Any]:
    name = prefixed("", f"{ctx.resource['name']}-lent", longest=LONGEST)
    metadata = _metadata(name, ctx.environment["namespace"], ctx)
    spec = {
        "podSelector": {"matchLabels": _of_taker(ctx)},
        "policyTypes": ["Egress"],
        "egress": [
            {
                "to": [{**_in(lent["namespace"]), "podSelector": {"matchLabels": _of_giver(lent, origin)}}],
                **_ports(lent),
            }
        ],
    }
    return {"apiVersion": _NETWORK, "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _way_in(lent: Mapping[str, Any], origin: Origin, ctx: RenderContext) -> dict[str, Any]:
    """In the giver's namespace, and yet the taker's: it goes with the taker's resource. Its name tells takers apart,
    and the places of one that moves, so that what is left behind is not what the new place needs.
    """
    taker = ctx.environment["namespace"]
    mark = digest([taker, *_of_taker(ctx).values(), ctx.resource["name"]])[:8]
    metadata = _metadata(f"{lent['name'][:46].rstrip('-.')}-lent-{mark}", lent["namespace"], ctx)
    spec = {
        "podSelector": {"matchLabels": _of_giver(lent, origin)},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{**_in(taker), "podSelector": {"matchLabels": _of_taker(ctx)}}], **_ports(lent)}],
    }
    return {"apiVersion": _NETWORK, "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _ports(lent: Mapping[str, Any]) -> dict[str, Any]:
    """Empty where they are not known: then all are let through, to the pods of this resource alone."""
    return {"ports": [dict(one) for one in lent["ports"]]} if lent.get("ports") else {}


def _metadata(name: str, namespace: str, ctx: RenderContext) -> dict[str, Any]:
    labels = {**labels_of(ctx), LABEL_REVISION: str(ctx.revision)}
    return {"name": name, "namespace": namespace, "labels": labels}


def _in(namespace: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}


def _of_taker(ctx: RenderContext) -> dict[str, str]:
    return {LABEL_SYSTEM: ctx.system["name"], LABEL_ENVIRONMENT: ctx.environment["name"]}


def _of_giver(lent: Mapping[str, Any], origin: Origin) -> dict[str, str]:
    return {
        LABEL_SYSTEM: origin.system,
        LABEL_ENVIRONMENT: origin.environment,
        LABEL_RESOURCE: lent["name"],
    }


def _copy_name(ctx: RenderContext, output: str) -> str:
    return prefixed(f"{ctx.resource['name']}-", _slug(output), longest=LONGEST)


def _slug(output: str) -> str:
    """An output's name as part of an object's: ``readOnly_key`` as ``read-only-key``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", output).replace("_", "-").lower().strip("-")


def _is_local(contract: Contract, output: str) -> bool:
    read = _read(contract, output)
    if ("environment", "namespace") in read:
        return False
    named = any(path[:2] == ("resource", "name") for path in read)
    return named or any(path[:1] == ("objects",) and "metadata" in path for path in read)


def _read(contract: Contract, output: str) -> set[tuple[str, ...]]:
    """What the value of ``output`` is made of."""
    programs = compiled(contract.publish[output], path=f"spec.publish.{output}")
    return {tuple(path) for _, program in programs for path in program.paths}

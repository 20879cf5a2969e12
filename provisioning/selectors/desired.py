"""A revision's document brought to life: contracts, graph, objects, outputs and footprint of each resource.

Loads rows in a fixed number of queries and decides nothing; planning and running both look at the desired state
through this, so that what was shown is what is applied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from idp.catalog.models import Component, System
from idp.kernel.errors import InvalidInput
from provisioning.domain.contract import Contract
from provisioning.domain.driver import Manifest, ObjectRef, Observed, Scope
from provisioning.domain.graph import dependencies, order
from provisioning.domain.guardrails import GuardrailSettings, guardrails, own_guardrails
from provisioning.domain.isolation import NAMESPACE, prefix_of
from provisioning.domain.lending import Origin, borrowed_contract, borrowed_objects, borrowed_outputs, is_borrowed
from provisioning.domain.plan import Footprint, ResourceSide, Side
from provisioning.domain.readiness import Readiness, readiness
from provisioning.domain.render import (
    RenderContext,
    Rendered,
    is_ready,
    publish_outputs,
    render,
    usage_of,
)
from provisioning.domain.revision import resolve_inputs
from provisioning.models import Environment, Stage
from provisioning.selectors.capabilities import Catalogue


class Desired:
    """One desired state in one place. ``order`` puts each resource after those it needs."""

    def __init__(
        self,
        document: Mapping[str, Any],
        context: RenderContext,
        *,
        production: bool,
        catalogue: Catalogue | None = None,
    ) -> None:
        self.document = document
        self._context = context
        self._production = production
        self._wanted: Mapping[str, Any] = document["resources"]
        self._catalogue = catalogue or Catalogue(one["capability"] for one in self._wanted.values())
        self._needs = dependencies({name: one["inputs"] for name, one in self._wanted.items()})
        self.order: tuple[str, ...] = order(self._needs)
        self._footprints: dict[str, Footprint] = {}
        self._expected: dict[str, tuple[Rendered, ...]] = {}

    def with_inputs(self, name: str, inputs: Mapping[str, Any]) -> Desired:
        """The same with other inputs for ``name``, to see what would be made of them."""
        resources = {**self._wanted, name: {**self._wanted[name], "inputs": inputs}}
        document = {**self.document, "resources": resources}
        return Desired(document, self._context, production=self._production, catalogue=self._catalogue)

    @property
    def names(self) -> Sequence[str]:
        return self.order

    @property
    def power(self) -> str:
        """``awake`` or ``asleep``."""
        return str(self.document.get("power", "awake"))

    def needs(self, name: str) -> frozenset[str]:
        return self._needs[name]

    def contract(self, name: str) -> Contract:
        """Its contract; of a borrowed one what its giver's leaves to a borrower."""
        wanted = self._wanted[name]
        found = self._catalogue.contract(wanted["capability"], wanted["contract"])
        return borrowed_contract(found) if is_borrowed(wanted) else found

    def is_borrowed(self, name: str) -> bool:
        return is_borrowed(self._wanted[name])

    def origin(self, name: str) -> Origin | None:
        """Whose it is; None when it is the environment's own."""
        wanted = self._wanted[name]
        return Origin.of(wanted["from"]) if is_borrowed(wanted) else None

    def contract_id(self, name: str) -> int:
        wanted = self._wanted[name]
        return self._catalogue.row(wanted["capability"], wanted["contract"]).pk

    def contract_state(self, name: str) -> str:
        wanted = self._wanted[name]
        return self._catalogue.row(wanted["capability"], wanted["contract"]).state

    def capability(self, name: str) -> str:
        return str(self._wanted[name]["capability"])

    def version(self, name: str) -> str:
        return str(self._wanted[name]["contract"])

    def component(self, name: str) -> str | None:
        found: str | None = self._wanted[name].get("component")
        return found

    def apis(self, name: str) -> Sequence[str]:
        """Kinds that the cluster served when it was decided what ``name`` makes of them."""
        found: Sequence[str] = self._wanted[name].get("apis", ())
        return found

    @cached_property
    def _component_ids(self) -> dict[str, int]:
        slugs = [one["component"] for one in self._wanted.values() if one.get("component")]
        return dict(Component.objects.filter(slug__in=slugs).values_list("slug", "pk")) if slugs else {}

    def component_id(self, name: str) -> int | None:
        return self._component_ids.get(self.component(name) or "")

    def inputs(self, name: str) -> Mapping[str, Any]:
        """As written, with defaults; references are still text."""
        inputs: Mapping[str, Any] = self._wanted[name]["inputs"]
        return inputs

    def lent(self, name: str) -> Mapping[str, Any]:
        """Of a borrowed resource where it comes from and what its giver publishes, as a plan shows it."""
        wanted = self._wanted[name]
        return {"from": wanted["from"], "outputs": wanted["lent"]["outputs"], "secrets": wanted["lent"]["secrets"]}

    def is_secret(self, name: str, output: str) -> bool:
        return self.contract(name).is_secret(output)

    def promised_outputs(self, name: str) -> Sequence[str]:
        return list(self.contract(name).publish)

    def _place(self, name: str) -> RenderContext:
        return self._context.of(name, self.contract(name), self.component(name), self.apis(name))

    def _resolved(
        self, name: str, outputs: Mapping[str, Mapping[str, Any]], place: RenderContext, *, pending: bool = False
    ) -> dict[str, Any]:
        asked = self.contract(name).inputs
        return resolve_inputs(self.document, name, outputs, context=place.facts, pending=pending, schema=asked)

    def footprint(self, name: str) -> Footprint:
        if name not in self._footprints:
            place = self._place(name)
            inputs = self._resolved(name, self.expected_outputs, place, pending=True)
            self._footprints[name] = usage_of(self.contract(name), inputs, place)
        return self._footprints[name]

    @cached_property
    def expected_outputs(self) -> dict[str, dict[str, Any]]:
        """What each resource will publish, as far as that is known before anything is applied."""
        outputs: dict[str, dict[str, Any]] = {}
        for name in self.order:
            place = self._place(name)
            if self.is_borrowed(name):
                outputs[name] = borrowed_outputs(self._wanted[name], place)
                continue
            inputs = self._resolved(name, outputs, place, pending=True)
            try:
                outputs[name] = publish_outputs(self.contract(name), inputs, place, resources=outputs)
            except InvalidInput:  # of an invalid document; who asks for its objects is told
                outputs[name] = {}
        return outputs

    def render(self, name: str, outputs: Mapping[str, Mapping[str, Any]]) -> tuple[Rendered, ...]:
        """The objects of ``name`` given what the others have published; InvalidInput when something is missing."""
        place = self._place(name)
        if self.is_borrowed(name):
            return borrowed_objects(self._wanted[name], place)
        inputs = self._resolved(name, outputs, place)
        return render(self.contract(name), inputs, place, outputs)

    def render_expected(self, name: str) -> tuple[Rendered, ...]:
        """The objects of ``name`` before anything is applied: references that are not known yet stay as text.

        Rendered once, so not to be changed.
        """
        if name not in self._expected and self.is_borrowed(name):
            self._expected[name] = borrowed_objects(self._wanted[name], self._place(name))
        if name not in self._expected:
            place = self._place(name)
            inputs = self._resolved(name, self.expected_outputs, place, pending=True)
            self._expected[name] = render(self.contract(name), inputs, place, self.expected_outputs)
        return self._expected[name]

    def refs(self, name: str) -> list[ObjectRef]:
        return [ObjectRef.of(one.manifest) for one in self.render_expected(name)]

    def readiness(self, one: Rendered, seen: Observed) -> Readiness:
        """By the contract's own expression where it has one and the object does not fail by the general rules."""
        general = readiness(seen.manifest)
        if not one.ready_when or seen.manifest is None or general.state in ("failed", "terminating"):
            return general
        ready, why = is_ready(one.ready_when, seen.manifest)
        return Readiness("current", "ready", "Ready") if ready else Readiness("in-progress", "not-ready", why)

    def publish(
        self, name: str, observed: Mapping[str, Observed], outputs: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Outputs of ``name`` from its inputs and its live objects."""
        place = self._place(name)
        if self.is_borrowed(name):
            return borrowed_outputs(self._wanted[name], place)
        inputs = self._resolved(name, outputs, place)
        live = {key: seen.manifest for key, seen in observed.items()}
        return publish_outputs(self.contract(name), inputs, place, live, outputs)

    def total(self) -> Footprint:
        return sum((self.footprint(name) for name in self.order), Footprint())

    def _has_ingress(self, name: str) -> bool:
        return any(one.manifest["kind"] == "Ingress" for one in self.contract(name).objects)

    def guardrails(self, previous: Footprint | None = None) -> list[Manifest]:
        """Namespace, quota, limits, network policies and role binding of the environment; where it shares a namespace,
        only what in there is its own.

        ``previous`` is the footprint of the revision before: while one replaces the other, both must find room.
        """
        return self._guardrails(any(self._has_ingress(name) for name in self.order), previous)

    def spare_guardrails(self) -> list[ObjectRef]:
        """What guardrails of a revision before may have been, and none is now: the way in for routes."""
        wanted = {ObjectRef.of(one) for one in self.guardrails()}
        return [ref for one in self._guardrails(True) if (ref := ObjectRef.of(one)) not in wanted]

    def _guardrails(self, has_route: bool, previous: Footprint | None = None) -> list[Manifest]:
        place = self._context
        common: dict[str, Any] = {
            "namespace": place.environment["namespace"],
            "scope": Scope(place.system["name"], place.environment["name"]),
            "team": place.team["slug"],
            "revision": place.revision,
            "has_route": has_route,
            "settings": GuardrailSettings(team_role="view" if self._production else "edit"),
        }
        if place.prefix:
            return own_guardrails(**common, prefix=place.prefix)
        return guardrails(**common, usage=self.total(), previous=previous)


def place_of(
    *,
    system: System,
    stage: Stage,
    name: str,
    namespace: str,
    power: str,
    revision: int,
    isolation: str = NAMESPACE,
) -> RenderContext:
    team = system.team
    return RenderContext(
        environment={"name": name, "namespace": namespace, "stage": stage.name},
        system={"name": system.slug},
        team={"name": team.name, "slug": team.slug},
        stage={"name": stage.name, "production": stage.production},
        power=power,
        revision=revision,
        prefix=prefix_of(isolation, system=system.slug, environment=name),
    )


def desired_of(
    environment: Environment, document: Mapping[str, Any], *, revision: int, catalogue: Catalogue | None = None
) -> Desired:
    """The desired state ``document`` of an environment that exists (with system, team and stage loaded)."""
    place = place_of(
        system=environment.system,
        stage=environment.stage,
        name=environment.name,
        namespace=environment.namespace,
        isolation=environment.isolation,
        power=document.get("power", "awake"),
        revision=revision,
    )
    return Desired(document, place, production=environment.stage.production, catalogue=catalogue)


def desired_at(
    document: Mapping[str, Any],
    *,
    system: System,
    stage: Stage,
    name: str,
    namespace: str = "",
    isolation: str = NAMESPACE,
    revision: int = 0,
    catalogue: Catalogue | None = None,
) -> Desired:
    """The desired state ``document`` of an environment that need not exist yet.

    ``catalogue`` holds at least the contracts that the document names; they are loaded when it is None.
    """
    place = place_of(
        system=system,
        stage=stage,
        name=name,
        namespace=namespace or f"{system.slug}-{name}",
        isolation=isolation,
        power=document.get("power", "awake"),
        revision=revision,
    )
    return Desired(document, place, production=stage.production, catalogue=catalogue)


def side_of(
    document: Mapping[str, Any],
    *,
    system: System,
    stage: Stage,
    name: str,
    namespace: str,
    digest: str,
    objects: bool,
    isolation: str = NAMESPACE,
    catalogue: Catalogue | None = None,
) -> Side:
    """One side of a plan: every resource with its footprint, and its rendered objects on request."""
    place: dict[str, Any] = {"system": system, "stage": stage, "name": name, "isolation": isolation}
    desired = desired_at(document, **place, namespace=namespace, catalogue=catalogue)
    resources = {one: _resource_side(desired, one, objects) for one in desired.order}
    return Side(resources, document.get("expires"), digest, desired.power)


def _resource_side(desired: Desired, name: str, objects: bool) -> ResourceSide:
    contract = desired.contract(name)
    rendered: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    if objects:
        rendered = tuple((one.id, one.manifest) for one in desired.render_expected(name))
    origin = desired.origin(name)
    return ResourceSide(
        name=name,
        capability=contract.capability,
        title=contract.title,
        icon=contract.icon,
        contract=contract.version,
        component=desired.component(name),
        inputs=desired.inputs(name) if origin is None else desired.lent(name),
        lender=origin.place if origin else "",
        footprint=desired.footprint(name),
        power=desired.power,
        schema=contract.inputs,
        objects=rendered,
    )

"""What the built-in contracts render is taken by a real API server, in a namespace with guardrails, from the least
account.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provisioning.contracts import builtin_documents
from provisioning.domain.contract import Contract, Example, parse_contract
from provisioning.domain.contract_checks import sample_context, sample_inputs
from provisioning.domain.driver import Driver, ObjectRef, Observed, Scope
from provisioning.domain.guardrails import guardrails
from provisioning.domain.plan import Footprint
from provisioning.domain.readiness import readiness
from provisioning.domain.render import is_ready, render
from provisioning.domain.secret_slot import is_filled_outside, is_slot, slot_keys
from provisioning.drivers import open_driver
from tests.kubernetes.server import KubernetesServer
from tests.provisioning.drivers.conformance import eventually

pytestmark = [pytest.mark.kubernetes]


def cases() -> list[Any]:
    contracts = [parse_contract(document.data) for _, document in builtin_documents()]
    return [
        pytest.param(contract, example, number, id=f"{contract.reference}-{number}")
        for contract in contracts
        for number, example in enumerate(contract.examples)
    ]


def operate(server: KubernetesServer, objects: list[Any]) -> None:
    """What the operators of custom kinds would report; there are none here."""
    for one in objects:
        place = (one["metadata"].get("namespace", ""), one["metadata"]["name"])
        if one["kind"] == "Cluster":
            server.report(one["apiVersion"], "clusters", *place, {"readyInstances": one["spec"]["instances"]})
        if one["kind"] == "HTTPRoute":
            told = [
                {
                    "type": kind,
                    "status": "True",
                    "reason": kind,
                    "message": "",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }
                for kind in ("Accepted", "ResolvedRefs")
            ]
            parents = [
                {"parentRef": parent, "controllerName": "test.example/gateway", "conditions": told}
                for parent in one["spec"]["parentRefs"]
            ]
            server.report(one["apiVersion"], "httproutes", *place, {"parents": parents})


def fill(server: KubernetesServer, driver: Driver, objects: list[Any], scope: Scope) -> None:
    """Every key of every slot, by whom it says."""
    for one in objects:
        if not is_slot(one):
            continue
        values = {key.name: "filled-in" for key in slot_keys(one)}
        if is_filled_outside(one):
            path = f"/api/v1/namespaces/{one['metadata']['namespace']}/secrets/{one['metadata']['name']}"
            content_type = "application/merge-patch+json"
            server.request("PATCH", f"{path}?fieldManager=somebody", {"stringData": values}, content_type=content_type)
        else:
            assert not readiness(driver.observe([ObjectRef.of(one)])[0].manifest).is_ready
            driver.fill(ObjectRef.of(one), values, scope)


def stands(seen: Observed, ready_when: str) -> bool:
    if ready_when and seen.manifest is not None:
        return is_ready(ready_when, seen.manifest)[0]
    return readiness(seen.manifest).is_ready


@pytest.mark.parametrize(("contract", "example", "number"), cases())
def test_it_runs_what_a_contract_renders(
    kubernetes_server: KubernetesServer,
    kubernetes_account: dict[str, Any],
    custom_kinds: tuple[str, ...],
    contract: Contract,
    example: Example,
    number: int,
) -> None:
    driver = open_driver("kubernetes", {"kubeconfig": kubernetes_account})
    scope = Scope("shop", f"{contract.capability}-{contract.semver.major}-{contract.semver.minor}-{number}")
    namespace = f"shop-{scope.environment}"
    place = {"name": scope.environment, "namespace": namespace, "stage": "dev"}
    context = replace(sample_context(contract, apis=contract.uses), environment=place)
    guards = guardrails(
        namespace=namespace, scope=scope, team="shop", usage=Footprint(8, 16, 100), revision=1, has_route=True
    )
    rendered = render(contract, sample_inputs(contract, example.inputs), context)
    ready_when = {ObjectRef.of(one.manifest): one.ready_when for one in rendered}
    objects = [*guards, *(one.manifest for one in rendered)]
    assert len(driver.dry_run(objects, scope)) == len(objects)
    applied = driver.apply(objects, scope)
    assert {one.outcome for one in applied} == {"created"}
    refs = [one.ref for one in applied]
    operate(kubernetes_server, objects)
    fill(kubernetes_server, driver, objects, scope)

    def unready() -> list[str]:
        return [f"{one.ref}: not ready" for one in driver.observe(refs) if not stands(one, ready_when.get(one.ref, ""))]

    eventually(unready, lambda left: not left)
    assert {one.outcome for one in driver.apply(objects, scope)} == {"unchanged"}
    assert set(driver.list_managed(scope, namespace)) == set(refs)

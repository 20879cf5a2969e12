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
from provisioning.domain.driver import Scope
from provisioning.domain.guardrails import guardrails
from provisioning.domain.plan import Footprint
from provisioning.domain.readiness import readiness
from provisioning.domain.render import render
from provisioning.drivers import open_driver
from tests.provisioning.drivers.conformance import eventually

pytestmark = [pytest.mark.kubernetes, pytest.mark.xdist_group("kubernetes")]


def cases() -> list[Any]:
    contracts = [parse_contract(document.data) for _, document in builtin_documents()]
    return [
        pytest.param(contract, example, number, id=f"{contract.reference}-{number}")
        for contract in contracts
        for number, example in enumerate(contract.examples)
    ]


@pytest.mark.parametrize(("contract", "example", "number"), cases())
def test_it_runs_what_a_contract_renders(
    kubernetes_account: dict[str, Any], contract: Contract, example: Example, number: int
) -> None:
    driver = open_driver("kubernetes", {"kubeconfig": kubernetes_account})
    scope = Scope("shop", f"{contract.capability}-{number}")
    namespace = f"shop-{scope.environment}"
    place = {"name": scope.environment, "namespace": namespace, "stage": "dev"}
    context = replace(sample_context(contract), environment=place)
    guards = guardrails(
        namespace=namespace, scope=scope, team="shop", usage=Footprint(8, 16, 100), revision=1, has_route=True
    )
    objects = [*guards, *(one.manifest for one in render(contract, sample_inputs(contract, example.inputs), context))]
    assert len(driver.dry_run(objects, scope)) == len(objects)
    applied = driver.apply(objects, scope)
    assert {one.outcome for one in applied} == {"created"}
    refs = [one.ref for one in applied]

    def unready() -> list[str]:
        told = [(one.ref, readiness(one.manifest)) for one in driver.observe(refs)]
        return [f"{ref}: {state.message}" for ref, state in told if not state.is_ready]

    eventually(unready, lambda left: not left)
    assert {one.outcome for one in driver.apply(objects, scope)} == {"unchanged"}
    assert set(driver.list_managed(scope, namespace)) == set(refs)

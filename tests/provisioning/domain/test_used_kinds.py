"""Kinds that a contract makes use of where the cluster serves them: checked, decided once, and rendered as decided."""

from __future__ import annotations

from typing import Any

import pytest

from idp.kernel.errors import FieldError
from provisioning.domain.contract import Contract
from provisioning.domain.contract_checks import check_contract
from provisioning.domain.render import render
from provisioning.domain.revision import resolve
from tests.provisioning.domain.contracts import PLACE, app, source

KEY = "monitoring.coreos.com/v1/PodMonitor"
API = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor"}
SERVED = frozenset({KEY, "postgresql.cnpg.io/v1/Cluster"})


def monitored(include: str | None = f"'{KEY}' in cluster.apis", *, uses: bool = True) -> Contract:
    manifest = {**API, "metadata": {"name": "${resource.name}"}, "spec": {"selector": {}, "podMetricsEndpoints": []}}
    made: dict[str, Any] = {"manifest": manifest, **({"includeWhen": include} if include else {})}
    changes: list[tuple[str, Any]] = [("spec.objects.monitor", made)]
    return app(*changes, *([("spec.uses", {"apis": [API]})] if uses else []))


def asked(image: str = "shop:1") -> dict[str, Any]:
    return {"stage": "dev", "resources": {"api": {"capability": "app@2", "inputs": {"image": image, "upstream": "h"}}}}


def apis(spec: dict[str, Any], served: frozenset[str], base: Any = None) -> Any:
    made = resolve(spec, contracts=source(monitored()), served=lambda: served, base=base).document
    return made["resources"]["api"].get("apis")


@pytest.mark.parametrize(
    ("contract", "path", "says"),
    [
        (monitored(include=None), "spec.objects.monitor.includeWhen", "in cluster.apis"),
        (monitored(include="power != 'asleep'"), "spec.objects.monitor.includeWhen", "in cluster.apis"),
        (monitored(uses=False), "spec.objects.monitor.manifest.kind", "spec.requires.apis"),
        (monitored(include=f"'{KEY}' in cluster.kinds"), "spec.objects.monitor.includeWhen", "has no “kinds”"),
    ],
    ids=["always", "for-another-reason", "not-named", "unknown-word"],
)
def test_it_must_be_left_out_where_it_is_not_served(contract: Contract, path: str, says: str) -> None:
    found = check_contract(contract, validate_object=lambda manifest: [])
    assert [(one.path, says in one.message) for one in found] == [(path, True)]


def test_examples_are_rendered_with_and_without_it() -> None:
    seen: list[str] = []

    def judge(manifest: Any) -> list[FieldError]:
        seen.append(manifest["kind"])
        return []

    assert check_contract(monitored(), validate_object=judge) == []
    assert 0 < seen.count("PodMonitor") < seen.count("Deployment")


def test_it_writes_down_what_the_cluster_serves_of_what_is_used() -> None:
    assert apis(asked(), SERVED) == [KEY]
    assert apis(asked(), frozenset()) is None


def test_what_was_decided_holds_while_the_resource_stays_as_it_is() -> None:
    without = resolve(asked(), contracts=source(monitored()), served=lambda: frozenset()).document
    having = resolve(asked(), contracts=source(monitored()), served=lambda: SERVED).document
    assert apis(asked(), SERVED, without) is None
    assert apis(asked("shop:2"), SERVED, without) == [KEY]
    assert apis(asked(), SERVED, having) == [KEY]
    assert apis(asked(), frozenset(), having) is None


def test_a_cluster_is_asked_only_when_a_contract_uses_something() -> None:
    def never() -> frozenset[str]:
        raise AssertionError("nobody needs to know")

    assert "apis" not in resolve(asked(), contracts=source(app()), served=never).document["resources"]["api"]


def test_it_renders_as_decided() -> None:
    contract = monitored()
    inputs = contract.with_defaults({"image": "shop:1", "upstream": "h"})
    kinds = {
        given: {one.manifest["kind"] for one in render(contract, inputs, PLACE.of("api", contract, None, given))}
        for given in ((), (KEY,), ("another.io/v1/Kind",))
    }
    assert "PodMonitor" in kinds[(KEY,)]
    assert "PodMonitor" not in kinds[()] | kinds[("another.io/v1/Kind",)]

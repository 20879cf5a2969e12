"""Rendering: finished objects with namespace and labels, outputs, usage, and secrets that stay references."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from idp.kernel.cel import CelError
from idp.kernel.errors import InvalidInput
from provisioning.domain.plan import Footprint
from provisioning.domain.render import duplicates, is_ready, publish_outputs, render, usage_of
from tests.provisioning.domain.contracts import PLACE, app, store

SECRET = {"valueFrom": {"secretKeyRef": {"name": "db-keys", "key": "password"}}}


def rendered_app(**inputs: Any) -> dict[str, dict[str, Any]]:
    contract = app()
    filled = contract.with_defaults({"image": "shop:1", **inputs})
    return {one.id: dict(one.manifest) for one in render(contract, filled, PLACE.of("api", contract, "checkout-api"))}


def test_it_stamps_namespace_and_labels() -> None:
    server = rendered_app()["server"]
    assert server["metadata"] == {
        "name": "api",
        "namespace": "checkout-dev",
        "labels": {
            "app.kubernetes.io/name": "app",
            "app.kubernetes.io/instance": "api",
            "app.kubernetes.io/component": "checkout-api",
            "app.kubernetes.io/part-of": "checkout",
            "app.kubernetes.io/managed-by": "slipway",
            "slipway.dev/system": "checkout",
            "slipway.dev/environment": "dev",
            "slipway.dev/resource": "api",
            "slipway.dev/revision": "7",
        },
    }


def test_it_keeps_the_revision_off_pods_so_that_a_new_revision_restarts_nothing() -> None:
    server = rendered_app()["server"]
    pod_labels = server["spec"]["template"]["metadata"]["labels"]
    assert "slipway.dev/revision" not in pod_labels
    assert pod_labels["slipway.dev/environment"] == "dev"
    assert server["spec"]["selector"]["matchLabels"].items() <= pod_labels.items()


def test_it_does_not_let_a_contract_pretend_to_be_another_resource() -> None:
    contract = store(("spec.objects.server.manifest.metadata.labels", {"slipway.dev/resource": "other", "own": "1"}))
    objects = {one.id: one for one in render(contract, {"storageGiB": 1, "label": ""}, PLACE.of("db", contract))}
    labels = objects["server"].manifest["metadata"]["labels"]
    assert (labels["slipway.dev/resource"], labels["own"]) == ("db", "1")


def test_it_drops_what_is_null() -> None:
    assert "paused" not in rendered_app(upstream="x")["server"]["spec"]
    assert rendered_app()["server"]["spec"]["paused"] is False


def test_it_turns_a_secret_into_a_reference_and_keeps_variables_in_order() -> None:
    server = rendered_app(env={"Z": "1", "A": "2", "KEY": SECRET})["server"]
    assert server["spec"]["template"]["spec"]["containers"][0]["env"] == [
        {"name": "A", "value": "2"},
        {"name": "KEY", "valueFrom": SECRET["valueFrom"]},
        {"name": "Z", "value": "1"},
    ]


def test_it_makes_one_object_per_item_and_none_when_the_condition_is_false() -> None:
    assert sorted(rendered_app(env={"B_B": "1", "A": "2"})) == ["note-A", "note-B_B", "server"]
    assert sorted(rendered_app(env={"A": "2"}, replicas=1)) == ["server"]


def test_it_orders_objects_by_what_they_need() -> None:
    contract = store()
    objects = render(contract, contract.with_defaults({}), PLACE.of("db", contract))
    assert [(one.id, one.needs, one.ready_when) for one in objects] == [
        ("secret", (), ""),
        ("server", ("secret",), "object.data.size != ''"),
    ]


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        pytest.param({"replicas": -1}, "inputs.replicas", id="out-of-range"),
        pytest.param({"image": "a b"}, "inputs.image", id="space"),
        pytest.param({"upstreamPort": "80"}, "inputs.upstreamPort", id="an-output-of-the-wrong-type"),
        pytest.param({"upstream": SECRET}, "inputs.upstream", id="a-secret-where-none-is-taken"),
        pytest.param({"image": SECRET}, "inputs.image", id="a-secret-as-image"),
    ],
)
def test_it_judges_inputs_again_before_it_renders(inputs: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        rendered_app(**inputs)
    assert [error.path for error in refused.value.errors] == [path]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("${'A'}", id="capital"),
        pytest.param("${'a' + slug('x') + '-'}", id="dash-at-the-end"),
        pytest.param("${''}", id="empty"),
        pytest.param("${5}", id="number"),
        pytest.param("a" * 64, id="too-long"),
    ],
)
def test_it_refuses_names_that_kubernetes_would_refuse(name: str) -> None:
    contract = store(("spec.objects.server.manifest.metadata.name", name))
    with pytest.raises(InvalidInput, match=r"spec\.objects\.server\.manifest\.metadata\.name"):
        render(contract, contract.with_defaults({}), PLACE.of("db", contract))


def test_it_publishes_what_is_known_before_and_after_objects_exist() -> None:
    contract = store()
    place, inputs = PLACE.of("db", contract), contract.with_defaults({})
    before = publish_outputs(contract, inputs, place)
    assert before == {
        "host": "db.checkout-dev.svc",
        "port": 5432,
        "address": {"name": "db", "port": 5432},
        "credentials": {"secretRef": {"name": "db-keys"}},
    }
    assert publish_outputs(contract, inputs, place, {"server": None}) == before
    assert publish_outputs(contract, inputs, place, {"server": {"metadata": {}}}) == before
    after = publish_outputs(contract, inputs, place, {"server": {"status": {"phase": "Up"}}})
    assert after == {**before, "phase": "Up"}


def test_it_counts_usage_by_power() -> None:
    contract = store()
    place, inputs = PLACE.of("db", contract), contract.with_defaults({"storageGiB": 20})
    assert usage_of(contract, inputs, place) == Footprint(0.5, 1.0, 20.0)
    asleep = type(place)(place.environment, place.system, place.team, place.stage, place.resource, "asleep")
    assert usage_of(contract, inputs, asleep) == Footprint(0.0, 1.0, 20.0)


def test_it_gives_expressions_a_number_as_float_even_when_a_whole_one_was_written() -> None:
    contract = app()
    assert usage_of(contract, contract.with_defaults({"image": "a", "share": 2}), PLACE.of("api", contract)).cpu == 4.0


def test_it_names_the_place_of_an_expression_that_fails() -> None:
    contract = store(("spec.objects.server.manifest.data.size", "${stage.gone}"))
    with pytest.raises(CelError) as refused:
        render(contract, contract.with_defaults({}), PLACE.of("db", contract))
    assert [error.path for error in refused.value.errors] == ["spec.objects.server.manifest.data.size"]


@pytest.mark.parametrize(
    ("live", "ready", "words"),
    [
        pytest.param({"status": {"ready": 2}, "spec": {"replicas": 2}}, True, "", id="fulfilled"),
        pytest.param({"status": {"ready": 1}, "spec": {"replicas": 2}}, False, "Waits until", id="not-yet"),
        pytest.param({"spec": {"replicas": 2}}, False, "Not ready yet: “object” has no field “status”", id="no-status"),
    ],
)
def test_it_tells_whether_an_object_is_ready(live: dict[str, Any], ready: bool, words: str) -> None:
    assert is_ready("object.status.ready == object.spec.replicas", live)[0] is ready
    assert words in is_ready("object.status.ready == object.spec.replicas", live)[1]


def test_it_finds_objects_that_two_resources_would_make() -> None:
    contract = store()
    inputs = contract.with_defaults({})
    made = {name: render(contract, inputs, PLACE.of(name, contract)) for name in ("db", "other")}
    assert duplicates(made) == []
    clash = duplicates({"one": made["db"], "two": made["db"]})
    assert [error.path for error in clash] == ["spec.resources.two", "spec.resources.two"]
    assert "Secret db-keys, which “one” makes too" in clash[0].message


def test_it_renders_the_same_in_every_process() -> None:
    """Maps of the CEL library have an order that differs per process; nothing of it may be seen."""
    code = (
        "import json\n"
        "from tests.provisioning.domain.contracts import PLACE, app\n"
        "from provisioning.domain.render import render\n"
        "contract = app()\n"
        "env = {f'V{n}': str(n) for n in range(30)}\n"
        "inputs = contract.with_defaults({'image': 'a', 'env': env})\n"
        "print(json.dumps([one.manifest for one in render(contract, inputs, PLACE.of('api', contract))]))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
        for _ in range(3)
    ]
    assert runs[0].strip()
    assert len(set(runs)) == 1

"""Adopting drift finds the input that explains a live field, and never guesses one that does not."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from idp.kernel.errors import InvalidInput
from provisioning.domain.adoption import adoption
from provisioning.domain.drift import drift_of

INPUTS: dict[str, Any] = {
    "replicas": 2,
    "surge": 2,
    "image": "registry.example/api:1",
    "memoryGiB": 2,
    "public": False,
    "path": "/live",
    "env": [{"name": "MODE", "value": "blue"}],
    "database": "${resources.db.outputs.host}",
}


def rendering(inputs: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    if inputs["replicas"] > 9:
        raise InvalidInput("At most 9 replicas.")
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "api", "annotations": {"probe": f"http:{inputs['path']}:8080"}},
            "spec": {
                "replicas": inputs["replicas"],
                "image": inputs["image"],
                "memory": {"requests": {"memory": f"{inputs['memoryGiB']}Gi"}},
                "expose": "yes" if inputs["public"] else "no",
                "hostNetwork": inputs["public"],
                "mode": inputs["env"][0]["value"],
                "strategy": "RollingUpdate",
                "database": inputs["database"],
            },
        }
    ]


def lives(*edits: tuple[tuple[str, ...], Any]) -> dict[str, Any]:
    made = copy.deepcopy(rendering(INPUTS)[0])
    for path, value in edits:
        node: Any = made
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = value
    return made


CASES = [
    pytest.param([(("spec", "replicas"), 5)], [("replicas", 2, 5)], 0, id="number"),
    pytest.param(
        [(("spec", "image"), "registry.example/api:2")],
        [("image", "registry.example/api:1", "registry.example/api:2")],
        0,
        id="text",
    ),
    pytest.param([(("spec", "memory", "requests", "memory"), "3Gi")], [("memoryGiB", 2, 3)], 0, id="quantity"),
    pytest.param([(("spec", "memory", "requests", "memory"), "4096Mi")], [("memoryGiB", 2, 4)], 0, id="other-unit"),
    pytest.param(
        [(("spec", "hostNetwork"), True), (("spec", "expose"), "yes")],
        [("public", False, True)],
        0,
        id="two-fields-one-input",
    ),
    pytest.param([(("spec", "mode"), "green")], [("env[0].value", "blue", "green")], 0, id="inside-a-list"),
    pytest.param(
        [(("metadata", "annotations", "probe"), "http:/ready:8080")],
        [("path", "/live", "/ready")],
        0,
        id="part-of-a-text",
    ),
    pytest.param([(("spec", "strategy"), "Recreate")], [], 1, id="no-input-says-that"),
    pytest.param([(("spec", "replicas"), 30)], [], 1, id="the-contract-refuses-it"),
    pytest.param([(("spec", "database"), "elsewhere")], [], 1, id="a-reference-is-never-overwritten"),
    pytest.param(
        [(("spec", "replicas"), 3), (("spec", "strategy"), "Recreate")], [("replicas", 2, 3)], 1, id="some-of-it"
    ),
]


@pytest.mark.parametrize(("edits", "adopted", "left"), CASES)
def test_it_finds_the_input_that_explains_a_field(edits: Any, adopted: Any, left: int) -> None:
    there = lives(*edits)
    found = adoption(INPUTS, there, drift_of(rendering(INPUTS)[0], there), index=0, rendering=rendering)
    assert list(found.adopted) == adopted
    assert len(found.left) == left
    assert found.explains_all == (left == 0)


def test_it_leaves_the_given_inputs_as_they_are() -> None:
    before = copy.deepcopy(INPUTS)
    there = lives((("spec", "replicas"), 5))
    adoption(INPUTS, there, drift_of(rendering(INPUTS)[0], there), index=0, rendering=rendering)
    assert before == INPUTS


def test_it_leaves_what_was_deleted() -> None:
    found = adoption(INPUTS, {}, drift_of(rendering(INPUTS)[0], None), index=0, rendering=rendering)
    assert [one.kind for one in found.left] == ["missing"]

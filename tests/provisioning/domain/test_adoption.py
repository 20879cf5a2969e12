"""Adopting drift finds the input that explains a live field, and never guesses one that does not."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


LEAVES = {
    "replicas": st.integers(1, 12),
    "image": st.sampled_from(["registry.example/api:1", "registry.example/api:2", "other", ""]),
    "memory": st.sampled_from(["2Gi", "3Gi", "4096Mi", "odd", "0"]),
    "hostNetwork": st.booleans(),
    "expose": st.sampled_from(["yes", "no", "maybe"]),
    "mode": st.sampled_from(["blue", "green", "${resources.db.outputs.host}"]),
    "strategy": st.sampled_from(["RollingUpdate", "Recreate"]),
    "database": st.sampled_from(["${resources.db.outputs.host}", "elsewhere"]),
}


@settings(max_examples=300, deadline=None)
@given(st.fixed_dictionaries({}, optional=LEAVES))
def test_it_changes_only_inputs_that_a_drifted_field_explains(edits: dict[str, Any]) -> None:
    paths = {"memory": ("spec", "memory", "requests", "memory")}
    live = lives(*((paths.get(key, ("spec", key)), value) for key, value in edits.items()))
    drifted = drift_of(rendering(INPUTS)[0], live)
    found = adoption(INPUTS, live, drifted, index=0, rendering=rendering)

    changed = {path.partition("[")[0].partition(".")[0] for path, _, _ in found.adopted}
    assert {key for key in INPUTS if found.inputs[key] != INPUTS[key]} <= changed
    assert set(found.inputs) == set(INPUTS)
    assert found.inputs["database"] == INPUTS["database"]
    assert len(found.adopted) <= len(drifted)
    still = {one.path for one in drift_of(rendering(found.inputs)[0], live)}
    assert still == {one.path for one in found.left}
    agreed, now = rendering(INPUTS)[0]["spec"], rendering(found.inputs)[0]["spec"]
    for key in agreed:
        if key != "memory":
            assert now[key] in (agreed[key], live["spec"][key])


def test_it_leaves_an_input_alone_that_would_bring_along_what_does_not_live() -> None:
    live = lives((("spec", "hostNetwork"), True))
    found = adoption(INPUTS, live, drift_of(rendering(INPUTS)[0], live), index=0, rendering=rendering)
    assert found.inputs == INPUTS
    assert [one.path for one in found.left] == ["spec.hostNetwork"]

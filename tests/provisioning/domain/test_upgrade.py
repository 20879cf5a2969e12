"""Inputs of an older major become inputs of a newer one by its mapping, or a person is told what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.domain.contract import Contract
from provisioning.domain.upgrade import upgrade_all, upgrade_inputs
from tests.provisioning.domain.contracts import store

OLD = store()
DATA = ("spec.objects.server.manifest.data", {})
USAGE = ("spec.usage", {})


def major(upgrade: dict[str, Any], **properties: Any) -> Contract:
    """2.0.0 of the store with these inputs."""
    inputs = {"type": "object", "additionalProperties": False, "properties": properties}
    return store(("metadata.version", "2.0.0"), ("spec.inputs", inputs), ("spec.upgrade", {"1": upgrade}), DATA, USAGE)


SIZE = {"type": "integer", "minimum": 1, "maximum": 100}
LABEL = {"type": "string"}


@pytest.mark.parametrize(
    ("new", "inputs", "made"),
    [
        pytest.param(
            major({"sizeGiB": "${inputs.storageGiB}"}, sizeGiB=SIZE, label=LABEL),
            {"storageGiB": 20, "label": "a"}, {"sizeGiB": 20, "label": "a"}, id="renamed-and-kept",
        ),
        pytest.param(
            major({"sizeGiB": "${inputs.storageGiB * 2}"}, sizeGiB=SIZE, label=LABEL),
            {"storageGiB": 20, "label": "${environment.name}"}, {"sizeGiB": 40, "label": "${environment.name}"},
            id="computed-and-a-reference-kept",
        ),
        pytest.param(
            major({"room": {"gib": "${inputs.storageGiB}", "kind": "disk"}},
                  room={"type": "object", "properties": {"gib": SIZE, "kind": LABEL}}, label=LABEL),
            {"storageGiB": 20, "label": "a"}, {"room": {"gib": 20, "kind": "disk"}, "label": "a"}, id="into-a-map",
        ),
        pytest.param(
            major({"label": "${inputs.label == 'none' ? null : inputs.label}"}, storageGiB=SIZE, label=LABEL),
            {"storageGiB": 20, "label": "none"}, {"storageGiB": 20}, id="null-leaves-it-out",
        ),
        pytest.param(
            major({}, storageGiB=SIZE), {"storageGiB": 20, "label": "none"}, {"storageGiB": 20}, id="a-default-may-go"
        ),
        pytest.param(
            major({}, storageGiB=SIZE, label=LABEL, mode={"type": "string", "default": "safe"}),
            {"storageGiB": 20, "label": "a"}, {"storageGiB": 20, "label": "a", "mode": "safe"}, id="new-default",
        ),
    ],
)  # fmt: skip
def test_it_maps(new: Contract, inputs: dict[str, Any], made: dict[str, Any]) -> None:
    assert upgrade_inputs(inputs, new, old=OLD) == (made, [])


@pytest.mark.parametrize(
    ("new", "inputs", "path", "words"),
    [
        pytest.param(
            major({}, storageGiB=SIZE), {"storageGiB": 20, "label": "gold"}, "inputs.label",
            "has no place in 2.0.0 and the mapping does not say what it becomes", id="would-be-lost",
        ),
        pytest.param(
            major({}, storageGiB=SIZE, label=LABEL), {"storageGiB": 300, "label": "a"}, "inputs.storageGiB",
            "does not fit 2.0.0 and is not mapped: it must be at most 100", id="does-not-fit",
        ),
        pytest.param(
            major({"sizeGiB": "${inputs.storageGiB}"}, sizeGiB=SIZE, label=LABEL), {"storageGiB": 300, "label": "a"},
            "inputs.sizeGiB", "must be at most 100", id="mapped-to-what-does-not-fit",
        ),
        pytest.param(
            major({"sizeGiB": "${inputs.storageGiB * 2}"}, sizeGiB=SIZE, label=LABEL),
            {"storageGiB": "${resources.db.outputs.port}", "label": "a"}, "inputs.sizeGiB", "", id="computes-with-text",
        ),
        pytest.param(
            major({"sizeGiB": "${inputs.size}"}, sizeGiB=SIZE, label=LABEL), {"label": "a"},
            "inputs.sizeGiB", "has no field “size”", id="reads-what-is-not-there",
        ),
    ],
)  # fmt: skip
def test_it_says_what_a_person_must_decide(new: Contract, inputs: dict[str, Any], path: str, words: str) -> None:
    _, problems = upgrade_inputs(inputs, new, old=OLD)
    assert [one.path for one in problems] == [path]
    assert words in problems[0].message


def test_without_a_mapping_for_that_major_nothing_is_made() -> None:
    made, problems = upgrade_inputs({"storageGiB": 1}, major({}, storageGiB=SIZE), major=0)
    assert (made, [one.path for one in problems]) == ({}, ["upgrade"])


def test_it_reports_all_that_lives() -> None:
    new = major({"sizeGiB": "${inputs.storageGiB}"}, sizeGiB=SIZE, label=LABEL)
    living = [("shop/dev/db", {"storageGiB": 20, "label": "a"}), ("shop/prod/db", {"storageGiB": 300, "label": "a"})]
    mapped = upgrade_all(living, new, old=OLD)
    assert [(one.resource, one.is_clean) for one in mapped] == [("shop/dev/db", True), ("shop/prod/db", False)]
    assert mapped[0].inputs == {"sizeGiB": 20, "label": "a"}

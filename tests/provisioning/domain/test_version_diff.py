"""What is different between two versions, as a person would say it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from provisioning.contracts import builtin_documents
from provisioning.domain.contract import parse_contract
from provisioning.domain.version_diff import differences
from tests.provisioning.domain.contracts import app, store

STORAGE = "spec.inputs.properties.storageGiB"
LABEL = "spec.inputs.properties.label"


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        pytest.param((), [], id="nothing"),
        pytest.param(((f"{STORAGE}.maximum", 900),), ["`storageGiB` may now be up to 900 GiB"], id="higher"),
        pytest.param(((f"{STORAGE}.maximum", 100),), ["`storageGiB` must now be up to 100 GiB"], id="lower"),
        pytest.param(((f"{STORAGE}.maximum", None),), ["`storageGiB` has no upper limit any more"], id="no-limit"),
        pytest.param(
            ((f"{STORAGE}.default", 20),), ["`storageGiB` is 20 unless given, it was 10"], id="another-default"
        ),
        pytest.param(
            (("spec.inputs.properties.tls", {"type": "boolean", "default": True}),),
            ["new input `tls`: true or false, true unless given"],
            id="new-input",
        ),
        pytest.param(
            (("spec.inputs.properties.zone", {"type": "string"}), ("spec.inputs.required", ["zone"]),
             ("spec.examples.0.inputs", {"zone": "a"})),
            ["new input `zone`: text, which must be given"], id="new-required-input",
        ),
        pytest.param(((LABEL, None),), ["`label` is gone"], id="input-removed"),
        pytest.param(
            (("spec.outputs.url", {"type": "string"}), ("spec.publish.url", "http://a")), ["new output `url`"],
            id="new-output",
        ),
        pytest.param((("spec.outputs.port", None),), ["output `port` is gone"], id="output-removed"),
        pytest.param(
            (("spec.outputs.credentials.properties.username", {"type": "string"}),),
            ["output `credentials` has `username` too"], id="output-has-more",
        ),
        pytest.param((("spec.usage.memoryGiB", 2),), ["counts 2 GiB of memory instead of 1"], id="usage"),
        pytest.param(
            (("spec.objects.server.manifest.data.mode", "fast"),), ["ConfigMap `server`: changes `data.mode`"],
            id="object",
        ),
        pytest.param(((f"{STORAGE}.x-grows-only", True),), ["`storageGiB` only grows"], id="grows-only"),
        pytest.param(((f"{STORAGE}.x-scope", "environment"),), ["`storageGiB` stays behind on promotion"], id="scope"),
        pytest.param(((f"{LABEL}.enum", ["none", "a"]),), ["`label` must be one of “none”, “a”"], id="choices"),
        pytest.param(
            (("spec.inputs.x-rules", [{"rule": "inputs.storageGiB < 400", "at": "storageGiB", "say": "is too much"}]),),
            ["new rule: `storageGiB` is too much"], id="rule",
        ),
        pytest.param((("spec.summary", "Keeps."),), ["is described in other words"], id="words"),
    ],
)  # fmt: skip
def test_it_says_what_is_different(changes: tuple[tuple[str, Any], ...], sentences: list[str]) -> None:
    assert [one.sentence for one in differences(store(), store(*changes))] == sentences


def test_it_looks_inside_maps_and_lists() -> None:
    found = differences(app(), app(("spec.inputs.properties.env.additionalProperties.x-secret", None)))
    assert [one.sentence for one in found] == ["`env.*` no longer takes a secret of another resource"]


def test_every_built_in_contract_differs_from_another_in_words() -> None:
    """No shape of a schema or manifest that we ship makes it stumble."""
    contracts = [parse_contract(document.data) for _, document in builtin_documents()]
    for old, new in pairwise(contracts):
        assert all(one.sentence and one.area for one in differences(old, new))
        assert differences(old, old) == ()


def test_it_tells_what_changed_within_one_of_several_forms() -> None:
    def source(*forms: Any) -> tuple[str, Any]:
        return "spec.inputs.properties.source", {"type": "object", "oneOf": list(forms)}

    def form(kind: str, **more: Any) -> dict[str, Any]:
        return {"properties": {"kind": {"const": kind}, **more}, "required": ["kind"], "additionalProperties": False}

    old = store(source(form("git", url={"type": "string", "maxLength": 20}), form("none")))
    new = store(source(form("git", url={"type": "string", "maxLength": 40}), form("image")))
    assert [one.sentence for one in differences(old, new) if one.area == "input"] == [
        "`source.url` may now be at most 40 characters long (kind is “git”)",
        "`source` has a new form: kind is “image”",
        "`source` has one form less: kind is “none”",
    ]


def test_it_tells_what_changed_under_a_condition() -> None:
    def rule(most: int) -> tuple[tuple[str, Any], ...]:
        condition = {"properties": {"label": {"const": "a"}}, "required": ["label"]}
        then = {"properties": {"storageGiB": {"maximum": most}}}
        return ("spec.inputs.if", condition), ("spec.inputs.then", then)

    old, new = store(*rule(5)), store(*rule(9))
    assert [one.sentence for one in differences(old, new)] == ["`storageGiB` may now be up to 9 (when label is “a”)"]

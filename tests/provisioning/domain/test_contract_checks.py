"""What keeps a contract from being published, each with its path and its sentence."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.contract_checks import check_contract, sample_inputs
from provisioning.domain.driver import Manifest
from provisioning.domain.kubernetes_schema import validate_object
from tests.provisioning.domain.contracts import app, store


def test_it_finds_nothing_wrong_with_sound_contracts() -> None:
    assert check_contract(store(), validate_object=validate_object) == []
    assert check_contract(app(), validate_object=validate_object) == []


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        pytest.param(
            ("spec.objects.server.manifest.data.size", "${inputs.storageGib}"),
            "spec.objects.server.manifest.data.size",
            "there is no “inputs.storageGib”; did you mean “storageGiB”",
            id="unknown-input",
        ),
        pytest.param(
            ("spec.objects.server.manifest.data.size", "${input.storageGiB}"),
            "spec.objects.server.manifest.data.size",
            "“input” is not known here; did you mean “inputs”",
            id="unknown-name",
        ),
        pytest.param(
            ("spec.objects.server.manifest.data.size", "${environment.nam}"),
            "spec.objects.server.manifest.data.size",
            "“environment” has no “nam”",
            id="unknown-field",
        ),
        pytest.param(
            ("spec.objects.server.manifest.data.size", "${object.status}"),
            "spec.objects.server.manifest.data.size",
            "known in readyWhen only",
            id="object-outside-readiness",
        ),
        pytest.param(
            ("spec.objects.server.manifest.data.size", "${1 +}"),
            "spec.objects.server.manifest.data.size",
            "not a complete CEL expression",
            id="does-not-compile",
        ),
        pytest.param(
            ("spec.objects.server.includeWhen", "${true}"),
            "spec.objects.server.includeWhen",
            "write it without",
            id="wrapped-expression",
        ),
        pytest.param(
            ("spec.objects.server.includeWhen", "inputs.storageGiB"),
            "spec.objects.server.includeWhen",
            "must give true or false",
            id="condition-is-a-number",
        ),
        pytest.param(
            ("spec.objects.secret.forEach", "inputs.label"),
            "spec.objects.secret.forEach",
            "must give a list or a map",
            id="each-of-a-text",
        ),
        pytest.param(
            ("spec.objects.server.readyWhen", "inputs.storageGiB > 1"),
            "spec.objects.server.readyWhen",
            "“inputs” is not known here",
            id="readiness-of-inputs",
        ),
        pytest.param(
            ("spec.publish.phase", "${objects.sever.status}"),
            "spec.publish.phase",
            "did you mean “server”",
            id="unknown-object",
        ),
        pytest.param(("spec.publish.host", None), "spec.outputs.host", "never published", id="output-not-published"),
        pytest.param(("spec.publish.hots", "x"), "spec.publish.hots", "not declared", id="published-not-declared"),
        pytest.param(("spec.publish.port", "5432"), "spec.publish.port", "must be a whole number", id="output-type"),
        pytest.param(
            ("spec.publish.credentials", {"password": "hunter2"}),
            "spec.publish.credentials",
            "must be {secretRef: {name: …}}",
            id="secret-in-clear",
        ),
        pytest.param(
            ("spec.publish.credentials", {"secretRef": {"name": "other"}}),
            "spec.publish.credentials",
            "not a Secret that it makes",
            id="secret-of-somebody-else",
        ),
        pytest.param(
            ("spec.outputs.credentials.secret", None),
            "spec.publish.credentials",
            "needs secret: true",
            id="secret-not-declared",
        ),
        pytest.param(("spec.usage.cpu", "${-1}"), "spec.usage.cpu", "a number from 0 up", id="negative-usage"),
        pytest.param(("spec.usage.cpu", "${'a'}"), "spec.usage.cpu", "a number from 0 up", id="usage-is-text"),
        pytest.param(
            ("spec.examples.0.inputs", {"storageGiB": 0}),
            "spec.examples.0.inputs.storageGiB",
            "must be at least 1 GiB",
            id="example-does-not-validate",
        ),
        pytest.param(
            ("spec.examples.0.inputs", {"label": "${1 + 1}"}),
            "spec.examples.0.inputs.label",
            "is not a reference",
            id="example-computes",
        ),
        pytest.param(
            ("spec.objects.server.manifest.data.size", "${1 / (inputs.storageGiB - 10)}"),
            "spec.objects.server.manifest.data.size",
            "divides by zero (example “plain”, awake)",
            id="example-does-not-render",
        ),
        pytest.param(
            ("spec.objects.server.manifest.data", "none"),
            "spec.objects.server.manifest.data",
            "",
            id="kubernetes-would-refuse",
        ),
        pytest.param(
            ("spec.objects.server.manifest.metadata.name", "${resource.name + '-' + resource.name + '-x'}"),
            "spec.objects.server.manifest.metadata.name",
            "at most 63 characters",
            id="name-too-long-for-a-long-resource",
        ),
        pytest.param(
            ("spec.objects.server.manifest.kind", "ClusterRole"),
            "spec.objects.server.manifest.kind",
            "belongs to the platform",
            id="kind-of-the-platform",
        ),
        pytest.param(
            (
                "spec.objects.copy",
                {"manifest": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "${resource.name}-keys"}}},
            ),
            "spec.objects.copy.manifest.metadata.name",
            "which “secret” makes too",
            id="same-object-twice",
        ),
        pytest.param(
            ("spec.inputs.properties.label.x-scope", "env"),
            "spec.inputs.properties.label.x-scope",
            "must be environment",
            id="annotation",
        ),
        pytest.param(
            ("spec.inputs.properties.storageGiB.x-secret", True),
            "spec.inputs.properties.storageGiB.x-secret",
            "type string only",
            id="secret-number",
        ),
        pytest.param(
            ("spec.inputs.x-rules", [{"rule": "inputs.gone > 1", "at": "label", "say": "x"}]),
            "spec.inputs.x-rules.0.rule",
            "there is no “inputs.gone”",
            id="rule-of-unknown-input",
        ),
        pytest.param(
            ("spec.upgrade", {"1": {}}), "spec.upgrade.1", "a major version before 1", id="upgrade-from-itself"
        ),
        pytest.param(
            ("spec.upgrade", {"0": {"sizeGiB": 1}}), "spec.upgrade.0.sizeGiB", "not an input", id="upgrade-to-unknown"
        ),
    ],
)
def test_it_refuses_to_publish(change: tuple[str, Any], path: str, words: str) -> None:
    found = check_contract(store(change), validate_object=validate_object)
    assert path in [error.path for error in found], found
    assert any(words in error.message for error in found if error.path == path)


json_values = st.recursive(
    st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["", "a", "${inputs.env}", "${1 +}", "inputs.image", "#", "["]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "type", "rule"]), inner, max_size=3)
    ),
    max_leaves=5,
)
INPUT_KEYWORDS = (
    *("x-messages", "x-message", "x-rules", "x-order", "x-labels", "x-scope", "x-secret", "x-unit"),
    *("pattern", "default", "enum", "type", "minimum", "maxLength", "title", "examples", "$ref"),
    *("properties", "items", "required", "additionalProperties", "propertyNames"),
)
PLACES = [
    *(f"spec.inputs.properties.image.{keyword}" for keyword in INPUT_KEYWORDS),
    *(f"spec.inputs.{keyword}" for keyword in INPUT_KEYWORDS),
    *(f"spec.outputs.url.{keyword}" for keyword in INPUT_KEYWORDS),
    *(f"spec.{part}" for part in ("publish", "usage", "upgrade", "examples", "outputs", "objects", "publish.url")),
    *(f"spec.objects.note.{part}" for part in ("manifest", "forEach", "includeWhen", "readyWhen", "needs")),
    *(f"spec.objects.server.manifest.{part}" for part in ("metadata", "spec", "metadata.labels", "spec.template")),
    "spec.examples.0.inputs",
]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PLACES), json_values)
def test_it_lists_problems_whatever_stands_at_a_place(path: str, value: object) -> None:
    with contextlib.suppress(InvalidInput):
        found = check_contract(app((path, value)), validate_object=validate_object)
        assert all(error.path and error.message for error in found)


def test_it_asks_the_validator_about_every_object_of_every_example() -> None:
    asked: list[str] = []

    def ask(manifest: Manifest) -> list[FieldError]:
        asked.append(manifest["kind"])
        return [FieldError("data", "must be better")] if manifest["kind"] == "ConfigMap" else []

    found = check_contract(store(), validate_object=ask)
    assert [(error.path, error.message) for error in found] == [("spec.objects.server.manifest.data", "must be better")]
    assert asked == ["Secret", "ConfigMap"] * 2


def test_it_says_in_which_example_and_state_rendering_fails() -> None:
    change = ("spec.objects.server.manifest.data.size", "${power == 'asleep' ? inputs['no' + 'ne'] : 'x'}")
    found = check_contract(store(change), validate_object=validate_object)
    assert [error.message.rpartition(" (")[2] for error in found] == ["example “plain”, asleep)"]


def test_it_fills_references_of_examples_with_values_that_fit() -> None:
    inputs = {
        "image": "shop:1",
        "upstream": "${resources.a.outputs.host}",
        "upstreamPort": "${resources.a.outputs.port}",
        "target": "${resources.a.outputs.address}",
        "env": {"KEY": "${resources.a.outputs.credentials.password}", "NAME": "${environment.name}"},
    }
    filled = sample_inputs(app(), inputs)
    assert app().validate_inputs(filled) == []
    assert "${" not in str(filled)
    assert filled["env"]["KEY"]["valueFrom"]["secretKeyRef"]["key"] == "password"

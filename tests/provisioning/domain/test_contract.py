"""Reading a contract's document: shape, order of objects, versions, and every problem at once with its line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.kernel.documents import load_yaml
from idp.kernel.errors import InvalidInput
from provisioning.domain.contract import parse_contract
from provisioning.domain.version import Version, choose, is_exact, matches, parse_version
from tests.provisioning.domain.contracts import APP, STORE, document, store


def test_it_reads_a_contract() -> None:
    contract = store()
    assert (contract.reference, contract.state, contract.icon) == ("store@1.2.0", "stable", "box")
    assert contract.is_secret("credentials")
    assert not contract.is_secret("host")
    assert contract.with_defaults({"label": "x"}) == {"storageGiB": 10, "label": "x"}


def test_it_puts_objects_after_those_they_need() -> None:
    contract = store(("spec.objects.secret.needs", ["server"]), ("spec.objects.server.needs", None))
    assert [one.id for one in contract.objects] == ["server", "secret"]


def test_it_inlines_references_within_a_schema() -> None:
    contract = store(
        ("spec.inputs.$defs", {"size": {"type": "integer", "minimum": 1}}),
        ("spec.inputs.properties.storageGiB", {"$ref": "#/$defs/size", "default": 3}),
    )
    assert contract.inputs["properties"]["storageGiB"] == {"type": "integer", "minimum": 1, "default": 3}
    assert "$defs" not in contract.inputs


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        pytest.param(("kind", "Contrakt"), "kind", "must be Contract", id="kind"),
        pytest.param(("spec.titel", "x"), "spec.titel", "did you mean “title”", id="mistyped-field"),
        pytest.param(("spec.title", None), "spec.title", "is required", id="no-title"),
        pytest.param(("metadata.version", "1.2"), "metadata.version", "must be a version such as 1.2.0", id="version"),
        pytest.param(("metadata.version", 1.2), "metadata.version", "put it in quotes", id="version-unquoted"),
        pytest.param(("metadata.capability", "My Store"), "metadata.capability", "lower-case letters", id="capability"),
        pytest.param(("spec.state", "gone"), "spec.state", "must be one of preview, stable", id="state"),
        pytest.param(("spec.examples", []), "spec.examples", "must not be empty", id="no-examples"),
        pytest.param(("spec.objects", {}), "spec.objects", "must not be empty", id="no-objects"),
        pytest.param(("spec.inputs.type", "array"), "spec.inputs.type", "must be object", id="inputs-are-a-list"),
        *(
            pytest.param(
                (f"spec.{part}", "${inputs.label}"), f"spec.{part}", "must be written out", id=f"no-map-{part}"
            )
            for part in ("inputs", "outputs", "objects", "publish", "usage", "examples")
        ),
        pytest.param(
            ("spec.inputs.additionalProperties", None),
            "spec.inputs.additionalProperties",
            "must be false",
            id="open-inputs",
        ),
        pytest.param(
            ("spec.inputs.properties.label.$ref", "/etc/passwd"),
            "spec.inputs.properties.label.$ref",
            "must begin with “#”",
            id="ref-to-a-file",
        ),
        pytest.param(
            ("spec.inputs.properties.label.default", "${power}"),
            "spec.inputs.properties.label.default",
            "must be plain",
            id="expression-in-schema",
        ),
        pytest.param(("spec.outputs.host", {}), "spec.outputs.host.type", "is required", id="output-without-type"),
        pytest.param(
            ("spec.objects.server.needs", ["secrt"]), "spec.objects.server.needs", "did you mean “secret”", id="needs"
        ),
        pytest.param(
            ("spec.objects.secret.needs", ["server"]),
            "spec.objects",
            "need each other in a circle: secret → server → secret",
            id="circle",
        ),
        pytest.param(
            ("spec.objects.server.manifest.kind", "${'Pod'}"),
            "spec.objects.server.manifest.kind",
            "plain text",
            id="computed-kind",
        ),
        pytest.param(
            ("spec.objects.server.manifest.metadata", {}),
            "spec.objects.server.manifest.metadata.name",
            "is required",
            id="no-name",
        ),
        pytest.param(
            ("spec.objects.server.manifest.metadata.namespace", "kube-system"),
            "spec.objects.server.manifest.metadata.namespace",
            "must be left out",
            id="namespace",
        ),
        pytest.param(
            ("spec.examples", [{"name": "a", "inputs": {}}, {"name": "a", "inputs": {}}]),
            "spec.examples.1.name",
            "choose another",
            id="example-twice",
        ),
    ],
)
def test_it_refuses_a_document(change: tuple[str, Any], path: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_contract(document(STORE, change))
    assert path in [error.path for error in refused.value.errors]
    assert words in " ".join(error.message for error in refused.value.errors)
    assert refused.value.code == "invalid-contract"


def test_it_names_every_problem_with_its_line() -> None:
    read = load_yaml(
        "apiVersion: slipway.dev/v1\nkind: Contract\nmetadata:\n  capability: store\n  version: one\n"
        "spec:\n  title: ''\n  summary: S\n  owner: o\n  inputs: {type: object}\n  objects: {}\n  examples: []\n"
    )
    with pytest.raises(InvalidInput) as refused:
        parse_contract(read.data, read.lines)
    assert {(error.path, error.line) for error in refused.value.errors} == {
        ("metadata.version", 5),
        ("spec.title", 7),
        ("spec.objects", 11),
        ("spec.examples", 12),
    }


@pytest.mark.parametrize("value", [None, [], "text", 5, {"spec": []}, {"spec": {"inputs": 1}}], ids=repr)
def test_it_refuses_what_is_no_contract_at_all(value: object) -> None:
    with pytest.raises(InvalidInput):
        parse_contract(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("${}a.", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
paths = st.sampled_from(
    sorted(
        {"kind", "metadata", "spec", "metadata.version"}
        | {f"spec.{key}" for key in APP["spec"]}
        | {f"spec.objects.server.{key}" for key in ("manifest", "needs", "includeWhen", "forEach")}
        | {f"spec.inputs.{key}" for key in ("properties", "required", "type", "x-rules")}
    )
)


@given(paths, json_values)
def test_it_reads_or_refuses_whatever_stands_at_a_place(path: str, value: object) -> None:
    if value is None:
        return
    refused = None
    try:
        read = parse_contract(document(APP, (path, value)))
    except InvalidInput as error:
        refused, read = error, None
    assert read is not None or refused.errors


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        pytest.param("1.2.3", "1.10.0", id="numbers-not-text"),
        pytest.param("1.0.0-rc.1", "1.0.0", id="prerelease-first"),
        pytest.param("1.0.0-alpha", "1.0.0-alpha.1", id="longer-prerelease"),
        pytest.param("1.0.0-1", "1.0.0-alpha", id="number-before-name"),
        pytest.param("0.9.9", "1.0.0-a", id="major"),
    ],
)
def test_it_orders_versions_as_semver_says(older: str, newer: str) -> None:
    assert parse_version(older) < parse_version(newer)


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "01.0.0", "1.0.0-", "v1.0.0", "1.0.0 ", "1.0.0\n", "1." * 50], ids=repr
)
def test_it_refuses_what_is_no_version(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_version(text)


@given(st.builds(Version, *[st.integers(0, 999)] * 3))
def test_it_writes_a_version_as_it_reads_it(version: Version) -> None:
    assert parse_version(str(version)) == version
    assert matches(str(version), version)
    assert matches(str(version.major), version)
    assert matches(f"{version.major}.{version.minor}", version)
    assert is_exact(str(version))


OFFERED = [
    ("1.0.0", "stable"),
    ("1.2.0", "stable"),
    ("1.3.0", "preview"),
    ("1.4.0-rc.1", "stable"),
    ("1.5.0", "defective"),
    ("0.9.0", "deprecated"),
    ("2.0.0", "preview"),
    ("3.0.0", "retired"),
]


@pytest.mark.parametrize(
    ("constraint", "keep", "chosen"),
    [
        pytest.param("1", None, "1.2.0", id="newest-stable"),
        pytest.param("1.0", None, "1.0.0", id="minor-pinned"),
        pytest.param("1.3.0", None, "1.3.0", id="preview-when-named"),
        pytest.param("", None, "1.2.0", id="anything"),
        pytest.param("0", None, "0.9.0", id="deprecated-when-nothing-else"),
        pytest.param("2", None, None, id="preview-is-not-chosen"),
        pytest.param("3.0.0", None, None, id="retired"),
        pytest.param("3.0.0", "3.0.0", "3.0.0", id="retired-but-in-use"),
        pytest.param("2", "2.0.0", "2.0.0", id="preview-in-use"),
        pytest.param("9", None, None, id="nothing-fits"),
    ],
)
def test_it_chooses_a_version(constraint: str, keep: str | None, chosen: str | None) -> None:
    assert choose(constraint, OFFERED, keep=keep) == chosen

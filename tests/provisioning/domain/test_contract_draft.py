"""Drafts of contracts from CRDs and from schemas of Helm values: what they take over, and what they leave to people."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from idp.kernel.documents import load_yaml
from idp.kernel.errors import InvalidInput
from provisioning.domain.contract import parse_contract
from provisioning.domain.contract_checks import check_contract
from provisioning.domain.contract_draft import (
    Decision,
    Draft,
    Naming,
    first_sentence,
    require_naming,
    slug_of,
    title_of,
)
from provisioning.domain.contract_draft_crd import draft_from_crd
from provisioning.domain.contract_draft_samples import sample
from provisioning.domain.contract_draft_schema import translated
from provisioning.domain.contract_draft_values import ARGO, FLUX, Chart, draft_from_values
from provisioning.domain.custom_kinds import definitions, kinds_of
from provisioning.domain.kubernetes_schema import validate_object
from provisioning.domain.schema import check_schema, validate

FOLDER = Path(__file__).with_name("artifacts")
CERTIFICATE: Any = load_yaml((FOLDER / "certificates.example.dev.yaml").read_bytes()).data
PODINFO: Any = json.loads((FOLDER / "podinfo.values.schema.json").read_text())
NAMED = Naming(owner="payments")


def rules(found: Iterable[Decision], *, must: bool | None = None) -> set[str]:
    return {one.rule for one in found if must is None or one.must is must}


def inputs(draft: Draft) -> Mapping[str, Any]:
    made: Mapping[str, Any] = draft.document["spec"]["inputs"]["properties"]
    return made


def require_publishable(draft: Draft, definition: Any = None) -> None:
    """It passes the publishing checks, every object against the definition that it came from."""
    contract = parse_contract(draft.document)
    more = {one.key: one for one in kinds_of(definition)} if definition else {}

    def judge(manifest: Any) -> Any:
        return validate_object(manifest, more) if definition else []

    assert check_contract(contract, validate_object=judge) == []


@pytest.mark.parametrize("definition", definitions(), ids=lambda one: one["metadata"]["name"])
def test_a_draft_of_a_large_definition_passes_the_checks(definition: Any) -> None:
    begun = time.process_time()
    draft = draft_from_crd(definition, NAMED)
    assert time.process_time() - begun < 2
    require_publishable(draft, definition)
    assert rules(draft.decisions, must=True) == {"usage"}


def test_a_draft_takes_over_what_a_definition_says() -> None:
    draft = draft_from_crd(CERTIFICATE, NAMED)
    require_publishable(draft, CERTIFICATE)
    spec = draft.document["spec"]
    assert draft.document["metadata"] == {"capability": "tls-certificate", "version": "1.0.0"}
    assert (spec["title"], spec["summary"]) == ("TLS certificate", "A certificate that is renewed before it ends.")
    assert (spec["owner"], spec["state"]) == ("payments", "preview")
    assert spec["requires"] == {"apis": [{"apiVersion": "example.dev/v1", "kind": "TLSCertificate"}]}
    assert spec["objects"]["main"]["manifest"] == {
        "apiVersion": "example.dev/v1",
        "kind": "TLSCertificate",
        "metadata": {"name": "${resource.name}"},
        "spec": "${inputs}",
    }
    assert "readyWhen" not in spec["objects"]["main"]
    assert set(spec["outputs"]) == {"name", "serialNumber", "renewals"}
    assert spec["outputs"]["renewals"] == {"type": "integer", "title": "Renewals"}
    assert spec["publish"]["serialNumber"] == "${objects.main.status.serialNumber}"
    assert list(inputs(draft))[:2] == ["secretName", "issuerRef"]
    assert spec["inputs"]["required"] == ["secretName", "issuerRef"]


@pytest.mark.parametrize(
    ("name", "made"),
    [
        pytest.param(
            "secretName",
            {
                "title": "Secret name",
                "description": "The Secret in which it is kept.",
                "type": "string",
                "minLength": 1,
                "maxLength": 253,
            },
            id="words",
        ),
        pytest.param("duration", {"title": "Duration", "type": "string", "format": "duration"}, id="nullable"),
        pytest.param(
            "revisionHistoryLimit",
            {"title": "Revision history limit", "type": "integer", "minimum": 1, "default": 1},
            id="formats-for-machines",
        ),
        pytest.param(
            "renewBeforePercentage", {"title": "Renew before percentage", "type": "string"}, id="number-or-text"
        ),
        pytest.param("keystore", {"title": "Keystore", "type": "object"}, id="unknown-fields"),
        pytest.param(
            "dnsNames",
            {
                "title": "Dns names",
                "type": "array",
                "uniqueItems": True,
                "items": {"type": "string", "maxLength": 253},
            },
            id="a-set",
        ),
    ],
)
def test_a_draft_says_an_input_as_contracts_can(name: str, made: dict[str, Any]) -> None:
    assert inputs(draft_from_crd(CERTIFICATE, NAMED))[name] == made


def test_a_draft_tells_what_it_cannot_know() -> None:
    found = draft_from_crd(CERTIFICATE, Naming()).decisions
    assert rules(found, must=True) == {"usage", "owner"}
    assert {"number-or-text", "plumbing", "version", "summary", "state"} <= rules(found)
    [plumbing] = [one for one in found if one.rule == "plumbing"]
    assert plumbing.message.endswith("nodeSelector")
    assert not any("memory" in one.message for one in found)  # a quantity loses nothing as text


@pytest.mark.parametrize(
    ("asked", "api_version", "told"),
    [("", "example.dev/v1", set()), ("v1beta1", "example.dev/v1beta1", {"deprecated"})],
    ids=["the-stored-one", "another-that-is-served"],
)
def test_a_draft_is_of_one_version(asked: str, api_version: str, told: set[str]) -> None:
    draft = draft_from_crd(CERTIFICATE, NAMED, served=asked)
    assert draft.document["spec"]["objects"]["main"]["manifest"]["apiVersion"] == api_version
    assert rules(draft.decisions) & {"deprecated"} == told


def changed(**spec: Any) -> Any:
    made = deepcopy(CERTIFICATE)
    made["spec"] = {**made["spec"], **spec}
    return made


def with_version(**fields: Any) -> Any:
    made = deepcopy(CERTIFICATE)
    made["spec"]["versions"] = [{**made["spec"]["versions"][1], **fields}]
    return made


def with_columns(*paths: str, status: Any = None) -> Any:
    made = with_version(
        additionalPrinterColumns=[
            {"name": f"C{index}", "type": "string", "jsonPath": one} for index, one in enumerate(paths)
        ]
    )
    properties = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    if status is not None:
        properties["status"] = {"type": "object", "properties": status}
    return made


CONDITION = '.status.conditions[?(@.type=="%s")].status'
PHASES = {"phase": {"type": "string", "enum": ["Pending", "Running"]}}


@pytest.mark.parametrize(
    ("definition", "ready_when", "must"),
    [
        pytest.param(with_columns(CONDITION % "Ready"), None, False, id="ready-is-asked-anyway"),
        pytest.param(
            with_columns(CONDITION % "Available"),
            "object.status.conditions.exists(c, c.type == 'Available' && c.status == 'True')",
            False,
            id="another-condition",
        ),
        pytest.param(
            with_columns(".status.phase", status=PHASES), "object.status.phase == 'Running'", False, id="a-known-phase"
        ),
        pytest.param(with_columns(".status.state", status={"state": {"type": "string"}}), None, True, id="any-phase"),
        pytest.param(with_columns(status={}), None, False, id="says-nothing"),
    ],
)
def test_a_draft_reads_readiness_off_columns(definition: Any, ready_when: str | None, must: bool) -> None:
    draft = draft_from_crd(definition, NAMED)
    require_publishable(draft, definition)
    assert draft.document["spec"]["objects"]["main"].get("readyWhen") == ready_when
    assert ("readiness" in rules(draft.decisions, must=True)) is must


def test_a_draft_of_what_belongs_to_the_cluster_says_that_it_cannot_be() -> None:
    assert "cluster-scoped" in rules(draft_from_crd(changed(scope="Cluster"), NAMED).decisions, must=True)


def test_a_draft_of_a_kind_without_spec_takes_its_own_fields() -> None:
    openapi = {"type": "object", "properties": {"data": {"type": "object", "additionalProperties": {"type": "string"}}}}
    definition = with_version(schema={"openAPIV3Schema": openapi})
    draft = draft_from_crd(definition, NAMED)
    require_publishable(draft, definition)
    assert draft.document["spec"]["objects"]["main"]["manifest"]["data"] == "${default(inputs.data, null)}"


def test_a_draft_of_an_open_spec_has_no_inputs_and_says_so() -> None:
    openapi = {
        "type": "object",
        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    definition = with_version(schema={"openAPIV3Schema": openapi})
    draft = draft_from_crd(definition, NAMED)
    require_publishable(draft, definition)
    assert inputs(draft) == {}
    assert "no-schema" in rules(draft.decisions, must=True)


@pytest.mark.parametrize(
    ("definition", "served", "words"),
    [
        pytest.param({"kind": "Deployment"}, "", "cannot be used", id="another-kind"),
        pytest.param([], "", "cannot be used", id="a-list"),
        pytest.param(CERTIFICATE, "v9", "v9 is not served", id="no-such-version"),
        pytest.param(with_version(served=False), "", "serves no version", id="nothing-served"),
        pytest.param(
            with_version(schema={"openAPIV3Schema": {"$ref": "file:///etc/passwd"}}),
            "",
            "cannot be used",
            id="reference",
        ),
    ],
)
def test_it_refuses_a_definition_that_is_none(definition: Any, served: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        draft_from_crd(definition, NAMED, served=served)


CHART = Chart("podinfo", "6.7.0", "podinfo")


@pytest.mark.parametrize("release", [FLUX, ARGO])
def test_a_draft_of_a_chart_passes_the_checks(release: str) -> None:
    draft = draft_from_values(PODINFO, NAMED, chart=CHART, release=release)
    require_publishable(draft)
    assert rules(draft.decisions, must=True) == {"usage", "reference"}
    text = json.dumps(draft.document["spec"]["objects"])
    assert all(word in text for word in ("podinfo", "6.7.0", "${inputs}"))


def test_a_draft_of_a_chart_asks_where_it_comes_from() -> None:
    found = draft_from_values(PODINFO, NAMED, chart=Chart()).decisions
    assert {"chart", "chart-version", "chart-source"} <= rules(found, must=True)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        pytest.param("replicaCount", {"type": "integer", "minimum": 1, "default": 1}, id="a-bound-that-was-a-flag"),
        pytest.param("slow", {"type": "string"}, id="a-pattern-that-takes-for-ever"),
        pytest.param("bad", {"type": "integer"}, id="a-default-that-does-not-fit"),
        pytest.param("any", {}, id="anything"),
        pytest.param("far", {}, id="a-reference-elsewhere"),
        pytest.param(
            "extra",
            {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "propertyNames": {"pattern": "^[a-z]+$"},
            },
            id="a-map-by-pattern",
        ),
    ],
)
def test_values_are_said_as_contracts_can(name: str, made: dict[str, Any]) -> None:
    found = inputs(draft_from_values(PODINFO, NAMED, chart=CHART))[name]
    assert {key: value for key, value in found.items() if key not in ("title", "description")} == made


@pytest.mark.parametrize("rule", ["circle", "number-or-text", "alternatives", "rule", "plumbing", "pattern-dropped"])
def test_values_that_contracts_cannot_say_are_told(rule: str) -> None:
    assert rule in rules(draft_from_values(PODINFO, NAMED, chart=CHART).decisions)


@pytest.mark.parametrize("schema", ["text", 5, [], {}], ids=str)
def test_it_refuses_a_schema_that_is_none(schema: Any) -> None:
    with pytest.raises(InvalidInput):
        draft_from_values(schema, NAMED, chart=CHART)


def test_a_schema_without_names_says_so() -> None:
    assert "no-schema" in rules(draft_from_values({"type": "object"}, NAMED, chart=CHART).decisions, must=True)


def deep(levels: int) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        made = {"type": "object", "properties": {"a": made}}
    return made


def wide(number: int) -> dict[str, Any]:
    return {"type": "object", "properties": {f"a{index}": {"type": "string"} for index in range(number)}}


MULTIPLYING = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/d0"}},
    "$defs": {
        **{f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"} for _ in range(10)]} for n in range(12)},
        "d12": {"type": "string"},
    },
}


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(deep(60), id="depth-60"),
        pytest.param(wide(5_000), id="5,000-properties"),
        pytest.param({"type": "object", "properties": {"a": {"$ref": "#"}}}, id="itself"),
        pytest.param({"$ref": "#/a", "a": {"$ref": "#/a"}}, id="a-circle-of-references"),
        pytest.param({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, id="a-file"),
        pytest.param({"properties": {"a": {"type": "string", "pattern": "^(a|a)*$"}}}, id="a-slow-pattern"),
        pytest.param({"properties": {"a": {"pattern": "("}, "b": {"minimum": "x"}, "c": {"enum": 5}}}, id="nonsense"),
        pytest.param({"properties": {"a.b": {}, "": {}, "${x}": {}, "ok": {"type": 7}}}, id="names"),
        pytest.param({"properties": [1]}, id="no-map"),
        pytest.param({"properties": {"a": {"oneOf": "x"}, "b": {"allOf": [1, None]}, "c": True}}, id="no-lists"),
    ],
)
def test_whatever_is_sent_becomes_inputs_that_contracts_take(schema: dict[str, Any]) -> None:
    begun = time.process_time()
    made, _ = translated(schema)
    assert time.process_time() - begun < 2
    assert check_schema(made, "spec.inputs") == []
    example, unsure = sample(made)
    assert unsure or validate(example, made) == []


def test_references_that_multiply_are_refused() -> None:
    begun = time.process_time()
    with pytest.raises(InvalidInput, match="too large"):
        translated(MULTIPLYING)
    assert time.process_time() - begun < 2


def test_what_is_long_is_taken_as_yaml() -> None:
    made, found = translated({"type": "object", "properties": {"many": wide(200), "few": wide(3)}})
    assert made["properties"]["many"] == {"title": "Many", "type": "object"}
    assert len(made["properties"]["few"]["properties"]) == 3
    assert rules(found) == {"large"}


@pytest.mark.parametrize(
    ("schema", "value", "unsure"),
    [
        pytest.param({"type": "string", "pattern": r"^[0-9]+(Mi|Gi)$"}, "1Gi", (), id="a-quantity"),
        pytest.param({"type": "string", "pattern": "^xq[0-9]{7}$"}, "example", ("",), id="nothing-fits"),
        pytest.param({"type": "integer", "minimum": 7, "multipleOf": 5}, 10, (), id="a-step"),
        pytest.param({"type": "string", "minLength": 20}, "registry.example/app:1.0.0", (), id="a-length"),
        pytest.param({"type": "array", "minItems": 2, "items": {"enum": ["a"]}}, ["a", "a"], (), id="a-list"),
        pytest.param(
            {"type": "object", "required": ["x"], "properties": {"x": {"const": 3}}}, {"x": 3}, (), id="a-map"
        ),
    ],
)
def test_a_sample_fits(schema: dict[str, Any], value: Any, unsure: tuple[str, ...]) -> None:
    assert sample(schema) == (value, unsure)


@pytest.mark.parametrize(
    ("name", "slug", "title"),
    [
        ("HTTPRoute", "http-route", "HTTP route"),
        ("Cluster", "cluster", "Cluster"),
        ("podinfo", "podinfo", "Podinfo"),
        ("X", "my-x", "X"),
        ("2Fast", "my-2-fast", "2 fast"),
    ],
)
def test_names_become_words(name: str, slug: str, title: str) -> None:
    assert (slug_of(name), title_of(name)) == (slug, title)


def test_a_sentence_is_cut_where_it_is_long() -> None:
    assert first_sentence("One line.\nSame line? Yes.\n\nNext.") == "One line."
    assert len(first_sentence("word " * 100)) == 200


def test_a_name_that_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidInput):
        require_naming(Naming(capability="Not A Name"))

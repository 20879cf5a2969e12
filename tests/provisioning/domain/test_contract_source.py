"""What is sent to be published: a contract alone, or with definitions of the kinds that it makes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from idp.kernel.errors import InvalidInput
from provisioning.domain.contract_source import definitions_in, read_source
from tests.provisioning import wells


def stream(*documents: Any) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"text": stream(wells.contract(), wells.definition())}, id="one text"),
        pytest.param({"text": stream(wells.definition(), wells.contract())}, id="the definition first"),
        pytest.param({"text": stream({**wells.contract(), "definitions": [wells.definition()]})}, id="a field of YAML"),
        pytest.param({"document": {**wells.contract(), "definitions": [wells.definition()]}}, id="a field"),
        pytest.param({"document": wells.contract(), "definitions": [wells.definition()]}, id="apart"),
    ],
)
def test_it_finds_contract_and_definitions(sent: dict[str, Any]) -> None:
    found = read_source(**sent)
    assert found.document == wells.contract()
    assert set(found.kinds) == {wells.KEY}
    assert found.kinds[wells.KEY].openapi == wells.openapi()


def test_lines_are_those_of_the_contract() -> None:
    text = stream(wells.definition(), wells.contract())
    line = read_source(text).lines["metadata.version"]
    assert text.splitlines()[line - 1].strip() == "version: 1.0.0"


OWN = wells.definition(group="networking.k8s.io")
PATTERN = wells.definition()
PATTERN["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = {"type": "object", "properties": {"a": {"pattern": "("}}}
ODD = wells.definition()
ODD["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = {"type": "object", "properties": {"a": {"type": 7}}}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        pytest.param({"text": stream(wells.definition())}, "only definitions", id="no contract"),
        pytest.param(
            {"text": stream(wells.contract(), wells.contract(), wells.definition())}, "several contracts", id="two"
        ),
        pytest.param({"text": stream(wells.contract(), wells.contract())}, "one document at a time", id="two alone"),
        pytest.param({"text": ""}, "empty", id="nothing"),
        pytest.param({"document": {**wells.contract(), "definitions": 5}}, "must be a list", id="no list"),
        pytest.param({"document": {}, "definitions": [7]}, "definition 1 cannot be used", id="no definition"),
        pytest.param({"document": {}, "definitions": [wells.definition(), wells.definition()]}, "twice", id="twice"),
        pytest.param({"document": {}, "definitions": [wells.definition()] * 31}, "At most 30", id="too many"),
        pytest.param({"document": {}, "definitions": [OWN]}, "Kubernetes' own", id="of Kubernetes itself"),
        pytest.param({"document": {}, "definitions": [PATTERN]}, "cannot be used as a schema", id="a broken pattern"),
        pytest.param({"document": {}, "definitions": [ODD]}, "cannot be used as a schema", id="a broken type"),
    ],
)
def test_it_says_what_it_cannot_use(sent: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_source(**sent)


def test_a_broken_definition_is_named_with_its_line() -> None:
    text = stream(wells.contract(), wells.definition(scope=""))
    with pytest.raises(InvalidInput) as caught:
        read_source(text)
    [problem] = caught.value.errors
    assert problem.path == "definitions.0.spec.scope"
    assert problem.line is not None
    assert text.splitlines()[problem.line - 1].strip() == "scope: ''"


def test_a_list_of_definitions_is_read_and_other_documents_are_left_out() -> None:
    text = stream({"kind": "List", "items": [wells.definition(), {"kind": "Deployment"}]}, {"kind": "Service"})
    assert definitions_in(text, max_bytes=100_000) == [wells.definition()]

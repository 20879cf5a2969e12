"""Files of documents as one set."""

from __future__ import annotations

import pytest

from idp.kernel.errors import InvalidInput
from provisioning.domain.bundle import MOST_DOCUMENTS, owner_problem, read_bundle, read_followed

ENVIRONMENT = "apiVersion: slipway.dev/v1\nkind: Environment\nmetadata: {system: shop, name: dev}\nspec: {stage: dev}\n"
POLICY = "apiVersion: slipway.dev/v1\nkind: Policy\nmetadata: {name: calm}\nspec: {}\n"
CONTRACT = (
    "apiVersion: slipway.dev/v1\nkind: Contract\nmetadata: {capability: cache, version: 1.0.0}\nspec: {title: Cache}\n"
)
CRD = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: caches.example}\n"


def test_it_orders_documents_so_that_each_comes_after_what_it_may_name():
    found = read_bundle([("a.yaml", ENVIRONMENT), ("b.yaml", f"{POLICY}---\n{CONTRACT}")])
    assert [(one.kind, one.name, one.file, one.line) for one in found.entries] == [
        ("Contract", "cache 1.0.0", "b.yaml", 6),
        ("Policy", "calm", "b.yaml", 1),
        ("Environment", "shop/dev", "a.yaml", 1),
    ]
    assert found.faults == ()


def test_a_definition_goes_with_the_contract_of_its_file():
    found = read_bundle([("a.yaml", f"{CRD}---\n{CONTRACT}"), ("b.yaml", POLICY)])
    assert [len(one.definitions) for one in found.entries] == [1, 0]
    alone = read_bundle([("a.yaml", CRD)])
    assert "with a contract" in alone.faults[0].errors[0].message


def test_one_wrong_file_leaves_its_neighbours_alone():
    found = read_bundle([("bad.yaml", "a: [1"), ("good.yaml", POLICY)])
    assert [one.name for one in found.entries] == ["calm"]
    assert [one.file for one in found.faults] == ["bad.yaml"]
    assert found.faults[0].errors[0].line is not None


def test_a_name_that_stands_twice_is_told_with_both_places():
    found = read_bundle([("a.yaml", POLICY), ("b.yaml", f"# again\n{POLICY}")])
    assert [(one.file, one.line) for one in found.faults] == [("b.yaml", 2)]
    assert "first in a.yaml, line 1" in found.faults[0].errors[0].message
    assert len(found.entries) == 1


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        pytest.param("- a\n", "", 1, id="a list"),
        pytest.param("kind: Deployment\n", "kind", 1, id="a kind of another house"),
        pytest.param("kind: [a]\n", "kind", 1, id="a kind that is no text"),
        pytest.param(POLICY.replace("/v1", "/v2"), "apiVersion", 1, id="another version"),
        pytest.param(POLICY.replace("spec: {}", "spec: 1"), "spec", 4, id="a spec that is none"),
        pytest.param(POLICY + "status: {}\n", "status", 5, id="a field too many"),
        pytest.param(POLICY.replace("name: calm", "name: 1"), "metadata.name", 3, id="a name that is no text"),
        pytest.param(ENVIRONMENT.replace("name: dev", "name: De v"), "metadata.name", 3, id="a name that is none"),
        pytest.param(ENVIRONMENT.replace("name: dev", "label: x"), "metadata.name", 3, id="no name"),
        pytest.param(POLICY.replace("metadata: {name: calm}", "metadata: 3"), "metadata", 3, id="no metadata"),
    ],
)
def test_it_says_what_is_right_and_where(text, path, line):
    found = read_bundle([("a.yaml", text)])
    assert found.entries == ()
    assert next((one.path, one.line) for one in found.faults[0].errors) == (path, line)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param([], id="no file"),
        pytest.param([("a.yaml", "# nothing\n")], id="no document"),
        pytest.param([(f"{at}.yaml", POLICY) for at in range(201)], id="too many files"),
        pytest.param([("a.yaml", "x" * 4_000_001)], id="too large"),
        pytest.param(
            [("a.yaml", "---\n".join(POLICY.replace("calm", f"calm-{at}") for at in range(MOST_DOCUMENTS + 1)))],
            id="too many documents",
        ),
    ],
)
def test_it_refuses_a_set_that_is_none_or_too_large(files):
    with pytest.raises(InvalidInput):
        read_bundle(files)


@pytest.mark.parametrize(
    ("owner", "right"), [("", True), ("payments/infra", True), ("A", False), ("a b", False), ("a\n", False)]
)
def test_an_owner_is_a_short_name(owner, right):
    assert (owner_problem(owner) == "") is right


def named(name: str, number: int = 1) -> bytes:
    return "---\n".join(POLICY.replace("calm", f"{name}-{at}") for at in range(number)).encode()


def test_a_source_may_hold_more_than_one_call_and_nothing_at_all():
    files = [(f"{at}.yaml", named(f"calm-{at}")) for at in range(MOST_DOCUMENTS + 1)]
    found = read_followed(files)
    assert (len(found.entries), found.faults) == (MOST_DOCUMENTS + 1, ())
    assert read_followed([]) == read_followed([("a.yaml", b"# nothing")])


@pytest.mark.parametrize(
    ("most", "words"),
    [
        pytest.param({"documents": 3}, "3 documents", id="documents"),
        pytest.param({"size": 400}, "400 bytes", id="bytes"),
    ],
)
def test_a_file_beyond_the_limits_of_a_source_is_refused_alone(most, words):
    found = read_followed([("a.yaml", named("a")), ("b.yaml", named("b", 9)), ("c.yaml", named("c"))], **most)
    assert [one.file for one in found.entries] == ["a.yaml", "c.yaml"]
    (fault,) = found.faults
    assert (fault.file, fault.name) == ("b.yaml", "")
    assert words in fault.errors[0].message

"""Streams of documents: cut, bounded, and never a fault that costs a neighbour; what is written reads back the same."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.domain.backstage.findings import Finding
from governance.domain.backstage.reading import MOST_FILE_BYTES, Draft, read_file
from governance.domain.backstage.rules import faults_of
from governance.domain.backstage.writing import as_yaml
from idp.kernel.documents import load_yaml

GOOD = """apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: shop
  annotations: &notes
    github.com/project-slug: acme/shop
  links:
    - url: https://shop.example
spec:
  type: service
  lifecycle: production
  owner: team-a
  dependsOn: [component:cart, "resource:db"]
"""
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
SEEDS = (
    GOOD,
    f"{GOOD}---\n{GOOD}",
    BOMB,
    "a: &a [*a]",
    "[" * 500,
    "{a: " * 500,
    "? " * 300,
    '"' + "x" * 2000,
    "%YAML 9.9\n---\na",
)
PIECES = (
    *"{}[]&*!|>%@`\"'#,:-?\n \t\x00\x85\ufeff\u2028",
    "---\n",
    "...\n",
    "<<: *notes",
    "!!python/object:os.system",
    "&a *a",
    "${{ x }}",
    "\ud83d\ude00",
)


def read(text: str | bytes) -> list[Draft | Finding]:
    return list(read_file("catalog-info.yaml", text))


FAULTS = {
    "broken": ("kind: [}\n", "broken-yaml", 1),
    "tab": ("kind: x\n\tb: 1\n", "broken-yaml", 2),
    "repeated-key": ("kind: x\nkind: y\n", "broken-yaml", 2),
    "a-tag": ("kind: !!python/object:os.system x\n", "broken-yaml", 1),
    "merge-key": ("a: &a {b: 1}\nkind: {<<: *a}\n", "broken-yaml", 2),
    "a-bomb": (BOMB, "too-large", 5),
    "itself": ("kind: &a [*a]\n", "broken-yaml", 1),
    "deep": ("kind: " + "[" * 100 + "]" * 100, "broken-yaml", 1),
    "a-list": ("- a\n- b\n", "not-an-entity", 1),
    "a-text": ("hello\n", "not-an-entity", 1),
    "openapi": ("openapi: 3.0.0\n", "not-an-entity", 1),
    "jinja": ("kind: Component\n{% if x %}\nmetadata: {}\n{% endif %}\n", "skeleton", 2),
    "cookiecutter": ("kind: Component\nmetadata:\n  name: {{ cookiecutter.x }}\n", "skeleton", 3),
    "values": ("kind: Component\nmetadata:\n  name: ${{ values.name }}\n", "skeleton", 3),
    "erb": ("kind: Component\nmetadata:\n  name: <%= name %>\n", "skeleton", 3),
}


@pytest.mark.parametrize(("text", "code", "line"), FAULTS.values(), ids=FAULTS)
def test_it_names_what_cannot_be_read_with_its_line(text: str, code: str, line: int) -> None:
    (found,) = read(text)

    assert isinstance(found, Finding)
    assert (found.code, found.line) == (code, line)


@pytest.mark.parametrize(("text", "code", "line"), FAULTS.values(), ids=FAULTS)
def test_a_broken_document_does_not_cost_its_neighbours(text: str, code: str, line: int) -> None:
    before, fault, after = read(f"{GOOD}---\n{text}\n---\n{GOOD}")

    assert isinstance(before, Draft)
    assert isinstance(after, Draft)
    assert before.data == after.data
    assert isinstance(fault, Finding)
    assert fault.line == line + GOOD.count("\n") + 1


def test_documents_without_content_are_left_out() -> None:
    assert [type(one) for one in read(f"%YAML 1.2\n---\n# nothing\n---\n\n---\n{GOOD}...\n# the end\n")] == [Draft]


def test_a_template_may_hold_expressions_in_its_steps() -> None:
    (found,) = read("apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nspec: {steps: ['${{ x }}']}\n")

    assert isinstance(found, Draft)


def test_a_file_of_a_hundred_megabytes_is_refused_unread() -> None:
    started = time.process_time()
    (found,) = read(b"a" * 100_000_000)

    assert isinstance(found, Finding)
    assert found.code == "too-large"
    assert time.process_time() - started < 1


def test_bytes_that_are_no_text_are_a_finding() -> None:
    (found,) = read(b"kind: \xff\xfe")

    assert isinstance(found, Finding)
    assert found.code == "not-text"


LARGE = {
    "flow": "[" * 900_000,
    "keys": "? " * 450_000,
    "text": "kind: " + "x " * 450_000,
    "quoted": 'kind: "' + "x\\n" * 300_000 + '"',
    "anchors": "kind: [" + "&a x, " * 150_000 + "]",
    "map": "".join(f"k{n}: v\n" for n in range(90_000)),
    "comments": "# x\n" * 200_000 + "a",
    "blanks": " " * 900_000 + "a",
    "percent": "%x\n" * 300_000 + "a",
    "colons": "a:" * 450_000,
    "bars": "|\n" * 300_000,
}


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_no_document_takes_two_seconds(text: str) -> None:
    started = time.process_time()
    for one in read(text):
        if isinstance(one, Draft):
            faults_of(one.data)

    assert time.process_time() - started < 2


FULL = {"blanks": " \n", "remarks": "#\n", "directives": "%\n", "ends": "...\n", "marks": "---\n", "lines": "\n"}


@pytest.mark.parametrize("unit", FULL.values(), ids=FULL)
def test_a_full_file_of_nothing_costs_no_step_for_each_line(unit: str) -> None:
    started = time.process_time()
    found = read(unit * (MOST_FILE_BYTES // len(unit)))

    assert all(isinstance(one, Finding) for one in found)
    assert len(found) <= 1
    assert time.process_time() - started < 5


edits = st.lists(
    st.tuples(st.integers(0, 600), st.integers(0, 12), st.one_of(st.sampled_from(PIECES), st.text(max_size=3))),
    max_size=5,
)


@settings(max_examples=10_000, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.sampled_from(SEEDS), edits=edits, cut=st.integers(0, 700))
def test_mutated_documents_give_findings_and_never_a_fault(seed: str, edits: list[Any], cut: int) -> None:
    text = seed
    for at, gone, put in edits:
        at %= len(text) + 1
        text = text[:at] + put + text[at + gone :]
    for one in read(text[:cut] if cut < 500 else text):
        if isinstance(one, Finding):
            assert one.reason
        else:
            faults = faults_of(one.data)
            assert all(code and reason for code, _, reason in faults)


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00")),
    st.sampled_from(
        (
            "1e3",
            "0o17",
            "no",
            "~",
            "2020-01-01",
            "12:30:00",
            "0x1F",
            "=",
            ".inf",
            "a\nb\n",
            "\n x",
            "{{ x }}",
            "'",
            "- a",
        )
    ),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=6), inner, max_size=3
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=400, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(values)
def test_what_is_written_reads_back_as_the_very_same(value: Any) -> None:
    text = as_yaml({"a": value})

    assert repr(load_yaml(text).data) == repr({"a": value})

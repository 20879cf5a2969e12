"""YAML from people and programs: what is read, what is refused and where it says so."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.kernel.documents import MAX_NODES, Document, load_all_yaml, load_yaml
from idp.kernel.errors import InvalidInput

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)


def test_it_reads_plain_data_with_the_line_of_every_place() -> None:
    document = load_yaml("kind: Contract\nspec:\n  ports:\n    - 80\n    - {name: http}\n")
    assert document.data == {"kind": "Contract", "spec": {"ports": [80, {"name": "http"}]}}
    assert {path: document.line(path) for path in ("kind", "spec", "spec.ports.0", "spec.ports.1.name")} == {
        "kind": 1,
        "spec": 2,
        "spec.ports.0": 4,
        "spec.ports.1.name": 5,
    }


def test_it_gives_the_line_of_the_nearest_place_above_one_that_is_missing() -> None:
    assert load_yaml("a: 1\nspec:\n  b: 2\n").line("spec.inputs.image") == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("no", "no", id="no-is-text-not-false"),
        pytest.param("on", "on", id="on-is-text"),
        pytest.param("2026-01-01", "2026-01-01", id="dates-stay-text"),
        pytest.param("1:30", "1:30", id="no-base-sixty"),
        pytest.param("true", True, id="boolean"),
        pytest.param("~", None, id="null"),
        pytest.param("010", 10, id="leading-zero-is-decimal"),
        pytest.param("0x1F", 31, id="hexadecimal"),
        pytest.param("1e3", 1000.0, id="exponent"),
        pytest.param("1.10", 1.1, id="float"),
        pytest.param("'1.10'", "1.10", id="quoted-version"),
        pytest.param("-9223372036854775808", -(2**63), id="smallest-integer"),
        pytest.param("{}", {}, id="empty-map"),
    ],
)
def test_it_reads_scalars_as_yaml_1_2(text: str, value: object) -> None:
    read = load_yaml(f"value: {text}").data["value"]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        pytest.param("", "empty", None, id="nothing"),
        pytest.param("a: 1\n---\nb: 2\n", "one document", 3, id="two-documents"),
        pytest.param("a: 1\nb: 2\na: 3\n", "stands here twice", 3, id="duplicate-key"),
        pytest.param("a: 1\nb: !!python/object:os.system x\n", "Tags", 2, id="python-tag"),
        pytest.param("a: !!str 1\n", "Tags", 1, id="any-tag"),
        pytest.param("8080: web\n", "quotes around “8080”", 1, id="number-as-key"),
        pytest.param("? [a]\n: b\n", "key must be plain text", 1, id="list-as-key"),
        pytest.param("a: &x {b: 1}\nc:\n  <<: *x\n", "Merge keys", 3, id="merge-key"),
        pytest.param("a: *gone\n", "must point at something", 1, id="unknown-alias"),
        pytest.param("a: &a [*a]\n", "must point at something", 1, id="alias-of-itself"),
        pytest.param("a: [1, 2\nb: 3\n", "not valid YAML", 2, id="bracket-not-closed"),
        pytest.param("a: b\n\tc: d\n", "not valid YAML", 2, id="tab"),
        pytest.param("a: 9223372036854775808\n", "64 bits", 1, id="too-large-a-number"),
        pytest.param("a: .inf\n", "finite", 1, id="infinity"),
        pytest.param("a: 1e999\n", "too large", 1, id="overflowing-float"),
        pytest.param("a: \x07\n", "control character", None, id="control-character"),
        pytest.param(b"a: \xff\n", "UTF-8", None, id="not-utf-8"),
    ],
)
def test_it_refuses_with_the_line_and_what_is_right(text: str | bytes, words: str, line: int | None) -> None:
    with pytest.raises(InvalidInput) as refused:
        load_yaml(text)
    assert words in refused.value.message
    assert [error.line for error in refused.value.errors] == [line]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(BOMB, id="aliases-of-aliases"),
        pytest.param("[" * 500_000, id="nested-lists"),
        pytest.param("{a: " * 200_000, id="nested-maps"),
        pytest.param("- " * 400_000, id="nested-block-lists"),
        pytest.param("a: [" + "1," * 400_000 + "]", id="too-many-values"),
        pytest.param("&a " * 300_000, id="anchors"),
        pytest.param('"' + "\\u0041" * 150_000, id="quote-not-closed"),
        pytest.param("a: " + "b: " * 300_000, id="colons"),
        pytest.param("x" * 10_000_000, id="ten-megabytes"),
        pytest.param("a" + "\n" * 900_000 + ": b: c", id="line-breaks"),
    ],
)
def test_it_refuses_what_would_exhaust_it_within_two_seconds(text: str) -> None:
    started = time.thread_time()
    with pytest.raises(InvalidInput):
        load_yaml(text)
    assert time.thread_time() - started < 2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: &a " + "x" * 500_000 + "\nb: [" + ",".join(["*a"] * 40_000) + "]\n", id="a-text-repeated"),
        pytest.param("a: &a {" + "k" * 1000 + ": 1}\nb: [" + ",".join(["*a"] * 12_000) + "]\n", id="a-key-repeated"),
    ],
)
def test_aliases_do_not_grow_a_small_text_to_gigabytes(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        load_yaml(text)

    assert refused.value.code == "too-large"
    assert "letters" in refused.value.message


def test_it_takes_aliases_as_long_as_they_stay_small() -> None:
    assert load_yaml("a: &size {cpu: 1}\nb: *size\n").data == {"a": {"cpu": 1}, "b": {"cpu": 1}}


def test_it_counts_a_stream_as_a_whole() -> None:
    half = "- 1\n" * (MAX_NODES // 2 + 10)
    assert len(load_yaml(half).data) == MAX_NODES // 2 + 10
    with pytest.raises(InvalidInput, match="too large"):
        load_all_yaml(f"{half}---\n{half}")


def test_it_leaves_empty_documents_of_a_stream_out() -> None:
    documents = load_all_yaml("---\na: 1\n---\n---\nb: 2\n")
    assert [(one.data, one.line("")) for one in documents] == [({"a": 1}, 2), ({"b": 2}, 5)]


@given(st.one_of(st.text(), st.binary(), st.text(alphabet="[]{}:,-&*!|>'\"#%@?\n ab0.~<")))
def test_it_gives_a_document_or_refuses_whatever_it_is_given(text: str | bytes) -> None:
    read: object = None
    with contextlib.suppress(InvalidInput):
        read = load_yaml(text)
    assert read is None or isinstance(read, Document)


texts = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff\ufffe\uffff"))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(texts, json_values, min_size=1, max_size=4))
def test_it_reads_json_as_what_it_says(value: dict[str, object]) -> None:
    assert load_yaml(json.dumps(value, ensure_ascii=False)).data == value

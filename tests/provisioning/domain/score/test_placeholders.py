"""Placeholders and escapes of Score to the letter, and back into an environment's document without loss."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.kernel.template import Expression
from idp.kernel.template import parse as parsed_by_environment
from provisioning.domain.score.placeholders import (
    Composed,
    Placeholder,
    Reference,
    Unwritable,
    as_text,
    filled,
    parse,
    written,
)
from tests.timing import quickest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("abc", "abc", id="plain"),
        pytest.param("$abc", "$abc", id="a lone dollar is itself"),
        pytest.param("abc $$ abc", "abc $ abc", id="two are one"),
        pytest.param("$${abc}", "${abc}", id="escaped braces"),
        pytest.param("$$${abc}", "$<abc>", id="an escaped dollar before a placeholder"),
        pytest.param("$$$${abc}", "$${abc}", id="two escapes"),
        pytest.param("$$$$${abc}", "$$<abc>", id="two escapes and a placeholder"),
        pytest.param("$${abc .4t3298y *(^&(*}", "${abc .4t3298y *(^&(*}", id="anything may be escaped"),
        pytest.param("a ${m.n} b ${o}", "a <m.n> b <o>", id="within text"),
        pytest.param("${}", "<>", id="an empty one is a placeholder too"),
        pytest.param("${open $$ end", "${open $ end", id="one that is never closed is text"),
        pytest.param("${a${b}", "<a${b>", id="up to the first brace that closes"),
    ],
)
def test_it_replaces_and_unescapes(text, expected):
    assert filled(text, lambda one: f"<{one.source}>") == expected


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        pytest.param("metadata.name", ("metadata", "name"), id="plain"),
        pytest.param(
            r"metadata.annotations.key\.com/a-b", ("metadata", "annotations", "key.com/a-b"), id="escaped dot"
        ),
        pytest.param("a..b", ("a", "", "b"), id="an empty step"),
        pytest.param("", ("",), id="empty"),
    ],
)
def test_it_splits_at_dots_that_are_not_escaped(source, parts):
    assert Placeholder(source).parts == parts


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("a", "a", id="text"),
        pytest.param(5432, "5432", id="number"),
        pytest.param(True, "true", id="boolean"),
        pytest.param(
            {"b": [1, None], "a": "<&>"}, '{"a":"\\u003c\\u0026\\u003e","b":[1,null]}', id="json as go writes it"
        ),
    ],
)
def test_what_is_no_text_becomes_json(value, text):
    assert as_text(value) == text


def test_a_dollar_right_before_a_reference_cannot_be_written():
    with pytest.raises(Unwritable):
        written(filled("$$${x}", lambda one: Reference("resources.db.outputs.host")))


def test_a_secret_keeps_saying_that_it_is_one():
    made = filled("x${a}", lambda one: Reference("resources.db.outputs.credentials.password", secret=True))
    assert isinstance(made, Composed)
    assert made.has_secret
    assert made.alone is None


@given(st.text(alphabet="$ {}ab\\.", max_size=60))
def test_any_text_is_read_and_literals_come_back_from_an_environment(text):
    literal = filled(text, lambda one: "")
    assert isinstance(literal, str)
    assert "".join(str(part) for part in parsed_by_environment(written(literal))) == literal


@given(
    st.lists(
        st.one_of(st.text(alphabet="ab{} ", max_size=6), st.just(Reference("resources.db.outputs.host"))), max_size=8
    )
)
def test_references_between_texts_come_back_from_an_environment(parts):
    text = written(Composed(tuple(one for one in parts if one != "")))
    back = [f"${{{one.source}}}" if isinstance(one, Expression) else one for one in parsed_by_environment(text)]
    assert "".join(back) == "".join(str(one) for one in parts)


@pytest.mark.parametrize("text", ["${" * 60_000, "$" * 120_000, "$${" * 60_000, "${a}" * 40_000, "$$}" * 50_000])
def test_no_text_takes_long(text):
    assert quickest(lambda: parse(text)) < 1


def test_values_of_any_shape_are_written():
    value: Any = {"a": ["${x}", Reference("r"), 1, None, {"b": True}]}
    assert written(value) == {"a": ["$${x}", "${r}", 1, None, {"b": True}]}

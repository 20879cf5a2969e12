"""``${…}`` in plain values: types are kept, texts are joined, and braces inside CEL do not confuse it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.kernel import cel

FACTS: dict[str, Any] = {"inputs": {"port": 80, "ratio": 2.0, "on": True, "name": "api", "list": [1], "none": None}}


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        pytest.param("plain", "plain", id="no-expression"),
        pytest.param("${inputs.port}", 80, id="whole-keeps-its-type"),
        pytest.param("${ inputs.list }", [1], id="whole-list"),
        pytest.param("${inputs.none}", None, id="whole-null"),
        pytest.param("${inputs.name}:${inputs.port}", "api:80", id="embedded-becomes-text"),
        pytest.param("${inputs.ratio}Gi", "2Gi", id="whole-float-in-text"),
        pytest.param("is ${inputs.on}", "is true", id="boolean-in-text"),
        pytest.param("$${inputs.port}", "${inputs.port}", id="escaped"),
        pytest.param("$${a} ${inputs.port}", "${a} 80", id="escaped-and-not"),
        pytest.param("$5 and $$", "$5 and $$", id="lonely-dollars"),
        pytest.param("${ {'a': {'b': '}'}}.a.b }", "}", id="braces-inside"),
        pytest.param("${'${'}", "${", id="opening-inside-text"),
        pytest.param('${"it\'s }"}', "it's }", id="quotes-inside-quotes"),
        pytest.param({"a": ["${inputs.port}", {"${b}": 1}]}, {"a": [80, {"${b}": 1}]}, id="keys-are-left-alone"),
        pytest.param({"n": 1, "f": 1.5, "b": False}, {"n": 1, "f": 1.5, "b": False}, id="other-types"),
    ],
)
def test_it_fills(value: object, filled: object) -> None:
    result = cel.template(value, FACTS)
    assert result == filled
    assert type(result) is type(filled)


@pytest.mark.parametrize(
    ("value", "path", "words"),
    [
        pytest.param({"a": ["x${inputs.list}"]}, "a.0", "a list and cannot stand inside a text", id="list-in-text"),
        pytest.param({"a": "x${inputs.none}"}, "a", "null and cannot stand", id="null-in-text"),
        pytest.param({"a": {"b": "${inputs.gone}"}}, "a.b", "no field “gone”", id="missing"),
        pytest.param({"a": "${inputs.port"}, "a", "never closed", id="not-closed"),
        pytest.param({"a": "${'}"}, "a", "has no end", id="text-inside-not-closed"),
        pytest.param({"a": "${}"}, "a", "empty", id="empty"),
        pytest.param({"a": "${b'x'}"}, "a", "JSON does not have", id="bytes"),
        pytest.param({"a": "${ {1: 2} }"}, "a", "keys are not texts", id="number-as-key"),
        pytest.param({"a": "${1.0 / 0.0}"}, "a", "finite", id="infinity"),
    ],
)
def test_it_names_the_place_that_fails(value: object, path: str, words: str) -> None:
    with pytest.raises(cel.CelError) as refused:
        cel.template(value, FACTS)
    assert [error.path for error in refused.value.errors] == [path]
    assert words in refused.value.message


def test_it_lists_every_expression_with_its_place() -> None:
    value = {"a": "${x.y}", "b": ["-${ 'n}' }-${z}", "$${no}"]}
    assert cel.expressions(value, "spec") == [("spec.a", "x.y"), ("spec.b.0", "'n}'"), ("spec.b.0", "z")]


@given(st.text(alphabet="${}'\"\\ ab.1"))
def test_it_gives_a_value_or_names_the_place_whatever_is_written(text: str) -> None:
    places = ["v"]
    try:
        cel.template({"v": text}, {"a": {"b": 1}, "b": 2})
    except cel.CelError as refused:
        places = [error.path for error in refused.errors]
    assert places == ["v"]


@given(st.text().filter(lambda text: "$${" not in text))
def test_it_gives_back_any_text_that_was_escaped(text: str) -> None:
    assert cel.template(text.replace("${", "$${"), {}) == text

"""Schemas written to hurt: each is refused, in words, in under a second; what is harmless passes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from provisioning.domain.patterns import TooComplex, require_quick
from provisioning.domain.schema import check_schema
from tests.timing import quickest


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def laughs(levels: int, each: int) -> dict[str, Any]:
    """References of which each brings ``each`` more, ``levels`` deep."""
    definitions: dict[str, Any] = {f"d{levels}": {"type": "string"}}
    for level in range(levels):
        properties = {f"p{number}": {"$ref": f"#/$defs/d{level + 1}"} for number in range(each)}
        definitions[f"d{level}"] = {"type": "object", "properties": properties}
    return {"type": "object", "$defs": definitions, "properties": {"a": {"$ref": "#/$defs/d0"}}}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        pytest.param({"$ref": "file:///etc/passwd"}, "may only refer to itself", id="ref-to-a-file"),
        pytest.param({"$ref": "http://127.0.0.1:9/x"}, "may only refer to itself", id="ref-to-a-host"),
        pytest.param({"properties": {"a": {"$ref": "other.json#/a"}}}, "may only refer to itself", id="ref-elsewhere"),
        pytest.param({"$id": "http://127.0.0.1/", "type": "object"}, "not a keyword", id="base-address"),
        pytest.param({"properties": {f"p{n}": {"type": "string"} for n in range(5000)}}, "more than 1,000", id="wide"),
        pytest.param(nested(60), "nested deeper", id="deep"),
        pytest.param(nested(500), "nested deeper", id="very-deep"),
        pytest.param(laughs(10, 10), "more than 1,000", id="references-that-multiply"),
        pytest.param({"type": "array", "items": True}, "must be a JSON Schema", id="items-without-a-schema"),
        pytest.param({"type": "string", "pattern": "^(a+)+$"}, "repeats a repetition", id="catastrophic-pattern"),
        pytest.param(
            {"type": "string", "x-messages": [{"found": "(a|aa)+$", "say": "no"}]}, "must be a list of", id="message"
        ),
        pytest.param({"type": "string", "pattern": "a{99999999999}"}, "repeats too often", id="endless-count"),
    ],
)
def test_it_refuses_in_under_a_second(schema: dict[str, Any], words: str) -> None:
    assert quickest(lambda: check_schema(schema, "spec.inputs")) < 1
    found = check_schema(schema, "spec.inputs")
    assert found
    assert words in found[0].message


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$",
        "([a-zA-Z]+)*$",
        r"(\w+\s?)*$",
        "(a|aa)+$",
        "(a|b|ab)*c",
        "(.*a){20}",
        "(x+x+)+y",
        "(?:[a-z]{1,30}){1,30}$",
        "^([a-z0-9]|[a-z0-9-]*[a-z0-9])+$",
        r"^(([a-z])+.)+[A-Z]([a-z])+$",
        "(a*)*b",
        "^(a?){40}a{40}$",
        ".*.*.*=",
        r"\s+\s+\s+$",
        "(?i)(a|A)+",
        "(a)\\1",
        "^(?=(a+))a*b",
    ],
)
def test_it_refuses_patterns_that_can_take_for_ever(pattern: str) -> None:
    with pytest.raises(TooComplex):
        require_quick(pattern)


@pytest.mark.parametrize(
    ("pattern", "hostile"),
    [
        ("^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", "a" * 50_000 + "!"),
        ("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", "a." * 20_000 + "!"),
        ("^(/[a-z0-9][a-z0-9._-]*)*$", "/a" * 20_000 + "!"),
        ("^(a|b)*c$", "ab" * 20_000),
        ("^[^@]+@[^@]+$", "a" * 20_000 + "@@"),
        (r"^\d{1,3}(\.\d{1,3}){3}$", "1." * 20_000),
        ("^(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?$", "1" * 20_000 + "!"),
    ],
)
def test_it_allows_patterns_that_stay_quick(pattern: str, hostile: str) -> None:
    require_quick(pattern)
    assert re.match(pattern, hostile) is None
    assert quickest(lambda: re.match(pattern, hostile)) < 0.5

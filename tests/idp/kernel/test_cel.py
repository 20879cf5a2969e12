"""Expressions: what they give, what is said when they cannot, and that none of them can hang or crash us."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.kernel import cel
from idp.kernel.cel_functions import FUNCTIONS
from idp.kernel.cel_lexer import LOOPS

FACTS: dict[str, Any] = {
    "inputs": {
        "port": 80,
        "storageGiB": 3,
        "ratio": 0.5,
        "name": "Shop API",
        "list": [3, 1, 2],
        "env": {"B": "2", "A": "1", "C": "3"},
        "nothing": None,
        "nested": {"deep": {"er": 7}},
    },
    "power": "awake",
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        pytest.param("inputs.port + 1", 81, id="arithmetic"),
        pytest.param("power == 'asleep' ? 0 : inputs.storageGiB", 3, id="choice"),
        pytest.param("double(inputs.storageGiB) * inputs.ratio", 1.5, id="conversion"),
        pytest.param("inputs['port']", 80, id="index"),
        pytest.param("has(inputs.gone)", False, id="has"),
        pytest.param("default(inputs.gone, 5)", 5, id="default-of-missing"),
        pytest.param("default(inputs.gone.deeper.still, 5)", 5, id="default-of-missing-deep"),
        pytest.param("default(inputs.nothing, 5)", 5, id="default-of-null"),
        pytest.param("default(inputs['gone'], 5)", 5, id="default-of-missing-index"),
        pytest.param("default(inputs.nested.deep.er, 5)", 7, id="default-of-present"),
        pytest.param("default(inputs.gone, default(inputs.port, 1))", 80, id="default-in-default"),
        pytest.param("inputs.list.map(x, default(inputs.gone, x))", [3, 1, 2], id="default-in-loop"),
        pytest.param("inputs.list.filter(x, x > 1).map(x, x * 2)", [6, 4], id="list-keeps-its-order"),
        pytest.param("inputs.env.map(k, k + inputs.env[k])", ["A1", "B2", "C3"], id="map-is-walked-in-order"),
        pytest.param("inputs.env.map(k, inputs.env.map(j, k + j))[1]", ["BA", "BB", "BC"], id="loop-in-loop"),
        pytest.param("inputs.env.map(k, k != 'B', k)", ["A", "C"], id="map-with-condition"),
        pytest.param("inputs.list.exists(x, inputs.list.all(y, y <= x))", True, id="exists-all"),
        pytest.param("type(inputs.port) == int && type(power) == string", True, id="type-names"),
        pytest.param("merge({'a': 1}, {'a': 2}, null)", {"a": 2}, id="merge"),
        pytest.param("join(['a', 'b'], '-')", "a-b", id="join"),
        pytest.param("'a,b'.split(',')", ["a", "b"], id="split-as-method"),
        pytest.param("slug(inputs.name)", "shop-api", id="slug"),
        pytest.param("lowerAscii('ÄA') + upperAscii('b') + trim(' c ')", "ÄaBc", id="ascii-case"),
        pytest.param("replace('a.b.c', '.', '-')", "a-b-c", id="replace"),
        pytest.param("b64('hi')", "aGk=", id="b64"),
        pytest.param("sha256('').startsWith('e3b0c442')", True, id="sha256"),
        pytest.param("quantity('500m')", 0.5, id="quantity-milli"),
        pytest.param("quantity('2Gi') == 2147483648.0", True, id="quantity-binary"),
        pytest.param("quantity('1e3')", 1000.0, id="quantity-exponent"),
        pytest.param("quantity('1E')", 1e18, id="quantity-exa"),
        pytest.param("semver('1.2.3', '1.10.0')", -1, id="semver-numbers"),
        pytest.param("semver('1.0.0-rc.1', '1.0.0')", -1, id="semver-prerelease"),
        pytest.param("semver('1.0.0-rc.2', '1.0.0-rc.10')", -1, id="semver-prerelease-numbers"),
        pytest.param("semver('1.0.0+a', '1.0.0+b')", 0, id="semver-build"),
        pytest.param("semver('4.5.6').minor", 5, id="semver-parts"),
        pytest.param("'a // b'", "a // b", id="comment-sign-in-text"),
        pytest.param("r'\\d' + \"}\"", "\\d}", id="raw-text"),
    ],
)
def test_it_gives_the_value(source: str, value: object) -> None:
    assert cel.compile(source).evaluate(FACTS) == value


@pytest.mark.parametrize(
    ("source", "words"),
    [
        pytest.param("inputs.storageGib", "“inputs” has no field “storageGib”; did you mean “storageGiB”", id="typo"),
        pytest.param("inputs.nested.gone", "“inputs.nested” has no field “gone”; there is deep", id="missing-field"),
        pytest.param("inputs.list.map(x, x.gone)", "types", id="field-of-a-number"),
        pytest.param("[{'a': 1}].map(x, x.gone)", "reads the field “gone”", id="missing-in-loop"),
        pytest.param("inputs.list[9]", "an item that the list does not have", id="index"),
        pytest.param("1 / 0", "divides by zero", id="zero"),
        pytest.param("9223372036854775807 + inputs.port", "64 bits", id="overflow"),
        pytest.param("'a' + 1", "types", id="types"),
        pytest.param("quantity('many')", "quantity takes a Kubernetes quantity", id="own-function"),
        pytest.param("semver('x')", "semver takes a version", id="semver"),
        pytest.param("int('x')", "int() does not take these values", id="standard-function"),
        pytest.param("default(1)", "default() does not take these values", id="too-few-arguments"),
        pytest.param("power.size.gone", "types", id="field-of-text"),
    ],
)
def test_it_says_in_plain_words_why_there_is_no_value(source: str, words: str) -> None:
    with pytest.raises(cel.CelError) as refused:
        cel.compile(source).evaluate(FACTS)
    assert words in refused.value.message
    for python in ("Error", "Exception", "Traceback", "dict", "NoneType", "slipway_", "overload"):
        assert python not in refused.value.message


@pytest.mark.parametrize(
    ("source", "words"),
    [
        pytest.param("", "empty", id="empty"),
        pytest.param("1 +", "not a complete CEL expression", id="incomplete"),
        pytest.param("(1", "never closed", id="open-bracket"),
        pytest.param("1)", "closes nothing", id="extra-bracket"),
        pytest.param("'abc", "has no end", id="open-text"),
        pytest.param("a ; b", "no such sign", id="strange-sign"),
        pytest.param("inputs.?port", "“.?” is not supported", id="optional-syntax"),
        pytest.param("eval('1')", "There is no function “eval”", id="unknown-function"),
        pytest.param("lowerAsci('A')", "did you mean “lowerAscii”", id="mistyped-function"),
        pytest.param("slipway_tick()", "There is no function", id="our-own-inner-function"),
        pytest.param("inputs.port.default(1)", "Write default(value, fallback)", id="default-as-method"),
        pytest.param("l.all(x, l.all(y, l.all(z, true)))", "loop within a loop", id="three-loops-deep"),
        pytest.param("l.map(x, x).map(x, x).map(x, x)", "follow one another", id="three-loops-in-a-row"),
        pytest.param(" && ".join(["l.all(x, true)"] * 9), "at most 8 loops", id="nine-loops"),
        pytest.param(f"l.map(x, {'+'.join(['x'] * 13)})", "12 times", id="doubling"),
        pytest.param("l.map(1, x)", "takes a name", id="loop-without-name"),
        pytest.param("1" * 2_001, "2,000 characters", id="long-source"),
        pytest.param("+".join(["1"] * 20_000), "2,000 characters", id="twenty-thousand-terms"),
        pytest.param("*".join(["1"] * 700), "500 terms", id="many-terms"),
        pytest.param("+".join(["l"] * 50), "at most 20 “+”", id="many-sums"),
        pytest.param("(" * 200 + "1" + ")" * 200, "levels deep", id="deep-brackets"),
        pytest.param("!" * 400 + "true", "levels deep", id="many-signs"),
        pytest.param("true?" * 100 + "1" + ":1" * 100, "levels deep", id="deep-choices"),
    ],
)
def test_it_refuses_at_compile_time(source: str, words: str) -> None:
    with pytest.raises(cel.CelError) as refused:
        cel.compile(source)
    assert words in refused.value.message


def test_it_refuses_names_that_will_not_be_there() -> None:
    with pytest.raises(cel.CelError, match="“input” is not known here; did you mean “inputs”"):
        cel.compile("input.port", names={"inputs", "power"})
    assert cel.compile("inputs.list.map(x, x)", names={"inputs"}).names == {"inputs"}


def test_it_tells_which_paths_are_read() -> None:
    program = cel.compile("inputs.env.map(k, inputs.env[k]) == resources.db.outputs['host'] && inputs.name.size() > 1")
    assert program.paths == (("inputs", "env"), ("resources", "db", "outputs", "host"), ("inputs", "name"))
    assert program.calls == ("map", "size")


BIG: dict[str, Any] = {
    "l": list(range(1_000)),
    "s": "x" * 65_000,
    "m": {str(n): n for n in range(1_000)},
    "h": [{"a": {"b": ["c"] * 15}}] * 1_000,
}


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("l.all(x, l.all(y, x + y >= 0))", id="a-million-rounds"),
        pytest.param("l.map(x, l.map(y, 1)).size()", id="a-million-items"),
        pytest.param("l.map(x, s + s + s + s).size()", id="texts-that-grow"),
        pytest.param("l.map(x, l).size()", id="lists-of-lists"),
        pytest.param("h.map(x, h + h).size()", id="heavy-lists-of-lists"),
        pytest.param("[" + "h," * 240 + "h].size()", id="many-copies"),
        pytest.param("m.map(k, m.map(j, j)).size()", id="maps-of-maps"),
        pytest.param("l.filter(x, l.filter(y, s + s == s).size() > 1)", id="filter-in-filter"),
        pytest.param("l.exists(x, l.exists(y, l.size() + x < 0))", id="exists-that-never-holds"),
        pytest.param("l.all(x, l.all(y, s.matches('(x+x+)+y')) || true)", id="errors-that-are-swallowed"),
        pytest.param("l.all(x, s.matches('(a|aa)+$' + string(x)))", id="a-regular-expression-per-round"),
        pytest.param("s.matches('(((a{100}){100}){100})')", id="huge-regular-expression"),
        pytest.param("[s].map(x, x+x+x+x+x+x).map(x, x+x+x+x+x+x).size()", id="doubling-twice"),
        pytest.param("replace(s, 'x', s)", id="replace-that-explodes"),
        pytest.param("join(l.map(x, s), s)", id="join-that-explodes"),
        pytest.param("s.split('x')", id="split-into-too-many"),
        pytest.param("b64(s + s)", id="b64-of-much"),
        pytest.param("+".join(["s"] * 20) + " == ''", id="a-long-sum-of-texts"),
        pytest.param("+".join(["h"] * 20) + " == []", id="a-long-sum-of-lists"),
        pytest.param("-" * 20 + "1 == 1", id="signs"),
    ],
)
def test_it_never_takes_two_seconds(source: str) -> None:
    started = time.thread_time()
    with contextlib.suppress(cel.CelError):
        cel.compile(source).evaluate(BIG)
    assert time.thread_time() - started < 2


def test_it_survives_what_would_crash_the_library() -> None:
    """In a process of its own, as the fault that this guards against ends the process."""
    code = (
        "from idp.kernel import cel\n"
        "for source in ('+'.join(['1'] * 20000), '(' * 20000, '[' * 1900, '!' * 1999, 'a' + '.a' * 990):\n"
        "    try: cel.compile(source).evaluate({'a': {}})\n"
        "    except cel.CelError: pass\n"
        "print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "alive", done.stderr


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        pytest.param({"l": list(range(1_001))}, "at most 1,000 items", id="long-list"),
        pytest.param({"a": {"s": "x" * 65_537}}, "65,536 characters", id="long-text"),
        pytest.param({"n": 2**63}, "64 bits", id="large-number"),
        pytest.param({"l": [[0] * 1_000] * 200}, "30,000 values", id="too-much"),
    ],
)
def test_it_refuses_facts_beyond_the_limits(facts: dict[str, Any], words: str) -> None:
    with pytest.raises(cel.CelError) as refused:
        cel.compile("1 == 1").evaluate(facts)
    assert words in refused.value.message


def test_it_evaluates_one_program_from_many_threads() -> None:
    program = cel.compile("inputs.list.map(x, x + n).size() + n")
    wrong: list[int] = []

    def evaluate(number: int) -> None:
        for _ in range(200):
            if program.evaluate({**FACTS, "n": number}) != 3 + number:
                wrong.append(number)

    threads = [threading.Thread(target=evaluate, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_it_leaves_nothing_of_one_evaluation_to_the_next() -> None:
    program = cel.compile("has(inputs.secret) ? inputs.secret : 'none'")
    assert program.evaluate({"inputs": {"secret": "a"}}) == "a"
    assert program.evaluate({"inputs": {}}) == "none"


SIGNS = [*"()[]{}.,?:+-!1", "&&", "||", "==", "${", "//", "0x1", "1.5", "'a'", "\n", "true", "null", "inputs", "x"]
words = st.sampled_from([*sorted(FUNCTIONS), *sorted(LOOPS), *SIGNS, "list", "env", "has", "in"])


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(words, max_size=25).map(" ".join)))
def test_it_gives_a_value_or_a_cel_error_whatever_is_written(source: str) -> None:
    with contextlib.suppress(cel.CelError):
        cel.compile(source).evaluate(FACTS)

"""Hostile expressions are refused quickly, wherever they hide; nothing that people wrote for good is."""

from __future__ import annotations

import pytest

from idp.kernel import cel
from idp.kernel.cel_patterns import MAX_WEIGHT, weight
from tests.timing import quickest

FACTS = {"s": "a" * 60_000 + "!", "l": list(range(1_000)), "m": {"a": {}}}

HOSTILE = {
    "twenty thousand sums": "+".join(["1"] * 20_000),
    "twenty thousand ands": " && ".join(["true"] * 20_000),
    "deep brackets": "(" * 9_000 + "1" + ")" * 9_000,
    "deep lists": "[" * 9_000,
    "just within the length": "[" * 990 + "]" * 990,
    "many signs": "!" * 1_999 + "true",
    "many choices": "true ? " * 250 + "1" + " : 1" * 250,
    "a long path": "m" + ".a" * 990,
    "many indexes": "l" + "[0]" * 600,
    "four loops deep": "l.all(a, l.all(b, l.all(c, l.all(d, true))))",
    "loops in a row": "l.map(x, l).map(x, x).map(x, x)",
    "a text of ten million": '"' + "x" * 10_000_000 + '"',
    "a text without an end": '"' + "\\" * 1_000_000,
    "a comment without an end": "//" * 1_000_000,
    "five million spaces": " " * 5_000_000,
    "a number of a million digits": "9" * 1_000_000,
    "a number with a thousand digits": "9" * 1_000,
    "counts within counts": r"s.matches(r'(((a{100}){100}){100})')",
    "counts of wide classes": r"s.matches(r'(\w{500}){20}')",
    "wide classes in a set": r"s.matches(r'[\w-]{400}')",
    "classes without case": r"s.matches(r'(?i)[a-z]x{900}')",
    "a class written otherwise": r"s.matches('\x5cw{400}')",
    "a class as its number": r"s.matches('\u005cw{400}')",
    "a pattern from the facts": "s.matches(s)",
    "a pattern that is put together": "s.matches('a' + '{900}' + '{900}')",
    "many patterns": " || ".join(["s.matches('a{90}')"] * 60),
    "a pattern that is not one": "s.matches('(')",
    "no text": "",
    "signs that CEL does not have": "\u202e\x00\ufeff" * 300,
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_it_refuses_within_a_tenth_of_a_second(source: str) -> None:
    def refused() -> None:
        with pytest.raises(cel.CelError):
            cel.compile(source).evaluate(FACTS)

    assert quickest(refused) < 0.1


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|aa)+$", "(.*a){20}b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(x+x+)+y"],
    ids=["plus-in-plus", "overlapping", "many-stars", "mail", "two-plus"],
)
def test_a_pattern_that_is_catastrophic_elsewhere_is_quick(pattern: str) -> None:
    def matched() -> None:
        assert cel.compile(f"s.matches(r'{pattern}')").evaluate(FACTS) in (True, False)

    assert quickest(matched) < 0.1


@pytest.mark.parametrize(
    ("pattern", "least", "most"),
    [
        pytest.param("^[a-z][a-z0-9-]{1,38}$", 30, 60, id="slug"),
        pytest.param("(:[^/]+|@sha256:[0-9a-f]{64})$", 64, 100, id="image"),
        pytest.param(r"^\w+\.\d+$", 50, 200, id="few-wide"),
        pytest.param("(a{100}){100}", MAX_WEIGHT + 1, MAX_WEIGHT + 1, id="nested-counts"),
        pytest.param("a{99999999999}", MAX_WEIGHT + 1, MAX_WEIGHT + 1, id="huge-count"),
        pytest.param(")))(((", 0, 20, id="not-a-pattern"),
        pytest.param(r"a\{400}", 1, 10, id="escaped-brace"),
    ],
)
def test_it_weighs_patterns(pattern: str, least: int, most: int) -> None:
    assert least <= weight(pattern) <= most


@pytest.mark.parametrize(
    ("source", "at"),
    [
        pytest.param("stage.production and true", 17, id="word-for-sign"),
        pytest.param("a &&\n  b ==", 11, id="second-line"),
        pytest.param("1 + chang.kind", 4, id="unknown-name"),
        pytest.param("true && sizes(a)", 8, id="unknown-function"),
        pytest.param("a == (b", 5, id="open-bracket"),
        pytest.param("a = 1", 2, id="one-equals-sign"),
    ],
)
def test_it_points_at_the_place(source: str, at: int) -> None:
    with pytest.raises(cel.CelError) as refused:
        cel.compile(source, names=("a", "b", "stage", "change"))
    assert refused.value.at == at


def test_it_tells_what_loops_read_by_the_list_that_they_walk() -> None:
    program = cel.compile(
        "plan.resources.filter(r, r.action == 'added').exists(q, q.name == s && q.inputs.all(k, k.x))"
    )
    assert [(read.path, read.hidden) for read in program.reads] == [
        (("plan", "resources"), 0),
        (("plan", "resources", "*", "action"), 3),
        (("plan", "resources", "*", "name"), 3),
        (("s",), 0),
        (("plan", "resources", "*", "inputs"), 3),
    ]


@pytest.mark.parametrize("function", cel.REGISTER, ids=[one.name for one in cel.REGISTER])
def test_every_function_has_an_example_that_holds(function: cel.CelFunction) -> None:
    facts = {"now": {"time": "2026-03-02T09:30:00+00:00"}, "r": {"inputs": {}}}
    cel.compile(function.example).evaluate(facts)
    assert function.name in function.signature
    assert function.text.endswith(".")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("weekday(t)", "monday"),
        ("weekday(t, 'Pacific/Kiritimati')", "tuesday"),
        ("hour(t, 'Europe/Berlin')", 13),
        ("hour(timestamp('2026-03-02T12:00:00Z'), 'UTC')", 12),
        ("day(t, 'Pacific/Kiritimati')", "2026-03-03"),
        ("daysBetween(t, '2026-03-04T00:00:00Z')", 1.5),
        ("daysBetween('2026-03-04', t)", -1.5),
    ],
)
def test_it_tells_the_time_where_people_are(source: str, value: object) -> None:
    assert cel.compile(source).evaluate({"t": "2026-03-02T12:00:00Z"}) == value


@pytest.mark.parametrize("source", ["hour('noon')", "hour(t, 'Mars/Base')", "day(1)", "daysBetween(t, 'x')"])
def test_it_says_what_a_time_must_be(source: str) -> None:
    with pytest.raises(cel.CelError, match="takes"):
        cel.compile(source).evaluate({"t": "2026-03-02T12:00:00Z"})

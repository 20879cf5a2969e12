"""What was typed, read; what was found, in order; what was misspelt, mended."""

from __future__ import annotations

import pytest

from provisioning.domain.searching import (
    Asked,
    Entry,
    asked_for,
    in_order,
    learnt_words,
    mended,
    plain_words,
    trigrams,
)

KNOWN = ["checkout", "payments", "postgres", "staging", "web", "search", "archive", "überweisung"]


def entry(kind: str, title: str, object_id: int = 1, name: str = "") -> Entry:
    return Entry(kind, object_id, name or title, title, plain_words(title), "", "/")


@pytest.mark.parametrize(
    ("typed", "words", "number"),
    [
        ("Checkout", ("checkout",), None),
        ("checkout/staging", ("checkout", "staging"), None),
        ("  checkout-api  v1.2 ", ("checkout", "api", "v1", "2"), None),
        ("#12", ("12",), 12),
        ("12", ("12",), 12),
        ("#1 2", ("1", "2"), None),
        ("#", (), None),
        ("%'\"\\*()", (), None),
        ("a b c d e f g h", ("a", "b", "c", "d", "e", "f"), None),
        ("x" * 90, ("x" * 40,), None),
        ("Überweisung", ("überweisung",), None),
        ("9" * 30, ("9" * 30,), None),
    ],
)
def test_it_reads_what_was_typed(typed: str, words: tuple[str, ...], number: int | None) -> None:
    assert asked_for(typed) == Asked(words, number)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("chekout", ["checkout"]),
        ("chcekout", ["checkout"]),
        ("checkuot", ["checkout"]),
        ("checkot", ["checkout"]),
        ("heckout", ["checkout"]),
        ("postgers", ["postgres"]),
        ("postrges", ["postgres"]),
        ("stagng", ["staging"]),
        ("eckou", ["checkout"]),
        ("pyam", ["payments"]),
        ("check", ["check"]),
        ("we", ["we"]),
        ("webb", ["web"]),
        ("zzzzzz", []),
        ("xe", []),
        ("wbe", []),
    ],
)
def test_it_mends_what_was_misspelt(typed: str, wanted: list[str]) -> None:
    assert mended(typed, KNOWN) == wanted


def test_it_offers_the_nearest_first() -> None:
    assert mended("serch", ["search", "zebra", "researching", "reserching"]) == ["reserching", "search"]
    assert mended("chek", ["checkout", "cheek"]) == ["cheek", "checkout"]


@pytest.mark.parametrize(
    ("word", "pieces"), [("web", ["web"]), ("webs", ["web", "ebs"]), ("we", []), ("aaaa", ["aaa"])]
)
def test_it_cuts_words_into_threes(word: str, pieces: list[str]) -> None:
    assert trigrams(word) == pieces


@pytest.mark.parametrize(
    ("typed", "titles"),
    [
        (
            "checkout",
            ["checkout", "checkout / dev", "checkout-api", "my checkout", "Create checkout", "Older checkout"],
        ),
        ("api", ["checkout-api"]),
    ],
)
def test_it_puts_the_thing_itself_first(typed: str, titles: list[str]) -> None:
    found = [
        entry("change", "Older checkout", 1),
        entry("change", "Create checkout", 9),
        entry("component", "checkout-api"),
        entry("team", "my checkout"),
        entry("environment", "checkout / dev"),
        entry("system", "checkout"),
    ]
    fitting = [one for one in found if typed in one.title]
    assert [one.title for one in in_order(fitting, asked_for(typed), each=8)] == titles


def test_it_keeps_a_few_of_each_kind_and_nothing_twice() -> None:
    found = [entry("environment", f"checkout / {number}", number) for number in range(9)]
    found += [entry("change", f"checkout {number}", number) for number in range(9)] + found[:3]
    kept = in_order(found, asked_for("checkout"), each=2)
    assert [(one.kind, one.object_id) for one in kept] == [
        ("environment", 0),
        ("environment", 1),
        ("change", 8),
        ("change", 7),
    ]


def test_parts_of_environments_come_behind_what_stands_for_itself() -> None:
    found = [entry("resource", "web in checkout / dev"), entry("component", "checkout-web"), entry("capability", "web")]
    kinds = [one.kind for one in in_order(found, asked_for("web"), each=8)]
    assert kinds == ["capability", "component", "resource"]


def test_a_number_names_the_change_first() -> None:
    found = [entry("system", "12 monkeys"), entry("change", "Anything", 12, "#12"), entry("change", "twelve 12", 99)]
    assert in_order(found, asked_for("#12"), each=8)[0].object_id == 12


@pytest.mark.parametrize(
    ("text", "learnt"),
    [
        pytest.param("checkout-api of Payments", {"checkout", "api", "payments"}, id="words, no very short ones"),
        pytest.param("2026 and 4711", {"and"}, id="no numbers"),
        pytest.param("quagga→okapi", {"quagga→okapi", "quagga", "okapi"}, id="a sign that may be a letter or none"),
        pytest.param("l" * 60, {"l" * 40}, id="the beginning of a long one"),
    ],
)
def test_it_learns_words_with_which_those_of_the_index_begin(text: str, learnt: set[str]) -> None:
    assert learnt_words(text) == learnt

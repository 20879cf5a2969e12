"""A README becomes plain blocks: nothing an author writes turns into markup or a link."""

from __future__ import annotations

import pytest

from portal.reading.readme import Block, blocks, spans


def plain(block: Block) -> str:
    return "".join(text for text, _ in block.spans)


KINDS = {
    "a title that repeats the page's is left out": ("# Postgres\n\nA database.", ["paragraph"]),
    "a later heading stays": ("Text.\n\n## Notes", ["paragraph", "heading"]),
    "lines of one paragraph stay together": ("one\ntwo", ["paragraph"]),
    "an empty line parts paragraphs": ("one\n\ntwo", ["paragraph", "paragraph"]),
    "a list is one block": ("- one\n- two\n* three", ["list"]),
    "numbers are a list too": ("1. one\n2) two", ["list"]),
    "code keeps what looks like a heading": ("```yaml\n# no\na: 1\n```", ["code"]),
    "code that is not closed ends with the text": ("~~~\nopen", ["code"]),
    "a table is one block": ("| a | b |\n|---|---|\n| 1 | 2 |", ["table"]),
    "nothing is nothing": ("", []),
    "windows line ends": ("one\r\n\r\n- two", ["paragraph", "list"]),
}


@pytest.mark.parametrize(("source", "kinds"), KINDS.values(), ids=KINDS.keys())
def test_it_finds_the_blocks(source, kinds):
    assert [block.kind for block in blocks(source)] == kinds


SPANS = {
    "code is marked": ("use `a: 1` here", [("use ", False), ("a: 1", True), (" here", False)]),
    "bold loses its stars": ("**not** part", [("not part", False)]),
    "emphasis loses its star": ("*Storage* only grows", [("Storage only grows", False)]),
    "a name with underscores stays": ("set pg_trgm_on now", [("set pg_trgm_on now", False)]),
    "marks inside code stay": ("`**a**`", [("**a**", True)]),
    "a link keeps words and address": ("[docs](https://x.example/a)", [("docs (https://x.example/a)", False)]),
    "a script address stays words": ("[go](javascript:alert(1))", [("go (javascript:alert(1))", False)]),
    "html stays text": ("<script>x</script>", [("<script>x</script>", False)]),
}


@pytest.mark.parametrize(("text", "expected"), SPANS.values(), ids=SPANS.keys())
def test_it_takes_marks_away(text, expected):
    assert spans(text) == expected


def test_it_reads_a_table_with_code_and_without_its_rule():
    (table,) = blocks("| object | for |\n|:---|---:|\n| `x` | y |\n")
    assert [[text for text, _ in cell] for cell in table.head] == [["object"], ["for"]]
    assert table.rows == [[[("x", True)], [("y", False)]]]


def test_it_joins_the_lines_of_a_paragraph_and_of_an_item():
    paragraph, items = blocks("one\ntwo\n\n- a\n  b\n- c")
    assert plain(paragraph) == "one two"
    assert ["".join(text for text, _ in item) for item in items.items] == ["a b", "c"]


def test_it_knows_the_language_of_code():
    assert [block.language for block in blocks("```yml\na\n```\n```brainfuck\nb\n```")] == ["yaml", "text"]


def test_it_survives_a_long_hostile_text():
    assert blocks("*" * 20_000 + "\n" + "|" * 20_000 + "\n" + "[" * 20_000) is not None

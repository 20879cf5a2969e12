"""Colours of code: tokens are found, everything is escaped, no character is lost."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.drawing.code import highlight

CASES = {
    "a key": ("yaml", "db: x", '<span class="k">db</span>: x'),
    "a nested key in a list": ("yaml", "  - name: x", '  - <span class="k">name</span>: x'),
    "flow keys": ("yaml", "{a: 1}", '{<span class="k">a</span>: <span class="n">1</span>}'),
    "a string": ("yaml", 'a: "b"', '<span class="k">a</span>: <span class="s">&quot;b&quot;</span>'),
    "a quoted key": ("yaml", '"a": b', '<span class="k">&quot;a&quot;</span>: b'),
    "a comment": ("yaml", "a: b # c", '<span class="k">a</span>: b <span class="c"># c</span>'),
    "no comment inside a word": ("yaml", "a: b#c", '<span class="k">a</span>: b#c'),
    "an image is no number": ("yaml", "a: api:1.8.3", '<span class="k">a</span>: api:1.8.3'),
    "an address is no key": ("yaml", "a: https://x.example/y", '<span class="k">a</span>: https://x.example/y'),
    "a truth": ("yaml", "a: true", '<span class="k">a</span>: <span class="n">true</span>'),
    "an object": ("json", '{"a": [1, null]}',
                  '{<span class="k">&quot;a&quot;</span>: [<span class="n">1</span>, <span class="n">null</span>]}'),
    "a command": ("shell", "curl -d '{}' # x",
                  "curl -d <span class=\"s\">&#x27;{}&#x27;</span> <span class=\"c\"># x</span>"),
    "another language": ("text", "<b>", "&lt;b&gt;"),
}  # fmt: skip


@pytest.mark.parametrize(("language", "source", "marked"), CASES.values(), ids=CASES.keys())
def test_it_marks_tokens(language, source, marked):
    assert highlight(source, language) == marked


@given(st.text(), st.sampled_from(["yaml", "json", "shell", "text"]))
def test_it_loses_and_lets_through_nothing(source, language):
    marked = highlight(source, language)
    bare = re.sub(r'<span class="[ksnc]">|</span>', "", marked)
    assert not set("<>") & set(bare)
    assert html.unescape(bare) == html.unescape(html.escape(source))

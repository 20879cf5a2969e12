"""Colours code on the server: YAML, JSON and shell, as spans with the classes k, s, n and c.

A light scanner for reading, not a parser: what it does not know stays plain. Everything is escaped, so that a
document a person wrote can be shown as it is.
"""

from __future__ import annotations

import re
from typing import Final

from portal.drawing.svg import text

_STRING: Final = r"""(?P<s>"(?:\\.|[^"\\\n])*"|'(?:''|[^'\n])*')"""
_COMMENT: Final = r"(?P<c>(?:(?<=\s)|(?<![^\n]))\#[^\n]*)"
_NUMBER: Final = r"(?P<n>(?<![\w.:/$-])(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?=[\s,}\]]|$))"
_KEY: Final = r"(?P<k>(?<![\w./:-])[A-Za-z_][\w./-]*(?=[ \t]*:(?:\s|$)))"

_PATTERNS: Final = {
    "yaml": re.compile(f"{_COMMENT}|{_STRING}|{_KEY}|{_NUMBER}", re.MULTILINE),
    "json": re.compile(f"{_STRING}|{_NUMBER}", re.MULTILINE),
    "shell": re.compile(f"{_COMMENT}|{_STRING}", re.MULTILINE),
}
_COLON: Final = re.compile(r"[ \t]*:(?:\s|$)")
_COLON_JSON: Final = re.compile(r"\s*:")


def highlight(source: str, language: str) -> str:
    """Escaped markup for inside a `<pre>`. An unknown language is shown without colours."""
    pattern = _PATTERNS.get(language)
    if pattern is None:
        return text(source)
    colon = _COLON_JSON if language == "json" else _COLON
    parts, at = [], 0
    for found in pattern.finditer(source):
        cls = found.lastgroup or ""
        if cls == "s" and language != "shell" and colon.match(source, found.end()):
            cls = "k"
        parts.append(text(source[at : found.start()]))
        parts.append(f'<span class="{cls}">{text(found.group())}</span>')
        at = found.end()
    parts.append(text(source[at:]))
    return "".join(parts)

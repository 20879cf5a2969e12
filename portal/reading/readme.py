"""A README as blocks a template can draw: headings, paragraphs, lists, tables, code. Pure; nothing becomes markup.

A small, fixed part of Markdown, because text that contract authors wrote is shown to everyone: inline marks are taken
away rather than interpreted, links keep their words and address as text, and HTML stays visible as text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_HEADING: Final = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
_ITEM: Final = re.compile(r"^\s{0,3}(?:[-*+]|\d{1,3}[.)])\s+(.*)$")
_FENCE: Final = re.compile(r"^\s{0,3}(```+|~~~+)\s*([\w-]*)")
_LINK: Final = re.compile(r"!?\[([^\]]*)\]\(([^)\s]*)[^)]*\)")
_CODE: Final = re.compile(r"`([^`]+)`")
_MARK: Final = re.compile(r"(\*\*|__|\*|(?<!\w)_(?=\w))(?=\S)(.+?)(?<=\S)\1(?!\w)")
_RULE: Final = re.compile(r"^\s*\|?(?:\s*:?-{2,}:?\s*\|)+\s*(?::?-{2,}:?)?\s*$")
LANGUAGES: Final = {"yaml": "yaml", "yml": "yaml", "json": "json", "sh": "shell", "bash": "shell", "shell": "shell"}
Spans = list[tuple[str, bool]]


@dataclass(slots=True)
class Block:
    """``kind`` is heading, paragraph, list, table or code; spans are (text, is_code).

    ``items`` are those of a list; ``rows`` those of a table, its head in ``head``.
    """

    kind: str
    text: str = ""
    level: int = 0
    language: str = "text"
    spans: Spans = field(default_factory=list)
    items: list[Spans] = field(default_factory=list)
    head: list[Spans] = field(default_factory=list)
    rows: list[list[Spans]] = field(default_factory=list)


def spans(text: str) -> Spans:
    """A line's text without marks, split where code begins and ends."""
    parts: Spans = []
    for index, part in enumerate(_CODE.split(text)):
        plain = part if index % 2 else _MARK.sub(r"\2", _LINK.sub(_link_words, part))
        if plain:
            parts.append((plain, bool(index % 2)))
    return parts


def _link_words(found: re.Match[str]) -> str:
    label, address = found.groups()
    return label if not address or address.startswith("#") or label == address else f"{label} ({address})"


def blocks(source: str) -> list[Block]:
    """The document's blocks in order; the title of the page (a first heading of level 1) is left out."""
    made: list[Block] = []
    lines = iter(source.replace("\r\n", "\n").split("\n"))
    fresh = True
    for line in lines:
        fence, heading, item = _FENCE.match(line), _HEADING.match(line), _ITEM.match(line)
        if fence:
            made.append(_code(lines, fence.group(1), fence.group(2)))
        elif heading:
            made.append(Block("heading", heading.group(2), min(len(heading.group(1)) + 1, 4)))
        elif item:
            if fresh or not made or made[-1].kind != "list":
                made.append(Block("list"))
            made[-1].items.append(spans(item.group(1)))
        elif line.lstrip().startswith("|"):
            _table(made, line)
        elif line.strip():
            _continue(made, line.strip(), fresh)
        fresh = not line.strip() and not (made and made[-1].kind == "list")
    return made[1:] if made and made[0].kind == "heading" and made[0].level == 2 else made


def _table(made: list[Block], line: str) -> None:
    """A row of a table; the first is its head, and the rule below it is left out."""
    if not made or made[-1].kind != "table":
        made.append(Block("table", head=_cells(line)))
    elif not _RULE.match(line):
        made[-1].rows.append(_cells(line))


def _cells(line: str) -> list[Spans]:
    return [spans(cell.strip()) for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _code(lines: object, fence: str, language: str) -> Block:
    body: list[str] = []
    for line in lines:  # type: ignore[attr-defined]
        if line.strip() == fence:
            break
        body.append(line)
    return Block("code", "\n".join(body), language=LANGUAGES.get(language.lower(), "text"))


def _continue(made: list[Block], text: str, fresh: bool) -> None:
    """A line of a paragraph or of the list item before it."""
    last = made[-1] if made else None
    if last is not None and last.kind == "paragraph" and not fresh:
        last.spans.extend([(" ", False), *spans(text)])
    elif last is not None and last.kind == "list" and not fresh:
        last.items[-1].extend([(" ", False), *spans(text)])
    else:
        made.append(Block("paragraph", spans=spans(text)))

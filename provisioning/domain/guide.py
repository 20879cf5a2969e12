"""A guide (``docs/*.md``) as a document: its title, its sections with their anchors, and what search finds of it. Pure.

Read by the index of search and by the pages that draw guides, so that both name places in a guide alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from provisioning.domain.searching import LONGEST_WORD, plain_words

# HTML in a guide stays visible as text: what it needs, Markdown has. Links may lead to http, https and mailto only.
MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")
LONGEST_LINE: Final = 300
_NOT_IN_ANCHORS: Final = re.compile(r"[^\w\- ]")
_SENTENCE: Final = re.compile(r"(?<=[.?!])\s")
_SPACES: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading of the second level; ``line`` is its first sentence, ``text`` all but its code."""

    anchor: str
    title: str
    line: str
    text: str


@dataclass(frozen=True, slots=True)
class Guide:
    """``line`` is its first sentence, ``text`` what stands before the first section."""

    name: str
    title: str
    line: str
    text: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What search keeps of a guide or a section. ``number`` is made of all of it, so what differs has another."""

    number: int
    name: str
    title: str
    words: str
    line: str
    anchor: str


def guide_of(name: str, source: str) -> Guide:
    """A guide without a heading of its own is called by its name."""
    tokens = MARKDOWN.parse(source)
    parts = list(_parts(tokens))
    titles = [words_of(tokens[at + 1]) for at, one in enumerate(tokens) if one.type == "heading_open"]
    first = parts[0] if parts and not parts[0].anchor else Section("", "", "", "")
    title = titles[0] if titles and tokens[0].tag == "h1" else name
    return Guide(name, title, first.line, first.text, tuple(one for one in parts if one.anchor))


def anchors(tokens: Sequence[Token]) -> dict[int, str]:
    """The anchor of each heading, by the place of its token: as GitHub makes them, so that links work in both."""
    found: dict[int, str] = {}
    for at, token in enumerate(tokens):
        if token.type != "heading_open":
            continue
        usual = _NOT_IN_ANCHORS.sub("", words_of(tokens[at + 1]).lower()).replace(" ", "-") or "part"
        taken, anchor = 0, usual
        while anchor in found.values():
            taken += 1
            anchor = f"{usual}-{taken}"
        found[at] = anchor
    return found


def words_of(inline: Token) -> str:
    """The text of a paragraph, heading or cell without its marks; of a picture, what it shows."""
    pieces = []
    for child in inline.children or ():
        if child.type in ("text", "code_inline"):
            pieces.append(child.content)
        elif child.type == "image":
            pieces.append(f" {words_of(child)} ")
        elif child.type in ("softbreak", "hardbreak"):
            pieces.append(" ")
    return _SPACES.sub(" ", "".join(pieces)).strip()


def found_of(guides: Iterable[Guide]) -> Iterator[Found]:
    """What search finds: each guide by its title and its headings, each section by what it says."""
    for guide in guides:
        headings = " ".join(one.title for one in guide.sections)
        yield _found(guide.name, guide.title, f"{guide.name} {headings} {guide.text}", guide.line, "")
        for one in guide.sections:
            title = f"{guide.title}: {one.title}"
            yield _found(f"{guide.name}#{one.anchor}", title, one.text, one.line, one.anchor)


def _found(name: str, title: str, text: str, line: str, anchor: str) -> Found:
    words = " ".join(dict.fromkeys(one for one in plain_words(f"{title} {text}").split() if len(one) <= LONGEST_WORD))
    content = "\0".join((name, title, words, line)).encode()
    number = int.from_bytes(sha256(content).digest()[:8], "big") >> 1
    return Found(number, name, title, words, line, anchor)


def _parts(tokens: Sequence[Token]) -> Iterator[Section]:
    """Text between headings of the second level, from the beginning on; code of its own lines is left out."""
    at_anchors = anchors(tokens)
    said: list[str] = []
    anchor, title, line = "", "", ""
    for at, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            yield Section(anchor, title, line, " ".join(said))
            anchor, title, said, line = at_anchors[at], words_of(tokens[at + 1]), [], ""
        elif token.type == "inline" and tokens[at - 1].tag not in ("h1", "h2"):
            said.append(words_of(token))
            if not line and tokens[at - 1].type == "paragraph_open" and not _is_picture(token):
                line = _SENTENCE.split(said[-1])[0][:LONGEST_LINE]
    yield Section(anchor, title, line, " ".join(said))


def _is_picture(inline: Token) -> bool:
    return all(child.type in ("image", "softbreak") for child in inline.children or ())

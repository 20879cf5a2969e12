"""Reads streams of catalog files: many documents, each on its own, so that a broken one costs only itself.

The text is hostile until proven otherwise. A line that begins with ``---`` or ``...`` ends a document wherever it
stands (YAML allows it nowhere else), so the stream is cut there first and each piece is read by the kernel's reader
with its limits on size, depth, values and aliases. These bound the time too: the worst piece takes well under 2 s.
Nothing here raises for what a text says; every fault is a Finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from governance.domain.backstage.findings import Finding
from idp.kernel.documents import Document, load_yaml
from idp.kernel.errors import InvalidInput

MOST_FILE_BYTES: Final = 20_000_000
MOST_DOCUMENT_BYTES: Final = 10_000_000
MOST_ENTITY_BYTES: Final = 2_500_000
"""Of an entity as JSON, with the files that it takes in. As YAML, with its indents and escapes, it is still one
document that is read: what is taken in goes out and comes in again."""
MOST_DOCUMENTS: Final = 50_000
"""Of one file."""
MOST_MARKS: Final = 4 * MOST_DOCUMENTS
"""Lines of a file that end a document, with those that have nothing before them."""
MOST_REMARKS: Final = 1_000_000
"""Letters of a piece of comments alone that is passed over."""

_CUT: Final = re.compile(r"^(?:---(?=[ \t\r\n]|\Z)|\.\.\.(?=[ \t\r\n]|\Z).*)", re.MULTILINE)
_NOTHING: Final = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?\n|%[^\n]*\n)*[ \t]*(?:#[^\n]*|%[^\n]*)?\Z")
_SKELETON: Final = re.compile(r"\{%|\$?\{\{|<%[=-]?")
_IDENTITY: Final = (
    ("metadata", "name"),
    ("metadata", "namespace"),
    ("metadata", "title"),
    ("spec", "owner"),
    ("spec", "system"),
    ("spec", "type"),
    ("spec", "lifecycle"),
)


@dataclass(frozen=True, slots=True)
class Draft:
    """One document that is a map. ``first`` is the line of ``file`` on which its text begins, counted from 0."""

    file: str
    number: int
    first: int
    document: Document

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document.data
        return found

    def line(self, path: str) -> int | None:
        here = self.document.line(path)
        return None if here is None else here + self.first

    def finding(self, code: str, reason: str, path: str = "", ref: str = "") -> Finding:
        return Finding(code, reason, self.file, self.line(path), path, ref)


def read_file(file: str, raw: bytes | str) -> Iterator[Draft | Finding]:
    """Every document of one file in order, and a Finding in place of each that cannot be read."""
    size = len(raw) if isinstance(raw, bytes) else len(raw.encode("utf-8", "surrogatepass"))
    if size > MOST_FILE_BYTES:
        yield Finding("too-large", f"The file has {size:,} bytes; at most {MOST_FILE_BYTES:,} are read.", file)
        return
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
    except UnicodeDecodeError:
        yield Finding("not-text", "The file must be UTF-8 text.", file)
        return
    for number, (first, piece) in enumerate(_pieces(text.removeprefix("\ufeff")), 1):
        if number > MOST_DOCUMENTS:
            yield Finding("too-large", f"At most {MOST_DOCUMENTS:,} documents of a file are read.", file, first + 1)
            return
        yield _read(file, number, first, piece)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """The texts between markers with the line each begins on, counted from 0; those that hold nothing are left out."""
    start, line, counted = 0, 0, 0
    for mark in [*islice(_CUT.finditer(text), MOST_MARKS), None]:
        piece = text[start : mark.start() if mark else len(text)]
        line += text.count("\n", counted, start)
        counted = start
        if not _is_nothing(piece):
            yield line, piece
        if mark is not None:
            start = mark.end()


def _is_nothing(piece: str) -> bool:
    """Whether it is blank, or comments and directives alone; a very long one of these is read, and refused there."""
    if len(piece) > MOST_REMARKS:
        return not piece.strip(" \t\r\n")
    return _NOTHING.match(piece) is not None


def _read(file: str, number: int, first: int, piece: str) -> Draft | Finding:
    try:
        document = load_yaml(piece, max_bytes=MOST_DOCUMENT_BYTES)
    except InvalidInput as error:
        return _unreadable(file, first, piece, error)
    draft = Draft(file, number, first, document)
    if not isinstance(document.data, dict):
        told = "An entity is a map that begins with apiVersion and kind; this document is not a map."
        return draft.finding("not-an-entity", told)
    if "apiVersion" not in document.data and "kind" not in document.data:
        return draft.finding("not-an-entity", "This is no entity: it has neither apiVersion nor kind.")
    return _skeleton(draft) or draft


def _unreadable(file: str, first: int, piece: str, error: InvalidInput) -> Finding:
    fault = error.errors[0] if error.errors else None
    line = first + (fault.line if fault and fault.line else 1)
    path, told = (fault.path, fault.message) if fault else ("", error.message)
    if error.code == "too-large":
        return Finding("too-large", told, file, line, path)
    if found := _SKELETON.search(piece):
        at = first + piece.count("\n", 0, found.start()) + 1
        return Finding("skeleton", _of_a_skeleton(found.group()), file, at, path)
    return Finding("broken-yaml", told, file, line, path)


def _skeleton(draft: Draft) -> Finding | None:
    """A text of a scaffolder that happens to be YAML. A Template holds expressions by right, in its steps only."""
    for block, key in _IDENTITY:
        held = draft.data.get(block)
        value = held.get(key) if isinstance(held, dict) else None
        if isinstance(value, str) and (found := _SKELETON.search(value)):
            return draft.finding("skeleton", _of_a_skeleton(found.group()), f"{block}.{key}")
    return None


def _of_a_skeleton(mark: str) -> str:
    closing = {"{%": " … %}", "${{": " … }}", "{{": " … }}"}.get(mark, " … %>")
    return (
        f"This is a skeleton that a scaffolder fills (it holds “{mark}{closing}”), not an entity; "
        "leave its folder out of the import."
    )

"""Reads YAML that people and programs send: plain data plus the line each place stands on.

Called by every face and by the loader of built-in contracts. The text is hostile until proven otherwise, so it
is read event by event with limits, never constructed by PyYAML: no tags, no merge keys, no repeated keys, no
aliases that grow beyond the limits of values and of letters. Scalars follow YAML 1.2 (``no`` and ``on`` are text,
dates are text). It raises InvalidInput and nothing else, and knows no kind of document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from idp.kernel.errors import FieldError, InvalidInput

MAX_BYTES = 1_000_000
MAX_DEPTH = 64
MAX_NODES = 50_000
MAX_DOCUMENTS = 500

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True, slots=True)
class Document:
    """One document. ``lines`` maps a dotted path (``spec.examples.0.name``, ``""`` is the root) to its 1-based line."""

    data: Any
    lines: Mapping[str, int] = field(default_factory=dict)

    def line(self, path: str) -> int | None:
        """The line of ``path``, or of the nearest place above it that the text has."""
        while path not in self.lines and path:
            path = path.rpartition(".")[0]
        return self.lines.get(path)


def load_yaml(text: str | bytes, *, max_bytes: int = MAX_BYTES) -> Document:
    """The one document in ``text``; InvalidInput (with the line) when it is not readable, or not exactly one."""
    documents = load_all_yaml(text, max_bytes=max_bytes)
    if not documents:
        raise _refusal("The document is empty.", None)
    if len(documents) > 1:
        raise _refusal("Send one document at a time; a second one starts after “---”.", documents[1].line(""))
    return documents[0]


def load_all_yaml(text: str | bytes, *, max_bytes: int = MAX_BYTES) -> list[Document]:
    """All documents of a stream in order; empty ones are left out. The limits hold for the stream as a whole."""
    source = _decoded(text, max_bytes)
    try:
        return list(_Reader(source, max_bytes).documents())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _refusal(f"This is not valid YAML: {error.problem or error.context}.", _line(mark)) from None
    except yaml.reader.ReaderError:
        raise _refusal("The text has a control character, which YAML does not allow; remove it.", None) from None
    except yaml.YAMLError:
        raise _refusal("This is not valid YAML.", None) from None


def _decoded(text: str | bytes, max_bytes: int) -> str:
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if len(raw) > max_bytes:
        raise _refusal(f"The document has {len(raw):,} bytes; at most {max_bytes:,} are read.", None, code="too-large")
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise _refusal("The text must be UTF-8.", None) from None


def _line(mark: Any) -> int | None:
    return None if mark is None else int(mark.line) + 1


def _refusal(message: str, line: int | None, path: str = "", code: str | None = None) -> InvalidInput:
    shown = f"Line {line}: {message}" if line is not None else message
    return InvalidInput(shown, code=code, errors=[FieldError(path, message, line)])


class _Reader:
    """Turns the parser's events into data, counting as it goes, so that a limit stops the parser itself."""

    def __init__(self, source: str, most_letters: int) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(source, Loader=_LOADER))
        self._lines: dict[str, int] = {}
        self._anchors: dict[str, tuple[Any, int, int]] = {}
        self._nodes = self._letters = 0
        self._most_letters = most_letters * 2

    def documents(self) -> Iterator[Document]:
        found = 0
        for event in self._events:
            if not isinstance(event, yaml.DocumentStartEvent):
                continue
            self._lines, self._anchors = {}, {}
            data = self._node(next(self._events), "", 0)
            if data is None:
                continue
            found += 1
            if found > MAX_DOCUMENTS:
                raise _refusal(f"At most {MAX_DOCUMENTS} documents are read at once.", _line(event.start_mark))
            yield Document(data, self._lines)

    def _node(self, event: Any, path: str, depth: int) -> Any:
        line = _line(event.start_mark)
        self._count(1, line, path)
        if depth > MAX_DEPTH:
            raise _refusal(f"Nothing may be nested deeper than {MAX_DEPTH} levels.", line, path)
        if line is not None:
            self._lines.setdefault(path, line)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        if event.tag is not None:
            raise _refusal(f"Tags such as “{event.tag}” are not read; write the plain value.", line, path)
        nodes, letters = self._nodes, self._letters
        value = self._value(event, path, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._nodes - nodes + 1, self._letters - letters)
        return value

    def _value(self, event: Any, path: str, depth: int) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            self._letters += len(event.value)
            return _scalar(event, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path, depth)
        return self._map(path, depth)

    def _alias(self, event: Any, path: str) -> Any:
        line = _line(event.start_mark)
        if event.anchor not in self._anchors:
            raise _refusal(f"“*{event.anchor}” must point at something complete that stands above it.", line, path)
        value, nodes, letters = self._anchors[event.anchor]
        self._letters += letters
        if self._letters > self._most_letters:
            told = (
                f"With what “*{event.anchor[:60]}” repeats, the document has more than {self._most_letters:,} letters."
            )
            raise _refusal(told, line, path, code="too-large")
        self._count(nodes, line, path)
        return value

    def _list(self, path: str, depth: int) -> list[Any]:
        items: list[Any] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event, _join(path, str(len(items))), depth + 1))
        return items

    def _map(self, path: str, depth: int) -> dict[str, Any]:
        items: dict[str, Any] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, path)
            if key in items:
                raise _refusal(f"The key “{key}” stands here twice; keep one.", _line(event.start_mark), path)
            here = _join(path, key)
            if (line := _line(event.start_mark)) is not None:
                self._lines[here] = line
            items[key] = self._node(next(self._events), here, depth + 1)
        return items

    def _key(self, event: Any, path: str) -> str:
        line = _line(event.start_mark)
        self._count(1, line, path)
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
            raise _refusal("A key must be plain text.", line, path)
        key: str = event.value
        self._letters += len(key)
        if event.implicit[0] and key == "<<":
            raise _refusal("Merge keys (“<<”) are not read; write the keys out.", line, path)
        if event.implicit[0] and not isinstance(_scalar(event, path), str):
            raise _refusal(f"A key must be text; put quotes around “{key[:60]}”.", line, path)
        return key

    def _count(self, nodes: int, line: int | None, path: str) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _refusal(f"The document is too large: more than {MAX_NODES:,} values.", line, path, code="too-large")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _scalar(event: Any, path: str) -> Any:
    """The value of a scalar by the YAML 1.2 core schema; numbers must fit 64 bits, as CEL and JSON readers need."""
    text: str = event.value
    if not event.implicit[0]:
        return text
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text) or _BASED.fullmatch(text):
        return _integer(text, _line(event.start_mark), path)
    if _NOT_FINITE.fullmatch(text):
        raise _refusal("Infinity and NaN are not numbers here; write a finite number.", _line(event.start_mark), path)
    if _FLOAT.fullmatch(text):
        return _float(text, _line(event.start_mark), path)
    return text


def _integer(text: str, line: int | None, path: str) -> int:
    value = int(text, 0) if text[:2] in ("0o", "0x") else int(text) if len(text) < 40 else 2**63
    if not -(2**63) <= value < 2**63:
        raise _refusal("A whole number must fit 64 bits; put quotes around it if it is a name.", line, path)
    return value


def _float(text: str, line: int | None, path: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _refusal("The number is too large; put quotes around it if it is a name.", line, path)
    return value

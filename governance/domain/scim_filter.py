"""The filter language of SCIM (RFC 7644, 3.4.2.2): read into a tree, and held against one value. Pure.

Lists turn the tree into a query (``selectors.scim``); ``domain.scim_patch`` holds it against the elements of an
attribute. Names of attributes and operators count without regard to case, and so do texts inside ``[...]``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from idp.kernel.errors import InvalidInput

LONGEST: Final = 2_000
DEEPEST: Final = 20
MOST_WORDS: Final = 200
COMPARISONS: Final = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")

Scalar = str | int | float | bool | None

_WORD: Final = re.compile(
    r"""\s*(?:
      (?P<text>"(?:[^"\\\x00-\x1f]|\\.)*")
    | (?P<mark>[()\[\]])
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.]))
    | (?P<name>[A-Za-z$][A-Za-z0-9$_:.\-]*)
    )""",
    re.VERBOSE,
)
_PATH: Final = re.compile(
    r"(?:(?P<urn>urn:[A-Za-z0-9._:-]+):)?(?P<name>[A-Za-z$][A-Za-z0-9$_-]*)(?:\.(?P<sub>[A-Za-z$][A-Za-z0-9$_-]*))?",
    re.IGNORECASE,
)
_HALF: Final = re.compile("[\ud800-\udfff\x00]")


@dataclass(frozen=True, slots=True)
class Path:
    """``name.givenName``; all in lower case. ``urn`` is the schema that was written before it, empty for none."""

    name: str
    sub: str = ""
    urn: str = ""

    def __str__(self) -> str:
        return f"{self.name}.{self.sub}" if self.sub else self.name


@dataclass(frozen=True, slots=True)
class Compare:
    path: Path
    op: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class Present:
    path: Path


@dataclass(frozen=True, slots=True)
class Both:
    left: Filter
    right: Filter


@dataclass(frozen=True, slots=True)
class Either:
    left: Filter
    right: Filter


@dataclass(frozen=True, slots=True)
class Not:
    inner: Filter


@dataclass(frozen=True, slots=True)
class Within:
    """``emails[type eq "work"]``: one element of ``path`` fits ``inner``."""

    path: Path
    inner: Filter


Filter = Compare | Present | Both | Either | Not | Within


def read_filter(text: str) -> Filter:
    """The tree of ``text``; InvalidInput with the code ``invalidFilter`` says what is wrong."""
    if len(text) > LONGEST:
        raise _wrong(f"it is longer than {LONGEST} letters")
    reader = _Reader(_words(text))
    tree = reader.either()
    if reader.word is not None:
        raise _wrong(f"“{reader.word[1][:40]}” stands where “and”, “or” or the end is expected")
    return tree


def read_path(text: str) -> Path | None:
    """One name of an attribute, such as ``name.givenName``; None when it is none."""
    found = _PATH.fullmatch(text)
    if found is None:
        return None
    return Path(found["name"].lower(), (found["sub"] or "").lower(), (found["urn"] or "").lower())


def fits(tree: Filter, element: Mapping[str, Any]) -> bool:
    """Whether one element of an attribute fits; its keys are found without regard to case."""
    match tree:
        case Both(left, right):
            return fits(left, element) and fits(right, element)
        case Either(left, right):
            return fits(left, element) or fits(right, element)
        case Not(inner):
            return not fits(inner, element)
        case Present(path):
            return _value(element, path.name) not in (None, "", [], {})
        case Compare(path, op, value):
            return _compares(op, _value(element, path.name), value)
        case Within():
            return False


def equalities(tree: Filter) -> dict[str, Scalar] | None:
    """What an element must hold to fit, when the filter says just that (``eq`` joined by ``and``); None otherwise."""
    if isinstance(tree, Compare) and tree.op == "eq" and not tree.path.sub:
        return {tree.path.name: tree.value}
    if isinstance(tree, Both):
        left, right = equalities(tree.left), equalities(tree.right)
        return None if left is None or right is None else left | right
    return None


def _value(element: Mapping[str, Any], name: str) -> Any:
    return next((value for key, value in element.items() if key.lower() == name), None)


def _compares(op: str, held: Any, asked: Scalar) -> bool:
    """Truth may come as text, as some clients write it."""
    if isinstance(held, bool) or isinstance(asked, bool):
        held, asked = str(held).lower(), str(asked).lower()
    if isinstance(held, str) and isinstance(asked, str):
        held, asked = held.casefold(), asked.casefold()
    if op in ("eq", "ne"):
        return (held == asked) is (op == "eq")
    if isinstance(held, str) and isinstance(asked, str):
        return _compares_text(op, held, asked)
    if isinstance(held, int | float) and isinstance(asked, int | float):
        return {"gt": held > asked, "ge": held >= asked, "lt": held < asked, "le": held <= asked}.get(op, False)
    return False


def _compares_text(op: str, held: str, asked: str) -> bool:
    return {
        "co": asked in held,
        "sw": held.startswith(asked),
        "ew": held.endswith(asked),
        "gt": held > asked,
        "ge": held >= asked,
        "lt": held < asked,
        "le": held <= asked,
    }[op]


def _words(text: str) -> list[tuple[str, str]]:
    """Kind and text of each word."""
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        word = _WORD.match(text, at)
        if word is None or word.lastgroup is None:
            raise _wrong(f"it cannot be read from “{text[at : at + 30].strip()}” on")
        found.append((word.lastgroup, word[word.lastgroup]))
        at = word.end()
    if len(found) > MOST_WORDS:
        raise _wrong(f"it has more than {MOST_WORDS} words")
    return found


class _Reader:
    """Recursive descent: ``or`` binds less than ``and``, and ``not`` stands before parentheses."""

    def __init__(self, words: list[tuple[str, str]]) -> None:
        self.words, self.at, self.depth = words, 0, 0

    @property
    def word(self) -> tuple[str, str] | None:
        return self.words[self.at] if self.at < len(self.words) else None

    def either(self) -> Filter:
        self.depth += 1
        if self.depth > DEEPEST:
            raise _wrong(f"it is nested deeper than {DEEPEST} levels")
        tree = self.both()
        while self.takes("or"):
            tree = Either(tree, self.both())
        self.depth -= 1
        return tree

    def both(self) -> Filter:
        tree = self.one()
        while self.takes("and"):
            tree = Both(tree, self.one())
        return tree

    def one(self) -> Filter:
        if self.takes("not"):
            self.needs("(")
            return Not(self.closed(")"))
        if self.takes("("):
            return self.closed(")")
        return self.about(self.path())

    def about(self, path: Path) -> Filter:
        if self.takes("["):
            return Within(path, self.closed("]"))
        kind, written = self.next("“eq” or another comparison")
        op = written.lower() if kind == "name" else ""
        if op == "pr":
            return Present(path)
        if op not in COMPARISONS:
            raise _wrong(f"“{written[:40]}” is no comparison; use pr or {', '.join(COMPARISONS)}")
        return Compare(path, op, self.value())

    def path(self) -> Path:
        kind, written = self.next("the name of an attribute")
        path = read_path(written) if kind == "name" else None
        if path is None:
            raise _wrong(f"“{written[:40]}” is no name of an attribute")
        return path

    def value(self) -> Scalar:
        kind, written = self.next("a value")
        if kind == "text":
            return _text(written)
        if kind == "number":
            return _number(written)
        if kind == "name" and written.lower() in _WORDS_OF_JSON:
            return _WORDS_OF_JSON[written.lower()]
        raise _wrong(f"“{written[:40]}” is no value; texts stand in double quotes")

    def closed(self, mark: str) -> Filter:
        tree = self.either()
        self.needs(mark)
        return tree

    def takes(self, written: str) -> bool:
        """Go past the next word when it is this one. A text in quotes is never a word of the language."""
        word = self.word
        if word is None or word[0] == "text" or word[1].lower() != written:
            return False
        self.at += 1
        return True

    def needs(self, mark: str) -> None:
        if not self.takes(mark):
            raise _wrong(f"a “{mark}” is missing")

    def next(self, expected: str) -> tuple[str, str]:
        if self.word is None:
            raise _wrong(f"it ends where {expected} is expected")
        self.at += 1
        return self.words[self.at - 1]


_WORDS_OF_JSON: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}


def _text(written: str) -> str:
    try:
        value = json.loads(written)
    except ValueError:
        raise _wrong("a text in it has a broken escape") from None
    if not isinstance(value, str) or _HALF.search(value):
        raise _wrong("a text in it holds a NUL or half a character")
    return value


def _number(written: str) -> int | float:
    value = float(written)
    if value in (float("inf"), float("-inf")) or len(written) > 30:
        raise _wrong("a number in it is too large")
    return int(value) if value.is_integer() else value


def _wrong(why: str) -> InvalidInput:
    return InvalidInput(f"The filter cannot be read: {why}.", code="invalidFilter")

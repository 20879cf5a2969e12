"""Reads CEL source as tokens, to refuse what could harm before the real parser sees it.

The CEL library has no time limit, holds the interpreter lock and dies on very long expressions, so everything
that bounds an expression is decided here, on text: length, terms, nesting, loops. It also says which dotted
paths an expression reads, and finds where ``${…}`` ends. It evaluates nothing. Called by ``cel_program`` and
``template`` only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from idp.kernel.errors import FieldError, InvalidInput

MAX_SOURCE = 2_000
MAX_TOKENS = 500
MAX_NESTING = 24
MAX_SUMS = 20
MAX_LOOPS = 8
MAX_LOOP_DEPTH = 2
MAX_CHAINED_LOOPS = 2
MAX_LOOP_VARIABLE_USES = 12

LOOPS = frozenset({"all", "exists", "exists_one", "map", "filter"})
_WORDS = frozenset({"true", "false", "null", "in"})
_TYPES = frozenset({"int", "uint", "double", "string", "bool", "bytes", "list", "map", "null_type", "type"})
_UNENDED = "the text that begins here has no end"
_HINTS = {"'": _UNENDED, '"': _UNENDED, "=": "write == to compare", "&": "write && for and", "|": "write || for or"}
_OPEN = {"(": ")", "[": "]", "{": "}"}
_STRING = (
    r"""[rRbB]{0,2}(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
)
_RAW = r"""(?:[rR][bB]?|[bB][rR])(?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|"[^"\n]*"|'[^'\n]*')"""
_TOKEN = re.compile(
    rf"(?P<space>\s+|//[^\n]*)|(?P<string>{_RAW}|{_STRING})|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>(?:0x[0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)[uU]?)"
    r"|(?P<op>&&|\|\||[=!<>]=|[-+*/%!<>?:,.(){}\[\]])",
    re.DOTALL,
)


class CelError(InvalidInput):
    """An expression cannot be accepted, or cannot be evaluated on these facts. Says why, never in Python's words."""

    code = "invalid-expression"

    def __init__(
        self,
        message: str,
        *,
        at: int | None = None,
        code: str | None = None,
        remedy: str | None = None,
        errors: Iterable[FieldError] = (),
    ) -> None:
        """``at`` is the place in the source, counted in characters from 0, where one is known."""
        super().__init__(message, code=code, remedy=remedy, errors=errors)
        self.at = at


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Loop:
    """One ``.map(x, …)`` or its like; fields are indexes into the tokens, ``depth`` counts loops around it."""

    word: int
    open: int
    close: int
    variable: str
    depth: int


@dataclass(frozen=True, slots=True)
class Read:
    """One place that reads ``path``, at character ``start`` of the source. The first ``hidden`` steps of the path are
    not written there: they are those of the list that a loop walks."""

    path: tuple[str, ...]
    start: int
    hidden: int = 0


class Lexed:
    """An expression within the limits, as tokens; CelError when it is not."""

    def __init__(self, source: str) -> None:
        if len(source) > MAX_SOURCE:
            raise CelError(f"An expression has at most {MAX_SOURCE:,} characters; this one has {len(source):,}.")
        self.source = source
        self.tokens = _tokens(source)
        if not self.tokens:
            raise CelError("The expression is empty; write a CEL expression such as “inputs.port”.")
        if len(self.tokens) > MAX_TOKENS:
            raise CelError(
                f"An expression has at most {MAX_TOKENS} terms; this one has {len(self.tokens)}.",
                at=self.tokens[MAX_TOKENS].start,
            )
        sums = sum(token.text == "+" for token in self.tokens)
        if sums > MAX_SUMS:
            # Each sum of lists copies what is left of it, so a long chain of them costs its length squared.
            raise CelError(f"An expression has at most {MAX_SUMS} “+”; this one has {sums}. Use join() for texts.")
        self.closers = _closers(self.tokens)
        self.loops = self._loops()
        self._check_loops()

    @cached_property
    def paths(self) -> tuple[tuple[str, ...], ...]:
        """Every dotted path that is read, with indexes by a literal string as steps; not those of loop variables."""
        bound = {loop.variable for loop in self.loops}
        found = dict.fromkeys(path for path, _ in self._read_paths())
        return tuple(path for path in found if path[0] not in bound)

    @cached_property
    def calls(self) -> tuple[str, ...]:
        """Names that are called, as functions or methods, in order of first use."""
        pairs = zip(self.tokens, self.tokens[1:], strict=False)
        return tuple(dict.fromkeys(a.text for a, b in pairs if a.kind == "name" and b.text == "(" and a.text != "in"))

    def path_at(self, index: int) -> tuple[tuple[str, ...], int]:
        """The path that begins at token ``index`` (a name), without a method's name, and the index after it."""
        steps = [self.tokens[index].text]
        after = index + 1
        while True:
            texts = [token.text for token in self.tokens[after : after + 3]]
            if len(texts) > 1 and texts[0] == "." and self.tokens[after + 1].kind == "name" and texts[2:] != ["("]:
                steps.append(texts[1])
                after += 2
            elif len(texts) == 3 and texts[0] == "[" and texts[2] == "]" and _is_plain(self.tokens[after + 1]):
                steps.append(texts[1][1:-1])
                after += 3
            else:
                return tuple(steps), after

    @cached_property
    def reads(self) -> tuple[Read, ...]:
        """Every place that reads a path; one of a loop's variable is told as the path of the list that it walks."""
        found = []
        for path, index in self._read_paths():
            loop = self._binding(path[0], index)
            if loop is not None and index == loop.open + 1:
                continue
            walked = () if loop is None else self._walked(loop)
            if loop is None or walked:
                begin = self.tokens[index]
                found.append(Read((*walked, *path[1:]) if loop else path, begin.start, len(walked) if loop else 0))
        return tuple(found)

    def _binding(self, name: str, index: int) -> Loop | None:
        around = [loop for loop in self.loops if loop.variable == name and loop.open < index < loop.close]
        return around[-1] if around else None

    def _walked(self, loop: Loop) -> tuple[str, ...]:
        """The path of the list that ``loop`` walks, with a last step ``*``; empty when it is made by something else."""
        first, dot = self.receiver_start(loop.word - 1), loop.word - 1
        path, after = self.path_at(first) if self.tokens[first].kind == "name" else ((), 0)
        if after == dot and self._binding(path[0], first) is None:
            return (*path, "*")
        inner = [one for one in self.loops if one.close == dot - 1 and self.tokens[one.word].text == "filter"]
        return self._walked(inner[0]) if inner else ()

    def _read_paths(self) -> list[tuple[tuple[str, ...], int]]:
        found = []
        for index, token in enumerate(self.tokens):
            before = self.tokens[index - 1].text if index else ""
            after = self.tokens[index + 1].text if index + 1 < len(self.tokens) else ""
            if token.kind == "name" and token.text not in _WORDS | _TYPES and before != "." and after != "(":
                found.append((self.path_at(index)[0], index))
        return found

    def _loops(self) -> tuple[Loop, ...]:
        found: list[Loop] = []
        for index in range(1, len(self.tokens) - 3):
            texts = [token.text for token in self.tokens[index - 1 : index + 4]]
            if texts[0] == "." and texts[1] in LOOPS and texts[2] == "(":
                if self.tokens[index + 2].kind != "name" or texts[4:] != [","]:
                    raise CelError(
                        f"“{texts[1]}” takes a name and an expression: list.{texts[1]}(item, …).",
                        at=self.tokens[index].start,
                    )
                depth = sum(1 for loop in found if loop.open < index < loop.close)
                found.append(Loop(index, index + 1, self.closers[index + 1], texts[3], depth))
        return tuple(found)

    def _check_loops(self) -> None:
        if len(self.loops) > MAX_LOOPS:
            raise CelError(f"An expression has at most {MAX_LOOPS} loops (all, exists, map, filter).")
        for loop in self.loops:
            if loop.depth >= MAX_LOOP_DEPTH:
                raise CelError(
                    "A loop may hold one loop, not a loop within a loop within a loop.",
                    at=self.tokens[loop.word].start,
                )
            if self._chained(loop) > MAX_CHAINED_LOOPS:
                raise CelError(
                    f"At most {MAX_CHAINED_LOOPS} loops may follow one another, as in list.filter(…).map(…).",
                    at=self.tokens[loop.word].start,
                )
            uses = sum(token.text == loop.variable for token in self.tokens[loop.open + 2 : loop.close])
            if uses > MAX_LOOP_VARIABLE_USES:
                raise CelError(
                    f"A loop may use its variable “{loop.variable}” {MAX_LOOP_VARIABLE_USES} times at most.",
                    at=self.tokens[loop.word].start,
                )

    def _chained(self, loop: Loop) -> int:
        """How many loops the range of ``loop`` rests on, itself included."""
        first = self.receiver_start(loop.word - 1)
        return 1 + max((self._chained(it) for it in self.loops if first <= it.word < loop.word - 1), default=0)

    def receiver_start(self, dot: int) -> int:
        """Index of the first token of what stands before the dot at ``dot``."""
        openers = {close: open_ for open_, close in self.closers.items()}
        index = dot
        while index > 0:
            index -= 1
            index = openers.get(index, index)
            before = self.tokens[index - 1] if index else None
            if before is None:
                break
            if before.text == ".":
                index -= 1
            elif not (self.tokens[index].text in "([" and (before.kind == "name" or before.text in ")]}")):
                break
        return index


def end_of_expression(text: str, start: int) -> int:
    """Index of the ``}`` that closes a ``${`` whose content begins at ``start``, or -1.

    Braces inside CEL strings and maps do not count. Stops after the longest expression there may be.
    """
    depth = 0
    at, last = start, min(len(text), start + MAX_SOURCE + 1)
    while at < last:
        match = _TOKEN.match(text, at, last)
        if match is None:
            at += 1
            continue
        if match.group() == "{":
            depth += 1
        elif match.group() == "}":
            if depth == 0:
                return at
            depth -= 1
        at = match.end()
    return -1


def _is_plain(token: Token) -> bool:
    return (
        token.kind == "string"
        and token.text[0] in "'\""
        and token.text[:3] not in ("'''", '"""')
        and "\\" not in token.text
    )


def _tokens(source: str) -> tuple[Token, ...]:
    tokens = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            hint = _HINTS.get(source[at], "CEL has no such sign")
            raise CelError(f"“{source[at]}” at character {at + 1} cannot be read: {hint}.", at=at)
        kind = str(match.lastgroup)
        if kind != "space":
            tokens.append(Token(kind, match.group(), at, match.end()))
        at = match.end()
    return tuple(tokens)


def _closers(tokens: tuple[Token, ...]) -> dict[int, int]:
    """Index of each opening bracket to that of its partner; CelError when they do not match or nest too deep."""
    pairs: dict[int, int] = {}
    stack: list[int] = []
    choices = signs = 0
    for index, token in enumerate(tokens):
        choices += token.text == "?"
        signs = signs + 1 if token.text in ("!", "-") else 0
        if token.text in _OPEN:
            stack.append(index)
        elif token.kind == "op" and token.text in ")]}":
            if not stack or _OPEN[tokens[stack[-1]].text] != token.text:
                raise CelError(f"“{token.text}” at character {token.start + 1} closes nothing.", at=token.start)
            pairs[stack.pop()] = index
        if len(stack) + signs > MAX_NESTING or choices > MAX_NESTING:
            raise CelError(f"An expression may nest {MAX_NESTING} levels deep at most.", at=token.start)
    if stack:
        token = tokens[stack[-1]]
        raise CelError(f"“{token.text}” at character {token.start + 1} is never closed.", at=token.start)
    return pairs

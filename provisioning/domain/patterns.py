"""Can a regular expression take for ever on some text? Asked before one is allowed into a contract.

Called by ``schema``. Python's ``re`` tries one way after another, so a pattern in which one text can be read in many
ways can take exponential time. The pattern is turned into an automaton of its positions (Glushkov), counts above a few
taken for endless, and refused when some position can be left and reached again in two ways by the same text
(exponentially many readings), or when more than a few repetitions can share one text between them (a high power of its
length). Weber and Seidl, “On the degree of ambiguity of finite automata”, name the two conditions EDA and IDA. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MAX_STATES = 300
MAX_STEPS = 200_000
MAX_IN_A_ROW = 2
"""Repetitions that may share a text between them: the time is its length to that power."""

_parser: Any = re._parser  # type: ignore[attr-defined]  # the only way to a parsed pattern; its shape is tested
_OPEN_ENDED = 12
"""A repetition that may happen more often than this is taken for one without end."""
_PROBES = "".join(chr(code) for code in range(32, 127)) + "\t\n\u00e9\u0130\u2028"


class TooComplex(ValueError):
    """The pattern may take for ever, or cannot be judged; the text says which."""


@dataclass(slots=True)
class _Automaton:
    """Positions of characters: ``takes[i]`` are the probe characters that position i accepts.

    ``follow[i]`` are the positions after i, each with the number of ways in which the pattern leads there.
    """

    takes: list[frozenset[str]] = field(default_factory=list)
    follow: list[Counter[int]] = field(default_factory=list)
    steps_left: int = MAX_STEPS

    def add(self, characters: frozenset[str]) -> int:
        if len(self.takes) >= MAX_STATES:
            raise TooComplex("is too long; write it shorter")
        self.takes.append(characters)
        self.follow.append(Counter())
        return len(self.takes) - 1

    def link(self, last: frozenset[int], first: frozenset[int]) -> None:
        for position in last:
            self.follow[position].update(first)

    def spend(self) -> None:
        self.steps_left -= 1
        if self.steps_left < 0:
            raise TooComplex("cannot be judged in time; write it shorter")


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of the pattern: where it can begin and end, and whether it can be nothing."""

    first: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()
    empty: bool = True


def require_quick(pattern: str) -> None:
    """TooComplex when ``pattern`` may take for ever; re.error when it is no regular expression."""
    parsed = _parser.parse(pattern)
    if parsed.state.flags & ~re.UNICODE:
        raise TooComplex("must not set flags such as (?i)")
    made = _Automaton()
    _sequence(parsed, made)
    loops = _loops(made)
    _refuse_ambiguity(made, loops)
    _refuse_shared_text(made, loops)


def _sequence(items: Any, made: _Automaton) -> _Part:
    part = _Part()
    for operation, argument in items:
        part = _joined(part, _piece(str(operation), argument, made), made)
    return part


def _joined(left: _Part, right: _Part, made: _Automaton) -> _Part:
    made.link(left.last, right.first)
    return _Part(
        left.first | (right.first if left.empty else frozenset()),
        right.last | (left.last if right.empty else frozenset()),
        left.empty and right.empty,
    )


def _piece(operation: str, argument: Any, made: _Automaton) -> _Part:
    match operation:
        case "LITERAL" | "NOT_LITERAL" | "IN" | "ANY" | "CATEGORY" | "RANGE":
            position = made.add(_characters(operation, argument))
            return _Part(frozenset({position}), frozenset({position}), empty=False)
        case "AT":
            return _Part()
        case "SUBPATTERN" if not argument[1] and not argument[2]:
            return _sequence(argument[-1], made)
        case "ATOMIC_GROUP":
            return _sequence(argument, made)
        case "BRANCH":
            return _either([_sequence(one, made) for one in argument[1]])
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            least, most, inner = argument
            return _repeated(int(least), int(most), inner, made)
        case _:
            raise TooComplex("uses what contracts may not use: groups that are looked at or referred to again")


def _either(parts: list[_Part]) -> _Part:
    first = frozenset(one for part in parts for one in part.first)
    last = frozenset(one for part in parts for one in part.last)
    return _Part(first, last, any(part.empty for part in parts))


def _repeated(least: int, most: int, inner: Any, made: _Automaton) -> _Part:
    """A few times as often as written, many times as a loop, whose copies would only be more of the same."""
    if most > _OPEN_ENDED:
        part = _sequence(inner, made)
        _refuse_nothing(part)
        made.link(part.last, part.first)
        return _Part(part.first, part.last, part.empty or least == 0)
    whole = _Part()
    for number in range(most):
        part = _sequence(inner, made)
        if most > 1:
            _refuse_nothing(part)
        whole = _joined(whole, _Part(part.first, part.last, part.empty or number >= least), made)
    return whole


def _refuse_nothing(part: _Part) -> None:
    if part.empty:
        raise TooComplex("repeats what can be nothing, which can take for ever; let what is repeated take a character")


def _characters(operation: str, argument: Any) -> frozenset[str]:
    """Which probe characters a single position takes, and one that stands for the very characters it names."""
    if operation == "ANY":
        return frozenset(_PROBES)
    tested = [("IN", argument)] if operation == "IN" else [(operation, argument)]
    return frozenset(one for one in _probes_of(argument) if any(_takes(kind, what, one) for kind, what in tested))


def _probes_of(argument: Any) -> set[str]:
    named = {chr(code) for code in _codes(argument)}
    return {*_PROBES, *named}


def _codes(argument: Any) -> Iterator[int]:
    if isinstance(argument, int) and not isinstance(argument, bool):
        yield argument
    elif isinstance(argument, (list, tuple)):
        for one in argument:
            yield from _codes(one)


def _takes(operation: Any, argument: Any, character: str) -> bool:
    match str(operation):
        case "LITERAL":
            return ord(character) == argument
        case "NOT_LITERAL":
            return ord(character) != argument
        case "RANGE":
            return bool(argument[0] <= ord(character) <= argument[1])
        case "CATEGORY":
            return _in_category(str(argument), character)
        case "IN":
            negated = bool(argument) and str(argument[0][0]) == "NEGATE"
            return any(_takes(kind, what, character) for kind, what in argument if str(kind) != "NEGATE") != negated
        case _:
            return True


def _in_category(name: str, character: str) -> bool:
    letter = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}[name.rpartition("_")[2]]
    return (re.fullmatch(letter, character) is not None) != ("_NOT_" in name)


def _refuse_ambiguity(made: _Automaton, loops: list[int | None]) -> None:
    """No position may come back to itself in two ways by one text: two walks from it that part and meet again."""
    for start, loop in enumerate(loops):
        if loop is None:
            continue
        seen: set[tuple[int, int, bool]] = set()
        waiting = [(start, start, False)]
        while waiting:
            one, other, parted = waiting.pop()
            for left, right in _steps(made, one, other):
                if loops[left] != loop or loops[right] != loop:
                    continue
                apart = parted or left != right or (one == other and made.follow[one][left] > 1)
                if apart and left == right == start:
                    raise TooComplex("repeats a repetition, which can take for ever; write it without")
                if (left, right, apart) not in seen:
                    seen.add((left, right, apart))
                    waiting.append((left, right, apart))


def _steps(made: _Automaton, one: int, other: int) -> Iterator[tuple[int, int]]:
    for left in made.follow[one]:
        for right in made.follow[other]:
            made.spend()
            if left == right or made.takes[left] & made.takes[right]:
                yield left, right


def _loops(made: _Automaton) -> list[int | None]:
    """For each position the loop that it is part of, by its first position; None for those in no loop."""
    reach = [_reachable(made, start) for start in range(len(made.follow))]
    return [
        min(one for one in reach[position] if position in reach[one]) if position in reach[position] else None
        for position in range(len(reach))
    ]


def _reachable(made: _Automaton, start: int) -> set[int]:
    found: set[int] = set()
    waiting = [start]
    while waiting:
        fresh = made.follow[waiting.pop()].keys() - found
        found |= fresh
        waiting += fresh
    return found


def _refuse_shared_text(made: _Automaton, loops: list[int | None]) -> None:
    """Loops of which each may pass any part of one text on to the next, counted along the longest such row."""
    known = sorted({loop for loop in loops if loop is not None})
    after: dict[int, list[int]] = {
        one: [other for other in known if other != one and _passes_on(made, loops, one, other)] for one in known
    }
    longest: dict[int, int] = {}

    def length(loop: int) -> int:  # it ends, as loops that reach each other are one
        if loop not in longest:
            longest[loop] = 1 + max((length(one) for one in after[loop]), default=0)
        return longest[loop]

    if max((length(loop) for loop in known), default=0) > MAX_IN_A_ROW:
        raise TooComplex("has too many repetitions of the same characters in a row; separate them")


def _passes_on(made: _Automaton, loops: list[int | None], one: int, other: int) -> bool:
    """Whether some text leads from a position of loop ``one`` to itself and to ``other``, and there to itself."""
    inside = [position for position, loop in enumerate(loops) if loop == one]
    beyond = [position for position, loop in enumerate(loops) if loop == other]
    reachable = _reachable(made, one)
    if other not in reachable:
        return False
    return any(_shares(made, loops, start, end) for start in inside for end in beyond)


def _shares(made: _Automaton, loops: list[int | None], start: int, end: int) -> bool:
    seen = {(start, start, end)}
    waiting = [(start, start, end)]
    while waiting:
        stays, walks, waits = waiting.pop()
        for left, middle in _steps(made, stays, walks):
            common = made.takes[left] & made.takes[middle]
            for right in made.follow[waits]:
                made.spend()
                if loops[left] != loops[start] or loops[right] != loops[end] or not common & made.takes[right]:
                    continue
                if (left, middle, right) == (start, end, end):
                    return True
                if (left, middle, right) not in seen:
                    seen.add((left, middle, right))
                    waiting.append((left, middle, right))
    return False

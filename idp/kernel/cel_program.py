"""Compiles and evaluates one CEL expression, bounded in time and with errors in plain words.

Everything in Slipway that evaluates an expression comes through here (by way of ``idp.kernel.cel``): policies,
contracts, readiness, usage. Programs are cached per process. Nothing here reads a clock into the result, a file
or the network, so equal facts give equal results.

How time is bounded: the library cannot be interrupted, so each loop body is wrapped in a call to ``_tick``, which
fails once the deadline has passed; what lies outside loops is bounded by the caps of ``cel_lexer``. The time is that
of the thread, not of the clock on the wall, so that a busy machine changes no verdict.
"""

from __future__ import annotations

import difflib
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import cel as library

from idp.kernel.cel_functions import FUNCTIONS, KNOWN, MAX_TEXT
from idp.kernel.cel_lexer import LOOPS, CelError, Lexed, Read
from idp.kernel.cel_patterns import check_patterns

MAX_SECONDS = 1.0
MAX_ITEMS = 1_000
MAX_FACT_NODES = 30_000
MAX_FACT_TEXT = 4_000_000

_TICK = "slipway_tick"
_ORDERED = "slipway_ordered"
_FUNCTION_ERROR = re.compile(
    r"Function '([^']*)' error: (?:Python function call failed: \w+: )?(.*?)\.? Check function", re.DOTALL
)
_POSITION = re.compile(r"<input>:(\d+):(\d+): (.*)")

# The library logs each failing function as a warning; the error itself already says it.
logging.getLogger("cel").setLevel(logging.CRITICAL)

_running = threading.local()


def _tick() -> bool:
    if time.thread_time() > _running.deadline:
        _running.late = True
        raise ValueError("the time is over")
    return True


def _ordered(items: Any) -> Any:
    """The keys of a map in order, a list as it is: the library walks maps in an order that differs per process."""
    return sorted(items, key=lambda key: (str(type(key)), key)) if isinstance(items, Mapping) else items


_FUNCTIONS: dict[str, Callable[..., Any]] = {**FUNCTIONS, _TICK: _tick, _ORDERED: _ordered}


class Facts:
    """Facts checked once, for many evaluations on the same thread or another. Not to be changed after.

    Each is converted for the library when an expression reads it first: most read few of them, and converting takes
    far longer than evaluating.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        _check_facts(values)
        self.values = values
        self._context = library.Context(functions=_FUNCTIONS)
        self._converted: set[str] = set()

    def context_of(self, names: frozenset[str]) -> library.Context:
        """What the library evaluates on, with at least those of ``names`` that are among the facts."""
        for name in names - self._converted:
            if name in self.values:
                self._context.add_variable(name, self.values[name])
            self._converted.add(name)
        return self._context


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """One compiled expression. ``paths`` are the dotted paths that it reads and ``reads`` the places where it does;
    ``calls`` are the functions that it calls, ``names`` the variables that must be among the facts."""

    source: str
    paths: tuple[tuple[str, ...], ...]
    calls: tuple[str, ...]
    reads: tuple[Read, ...]
    names: frozenset[str]
    _compiled: Any

    def evaluate(self, facts: Mapping[str, Any] | Facts) -> Any:
        """The value on ``facts``; CelError when it has none (a field is missing, types do not fit, time is over)."""
        prepared = facts if isinstance(facts, Facts) else Facts(facts)
        _running.deadline, _running.late = time.thread_time() + MAX_SECONDS, False
        try:
            value = self._compiled.execute(prepared.context_of(self.names))
        except Exception as error:  # noqa: BLE001 - the library raises half a dozen types; all become one sentence
            value = None
            if not _running.late:
                raise CelError(_explained(error, self, prepared.values)) from None
        if _running.late:
            raise CelError(f"“{_short(self.source)}” takes too long on these facts; loop over less.")
        return value

    def check_names(self, names: Iterable[str]) -> None:
        """CelError when it reads a variable that is not in ``names``."""
        known = sorted(names)
        for path in self.paths:
            if path[0] not in known:
                place = next((read.start for read in self.reads if read.path[0] == path[0]), None)
                raise CelError(f"“{path[0]}” is not known here{did_you_mean(path[0], known)}.", at=place)


def compile(source: str, *, names: Iterable[str] | None = None) -> Program:
    """The program of ``source``; CelError when it does not parse, goes beyond a limit, or calls or reads the unknown.

    ``names`` are the variables there will be; None leaves them unchecked.
    """
    program = _compiled(source)
    if names is not None:
        program.check_names(names)
    return program


@lru_cache(maxsize=4096)
def _compiled(source: str) -> Program:
    lexed = Lexed(source)
    for call in lexed.calls:
        if call not in KNOWN:
            raise CelError(f"There is no function “{call}”{did_you_mean(call, KNOWN)}.", at=_called_at(lexed, call))
    check_patterns(lexed)
    _parsed(source)
    names = frozenset(path[0] for path in lexed.paths)
    return Program(source, lexed.paths, lexed.calls, lexed.reads, names, _parsed(_guarded(lexed)))


def _called_at(lexed: Lexed, call: str) -> int | None:
    pairs = zip(lexed.tokens, lexed.tokens[1:], strict=False)
    return next((token.start for token, after in pairs if token.text == call and after.text == "("), None)


def _parsed(source: str) -> Any:
    try:
        return library.compile(source)
    except Exception as error:  # noqa: BLE001 - ValueError today; a parser fault is the author's all the same
        found = _POSITION.findall(str(error))
        said = [one for one in found if one[2].startswith("Syntax error")] or found
        at = _offset(source, int(said[0][0]), int(said[0][1])) if said else None
        where = f" near character {at + 1}" if at is not None else ""
        hint = "; “.?” is not supported, use default(value, fallback)" if "'.?'" in str(error) else ""
        raise CelError(f"“{_short(source)}” is not a complete CEL expression{where}{hint}.", at=at) from None


def _offset(source: str, line: int, column: int) -> int:
    """The library's line and column as characters from the beginning; its faults may lie one behind the end."""
    before = source.split("\n")[: line - 1]
    return min(sum(len(one) + 1 for one in before) + column - 1, len(source))


def _guarded(lexed: Lexed) -> str:
    """The source with loop bodies ticking, maps walked in order, and a missing ``default(path, …)`` as null."""
    inserts: dict[int, str] = {}
    ranges: dict[int, str] = {}
    replaced: dict[int, tuple[int, str]] = {}
    tokens = lexed.tokens
    for loop in lexed.loops:
        body_end = _argument_end(lexed, loop.open + 4, loop.close)
        if tokens[loop.word].text in ("map", "filter"):
            start = tokens[lexed.receiver_start(loop.word - 1)].start
            ranges[start] = ranges.get(start, "") + f"{_ORDERED}("
            inserts[tokens[loop.word - 1].start] = ")"
        inserts[tokens[loop.open + 3].start] = f"{_TICK}() ? ("
        inserts[tokens[body_end].start] = inserts.get(tokens[body_end].start, "") + ") : false"
    for index, token in enumerate(tokens[:-2]):
        if token.text != "default" or tokens[index + 1].text != "(":
            continue
        if index and tokens[index - 1].text == ".":
            raise CelError("Write default(value, fallback), not value.default(fallback).")
        path, after = lexed.path_at(index + 2) if tokens[index + 2].kind == "name" else ((), 0)
        if len(path) > 1 and tokens[after].text == ",":
            replaced[tokens[index + 2].start] = (tokens[after - 1].end, _null_if_missing(path))
    for start, opening in ranges.items():
        inserts[start] = inserts.get(start, "") + opening
    return _edited(lexed.source, inserts, replaced)


def _argument_end(lexed: Lexed, index: int, close: int) -> int:
    """Index of the comma or closing bracket that ends the argument in which token ``index - 1`` begins."""
    index -= 1
    while index < close and lexed.tokens[index].text != ",":
        index = lexed.closers.get(index, index) + 1
    return index


def _null_if_missing(path: tuple[str, ...]) -> str:
    tests, reached = [], path[0]
    for step in path[1:]:
        tests.append(f"'{step}' in {reached}")
        reached += f"['{step}']"
        tests.append(f"{reached} != null")
    return f"({' && '.join(tests)} ? {reached} : null)"


def _edited(source: str, inserts: Mapping[int, str], replaced: Mapping[int, tuple[int, str]]) -> str:
    parts, at = [], 0
    for position in sorted({*inserts, *replaced}):
        if position < at:
            continue
        parts += [source[at:position], inserts.get(position, "")]
        at = position
        if position in replaced:
            at, text = replaced[position]
            parts.append(text)
    return "".join([*parts, source[at:]])


_PLAIN: Final = (str, int, list)


def _check_facts(values: Mapping[str, Any]) -> None:
    stack: list[Any] = [values]
    nodes = characters = 0
    while stack:
        value = stack.pop()
        nodes += 1
        # Nearly all facts are JSON; asking an abstract class about each of them would take most of the time.
        kind = type(value)
        if kind is bool or kind is float or value is None:
            continue
        if kind is dict or (kind not in _PLAIN and isinstance(value, Mapping)):
            stack.extend(value.values())
        elif isinstance(value, (list, tuple)):
            if len(value) > MAX_ITEMS:
                raise CelError(f"An expression sees lists of at most {MAX_ITEMS:,} items; one here has {len(value):,}.")
            stack.extend(value)
        elif isinstance(value, str):
            if len(value) > MAX_TEXT:
                raise CelError(f"An expression sees texts of at most {MAX_TEXT:,} characters; one here is longer.")
            characters += len(value)
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise CelError("A whole number must fit 64 bits.")
        elif not isinstance(value, (int, float, bytes, datetime, timedelta, type(None))):
            raise TypeError(f"{type(value).__name__} cannot be a fact")
        if nodes > MAX_FACT_NODES or characters > MAX_FACT_TEXT:
            raise CelError(f"An expression sees at most {MAX_FACT_NODES:,} values at once; here are more.")


def _explained(error: Exception, program: Program, values: Mapping[str, Any]) -> str:
    shown = _short(program.source)
    if isinstance(error, KeyError):
        return _missing(str(error.args[0]).strip("'") if error.args else "", program, values)
    if isinstance(error, IndexError):
        return f"“{shown}” asks for an item that the list does not have."
    if isinstance(error, ZeroDivisionError):
        return f"“{shown}” divides by zero."
    if isinstance(error, OverflowError):
        return f"“{shown}” gives a number that does not fit 64 bits."
    if isinstance(error, TypeError):
        return f"The types in “{shown}” do not fit; convert with int(), double() or string()."
    if (found := _FUNCTION_ERROR.search(str(error))) is not None:
        return f"“{shown}” cannot be evaluated: {_function_words(found.group(1), found.group(2))}."
    if (name := re.search(r"Undefined variable or function: '([^']*)'", str(error))) is not None:
        if name.group(1) in KNOWN:
            return f"{name.group(1)}() in “{shown}” does not take these values."
        return f"“{name.group(1)}” is not known here{did_you_mean(name.group(1), values)}."
    return f"“{shown}” cannot be evaluated on these facts."


def _function_words(name: str, reason: str) -> str:
    if name in FUNCTIONS and "argument" not in reason:
        return reason
    return f"{name}() does not take these values"


def _missing(key: str, program: Program, values: Mapping[str, Any]) -> str:
    for path in program.paths:
        reached: Any = values
        for depth, step in enumerate(path):
            if isinstance(reached, Mapping) and step not in reached:
                if step == key and depth:
                    above = ".".join(path[:depth])
                    return f"“{above}” has no field “{key}”{did_you_mean(key, reached)}."
                break
            reached = reached[step] if isinstance(reached, Mapping) else None
    return f"“{_short(program.source)}” reads the field “{key}”, which is not there; use has() or default()."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``"; did you mean “x”?"`` without the final stop, or a list of what there is when it is short."""
    options = sorted(str(name) for name in known)
    close = difflib.get_close_matches(word, options, n=1, cutoff=0.6)
    lowered = {name.lower(): name for name in options}
    if close or word.lower() in lowered:
        return f"; did you mean “{close[0] if close else lowered[word.lower()]}”"
    return f"; there is {', '.join(options)}" if 0 < len(options) <= 12 else ""


def _short(source: str) -> str:
    line = " ".join(source.split())
    return line if len(line) <= 120 else line[:117] + "…"


__all__ = ["LOOPS", "CelError", "Facts", "Program", "compile", "did_you_mean"]

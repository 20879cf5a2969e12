r"""Bounds the regular expressions of ``matches``: the library compiles each one anew at every call.

Its engine never goes back, so no text makes a pattern slow; what costs is how large a pattern becomes once its counted
repetitions are written out. So that is estimated here on the source, before anything is compiled. Called by
``cel_program`` only.
"""

from __future__ import annotations

import re

from idp.kernel.cel_lexer import CelError, Lexed, Token

MAX_CALLS = 8
MAX_WEIGHT = 2_000
WIDE = 50
r"""What ``\w`` and its like weigh: they are hundreds of ranges of Unicode."""

_PIECE = re.compile(
    r"\\(?P<escaped>.)|\[\^?\]?(?P<set>(?:\\.|[^\]\\])*)\]|\{(?P<count>[0-9,]*)\}|(?P<sign>.)", re.DOTALL
)
_WIDE = re.compile(r"\\[wWpPbBsSdD]|\[:")
_ODD_ESCAPE = re.compile(r"\\(?![\\\"'nrt])")


def check_patterns(lexed: Lexed) -> None:
    """CelError when ``matches`` is called too often, on a pattern that is not written out, or on one that grows."""
    calls = [
        index
        for index, token in enumerate(lexed.tokens[:-1])
        if token.text == "matches" and token.kind == "name" and lexed.tokens[index + 1].text == "("
    ]
    if len(calls) > MAX_CALLS:
        place = lexed.tokens[calls[MAX_CALLS]]
        raise CelError(f"An expression has at most {MAX_CALLS} matches(); this one has {len(calls)}.", at=place.start)
    for index in calls:
        _check(lexed, index)


def _check(lexed: Lexed, index: int) -> None:
    tokens, close = lexed.tokens, lexed.closers[index + 1]
    written = tokens[close - 1]
    if written.kind != "string" or tokens[close - 2].text not in "(,":
        raise CelError("matches() takes a pattern that is written out between quotes.", at=tokens[index].start)
    if weight(_plain(written)) > MAX_WEIGHT:
        message = "This pattern grows too large; use smaller counts in {…}, and [a-z0-9_] instead of \\w."
        raise CelError(message, at=written.start)


def weight(pattern: str) -> int:
    """About how many states ``pattern`` has once its counted repetitions are written out. One pass, never fails."""
    sums, last = [0], 0
    wide = WIDE if "(?" in pattern and re.search(r"\(\?[a-zA-Z]*i", pattern) else 1
    for piece in _PIECE.finditer(pattern):
        if piece["count"] is not None:
            last = _times(last, piece["count"])
            continue
        sums[-1] = min(sums[-1] + last, MAX_WEIGHT + 1)
        last = 0
        if piece["sign"] == "(":
            sums.append(0)
        elif piece["sign"] == ")" and len(sums) > 1:
            last = sums.pop()
        elif piece["set"] is not None or piece["escaped"] is not None:
            last = WIDE if _WIDE.search(piece.group()) else wide
        else:
            last = wide
    return min(sum(sums) + last, MAX_WEIGHT + 1)


def _times(last: int, count: str) -> int:
    numbers = [int(one[:6]) for one in count.split(",") if one]
    return min(last * max([1, *numbers]), MAX_WEIGHT + 1)


def _plain(token: Token) -> str:
    """The pattern as the engine gets it; CelError for escapes that could hide what it is."""
    marks = token.text[: len(token.text) - len(token.text.lstrip("rRbB"))]
    quote = 3 if token.text[len(marks) : len(marks) + 3] in ('"""', "'''") else 1
    inner = token.text[len(marks) + quote : -quote]
    if "r" in marks.lower():
        return inner
    if _ODD_ESCAPE.search(inner.replace("\\\\", "")):
        raise CelError("Write the pattern as r'…', without other escapes than its own.", at=token.start)
    return inner.replace("\\\\", "\\")

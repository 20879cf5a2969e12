"""Documents as they arrive broken: seeds with letters, lines and values changed, cut off, or grown beyond reason.

The same number always gives the same document, so that what fails once can be looked at again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

PIECES: Final = (
    *"{}[]&*!|>%@`\"'#,:-?\n \t\x00\x85\ufeff\u2028\ud800",
    "---\n",
    "...\n",
    "<<: *a",
    "!!python/object:os.system x",
    "&a [*a]",
    "${{ x }}",
    "${resources.db.outputs.host}",
    "🚀",
)
VALUES: Final = (
    *("", "~", "no", "0", "-1", "1e999", "0x", "99999999999999999999", ".nan", "[]", "{}", "[[[]]]", "{a: {b: c}}"),
    *("'\x00'", "'..'", "'../../etc'", "'http://['", "'https://[::1'", "'ß/ä'", "'a' : b", "{$text: 'http://['}"),
    *("{$text: ./none}", "{$json: './catalog-info.yaml'}", "[null, 1, {}]", "x" * 70, "'" + "y" * 5_000 + "'"),
)
BOMB: Final = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
EXTREME: Final = {
    "anchor bomb": BOMB,
    "itself": "a: &a [*a]\n",
    "deep list": "a: " + "[" * 20_000,
    "deep map": "".join(f"{' ' * n}a:\n" for n in range(900)),
    "many keys": "".join(f"k{n}: v\n" for n in range(60_000)),
    "one long line": "kind: '" + "x" * 900_000 + "'",
    "many documents": "---\na: 1\n" * 60_000,
    "placeholders never closed": "a: '" + "${" * 100_000 + "'",
    "no text": "a: \x00\x01\x02",
}


def mutated(seeds: Sequence[str], number: int) -> Iterator[str]:
    """``number`` documents; each begins as one of ``seeds``."""
    for one in range(number):
        yield _mutated(seeds[one % len(seeds)], Random(one))


def _mutated(text: str, chance: Random) -> str:
    for _ in range(chance.randint(1, 4)):
        change = _letters if chance.random() < 0.3 else _lines
        text = change(text, chance)
    return text


def _letters(text: str, chance: Random) -> str:
    at = chance.randrange(len(text) + 1)
    if chance.random() < 0.3:
        return text[:at]
    return text[:at] + chance.choice(PIECES) + text[at + chance.randrange(13) :]


def _lines(text: str, chance: Random) -> str:
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    match chance.randrange(6):
        case 0:
            lines.insert(at, chance.choice(lines))
        case 1:
            del lines[at]
        case 2:
            lines[at] = f"  {lines[at]}" if chance.random() < 0.5 else lines[at][2:]
        case 3:
            lines[at] += chance.choice(PIECES)
        case _:
            key, colon, _ = lines[at].partition(":")
            lines[at] = f"{key}{colon} {chance.choice(VALUES)}"
    return "\n".join(lines)

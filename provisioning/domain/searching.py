"""What was typed into a search, read; what was found, put in order; words that were misspelt, mended. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

# What separates words, here and in the index. Everything else is part of one: names may be in any script.
SEPARATORS: Final = "/-_.:,;@#()[]{}<>\"'`=+*&|!?$%\\~^"
MOST_WORDS: Final = 6
LONGEST_WORD: Final = 40
SHORTEST_LEARNT: Final = 3
# Kinds in the order in which they are offered when they fit equally well.
KINDS: Final = (
    "system",
    "environment",
    "component",
    "api",
    "capability",
    "team",
    "person",
    "policy",
    "resource",
    "doc",
    "entity",
    "change",
    "run",
)
# Kinds that grow for ever: of these the latest are offered first.
HISTORY: Final = ("change", "run")
# Kinds of which there are most; all others together are fewer than any of them in the long run.
LARGE: Final = ("environment", "resource", *HISTORY)
_TO_SPACES: Final = {ord(sign): " " for sign in SEPARATORS}
_NUMBER: Final = re.compile(r"^#?([0-9]{1,15})$")
_TRIGRAM: Final = 3
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Asked:
    """``words`` are the typed ones in the form of the index; ``number`` when it may be that of a change or a run."""

    words: tuple[str, ...]
    number: int | None = None

    @property
    def key(self) -> str:
        return " ".join(self.words)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the index; ``key`` is the title in plain words."""

    kind: str
    object_id: int
    name: str
    title: str
    key: str
    detail: str
    path: str


def plain_words(text: str) -> str:
    """``text`` as the index has it: lower-case, its words separated by single spaces."""
    return " ".join(text.translate(_TO_SPACES).lower().split())


def asked_for(typed: str) -> Asked:
    number = _NUMBER.match(typed.strip())
    words = tuple(word[:LONGEST_WORD] for word in plain_words(typed).split()[:MOST_WORDS])
    return Asked(words=words, number=int(number.group(1)) if number else None)


def learnt_words(text: str) -> set[str]:
    """Words of an entry for the vocabulary, so that each word of the index begins with one of them or is too short.

    PostgreSQL separates words at signs that are none of ours as well, depending on its locale.
    """
    plain = plain_words(text)
    return {word[:LONGEST_WORD] for word in (*plain.split(), *_WORD.findall(plain)) if is_learnt(word)}


def is_learnt(word: str) -> bool:
    return len(word) >= SHORTEST_LEARNT and not word.isdigit()


def in_order(entries: Iterable[Entry], asked: Asked, *, each: int) -> list[Entry]:
    """The best ``each`` of every kind, best first: the thing itself, titles that begin so, titles, then the rest."""
    unique = {(entry.kind, entry.object_id): entry for entry in entries}
    ranked = sorted(unique.values(), key=lambda entry: _rank(entry, asked))
    left = dict.fromkeys(KINDS, each)
    kept = []
    for entry in ranked:
        if left[entry.kind] > 0:
            left[entry.kind] -= 1
            kept.append(entry)
    return kept


def _rank(entry: Entry, asked: Asked) -> tuple[int, int, int, str]:
    latest = -entry.object_id if entry.kind in HISTORY else 0
    return _fit(entry, asked), KINDS.index(entry.kind), latest, entry.key


def _fit(entry: Entry, asked: Asked) -> int:
    if asked.number is not None and entry.kind in HISTORY and entry.object_id == asked.number:
        return 0
    if asked.key in (entry.key, plain_words(entry.name)):
        return 0
    if entry.kind in HISTORY:
        # What happened to a thing is never better than the thing.
        return 3
    if entry.kind != "resource" and (entry.key.startswith(asked.key) or entry.name.startswith(asked.key)):
        return 1
    parts = entry.key.split()
    return 2 if all(any(part.startswith(word) for part in parts) for word in asked.words) else 3


def trigrams(word: str) -> list[str]:
    """The pieces of three letters that a misspelt word has in common with the right one."""
    return list(dict.fromkeys(word[at : at + _TRIGRAM] for at in range(len(word) - _TRIGRAM + 1)))


def mended(word: str, known: Sequence[str], *, most: int = 3) -> list[str]:
    """Words that were probably meant, nearest first: they hold what was typed, or differ by one letter or two.

    A word that begins one of them is right as it is. One letter may be wrong in words of four to seven letters, two in
    longer ones; a turned pair counts as one.
    """
    if any(candidate.startswith(word) for candidate in known):
        return [word]
    if len(word) < _TRIGRAM:
        return []
    reach = 0 if len(word) < 4 else 1 if len(word) < 8 else 2
    near: list[tuple[int, str]] = []
    for candidate in known:
        if word in candidate:
            near.append((0, candidate))
            continue
        # Somebody who is still typing has written only the beginning of the word; a whole word is nearer than that.
        whole, begun = _distance(word, candidate, reach), _distance(word, candidate[: len(word)], reach)
        if min(whole, begun) <= reach:
            near.append((2 * whole if whole <= begun else 2 * begun + 1, candidate))
    return [candidate for _, candidate in sorted(near)[:most]]


def _distance(one: str, other: str, most: int) -> int:
    """Letters to insert, remove, replace or turn round (optimal string alignment), or more than ``most``."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        here = [i]
        for j, against in enumerate(other, 1):
            cost = min(row[j] + 1, here[j - 1] + 1, row[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                cost = min(cost, before[j - 2] + 1)
            here.append(cost)
        if min(here) > most:
            return most + 1
        before, row = row, here
    return row[-1]

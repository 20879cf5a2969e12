"""The search index read: names that begin as typed, words in full text, and misspelt words mended from the vocabulary.

One statement finds; a second pair is asked only when that found nothing. Every part of it is bounded, whatever exists:
titles that begin so are read from an index in their order, words from the full text of the database up to a number.
Who may not see a system finds nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models import Q, QuerySet

from governance.access import Rights
from provisioning.domain.searching import HISTORY, KINDS, Asked, Entry, asked_for, in_order, mended, trigrams
from provisioning.models import SearchEntry, SearchWord

EACH: Final = 8
# Rows of the full text that are put in order at most; of what grows for ever, the latest.
CANDIDATES: Final = 200
LATEST: Final = 24
NEAR: Final = 60
_FIELDS: Final = ("kind", "object_id", "name", "title", "key", "detail", "path")
_HIGHEST: Final = "\U0010ffff"
_ENTRY: Final = SearchEntry._meta.db_table


@dataclass(frozen=True, slots=True)
class Found:
    """``entries`` best first; ``instead`` are the words that were looked for when the typed ones stood nowhere."""

    entries: list[Entry]
    instead: tuple[str, ...] = ()


def search(rights: Rights, typed: str, *, each: int = EACH, kinds: Sequence[str] = KINDS) -> Found:
    """What the person may see and fits all the typed words; nothing for an empty query. At most four queries.

    Raises Forbidden for a token without the scope ``read``.
    """
    rights.require_scope("read")
    asked = asked_for(typed)
    if not asked.words:
        return Found([])
    found = _found(rights, asked, [(word,) for word in asked.words], each, kinds)
    if found or asked.number is not None:
        return Found(in_order(found, asked, each=each))
    choices = _mended(asked.words)
    if not choices:
        return Found([])
    instead = Asked(words=tuple(words[0] for words in choices))
    found = _found(rights, instead, choices, each, kinds)
    return Found(in_order(found, instead, each=each), instead.words if found else ())


def _found(
    rights: Rights, asked: Asked, choices: Sequence[Sequence[str]], each: int, kinds: Sequence[str]
) -> list[Entry]:
    """All parts in one statement: what may be seen is written by the ORM once, the parts differ in what follows.

    Each part is limited by itself, which the ORM does not write for SQLite.
    """
    seen, given = _visible(rights, kinds).values_list(*_FIELDS).order_by().query.sql_with_params()
    statement: list[str] = []
    values: list[Any] = []
    for condition, own in _parts(asked, choices, each, kinds):
        statement.append(f"SELECT * FROM ({seen} AND {condition}) AS part{len(statement)}")  # noqa: S608
        values += [*given, *own]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(statement), values)
        return [Entry(*row) for row in cursor.fetchall()]


def _parts(
    asked: Asked, choices: Sequence[Sequence[str]], each: int, kinds: Sequence[str]
) -> Iterator[tuple[str, list[Any]]]:
    """What follows ``AND`` in each part, and its values. Names of columns and kinds are this module's own."""
    things, history = [one for one in kinds if one not in HISTORY], [one for one in kinds if one in HISTORY]
    holds, words = _holding(choices)
    for kind in things:
        begins = f"{_ENTRY}.key >= %s AND {_ENTRY}.key < %s ORDER BY {_ENTRY}.key LIMIT {each}"
        yield f"{_ENTRY}.kind = %s AND {begins}", [kind, asked.key, asked.key + _HIGHEST]
    if things:
        places = ", ".join(["%s"] * len(things))
        yield f"{_ENTRY}.kind IN ({places}) AND {holds} LIMIT {CANDIDATES}", [*things, words]
    for kind in history:
        yield f"{_ENTRY}.kind = %s AND {holds} ORDER BY {_ENTRY}.object_id DESC LIMIT {LATEST}", [kind, words]
        if asked.number is not None:
            yield f"{_ENTRY}.kind = %s AND {_ENTRY}.object_id = %s", [kind, asked.number]


def _visible(rights: Rights, kinds: Sequence[str]) -> QuerySet[SearchEntry]:
    """What belongs to no system is everybody's to know; a token bound to systems finds theirs only."""
    rows = SearchEntry.objects.filter(kind__in=kinds)
    sees = rights.sees("system")
    if not sees:
        return rows
    return rows.filter(sees if rights.actor.systems else Q(system=None) | sees)


def _holding(choices: Sequence[Sequence[str]]) -> tuple[str, str]:
    """A condition for entries in which of each word one of the choices begins a word, and its value.

    Choices hold no sign of a query language: they are plain words.
    """
    if connection.vendor == "postgresql":
        query = " & ".join("(" + " | ".join(f"'{word}':*" for word in words) + ")" for words in choices)
        return f"{_ENTRY}.lexemes @@ to_tsquery('simple', %s)", query
    query = " AND ".join("(" + " OR ".join(f'"{word}"*' for word in words) + ")" for words in choices)
    return f"{_ENTRY}.id IN (SELECT rowid FROM search_text WHERE search_text MATCH %s)", query  # noqa: S608


def _mended(words: Sequence[str]) -> list[list[str]]:
    """For each word those that were probably meant; nothing when one of them is like none that is known.

    Numbers are not learnt, and taken as they are.
    """
    choices = []
    for word in words:
        known = [word] if word.isdigit() else mended(word, _near(word))
        if not known:
            return []
        choices.append(known)
    return choices


def _near(word: str) -> list[str]:
    """Words of the vocabulary that have the most in common with this one."""
    if connection.vendor == "postgresql":
        rows = SearchWord.objects.extra(
            select={"far": "word <-> %s"},
            select_params=[word],
            where=["(word %% %s OR word LIKE %s)"],
            params=[word, f"%{_literally(word)}%"],
            order_by=["far"],
        )
        return list(rows.values_list("word", flat=True)[:NEAR])
    query = " OR ".join(f'"{piece}"' for piece in trigrams(word))
    if not query:
        return []
    rows = SearchWord.objects.extra(
        tables=["search_near"],
        where=["search_near.rowid = provisioning_searchword.id", "search_near MATCH %s"],
        params=[query],
        order_by=["search_near.rank"],
    )
    return list(rows.values_list("word", flat=True)[:NEAR])


def _literally(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")

"""The search index read: names that begin as typed, words in full text, and misspelt words mended from the vocabulary.

One statement finds; a second pair is asked only when that found nothing. Every part of it is bounded, whatever exists:
titles that begin so are read from an index in their order, words from the full text of the database up to a number.
Who may not see a system finds nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    """All parts in one statement. A compound of limited parts is more than the ORM writes for SQLite."""
    parts = list(_parts(rights, asked, choices, each, kinds))
    statements, values = zip(*(part.query.sql_with_params() for part in parts), strict=True)
    sql = " UNION ".join(f"SELECT * FROM ({one}) AS part{at}" for at, one in enumerate(statements))  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [value for some in values for value in some])
        return [Entry(*row) for row in cursor.fetchall()]


def _parts(
    rights: Rights, asked: Asked, choices: Sequence[Sequence[str]], each: int, kinds: Sequence[str]
) -> Iterable[QuerySet[SearchEntry, Any]]:
    seen = _visible(rights)
    things, history = [one for one in kinds if one not in HISTORY], [one for one in kinds if one in HISTORY]
    for kind in things:
        begun = seen.filter(kind=kind, key__gte=asked.key, key__lt=asked.key + _HIGHEST)
        yield begun.order_by("key").values_list(*_FIELDS)[:each]
    if things:
        yield _holding(seen.filter(kind__in=things), choices).order_by().values_list(*_FIELDS)[:CANDIDATES]
    for kind in history:
        yield _holding(seen.filter(kind=kind), choices).order_by("-object_id").values_list(*_FIELDS)[:LATEST]
    if asked.number is not None and history:
        yield seen.filter(kind__in=history, object_id=asked.number).order_by().values_list(*_FIELDS)


def _visible(rights: Rights) -> QuerySet[SearchEntry]:
    """What belongs to no system is everybody's to know; a token bound to systems finds theirs only."""
    rows = SearchEntry.objects.filter(Q(system=None) | rights.sees("system"))
    return rows.exclude(system=None) if rights.actor.systems else rows


def _holding(rows: QuerySet[SearchEntry], choices: Sequence[Sequence[str]]) -> QuerySet[SearchEntry]:
    """Rows in which of each word one of the choices begins a word. Choices hold letters and digits only."""
    if connection.vendor == "postgresql":
        query = " & ".join("(" + " | ".join(f"'{word}':*" for word in words) + ")" for words in choices)
        return rows.extra(where=["lexemes @@ to_tsquery('simple', %s)"], params=[query])
    query = " AND ".join("(" + " OR ".join(f'"{word}"*' for word in words) + ")" for words in choices)
    table = SearchEntry._meta.db_table
    return rows.extra(  # noqa: S610
        where=[f"{table}.id IN (SELECT rowid FROM search_text WHERE search_text MATCH %s)"],  # noqa: S608
        params=[query],
    )


def _mended(words: Sequence[str]) -> list[list[str]]:
    """For each word those that were probably meant; nothing when one of them is like none that is known."""
    choices = []
    for word in words:
        known = mended(word, _near(word))
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

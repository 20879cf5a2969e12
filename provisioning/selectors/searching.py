"""The search index read: names that begin as typed, words in full text, and misspelt words mended from the vocabulary.

One statement finds (``search_parts``); a second pair is asked only when that found nothing. Who may not see a system
finds nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection
from django.db.models import Q, QuerySet

from governance.access import Rights
from provisioning.domain.searching import KINDS, Asked, Entry, asked_for, in_order, mended, trigrams
from provisioning.models import SearchEntry, SearchWord
from provisioning.selectors.search_parts import Wanted, statement

EACH: Final = 8
NEAR: Final = 60
_FIELDS: Final = ("kind", "object_id", "name", "title", "key", "detail", "path")


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
    """All in one statement: what may be seen is written by the ORM once, its parts differ in what follows.

    Choices hold no sign of a query language: they are plain words.
    """
    seen, given = _visible(rights).values_list(*_FIELDS).order_by().query.sql_with_params()
    text, values = statement(Wanted(seen, given, asked, choices, each, kinds))
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return [Entry(*row) for row in cursor.fetchall()]


def _visible(rights: Rights) -> QuerySet[SearchEntry]:
    """What belongs to no system is everybody's to know; a token bound to systems finds theirs only.

    There is always a condition, so that another can be added to the SQL.
    """
    rows = SearchEntry.objects.filter(kind__isnull=False)
    sees = rights.sees("system")
    if not sees:
        return rows
    return rows.filter(sees if rights.actor.systems else Q(system=None) | sees)


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

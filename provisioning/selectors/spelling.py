"""The vocabulary of the search index read: which typed words stand nowhere, and which known ones are spelt like them.

Called by ``searching`` only. Everybody reads the same vocabulary: what of it somebody may see decides the search that
follows, so nothing of here is shown as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from django.db import connection

from provisioning.domain.searching import LONGEST_WORD, is_learnt, trigrams
from provisioning.models import SearchEntry, SearchWord, SearchWordMark

NEAR: Final = 60
# With so many entries whose words are not gathered yet, the vocabulary tells nothing of what stands nowhere.
MOST_FRESH: Final = 5_000
_HIGHEST: Final = "\U0010ffff"
_WORDS, _MARKS, _ENTRIES = (model._meta.db_table for model in (SearchWord, SearchWordMark, SearchEntry))
# What begins a known word is told apart first: to compare a word with all others takes a millisecond.
_POSTGRESQL: Final = f"""
WITH mark AS (SELECT (SELECT max(entry) FROM {_MARKS}) AS entry, (SELECT max(id) FROM {_ENTRIES}) AS last),
unknown AS MATERIALIZED (
    SELECT typed.word FROM unnest(%s::text[]) AS typed(word) WHERE NOT EXISTS (
        SELECT 1 FROM {_WORDS} known WHERE known.word ~>=~ typed.word AND known.word ~<~ (typed.word || %s)))
SELECT mark.entry, mark.last, unknown.word, near.word FROM mark LEFT JOIN unknown ON true LEFT JOIN LATERAL (
    SELECT other.word FROM {_WORDS} other
    WHERE other.word %% unknown.word OR other.word LIKE '%%' || unknown.word || '%%'
    ORDER BY other.word <-> unknown.word LIMIT {NEAR}) AS near ON true
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Spelling:
    """``near`` has each word that begins no known one, with the known ones that have the most in common with it.

    Entries up to ``learnt`` hold none of those words; None where that cannot be said.
    """

    near: dict[str, list[str]] = field(default_factory=dict)
    learnt: int | None = None


def spelling(words: Sequence[str]) -> Spelling:
    """One query on PostgreSQL, on SQLite one for each word. Numbers and very short words are taken as they are."""
    judged = [word for word in words if is_learnt(word) and len(word) < LONGEST_WORD]
    if not judged:
        return Spelling()
    if connection.vendor == "postgresql":
        return _on_postgresql(judged)
    # Its full text knows letters by their bare forms, so it finds words that begin no known one.
    return Spelling({word: _near_on_sqlite(word) for word in judged})


def _on_postgresql(words: list[str]) -> Spelling:
    """Words hold no sign of a pattern: those separate words."""
    near: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_POSTGRESQL, [words, _HIGHEST])
        rows = cursor.fetchall()
    for _, _, unknown, word in rows:
        if unknown is not None:
            near.setdefault(unknown, []).extend([] if word is None else [word])
    entry, last = rows[0][:2]
    told = entry is not None and last is not None and 0 <= last - entry <= MOST_FRESH
    return Spelling(near, entry if told else None)


def entries_are_settled() -> bool:
    """Whether nobody is writing entries: what commits later has a higher number than what can be read after this.

    Numbers are given before the commit, and who took one holds a lock until then. SQLite has one writer at a time.
    """
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT NOT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'relation' AND relation = %s::regclass "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND mode = 'RowExclusiveLock' AND pid IS DISTINCT FROM pg_backend_pid())",
            [_ENTRIES],
        )
        return bool(cursor.fetchone()[0])


def _near_on_sqlite(word: str) -> list[str]:
    query = " OR ".join(f'"{piece}"' for piece in trigrams(word))
    rows = SearchWord.objects.extra(
        tables=["search_near"],
        where=["search_near.rowid = provisioning_searchword.id", "search_near MATCH %s"],
        params=[query],
        order_by=["search_near.rank"],
    )
    return list(rows.values_list("word", flat=True)[:NEAR])

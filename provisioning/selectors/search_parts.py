"""The SQL of one search, said for each database in the way that is quick there. Called by ``searching`` only.

Every part is bounded, however much exists. Titles that begin as typed are read from an index in their order. Words are
found in a full text for each kind of which there is much, of which the latest are wanted, and in one for all others.
FTS5 gives the latest first and stops when there are enough. PostgreSQL gives what fits in no order, so the latest rows
are looked through first, and its full text is asked only when those are too few: a word that stands in ten thousand
names is found among the latest, and one that does not is found quickly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from provisioning.domain.searching import HISTORY, LARGE, Asked
from provisioning.models import SearchEntry
from provisioning.models.search_sql import NAMED, text_of

# Rows of the full text that are put in order at most: of what is named, of places, and of what grows for ever.
CANDIDATES: Final = 200
LATEST_PLACES: Final = 100
LATEST: Final = 24
# How many of the latest rows of a kind PostgreSQL looks through before it asks the full text, and how many of what that
# finds it puts in order.
WINDOW: Final = 1_000
RARE: Final = 1_000
_HIGHEST: Final = "\U0010ffff"
_ENTRY: Final = SearchEntry._meta.db_table


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for. ``seen`` selects what may be seen, up to a condition to be added; ``given`` are its values.

    ``choices`` are for each word those of which one must begin a word; ``each`` of each kind is enough.
    """

    seen: str
    given: Sequence[Any]
    asked: Asked
    choices: Sequence[Sequence[str]]
    each: int
    kinds: Sequence[str]

    @property
    def things(self) -> list[str]:
        return [one for one in self.kinds if one not in HISTORY]

    @property
    def history(self) -> list[str]:
        return [one for one in self.kinds if one in HISTORY]

    @property
    def named(self) -> list[str]:
        return [one for one in self.kinds if one not in LARGE]

    @property
    def large(self) -> list[str]:
        return [one for one in self.kinds if one in LARGE]


def statement(wanted: Wanted) -> tuple[str, list[Any]]:
    """One statement and its values. Names of kinds and tables in it are the product's own."""
    build = _on_postgresql if connection.vendor == "postgresql" else _on_sqlite
    texts: list[str] = []
    values: list[Any] = []
    for text, own in (*build(wanted), *_numbered(wanted)):
        texts.append(f"SELECT * FROM ({text}) AS part{len(texts)}")  # noqa: S608
        values += own
    return " UNION ALL ".join(texts), values


def _numbered(wanted: Wanted) -> Iterator[tuple[str, list[Any]]]:
    if wanted.asked.number is None:
        return
    for kind in wanted.history:
        where = f"{_ENTRY}.kind = '{kind}' AND {_ENTRY}.object_id = %s"
        yield f"{wanted.seen} AND {where}", [*wanted.given, wanted.asked.number]


def _on_postgresql(wanted: Wanted) -> Iterator[tuple[str, list[Any]]]:
    query = " & ".join("(" + " | ".join(f"'{word}':*" for word in words) + ")" for words in wanted.choices)
    holds, values = f"{_ENTRY}.lexemes @@ to_tsquery('simple', %s)", [*wanted.given, query]
    if wanted.things:
        rows = ", ".join(f"('{kind}')" for kind in wanted.things)
        begins = f"{wanted.seen} AND {_ENTRY}.kind = wanted.kind AND {_begins(wanted.each)}"
        text = f"SELECT part.* FROM (VALUES {rows}) AS wanted(kind) CROSS JOIN LATERAL ({begins}) AS part"  # noqa: S608
        yield text, [*wanted.given, *_range(wanted)]
    if wanted.named:
        # Materialized: the planner would take the limit for a reason to read the table instead of the full text.
        found = f"{wanted.seen} AND {_ENTRY}.{NAMED} AND {_ENTRY}.kind IN ({_listed(wanted.named)}) AND {holds}"
        yield f"WITH found AS MATERIALIZED ({found}) SELECT * FROM found LIMIT {CANDIDATES}", values  # noqa: S608
    for kind in wanted.large:
        yield _latest_of(kind, wanted.seen, holds), [*values, *values]


def _latest_of(kind: str, seen: str, holds: str) -> str:
    """The latest of one kind. The window has the name of the table, so that ``seen`` reads it in the table's place."""
    most = _most(kind)
    newest = f"SELECT * FROM {_ENTRY} WHERE kind = '{kind}' ORDER BY object_id DESC LIMIT {WINDOW}"  # noqa: S608
    near = f"WITH {_ENTRY} AS MATERIALIZED ({newest}) {seen} AND {holds} ORDER BY {_ENTRY}.object_id DESC LIMIT {most}"
    rare = f"{seen} AND {_ENTRY}.kind = '{kind}' AND {holds}"
    return (
        f"WITH near AS MATERIALIZED ({near}), rare AS MATERIALIZED ({rare}) "  # noqa: S608
        "SELECT * FROM near UNION ALL SELECT * FROM ("
        f"SELECT * FROM (SELECT * FROM rare LIMIT {RARE}) AS few ORDER BY object_id DESC LIMIT {most}"
        f") AS latest WHERE (SELECT count(*) FROM near) < {most}"
    )


def _on_sqlite(wanted: Wanted) -> Iterator[tuple[str, list[Any]]]:
    query = " AND ".join("(" + " OR ".join(f'"{word}"*' for word in words) + ")" for words in wanted.choices)
    for kind in wanted.things:
        begins = f"{wanted.seen} AND {_ENTRY}.kind = '{kind}' AND {_begins(wanted.each)}"
        yield begins, [*wanted.given, *_range(wanted)]
    values = [*wanted.given, query]
    if wanted.named:
        found, table = _matching(wanted.seen, "")
        yield f"{found} AND {_ENTRY}.kind IN ({_listed(wanted.named)}) AND {table} MATCH %s LIMIT {CANDIDATES}", values
    for kind in wanted.large:
        found, table = _matching(wanted.seen, kind)
        yield f"{found} AND {table} MATCH %s ORDER BY {table}.rowid DESC LIMIT {_most(kind)}", values


def _matching(seen: str, kind: str) -> tuple[str, str]:
    """``seen`` led by the full text of a kind, and the name of that; CROSS JOIN keeps the order in SQLite."""
    table, entry = text_of(kind), f'FROM "{_ENTRY}"'
    assert entry in seen
    led = seen.replace(entry, entry.replace("FROM ", f"FROM {table} CROSS JOIN "), 1)
    return f"{led} AND {_ENTRY}.id = {table}.rowid", table


def _begins(each: int) -> str:
    return f"{_ENTRY}.key >= %s AND {_ENTRY}.key < %s ORDER BY {_ENTRY}.key LIMIT {each}"


def _range(wanted: Wanted) -> list[str]:
    return [wanted.asked.key, wanted.asked.key + _HIGHEST]


def _most(kind: str) -> int:
    return LATEST if kind in HISTORY else LATEST_PLACES


def _listed(kinds: Sequence[str]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)

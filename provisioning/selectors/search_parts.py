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

FIELDS: Final = ("kind", "object_id", "name", "title", "key", "detail", "path")
# How many of what is named are read from the full text, and how many of each kind of it are put in order.
CANDIDATES: Final = 1_000
OF_EACH: Final = 25
# The same of places, and of what grows for ever.
LATEST_PLACES: Final = 100
LATEST: Final = 24
# How many of the latest rows of a kind PostgreSQL looks through before it asks the full text, and how many of what that
# finds it puts in order.
WINDOW: Final = 500
RARE: Final = 500
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


def newest(wanted: Wanted, *, after: int) -> tuple[str, list[Any]]:
    """The same of entries with higher numbers than ``after`` only, on PostgreSQL; there should not be many."""
    holds, query = _holds(wanted)
    where = f"{_ENTRY}.id > %s AND {_ENTRY}.kind IN ({_listed(wanted.kinds)}) AND {holds} LIMIT {CANDIDATES}"
    return f"{wanted.seen} AND {where}", [*wanted.given, after, query]


def _numbered(wanted: Wanted) -> Iterator[tuple[str, list[Any]]]:
    if wanted.asked.number is None:
        return
    for kind in wanted.history:
        where = f"{_ENTRY}.kind = '{kind}' AND {_ENTRY}.object_id = %s"
        yield f"{wanted.seen} AND {where}", [*wanted.given, wanted.asked.number]


def _on_postgresql(wanted: Wanted) -> Iterator[tuple[str, list[Any]]]:
    holds, query = _holds(wanted)
    values = [*wanted.given, query]
    if wanted.things:
        rows = ", ".join(f"('{kind}')" for kind in wanted.things)
        begins = f"{wanted.seen} AND {_ENTRY}.kind = wanted.kind AND {_begins(wanted.each)}"
        text = f"SELECT part.* FROM (VALUES {rows}) AS wanted(kind) CROSS JOIN LATERAL ({begins}) AS part"  # noqa: S608
        yield text, [*wanted.given, *_range(wanted)]
    if wanted.named:
        # Materialized: the planner would take the limit for a reason to read the table instead of the full text.
        found = f"{wanted.seen} AND {_ENTRY}.{NAMED} AND {_ENTRY}.kind IN ({_listed(wanted.named)}) AND {holds}"
        some = f"SELECT * FROM found LIMIT {CANDIDATES}"  # noqa: S608
        yield f"WITH found AS MATERIALIZED ({found}) {_of_each_kind(some)}", values
    if wanted.large:
        rare = "".join(f" UNION ALL {_rare(kind, wanted.seen, holds)}" for kind in wanted.large)
        text = f"WITH near AS MATERIALIZED ({_near(wanted, holds)}) SELECT * FROM near{rare}"  # noqa: S608
        yield text, values * (1 + len(wanted.large))


def _of_each_kind(some: str) -> str:
    """A few of each kind: of some there are many more than of others."""
    numbered = f"SELECT few.*, row_number() OVER (PARTITION BY kind) AS place FROM ({some}) AS few"  # noqa: S608
    return f"SELECT {', '.join(FIELDS)} FROM ({numbered}) AS placed WHERE place <= {OF_EACH}"  # noqa: S608


def _holds(wanted: Wanted) -> tuple[str, str]:
    """The condition of the full text of PostgreSQL, and its value."""
    query = " & ".join("(" + " | ".join(f"'{word}':*" for word in words) + ")" for words in wanted.choices)
    return f"{_ENTRY}.lexemes @@ to_tsquery('simple', %s)", query


def _near(wanted: Wanted, holds: str) -> str:
    """What of the latest rows of each large kind fits, one plan for all of them."""
    kinds = ", ".join(f"('{kind}', {_most(kind)})" for kind in wanted.large)
    latest = f"SELECT * FROM {_ENTRY} WHERE kind = wanted.kind ORDER BY object_id DESC LIMIT {WINDOW}"  # noqa: S608
    seen = _read_from(f'({latest}) AS "{_ENTRY}"', wanted.seen)
    fitting = f"{seen} AND {holds} ORDER BY {_ENTRY}.object_id DESC LIMIT wanted.most"
    return f"SELECT part.* FROM (VALUES {kinds}) AS wanted(kind, most) CROSS JOIN LATERAL ({fitting}) AS part"  # noqa: S608


def _rare(kind: str, seen: str, holds: str) -> str:
    """The latest of one kind in its full text, where ``near`` has too few."""
    most = _most(kind)
    fitting = f"{seen} AND {_ENTRY}.kind = '{kind}' AND {holds}"
    rare = f"WITH rare AS MATERIALIZED ({fitting}) SELECT * FROM rare LIMIT {RARE}"  # noqa: S608
    latest = f"SELECT * FROM ({rare}) AS few ORDER BY object_id DESC LIMIT {most}"  # noqa: S608
    missing = f"(SELECT count(*) FROM near WHERE kind = '{kind}') < {most}"  # noqa: S608
    return f"SELECT * FROM ({latest}) AS latest_{kind} WHERE {missing}"  # noqa: S608


def _on_sqlite(wanted: Wanted) -> Iterator[tuple[str, list[Any]]]:
    query = " AND ".join("(" + " OR ".join(f'"{word}"*' for word in words) + ")" for words in wanted.choices)
    for kind in wanted.things:
        begins = f"{wanted.seen} AND {_ENTRY}.kind = '{kind}' AND {_begins(wanted.each)}"
        yield begins, [*wanted.given, *_range(wanted)]
    values = [*wanted.given, query]
    if wanted.named:
        found, table = _matching(wanted.seen, "")
        some = f"{found} AND {_ENTRY}.kind IN ({_listed(wanted.named)}) AND {table} MATCH %s LIMIT {CANDIDATES}"
        yield _of_each_kind(some), values
    for kind in wanted.large:
        found, table = _matching(wanted.seen, kind)
        yield f"{found} AND {table} MATCH %s ORDER BY {table}.rowid DESC LIMIT {_most(kind)}", values


def _matching(seen: str, kind: str) -> tuple[str, str]:
    """``seen`` led by the full text of a kind, and the name of that; CROSS JOIN keeps the order in SQLite."""
    table = text_of(kind)
    led = _read_from(f'{table} CROSS JOIN "{_ENTRY}"', seen)
    return f"{led} AND {_ENTRY}.id = {table}.rowid", table


def _read_from(source: str, seen: str) -> str:
    """``seen`` with something else in the place of the table, that calls itself so as well."""
    table = f'FROM "{_ENTRY}"'
    assert table in seen
    return seen.replace(table, f"FROM {source}", 1)


def _begins(each: int) -> str:
    return f"{_ENTRY}.key >= %s AND {_ENTRY}.key < %s ORDER BY {_ENTRY}.key LIMIT {each}"


def _range(wanted: Wanted) -> list[str]:
    return [wanted.asked.key, wanted.asked.key + _HIGHEST]


def _most(kind: str) -> int:
    return LATEST if kind in HISTORY else LATEST_PLACES


def _listed(kinds: Sequence[str]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)

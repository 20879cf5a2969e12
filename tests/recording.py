"""What fixtures write, written again: half of the suite's time went into making the same organisation anew.

``once(name, build)`` runs ``build`` the first time and keeps the statements it wrote and what it answered. Where the
database is again as it was before (the same rows counted, the same next keys, the same end of the audit log), the
statements are executed as they were, triggers and all, and a copy of the answer is given. Only on SQLite and inside the
transaction of a test, where keys come back with it; everywhere else it is built.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar, cast

from django.apps import apps
from django.db import connection, models

_T = TypeVar("_T")
_WRITES = ("INSERT", "UPDATE", "DELETE")


@dataclass
class Recording:
    """Statements in their order, and the pickled answer."""

    written: list[tuple[str, Sequence[Any]]] = field(default_factory=list)
    answer: bytes = b""

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if sql.lstrip()[:6].upper() in _WRITES:
            self.written.extend((sql, one) for one in (params if many else [params]))
        return answer


_recordings: dict[tuple[object, ...], Recording] = {}


def once(name: object, build: Callable[[], _T]) -> _T:
    """What ``build`` answers, with what it writes in the database; ``name`` says what is built, arguments included."""
    if connection.vendor != "sqlite" or not connection.in_atomic_block:
        return build()
    key = (name, _state())
    kept = _recordings.get(key)
    if kept is None:
        kept = Recording()
        with connection.execute_wrapper(kept):
            answer = build()
        kept.answer = pickle.dumps(answer)
        _recordings[key] = kept
        return answer
    with connection.cursor() as cursor:
        for sql, params in kept.written:
            cursor.cursor.execute(sql, params)
    return cast(_T, pickle.loads(kept.answer))


def _state() -> tuple[object, ...]:
    with connection.cursor() as cursor:
        cursor.execute(_counting())
        counts = cursor.fetchone()
        cursor.execute("SELECT name, seq FROM sqlite_sequence ORDER BY name")
        keys = tuple(cursor.fetchall())
        cursor.execute("SELECT hash FROM governance_auditentry ORDER BY sequence DESC LIMIT 1")
        return counts, keys, cursor.fetchone()


@cache
def _counting() -> str:
    tables: list[type[models.Model]] = [one for one in apps.get_models(include_auto_created=True) if one._meta.managed]
    return "SELECT " + ", ".join(f'(SELECT count(*) FROM "{one._meta.db_table}")' for one in tables)

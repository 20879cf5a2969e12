"""The sandbox's file: one row per object with its fields and their managers, and what it was told to do wrong.

Used by the sandbox driver only. Each transaction opens its own connection, so any number of threads and processes
may share the file; writers take the lock at once (BEGIN IMMEDIATE), because a read that later writes is what SQLite
cannot wait for.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provisioning.domain.driver import ObjectRef, TemporaryError
from provisioning.drivers.sandbox.fields import Field, Fields

SCHEMA_VERSION = 2
LOCK_WAIT = 20.0
"""Seconds that a writer waits for its turn."""

KEPT_REMOVALS = 5000
"""So many objects that are gone are remembered for watches; who watches from before them must list again."""

_REMOVALS = """
CREATE TABLE removals (version INTEGER PRIMARY KEY, manifest TEXT NOT NULL);
CREATE INDEX objects_by_version ON objects (resource_version);
CREATE INDEX objects_by_change ON objects (changed_at);
"""
_SCHEMA = """
CREATE TABLE objects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    api_version TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    uid TEXT NOT NULL UNIQUE,
    fields TEXT NOT NULL, managers TEXT NOT NULL,
    generation INTEGER NOT NULL, resource_version INTEGER NOT NULL,
    created_at REAL NOT NULL, changed_at REAL NOT NULL, ready_before INTEGER NOT NULL,
    deleting_at REAL,
    UNIQUE (namespace, kind, name, api_version)
);
CREATE TABLE faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pattern TEXT NOT NULL, action TEXT NOT NULL, reason TEXT NOT NULL, code TEXT NOT NULL, times INTEGER
);
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES ('resource_version', 1);
"""
# From the version of a file to the statements that lead to the present one.
_STATEMENTS = {0: _SCHEMA + _REMOVALS, 1: _REMOVALS}


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object. Times are seconds since the epoch; ``ready_before`` is how many replicas served when it last
    changed.
    """

    ref: ObjectRef
    uid: str
    fields: Fields = field(repr=False)
    managers: Mapping[str, Mapping[str, Any]]
    generation: int
    resource_version: int
    created_at: float
    changed_at: float
    ready_before: int = 0
    deleting_at: float | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """What was told about the objects that match ``pattern``; ``times`` is how often it still acts, None for
    always.
    """

    number: int
    pattern: str
    action: str
    reason: str
    code: str
    times: int | None


class Store:
    """Opens transactions on the file at ``path``; makes the file, readable by its owner only, when there is none."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All or nothing. Raises TemporaryError ``sandbox-busy`` when the file stays locked or cannot be opened."""
        connection: sqlite3.Connection | None = None
        try:
            connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
            yield Transaction(connection)
            if connection.in_transaction:
                connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise _busy(error) from None
        finally:
            if connection is not None:
                connection.close()

    def version(self) -> int:
        """The version of the latest write, without a lock. Raises TemporaryError like ``transaction``."""
        try:
            connection = self._connect()
            try:
                return int(connection.execute(_VERSION).fetchone()[0])
            finally:
                connection.close()
        except sqlite3.OperationalError as error:
            raise _busy(error) from None

    def _connect(self) -> sqlite3.Connection:
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(self.path, timeout=LOCK_WAIT, isolation_level=None)
        if connection.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
            _create(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection


def _busy(error: sqlite3.OperationalError) -> TemporaryError:
    return TemporaryError("sandbox-busy", "The sandbox's file cannot be used at the moment.", raw=str(error))


def _create(connection: sqlite3.Connection) -> None:
    """Make the tables; whoever comes second finds them made."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN IMMEDIATE")
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found != SCHEMA_VERSION:
        for statement in _STATEMENTS[found].split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    connection.execute("COMMIT")


_SELECT = (
    "SELECT id, api_version, kind, namespace, name, uid, fields, managers, generation, resource_version,"
    " created_at, changed_at, ready_before, deleting_at FROM objects"
)
_ONE = f"{_SELECT} WHERE namespace = ? AND kind = ? AND name = ? AND api_version = ?"
_INSIDE = f"{_SELECT} WHERE namespace = ? ORDER BY id"
_NAMESPACE = f"{_SELECT} WHERE namespace = '' AND kind = 'Namespace' AND name = ?"
_DELETING = f"{_SELECT} WHERE deleting_at IS NOT NULL ORDER BY id"
_FORGET = "DELETE FROM removals WHERE version <= (SELECT version FROM removals ORDER BY version DESC LIMIT 1 OFFSET ?)"
_VERSION = "SELECT value FROM counters WHERE name = 'resource_version'"
_PUT = (
    "INSERT INTO objects (api_version, kind, namespace, name, uid, fields, managers, generation, resource_version,"
    " created_at, changed_at, ready_before, deleting_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT (uid) DO UPDATE SET fields=excluded.fields, managers=excluded.managers,"
    " generation=excluded.generation, resource_version=excluded.resource_version,"
    " changed_at=excluded.changed_at, ready_before=excluded.ready_before, deleting_at=excluded.deleting_at"
)


class Transaction:
    """Reads and writes inside one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, ref: ObjectRef) -> StoredObject | None:
        found = self._select(_ONE, (ref.namespace, ref.kind, ref.name, ref.api_version))
        return found[0] if found else None

    def in_namespace(self, namespace: str) -> list[StoredObject]:
        """Everything in ``namespace`` and the namespace itself."""
        inside = self._select(_INSIDE, (namespace,)) if namespace else []
        return self._select(_NAMESPACE, (namespace,)) + inside

    def deleting(self) -> list[StoredObject]:
        return self._select(_DELETING, ())

    def put(self, stored: StoredObject) -> StoredObject:
        """Insert or replace the row of this uid; returns it with its new resource version."""
        version = self.next_version()
        stored = replace(stored, resource_version=version)
        self._connection.execute(_PUT, _row(stored))
        return stored

    def remove(self, stored: StoredObject, last: Mapping[str, Any]) -> None:
        """Delete the row; ``last`` is the object as watches tell it for the last time."""
        self._connection.execute("DELETE FROM objects WHERE uid = ?", (stored.uid,))
        version = self.next_version()
        self._connection.execute("INSERT INTO removals VALUES (?, ?)", (version, json.dumps(last)))
        self._connection.execute(_FORGET, (KEPT_REMOVALS,))

    def everything(self) -> list[StoredObject]:
        return self._select(f"{_SELECT} ORDER BY id", ())

    def changed_after(self, version: int, moment: float) -> list[StoredObject]:
        """Objects written after ``version``, changed after ``moment``, or on their way out."""
        where = "resource_version > ? OR changed_at > ? OR deleting_at IS NOT NULL"
        return self._select(f"{_SELECT} WHERE {where} ORDER BY resource_version", (version, moment))

    def removed_after(self, version: int) -> list[tuple[int, dict[str, Any]]]:
        """Versions and last states of the objects that are gone since ``version``."""
        rows = self._connection.execute(
            "SELECT version, manifest FROM removals WHERE version > ? ORDER BY 1", (version,)
        )
        return [(number, json.loads(text)) for number, text in rows]

    def forgotten(self, version: int) -> bool:
        """Whether removals after ``version`` are no longer all remembered."""
        first, count = self._connection.execute("SELECT MIN(version), COUNT(*) FROM removals").fetchone()
        return bool(count >= KEPT_REMOVALS and version < first)

    def version(self) -> int:
        """The version of the latest write."""
        return int(self._connection.execute(_VERSION).fetchone()[0])

    def faults(self) -> list[Fault]:
        query = "SELECT id, pattern, action, reason, code, times FROM faults ORDER BY id"
        return [Fault(*row) for row in self._connection.execute(query)]

    def add_fault(self, fault: Fault) -> None:
        values = (fault.pattern, fault.action, fault.reason, fault.code, fault.times)
        self._connection.execute("INSERT INTO faults (pattern, action, reason, code, times) VALUES (?,?,?,?,?)", values)

    def drop_faults(self, pattern: str) -> None:
        self._connection.execute("DELETE FROM faults WHERE pattern = ?", (pattern,))

    def use_fault(self, fault: Fault) -> None:
        """Count one use; a fault that is used up is gone."""
        self._connection.execute("UPDATE faults SET times = times - 1 WHERE id = ?", (fault.number,))
        self._connection.execute("DELETE FROM faults WHERE times <= 0")

    def commit(self) -> None:
        """Keep what was written so far, whatever the caller raises next."""
        self._connection.execute("COMMIT")

    def next_version(self) -> int:
        self._connection.execute("UPDATE counters SET value = value + 1 WHERE name = 'resource_version'")
        return self.version()

    def _select(self, query: str, values: tuple[Any, ...]) -> list[StoredObject]:
        return [_stored(row) for row in self._connection.execute(query, values)]


def _row(stored: StoredObject) -> tuple[Any, ...]:
    fields = [[list(path), leaf.value, sorted(leaf.managers)] for path, leaf in stored.fields.items()]
    ref = stored.ref
    return (
        *(ref.api_version, ref.kind, ref.namespace, ref.name, stored.uid),
        *(json.dumps(fields, separators=(",", ":")), json.dumps(dict(stored.managers)), stored.generation),
        *(stored.resource_version, stored.created_at, stored.changed_at, stored.ready_before, stored.deleting_at),
    )


def _stored(row: tuple[Any, ...]) -> StoredObject:
    number, api_version, kind, namespace, name, uid, fields, managers, *rest = row
    generation, resource_version, created_at, changed_at, ready_before, deleting_at = rest
    return StoredObject(
        ref=ObjectRef(api_version, kind, namespace, name),
        uid=uid,
        fields={tuple(path): Field(value, frozenset(owners)) for path, value, owners in json.loads(fields)},
        managers=json.loads(managers),
        generation=generation,
        resource_version=resource_version,
        created_at=created_at,
        changed_at=changed_at,
        ready_before=ready_before,
        deleting_at=deleting_at,
        number=number,
    )

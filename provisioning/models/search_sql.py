"""The SQL of the search index: what of each table is found, and the triggers that keep it so, for both databases.

``search_install`` is called after every migration. It looks which triggers are as they are written here, makes the
others anew and fills their part of the index again: a migration that rebuilds a table of SQLite takes its triggers away
without a word, and a newer version of this file may say something else. No value that anybody typed comes into these
statements; they are made of this file alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction

from provisioning.domain.searching import LARGE, SEPARATORS

# What is of no large kind, in the words of the index of PostgreSQL, by which its planner knows it.
NAMED: Final = "kind NOT IN ('" + "', '".join(LARGE) + "')"
_COLUMNS: Final = "kind, object_id, system_id, name, title, key, words, detail, path"
_TABLE: Final = "provisioning_searchentry"


def text_of(kind: str = "") -> str:
    """The table of SQLite with the words of one large kind; without one, of all others."""
    return f"search_text_{kind or 'named'}"


@dataclass(frozen=True, slots=True)
class Followed:
    """A table that entries of another speak of: where ``watched`` changes in a row, those of ``rows`` are made anew.

    ``rows`` is a condition on the rows ``o`` of the source, with the changed row as ``NEW``.
    """

    table: str
    watched: tuple[str, ...]
    rows: str

    def trigger(self, kind: str) -> str:
        return f"search_{kind}_after_{self.table}"


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one table in the index; ``o`` is the row. ``words`` is searched besides the title.

    ``watched`` are the columns whose change writes the entry anew; ``alive`` says which rows are found at all.
    ``follows`` are other tables whose rows its entries speak of.
    """

    kind: str
    table: str
    watched: tuple[str, ...]
    name: str
    title: str
    words: str
    detail: str
    path: str
    system: str = "NULL"
    joins: str = ""
    alive: str = "1 = 1"
    follows: tuple[Followed, ...] = ()

    def triggers(self) -> dict[str, str]:
        """The table of each trigger, by the trigger's name."""
        own = {f"search_{self.kind}_{end}": self.table for end in ("in", "up", "out")}
        return own | {one.trigger(self.kind): one.table for one in self.follows}


# Where a statement says what an entity says of itself; each database reads JSON in its own way.
_DESCRIPTION: Final = "{description}"
_DESCRIBED: Final = {
    "postgresql": "coalesce(o.data -> 'metadata' ->> 'description', '')",
    "sqlite": "coalesce(json_extract(o.data, '$.metadata.description'), '')",
}
# What an import linked with a row of ours is found as that row. Of what belongs to no system any more, search tells
# nobody what only those see who see everything.
_ENTITY_ALIVE: Final = "o.orphaned_at IS NULL AND (o.system_id IS NOT NULL OR NOT o.withheld)"
_LINKED: Final = (
    "(o.team_id IS NOT NULL OR o.person_id IS NOT NULL OR o.component_id IS NOT NULL "
    "OR (o.kind = 'system' AND o.system_id IS NOT NULL))"
)
_ENTITY_WATCHED: Final = (
    *("title", "digest", "orphaned_at", "withheld"),
    *("system_id", "component_id", "team_id", "person_id"),
)


def _entities(kind: str, detail: str, alive: str) -> Source:
    """Entities of other catalogs: APIs, and what is nothing of ours."""
    return Source(
        kind,
        "governance_entity",
        _ENTITY_WATCHED,
        "o.name",
        "CASE o.title WHEN '' THEN o.name ELSE o.title END",
        f"o.ref || ' ' || coalesce(s.slug, '') || ' ' || {_DESCRIPTION}",
        detail,
        "'/backstage/entities/' || o.ref || '/'",
        system="o.system_id",
        joins="LEFT JOIN catalog_system s ON s.id = o.system_id",
        alive=f"{alive} AND {_ENTITY_ALIVE}",
    )


_OF_CAPABILITY: Final = "o.contract_id IN (SELECT id FROM provisioning_contract WHERE capability_id = NEW.id)"
_OF_ENVIRONMENT: Final = "JOIN catalog_system s ON s.id = e.system_id"
SOURCES: Final = (
    Source(
        "system",
        "catalog_system",
        ("slug", "name", "description", "team_id"),
        "o.slug",
        "o.slug",
        "o.name || ' ' || t.slug || ' ' || o.description",
        "CASE o.description WHEN '' THEN t.name ELSE o.description END",
        "'/systems/' || o.slug || '/'",
        system="o.id",
        joins="JOIN catalog_team t ON t.id = o.team_id",
        follows=(Followed("catalog_team", ("name",), "o.team_id = NEW.id"),),
    ),
    Source(
        "component",
        "catalog_component",
        ("slug", "name", "description", "type", "system_id"),
        "o.slug",
        "o.slug",
        "o.name || ' ' || o.type || ' ' || s.slug || ' ' || o.description",
        "o.type || ' of ' || s.slug",
        "'/systems/' || s.slug || '/components/' || o.slug || '/'",
        system="o.system_id",
        joins="JOIN catalog_system s ON s.id = o.system_id",
    ),
    Source(
        "team",
        "catalog_team",
        ("slug", "name", "description"),
        "o.slug",
        "o.name",
        "o.slug || ' ' || o.description",
        "o.description",
        "'/teams/' || o.slug || '/'",
    ),
    Source(
        "person",
        "catalog_user",
        ("username", "display_name", "is_active", "service_of_id"),
        "o.username",
        "CASE o.display_name WHEN '' THEN o.username ELSE o.display_name END",
        "o.username",
        "o.username",
        "''",
        alive="o.is_active AND o.service_of_id IS NULL",
    ),
    Source(
        "environment",
        "provisioning_environment",
        ("name", "stage_id", "deleted_at"),
        "s.slug || '/' || o.name",
        "s.slug || ' / ' || o.name",
        "g.name || ' ' || s.name",
        "g.title",
        "'/environments/' || s.slug || '/' || o.name || '/'",
        system="o.system_id",
        joins="JOIN catalog_system s ON s.id = o.system_id JOIN provisioning_stage g ON g.id = o.stage_id",
        alive="o.deleted_at IS NULL",
        follows=(
            Followed("provisioning_stage", ("title",), "o.stage_id = NEW.id"),
            Followed("catalog_system", ("name",), "o.system_id = NEW.id"),
        ),
    ),
    Source(
        "resource",
        "provisioning_resource",
        ("name", "contract_id", "component_id"),
        "s.slug || '/' || e.name || '/' || o.name",
        "o.name || ' in ' || s.slug || ' / ' || e.name",
        "c.name",
        "c.title",
        "'/environments/' || s.slug || '/' || e.name || '/'",
        system="e.system_id",
        joins=(
            f"JOIN provisioning_environment e ON e.id = o.environment_id {_OF_ENVIRONMENT} "
            "JOIN provisioning_contract k ON k.id = o.contract_id "
            "JOIN provisioning_capability c ON c.id = k.capability_id"
        ),
        alive="e.deleted_at IS NULL",
        follows=(
            Followed("provisioning_environment", ("deleted_at",), "o.environment_id = NEW.id"),
            Followed("provisioning_capability", ("title",), _OF_CAPABILITY),
        ),
    ),
    Source(
        "capability",
        "provisioning_capability",
        ("name", "title", "summary", "category"),
        "o.name",
        "o.name",
        "o.title || ' ' || o.category || ' ' || o.summary",
        "o.summary",
        "'/capabilities/' || o.name || '/'",
    ),
    Source(
        "policy",
        "governance_policy",
        ("name", "title", "active"),
        "o.name",
        "o.title",
        "o.name",
        "o.name",
        "'/policies/' || o.name || '/'",
        alive="o.active",
    ),
    _entities("api", "coalesce('API of ' || s.slug, o.ref)", "o.kind = 'api'"),
    _entities("entity", "o.ref", f"o.kind NOT IN ('api', 'location') AND NOT {_LINKED}"),
    Source(
        "change",
        "provisioning_change",
        ("title",),
        "'#' || CAST(o.id AS varchar(20))",
        "o.title",
        "u.username || ' ' || o.kind",
        "u.username || ', ' || o.kind",
        "'/changes/' || CAST(o.id AS varchar(20)) || '/'",
        system="o.system_id",
        joins="JOIN catalog_user u ON u.id = o.requester_id",
    ),
    Source(
        "run",
        "provisioning_run",
        ("environment_id",),
        "CAST(o.id AS varchar(20))",
        "'Run ' || CAST(o.id AS varchar(20)) || ' of ' || s.slug || ' / ' || e.name",
        "o.kind",
        "o.kind",
        "'/runs/' || CAST(o.id AS varchar(20)) || '/'",
        system="e.system_id",
        joins=f"JOIN provisioning_environment e ON e.id = o.environment_id {_OF_ENVIRONMENT}",
    ),
)


def _plain(expression: str, vendor: str) -> str:
    """``domain.searching.plain_words`` in SQL, but for runs of spaces, which mean nothing to what reads it.

    SQLite knows only one sign at a time and nests no deeper; what it leaves, its tokenizer takes for a space anyway.
    """
    if vendor == "postgresql":
        signs = SEPARATORS.replace("'", "''")
        return f"lower(translate({expression}, '{signs}', '{' ' * len(SEPARATORS)}'))"
    for sign in SEPARATORS[:10]:
        expression = f"replace({expression}, '{sign}', ' ')"
    return f"lower({expression})"


def _rows(source: Source, where: str, vendor: str) -> str:
    """Statement that adds the entries of the rows that ``where`` names."""
    title = f"substr({source.title}, 1, 200)"
    said = source.words.replace(_DESCRIPTION, _DESCRIBED[vendor])
    words = f"substr({source.title} || ' ' || {said}, 1, 600)"
    chosen = (
        f"'{source.kind}', o.id, {source.system}, substr({source.name}, 1, 200), {title}, {_plain(title, vendor)}, "
        f"{_plain(words, vendor)}, substr({source.detail}, 1, 400), {source.path}"
    )
    source_rows = f"{source.table} o {source.joins} WHERE {where} AND {source.alive}"
    return f"INSERT INTO {_TABLE} ({_COLUMNS}) SELECT {chosen} FROM {source_rows}"  # noqa: S608


def _away(source: Source, row: str) -> str:
    return f"DELETE FROM {_TABLE} WHERE kind = '{source.kind}' AND object_id = {row}.id"  # noqa: S608


def _again(source: Source, rows: str, vendor: str) -> str:
    """Statements that make the entries of several rows anew."""
    mine = f"SELECT o.id FROM {source.table} o WHERE {rows}"  # noqa: S608
    gone = f"DELETE FROM {_TABLE} WHERE kind = '{source.kind}' AND object_id IN ({mine})"  # noqa: S608
    return f"{gone}; {_rows(source, rows, vendor)};"


def _moved(watched: Iterable[str], vendor: str) -> str:
    differs = "IS DISTINCT FROM" if vendor == "postgresql" else "IS NOT"
    return " OR ".join(f"OLD.{one} {differs} NEW.{one}" for one in watched)


def _sqlite_triggers(source: Source) -> Iterator[tuple[str, list[str]]]:
    name, moved = f"search_{source.kind}", _moved(source.watched, "sqlite")
    new = _rows(source, "o.id = NEW.id", "sqlite")
    again = f"{_away(source, 'NEW')}; {new}"
    on = f"ON {source.table}"
    yield f"{name}_in", [f"CREATE TRIGGER {name}_in AFTER INSERT {on} BEGIN {new}; END"]
    yield f"{name}_up", [f"CREATE TRIGGER {name}_up AFTER UPDATE {on} WHEN {moved} BEGIN {again}; END"]
    yield f"{name}_out", [f"CREATE TRIGGER {name}_out AFTER DELETE {on} BEGIN {_away(source, 'OLD')}; END"]
    for one in source.follows:
        after, when = one.trigger(source.kind), _moved(one.watched, "sqlite")
        body = _again(source, one.rows, "sqlite")
        yield after, [f"CREATE TRIGGER {after} AFTER UPDATE ON {one.table} WHEN {when} BEGIN {body} END"]


def _postgresql_triggers(source: Source) -> Iterator[tuple[str, list[str]]]:
    name, moved = f"search_{source.kind}", f"WHEN ({_moved(source.watched, 'postgresql')}) "
    new = _rows(source, "o.id = NEW.id", "postgresql")
    yield _postgresql_trigger(f"{name}_in", "INSERT", source.table, f"{new};")
    yield _postgresql_trigger(f"{name}_up", "UPDATE", source.table, f"{_away(source, 'NEW')}; {new};", moved)
    yield _postgresql_trigger(f"{name}_out", "DELETE", source.table, f"{_away(source, 'OLD')};")
    for one in source.follows:
        when, body = f"WHEN ({_moved(one.watched, 'postgresql')}) ", _again(source, one.rows, "postgresql")
        yield _postgresql_trigger(one.trigger(source.kind), "UPDATE", one.table, body, when)


def _postgresql_trigger(name: str, verb: str, table: str, body: str, when: str = "") -> tuple[str, list[str]]:
    function = (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$search$ BEGIN {body} RETURN NULL; END $search$"
    )
    on = f"CREATE TRIGGER {name} AFTER {verb} ON {table} FOR EACH ROW {when}EXECUTE FUNCTION {name}()"
    return name, [function, on]


def search_install(connection: Any) -> list[str]:
    """Make the triggers as they are written here; the kinds whose triggers had to be made, filled anew.

    Writing to the tables waits meanwhile, so that nothing that happens now is missed or found twice.
    """
    own = _postgresql_triggers if connection.vendor == "postgresql" else _sqlite_triggers
    made: list[str] = []
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        standing = _standing(cursor, connection.vendor)
        for source in SOURCES:
            wanted, tables = dict(own(source)), source.triggers()
            if all(standing.get(name) == _mark(statements) for name, statements in wanted.items()):
                continue
            for name, statements in wanted.items():
                cursor.execute(_dropped(name, tables[name], connection.vendor))
                for statement in statements:
                    cursor.execute(_marked(name, statement, _mark(statements), connection.vendor))
                if connection.vendor == "postgresql":
                    cursor.execute(f"COMMENT ON TRIGGER {name} ON {tables[name]} IS '{_mark(statements)}'")
            cursor.execute(f"DELETE FROM {_TABLE} WHERE kind = '{source.kind}'")  # noqa: S608
            cursor.execute(_rows(source, "1 = 1", connection.vendor))
            made.append(source.kind)
    return made


def search_uninstall(connection: Any) -> None:
    """Take the triggers away: PostgreSQL changes no column that one of them looks at. Entries stay as they are."""
    tables = {name: table for source in SOURCES for name, table in source.triggers().items()}
    with connection.cursor() as cursor:
        for name in _standing(cursor, connection.vendor).keys() & tables:
            cursor.execute(_dropped(name, tables[name], connection.vendor))


def _mark(statements: list[str]) -> str:
    return hashlib.sha256("\n".join(statements).encode()).hexdigest()[:16]


def _marked(name: str, statement: str, mark: str, vendor: str) -> str:
    """SQLite keeps the text of a trigger, comments in it included; PostgreSQL has comments of its own."""
    if vendor == "postgresql":
        return statement
    return statement.replace(f"CREATE TRIGGER {name} ", f"CREATE TRIGGER {name} /* {mark} */ ", 1)


def _standing(cursor: Any, vendor: str) -> dict[str, str]:
    """Marks of the triggers that stand, by name."""
    if vendor == "postgresql":
        cursor.execute(
            "SELECT tgname, obj_description(oid, 'pg_trigger') FROM pg_trigger WHERE tgname LIKE 'search\\_%'"
        )
        return {name: mark or "" for name, mark in cursor.fetchall()}
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'search#_%' ESCAPE '#'")
    return {name: sql.partition("/* ")[2].partition(" */")[0] for name, sql in cursor.fetchall()}


def _dropped(name: str, table: str, vendor: str) -> str:
    return f"DROP TRIGGER IF EXISTS {name} ON {table}" if vendor == "postgresql" else f"DROP TRIGGER IF EXISTS {name}"

"""A full text of its own for each kind of which there is much, so that a word is looked for among fewer rows."""

from __future__ import annotations

from typing import Final

from django.db import migrations

ENTRIES: Final = "provisioning_searchentry"
LARGE: Final = ("environment", "resource", "change", "run")
OTHERS: Final = "kind NOT IN ('environment', 'resource', 'change', 'run')"
PARTS: Final = {"named": OTHERS, **{kind: f"kind = '{kind}'" for kind in LARGE}}


def _sqlite(name: str, which: str, prefixes: str) -> tuple[str, ...]:
    """A full text of some entries with its triggers, filled."""
    new, old = (which.replace("kind", f"{row}.kind", 1) for row in ("NEW", "OLD"))
    return (
        f"CREATE VIRTUAL TABLE {name} USING fts5(words, content='{ENTRIES}', content_rowid='id', prefix='{prefixes}')",
        f"CREATE TRIGGER {name}_in AFTER INSERT ON {ENTRIES} WHEN {new} BEGIN "
        f"INSERT INTO {name}(rowid, words) VALUES (NEW.id, NEW.words); END",
        f"CREATE TRIGGER {name}_out AFTER DELETE ON {ENTRIES} WHEN {old} BEGIN "
        f"INSERT INTO {name}({name}, rowid, words) VALUES ('delete', OLD.id, OLD.words); END",
        f"INSERT INTO {name}(rowid, words) SELECT id, words FROM {ENTRIES} WHERE {which} ORDER BY id",
    )


def _sqlite_away(name: str) -> tuple[str, ...]:
    return (f"DROP TRIGGER {name}_in", f"DROP TRIGGER {name}_out", f"DROP TABLE {name}")


def _postgresql(name: str, which: str) -> str:
    # Without fastupdate: what came last would be looked through row by row, by every search.
    return f"CREATE INDEX {name} ON {ENTRIES} USING gin (lexemes) WITH (fastupdate = off) WHERE {which}"


def build(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        statements = ["DROP INDEX search_entry_lexemes"]
        statements += [_postgresql(f"search_lexemes_{name}", which) for name, which in PARTS.items()]
    else:
        statements = [*_sqlite_away("search_text")]
        for name, which in PARTS.items():
            statements += _sqlite(f"search_text_{name}", which, "1 2 3")
    for statement in statements:
        schema_editor.execute(statement)


def take_away(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        statements = [f"DROP INDEX search_lexemes_{name}" for name in PARTS]
        statements.append(f"CREATE INDEX search_entry_lexemes ON {ENTRIES} USING gin (lexemes)")
    else:
        statements = [one for name in PARTS for one in _sqlite_away(f"search_text_{name}")]
        statements += _sqlite("search_text", "kind <> ''", "2 3")
    for statement in statements:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("provisioning", "0038_closed_costs")]
    operations = [migrations.RunPython(build, take_away)]

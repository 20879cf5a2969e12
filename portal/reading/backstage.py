"""Sources of catalogs, imports and entities as pages draw them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from governance.domain.backstage.writing import as_yaml
from governance.models import CatalogImport, CatalogSource, Entity
from governance.selectors.entities import source_list
from portal.drawing.words import entity_kind
from portal.forms.backstage import EVERY, GROUPS, KINDS, LOOSE, USERS

COUNTS: Final = (
    ("created", "Created"),
    ("changed", "Changed"),
    ("unchanged", "Unchanged"),
    ("orphaned", "Orphaned"),
    ("refused", "Refused"),
    ("noted", "Not linked"),
)
ICONS: Final = {"upload": "file-text", "url": "link", "git": "git-branch", "backstage": "stack-2"}
STATES: Final = {"queued": "queued", "running": "running", "done": "succeeded", "failed": "failed"}
WORDS: Final = {"queued": "Waits for a worker", "running": "Under way", "done": "Done", "failed": "Failed"}
LINKED: Final = ({"value": "noted", "label": "Not linked"}, {"value": "orphaned", "label": "Orphaned"})
SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class SourceRow:
    row: Any
    kind: str
    last: CatalogImport | None
    state: str
    word: str


def source_rows() -> list[SourceRow]:
    """Two queries."""
    rows: list[Any] = list(source_list())
    ids = [row.last_id for row in rows if row.last_id]
    last = CatalogImport.objects.defer("payload", "report").in_bulk(ids)
    return [_row(row, last.get(row.last_id)) for row in rows]


def _row(row: Any, last: CatalogImport | None) -> SourceRow:
    state = last.state if last else ""
    return SourceRow(row, dict(KINDS)[row.kind], last, STATES.get(state, ""), WORDS.get(state, "Never"))


def source_facts(source: CatalogSource) -> list[dict[str, Any]]:
    every = dict(EVERY).get(source.every, f"Every {source.every} minutes")
    found = [("Kind", dict(KINDS)[source.kind]), ("Address", source.url), ("Branch", source.branch)]
    found += [("Files", source.pattern)] if source.kind == "git" else []
    found += [("Imported", every)] if source.kind != "upload" else []
    found += [
        ("Token or key", "Kept encrypted" if source.secret else ""),
        ("Pushes", "Taken when signed" if source.hook_secret else ""),
        ("Other groups", dict(GROUPS)[source.groups]),
        ("Other people", dict(USERS)[source.users]),
        ("Components without a system", dict(LOOSE)[source.loose]),
        ("Systems of an unknown owner", source.owner.slug if source.owner else "Keep them as data"),
    ]
    return [{"label": label, "value": value} for label, value in found if value]


def effects(asked: Mapping[str, Any]) -> list[str]:
    """What a source that is about to be saved will do, in sentences; nothing of it happens by saving."""
    kind = dict(KINDS).get(asked.get("kind", ""), "")
    told = [f"{kind}: nothing is imported by saving; a preview shows what would come."] if kind else []
    if asked.get("every"):
        told.append("It is imported by schedule, without a preview each time.")
    if asked.get("groups") == "create":
        told.append("Each Group that has no team here becomes a team with a first quota and no members.")
    if asked.get("users") == "create":
        told.append("Each User that has no account here gets one that is switched off, has no password and no team.")
    if asked.get("owner"):
        told.append(f"Team {asked['owner']} comes to own each new system whose owner is no team here.")
    if asked.get("loose") == "own":
        told.append("Each component that names no system gets a system of its own name.")
    return told or ["Entities are linked with what is here; nothing else is made but systems and components."]


@dataclass(frozen=True, slots=True)
class ImportLine:
    """One import in a list; reads nothing of its report."""

    row: CatalogImport
    state: str
    word: str
    title: str
    sub: str


@dataclass(frozen=True, slots=True)
class Report:
    row: CatalogImport
    state: str
    word: str
    over: bool
    facts: list[dict[str, Any]]
    lists: list[tuple[str, list[str], int]]
    refused: list[dict[str, Any]]
    noted: list[dict[str, Any]]
    may_apply: bool
    may_try_again: bool

    @property
    def began(self) -> datetime:
        return self.row.began_at or self.row.asked_at


def line_of(row: CatalogImport) -> ImportLine:
    title = f"{'Preview' if row.mode == 'preview' else 'Import'} {row.pk}"
    figures = [f"{number:,} {word.lower()}" for word, number in _counts(row) if number]
    return ImportLine(row, STATES[row.state], WORDS[row.state], title, " · ".join([row.asked_name, *figures]))


def _counts(row: CatalogImport) -> list[tuple[str, int]]:
    return [(word, row.counts.get(key, 0)) for key, word in COUNTS] if row.counts else []


def report_of(row: CatalogImport) -> Report:
    """Lists are cut to ``SHOWN``; the counts beside them are whole."""
    found, counts = row.report, row.counts
    lists = [(word, found.get(key, [])[:SHOWN], counts.get(key, 0)) for key, word in COUNTS[:2] + COUNTS[3:4]]
    looked = row.mode == "preview" and row.state == "done" and bool(counts)
    return Report(
        row=row,
        state=STATES[row.state],
        word=WORDS[row.state],
        over=row.state in ("done", "failed"),
        facts=[{"label": word, "value": f"{number:,}", "figure": True} for word, number in _counts(row)],
        lists=[one for one in lists if one[1]],
        refused=found.get("refused", [])[:SHOWN],
        noted=found.get("noted", [])[:SHOWN],
        may_apply=looked and (row.source.kind != "upload" or row.payload is not None),
        may_try_again=row.state == "failed" and row.source.kind != "upload",
    )


def kind_options(kinds: Iterable[tuple[str, int]]) -> list[dict[str, str]]:
    """Of a filter, each with how many there are."""
    return [{"value": kind, "label": f"{entity_kind(kind)} ({number:,})"} for kind, number in kinds]


def entity_yaml(entity: Entity) -> str:
    return as_yaml(entity.data)
